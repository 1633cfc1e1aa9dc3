//! Rules as the records have them: what was written, from where, and whether they can be evaluated.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin::records::{Document, Error, Key, RecordId};
use plugin::yaml::Fault;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rule::{self, Condition, Rule, Severity};
use crate::watch::Lane;

/// A rule as it was written; `alerting.rules` in SQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StoredRule {
    pub(crate) name: String,
    pub(crate) severity: Severity,
    /// What it asks: `measure`, `sql`, `promql` or `slo`.
    pub(crate) kind: String,
    pub(crate) enabled: bool,
    pub(crate) interval_seconds: f64,
    /// The file below the directory that it stands in; none when it was made through the API.
    pub(crate) file: Option<String>,
    /// A list of this one rule in the long form.
    pub(crate) yaml: String,
}

impl Document for StoredRule {
    const COLLECTION: &'static str = "alerting.rules";
    const KEYS: &'static [Key] = &[Key::unique("name"), Key::lookup("file")];
}

impl StoredRule {
    pub(crate) fn new(rule: &Rule, file: Option<String>) -> Self {
        let kind = match rule.condition {
            Condition::Measure(_) => "measure",
            Condition::Sql(_) => "sql",
            Condition::Promql(_) => "promql",
            Condition::SloBurn(_) => "slo",
        };
        Self {
            name: rule.name.clone(),
            severity: rule.severity,
            kind: kind.to_owned(),
            enabled: rule.enabled,
            interval_seconds: rule.interval.as_secs_f64(),
            file,
            yaml: rule::to_yaml(rule),
        }
    }

    /// The rule; the faults are those of a version of this program that reads rules otherwise.
    pub(crate) fn rule(&self) -> Result<Arc<Rule>, Vec<Fault>> {
        let mut rules = rule::read(&self.yaml)?;
        let only = rules.pop().expect("a stored rule is a list of one");
        Ok(Arc::new(only.rule))
    }
}

/// The id of what is kept of a rule.
pub(crate) fn rule_id(name: &str) -> Result<RecordId, Error> {
    RecordId::new(name)
}

/// Whether a rule can be evaluated; `alerting.rule_health` in SQL. Written when it changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RuleHealth {
    pub(crate) rule: String,
    pub(crate) is_failing: bool,
    /// Why the last evaluation failed.
    pub(crate) error: Option<String>,
    /// Since when it has been so; nanoseconds since 1970.
    pub(crate) since: i64,
}

impl Document for RuleHealth {
    const COLLECTION: &'static str = "alerting.rule_health";
    const KEYS: &'static [Key] = &[Key::lookup("is_failing")];
    const TIMES: &'static [&'static str] = &["since"];
}

/// Counts up with every change of a tenant's rules, so that who watches them sees it without reading them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revision {
    pub(crate) number: u64,
    /// How many rules there are.
    pub(crate) rules: u64,
}

impl Document for Revision {
    const COLLECTION: &'static str = "alerting.revisions";
    const KEYS: &'static [Key] = &[];
}

/// From when on the rules of a tenant are not evaluated yet, for each lane that has rules: what was due before is done and written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Nanoseconds since 1970.
    #[serde(default)]
    pub(crate) next: BTreeMap<Lane, i64>,
}

impl Document for Progress {
    const COLLECTION: &'static str = "alerting.progress";
    const KEYS: &'static [Key] = &[];
}

/// A time in which no rules were evaluated, and what was made up for; `alerting.pauses` in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Pause {
    /// Nanoseconds since 1970.
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// From when on the rules were evaluated after all.
    pub(crate) made_up_from: i64,
}

impl plugin::records::Entry for Pause {
    const LOG: &'static str = "alerting.pauses";
    const TIMES: &'static [&'static str] = &["from", "until", "made_up_from"];
}

/// The id of a document of which a tenant has one.
pub(crate) fn the_only() -> RecordId {
    RecordId::new("the").expect("a name")
}
