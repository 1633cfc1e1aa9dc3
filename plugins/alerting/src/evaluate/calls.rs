//! Measures of requests, calls of databases, and log records: counted once for all rules.

use std::collections::BTreeSet;
use std::time::Duration;

use plugin::hub::Moment;
use plugin::model::{Sketch, Timestamp};
use plugin::query::Statement;

use super::answer::Answer;
use super::dimension::{Asked, first_columns};
use crate::labels::Labels;
use crate::rule::{Measure, Measured, Percent};

const NANOS_PER_MILLISECOND: f64 = 1e6;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    Requests,
    Databases,
    FailedConnections,
    LogErrors,
}

/// Words by which drivers say that there is no connection to be had: of error types, exceptions and status messages.
const NO_CONNECTION: &str = "(lower(concat_ws(' ', error_type, exception_type, exception_message, status_message, \
     events[-1]['attributes'])) SIMILAR TO '%(connect|econnrefused|econnreset|etimedout|too many clients|pool|socket|unreachable)%')";

impl Table {
    pub(super) fn sql(self) -> (&'static str, &'static str, String) {
        let spans = "count(*), count(*) FILTER (WHERE status_code = 'error'), sketch(duration_ns)";
        match self {
            Self::Requests => (spans, "start_time", "spans WHERE kind IN ('server', 'consumer')".to_owned()),
            Self::Databases => {
                (spans, "start_time", "spans WHERE kind = 'client' AND db_system_name IS NOT NULL".to_owned())
            }
            Self::FailedConnections => (
                spans,
                "start_time",
                format!(
                    "spans WHERE kind = 'client' AND db_system_name IS NOT NULL AND status_code = 'error' AND {NO_CONNECTION}"
                ),
            ),
            Self::LogErrors => ("count(*), count(*)", "time", "logs WHERE severity_number >= 17".to_owned()),
        }
    }

    /// What a failed one is like: for examples of what was counted.
    pub(crate) fn failed(self) -> (&'static str, String) {
        let (_, time, from) = self.sql();
        let wrong = if self == Self::LogErrors { "" } else { " AND status_code = 'error'" };
        (time, format!("{from}{wrong}"))
    }
}

/// What is counted since then, by labels.
pub(crate) fn statement(table: Table, from: Timestamp, labels: &BTreeSet<String>) -> Statement {
    let mut asked = Asked::default();
    let dimensions: Vec<String> = labels.iter().map(|label| asked.dimension(label)).collect();
    let (counted, time, source) = table.sql();
    let from = asked.param(Moment(from).to_string());
    let (columns, group) = match dimensions.is_empty() {
        true => (String::new(), String::new()),
        false => (format!("{}, ", dimensions.join(", ")), format!(" GROUP BY {}", first_columns(dimensions.len()))),
    };
    asked.statement(format!("SELECT {columns}{counted} FROM {source} AND {time} >= {from}{group}"))
}

/// What was counted of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    all: u64,
    failed: u64,
    durations: Sketch,
}

/// The answer to [`statement`].
pub(crate) fn read(answer: &Answer, names: &BTreeSet<String>) -> Vec<(Labels, Calls)> {
    let labels = read_labels(answer, names);
    let (all, failed) = (answer.counts(names.len()), answer.counts(names.len() + 1));
    let has_durations = answer.schema().fields().len() > names.len() + 2;
    let mut durations = if has_durations { answer.sketches(names.len() + 2) } else { Vec::new() };
    durations.resize_with(answer.len(), Sketch::default);
    let calls = all.into_iter().zip(failed).zip(durations);
    let calls = calls.map(|((all, failed), durations)| Calls { all, failed, durations });
    // Without labels there is one row also where there is nothing.
    labels.into_iter().zip(calls).filter(|(_, calls)| calls.all > 0).collect()
}

/// The first columns of an answer as labels; what is NULL is no label.
pub(super) fn read_labels(answer: &Answer, names: &BTreeSet<String>) -> Vec<Labels> {
    let mut labels = vec![Labels::default(); answer.len()];
    for (place, name) in names.iter().enumerate() {
        for (row, value) in answer.texts(place).into_iter().enumerate() {
            if let Some(value) = value {
                labels[row].set(name, value);
            }
        }
    }
    labels
}

impl Calls {
    /// The measure, if there were enough to tell.
    pub(crate) fn value(&self, measured: &Measured, window: Duration) -> Option<f64> {
        let is_enough = self.all >= measured.requests_min;
        let quantile =
            |percent: Percent| self.durations.quantile(percent.share()).map(|nanos| nanos / NANOS_PER_MILLISECOND);
        match measured.measure {
            Measure::ErrorRate | Measure::DbErrorRate => is_enough.then(|| self.failed as f64 / self.all as f64),
            Measure::ResponseTime(percent) | Measure::DbResponseTime(percent) => {
                is_enough.then(|| quantile(percent)).flatten()
            }
            Measure::RequestRate => Some(self.all as f64 / window.as_secs_f64()),
            Measure::ErrorCount | Measure::LogErrors | Measure::DbConnectionFailed => Some(self.failed as f64),
            Measure::CpuUsage | Measure::MemoryUsage | Measure::DiskUsage => None,
        }
    }
}

impl Percent {
    fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }
}
