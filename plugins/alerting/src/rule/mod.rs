//! A rule: when something is wrong, and who is to know. Pure: no clock, no IO.

mod condition;
pub(crate) mod duration;
mod file;
mod measure;
mod prometheus;
mod record;
mod template;
pub(crate) mod unit_test;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use self::file::{Written, read};
pub(crate) use self::record::{RESERVED, is_channel};
pub(crate) use self::template::{FIRING, Facts, RESOLVED, Template};
pub(crate) use self::written::to_yaml;
use crate::promql;

/// How bad it is; it decides when people are told: at once, gathered hourly, in a daily digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Info,
    Warning,
    Critical,
}

/// How urgent an incident is, as the table in `docs/incidents.md` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub(crate) enum Priority {
    P1,
    P2,
    P3,
    P4,
}

/// What a rule makes of an evaluation that found no rows at all where it had some before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoData {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// That is an alert of its own.
    Alert,
    /// Alerts stay as they are.
    Keep,
}

/// A rule, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    /// Unique within the tenant; 1 to 200 bytes.
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) severity: Severity,
    /// How often it is evaluated; 1 s to 1 d.
    pub(crate) interval: Duration,
    /// It must hold for so long before it fires (`for`).
    pub(crate) hold: Duration,
    /// It fires for so long after it was true last (`keep_firing_for`).
    pub(crate) keep_firing: Duration,
    /// It is evaluated as of so long ago, for data that comes late.
    pub(crate) offset: Duration,
    pub(crate) no_data: NoData,
    /// The labels of its rows that tell its alerts apart; rows that are then alike are one alert. All when it is empty.
    /// A measure is taken by the labels of its own (`Measured::group_by`), so this is empty for it.
    pub(crate) group_by: Vec<String>,
    /// Labels that are added to those of the rows; values are templates.
    pub(crate) labels: BTreeMap<String, Template>,
    /// Words for people: `summary`, `description`, …; templates.
    pub(crate) annotations: BTreeMap<String, Template>,
    /// Names or kinds of channels (`notification`).
    pub(crate) channels: Vec<String>,
    pub(crate) runbook: Option<String>,
    /// An incident is opened when it fires; critical rules open P1 unless they say `incident: none`.
    pub(crate) incident: Option<Priority>,
    /// One that is not is kept and never evaluated.
    pub(crate) enabled: bool,
}

/// What is looked for: each row of the answer is something that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// `error_rate > 1%`: a measure of the platform's own, against a threshold.
    Measure(Measured),
    /// `sql:`; `now()` in it is the time of the evaluation. Columns of text, boolean and integer types are labels; a column
    /// `value` is the value.
    Sql(String),
    /// `promql:`, `expr:`.
    Promql(promql::Query),
    /// `slo:` a name, or `*` for all: it burns its error budget too fast (`apm.slo_burns`).
    SloBurn(String),
}

/// A measure, over some time, of some things, against a threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) measure: Measure,
    /// Over how long until the evaluation it is taken.
    pub(crate) window: Duration,
    /// Labels it is taken by; those that are usual for the measure when the rule does not say.
    pub(crate) group_by: Vec<String>,
    /// Only of things with these labels.
    pub(crate) filter: BTreeMap<String, String>,
    pub(crate) comparison: Comparison,
    /// In the measure's own unit: shares from 0 to 1, milliseconds, requests a second.
    pub(crate) threshold: f64,
    /// Fewer requests in the window say nothing.
    pub(crate) requests_min: u64,
}

impl Measured {
    /// A value for people: `p95_response_time is 296ms, > 150ms over 5m`.
    pub(crate) fn told(&self, value: f64) -> String {
        let described = self.measure.described();
        let [value, threshold] = [rounded(value), self.threshold].map(|value| described.unit.written(value));
        let (name, sign, window) = (described.name, self.comparison.sign(), duration::written(self.window));
        format!("{name} is {value}, {sign} {threshold} over {window}")
    }
}

/// To three digits, as far as they are behind the point.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = (2.0 - value.abs().log10().floor()).clamp(0.0, 15.0);
    let power = 10_f64.powf(digits);
    (value * power).round() / power
}

/// How a value is held against the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

/// What short conditions can ask for. The names are those of rule files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Measure {
    /// `error_rate`: failed requests by requests.
    ErrorRate,
    /// `p95_response_time` and p50, p90, p99: milliseconds that so many percent of requests do not exceed.
    ResponseTime(Percent),
    /// `request_rate`: requests a second.
    RequestRate,
    /// `error_count`: failed requests.
    ErrorCount,
    /// `db_error_rate`: failed calls of databases by calls.
    DbErrorRate,
    /// `p95_db_response_time` and p50, p90, p99: milliseconds that so many percent of calls of databases do not exceed.
    DbResponseTime(Percent),
    /// `db_connection_failed`: calls of databases that failed for want of a connection; true when there is one.
    DbConnectionFailed,
    /// `log_errors`: log records of severity error and worse.
    LogErrors,
    /// `cpu_usage`: share of the machine's, container's or process' processors that is used.
    CpuUsage,
    /// `memory_usage`: share of memory that is used.
    MemoryUsage,
    /// `disk_usage`: share of a filesystem that is used.
    DiskUsage,
}

/// Which percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Percent {
    P50,
    P90,
    P95,
    P99,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_told_in_its_own_unit() {
        let told = |condition: &str, value: f64| {
            let rule = read(&format!("[{{name: a, condition: {condition}, severity: info}}]")).expect("a rule");
            let Condition::Measure(measured) = &rule[0].rule.condition else { unreachable!("it is a measure") };
            measured.told(value)
        };

        assert_eq!(told("p95_response_time > 150ms", 295.6984), "p95_response_time is 296ms, > 150ms over 5m");
        assert_eq!(told("error_rate > 1%", 0.01234), "error_rate is 1.23%, > 1% over 5m");
        assert_eq!(told("error_count > 0", 1234.0), "error_count is 1234, > 0 over 5m");
        assert_eq!(told("request_rate < 2/s", 0.0), "request_rate is 0/s, < 2/s over 5m");
    }
}
