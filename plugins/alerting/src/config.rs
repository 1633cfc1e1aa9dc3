//! Settings of alerting.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where rules come from, and what they may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A directory with `rules/*.yaml`, `notifications.yaml`, `escalation.yaml` of the tenant `default`, and with the same of others in
    /// `tenants/<name>/`. Changes are seen within seconds. Default none.
    pub directory: Option<PathBuf>,
    /// Rules of a tenant. Default 20 000.
    pub rules_max: usize,
    /// Alerts of one rule at once; more are counted and told as one. Default 1000.
    pub alerts_per_rule_max: usize,
    /// Queries of rules at once, beside those of people. Default 2.
    pub queries_at_once: usize,
    /// Time of one query of a rule, in seconds; then it is cut off and reported. Default 10.
    pub query_seconds_max: u64,
    /// Alerts that are over are kept so long, in days. Default 90.
    pub history_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: None,
            rules_max: 20_000,
            alerts_per_rule_max: 1000,
            queries_at_once: 2,
            query_seconds_max: 10,
            history_days: 90,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let positive = [
            ("rules_max", self.rules_max == 0),
            ("alerts_per_rule_max", self.alerts_per_rule_max == 0),
            ("queries_at_once", self.queries_at_once == 0),
            ("query_seconds_max", self.query_seconds_max == 0),
            ("history_days", self.history_days == 0),
        ];
        match positive.iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(format!("alerting.{name} is 0, must be at least 1")),
            None => Ok(()),
        }
    }
}
