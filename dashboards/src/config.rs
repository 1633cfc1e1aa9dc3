//! Settings of dashboards.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where dashboards come from, and what their statements may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A directory with `*.yaml` of the tenant `default`, and with those of others in `tenants/<name>/`. Changes are seen within seconds.
    /// Default none.
    pub directory: Option<PathBuf>,
    /// Statements of panels at once, beside those of SQL. Default 4.
    pub queries_at_once: usize,
    /// Time of the statement of a panel, in seconds; then it is cut off. Default 30.
    pub query_seconds_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { directory: None, queries_at_once: 4, query_seconds_max: 30 }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let positive =
            [("queries_at_once", self.queries_at_once == 0), ("query_seconds_max", self.query_seconds_max == 0)];
        match positive.iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(format!("dashboards.{name} is 0, must be at least 1")),
            None => Ok(()),
        }
    }
}
