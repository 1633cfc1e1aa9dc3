//! An alert: one thing that one rule found wrong, from when it began to when it was over.

use std::collections::BTreeMap;

use plugin::records::{Document, Key};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::labels::Labels;
use crate::rule::Severity;

/// An alert as the records have it; `alerting.alerts` in SQL.
// Times are nanoseconds since 1970 here, and RFC 3339 in answers, which are [`plugin::Told`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Alert {
    /// The name of its rule.
    pub(crate) rule: String,
    pub(crate) state: AlertState,
    pub(crate) severity: Severity,
    /// Of the row that it was found by, with those that the rule adds. Never `alertname`: that is `rule`.
    pub(crate) labels: Labels,
    /// Of `labels`, in hex: with the rule, it tells alerts that are active at the same time apart.
    pub(crate) fingerprint: String,
    /// Words for people, as they were when it began or fired.
    pub(crate) annotations: BTreeMap<String, String>,
    /// At its last change.
    pub(crate) value: Option<f64>,
    /// Trace ids that the row named, for the way to the cause; few.
    pub(crate) traces: Vec<String>,
    pub(crate) runbook: Option<String>,
    /// Since when the condition has been true.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) active_since: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) fired_at: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) resolved_at: Option<i64>,
    /// While it is pending: when it was seen last, to a quarter of what `state::tolerance` allows. While it is kept firing though its
    /// condition is not true any more: when that was found.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_true: Option<i64>,
    /// Why it is not told: the names of silences, of the alert that inhibits it, or of the maintenance window.
    #[serde(default)]
    pub(crate) muted_by: Vec<String>,
    /// The incident that it belongs to.
    #[serde(default)]
    pub(crate) incident: Option<String>,
}

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AlertState {
    /// The condition is true, but not yet for as long as the rule wants.
    Pending,
    Firing,
    Resolved,
}

/// What has become of an alert in an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// New, and not firing yet.
    Began,
    /// Firing from now on.
    Fired,
    /// Not firing any more.
    Resolved,
    /// It was pending, and its condition is not true any more: it is forgotten.
    Passed,
    /// Only what is remembered of it has changed.
    Noted,
}

impl Document for Alert {
    const COLLECTION: &'static str = "alerting.alerts";
    const KEYS: &'static [Key] =
        &[Key::lookup("rule"), Key::lookup("state"), Key::lookup("fired_at"), Key::lookup("resolved_at")];
    const TIMES: &'static [&'static str] = &["active_since", "fired_at", "resolved_at", "last_true"];
}
