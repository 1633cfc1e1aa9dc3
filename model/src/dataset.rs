//! The tables that stores keep: rows as they came, and sums of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Signal;

/// Sums of spans that are kept while they arrive, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollup {
    /// Requests, errors and durations by minute, service, operation, kind and status.
    ServiceMinutes,
    /// The same by hour, for long ranges.
    ServiceHours,
    /// Calls, errors and durations by minute between services, databases and queues.
    ServiceEdges,
}

impl Rollup {
    /// Every rollup.
    pub const ALL: [Rollup; 3] = [Rollup::ServiceMinutes, Rollup::ServiceHours, Rollup::ServiceEdges];

    /// Name of the table in SQL and of the folder on disk.
    pub fn table_name(self) -> &'static str {
        match self {
            Rollup::ServiceMinutes => "service_minutes",
            Rollup::ServiceHours => "service_hours",
            Rollup::ServiceEdges => "service_edges",
        }
    }

    /// Start of the period that a row sums up; the first column of its table.
    pub fn time_column(self) -> &'static str {
        match self {
            Rollup::ServiceMinutes | Rollup::ServiceEdges => "minute",
            Rollup::ServiceHours => "hour",
        }
    }

    /// Length of the period that a row sums up.
    pub fn period_nanos(self) -> i64 {
        match self {
            Rollup::ServiceMinutes | Rollup::ServiceEdges => 60_000_000_000,
            Rollup::ServiceHours => 3_600_000_000_000,
        }
    }

    /// Start of the period that holds the time, in nanoseconds since 1970.
    pub fn period_of(self, time: i64) -> i64 {
        time.div_euclid(self.period_nanos()).saturating_mul(self.period_nanos())
    }

    /// True when rows are about one service, not about two.
    pub fn has_services(self) -> bool {
        matches!(self, Rollup::ServiceMinutes | Rollup::ServiceHours)
    }
}

impl fmt::Display for Rollup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table_name())
    }
}

/// What is kept, expired and backed up on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dataset {
    /// Rows as they came.
    Signal(Signal),
    /// Sums of spans.
    Rollup(Rollup),
}

impl Dataset {
    /// Every dataset, in the order they are listed to people.
    pub fn all() -> impl Iterator<Item = Dataset> {
        Signal::ALL.into_iter().map(Dataset::Signal).chain(Rollup::ALL.into_iter().map(Dataset::Rollup))
    }

    /// Name of the table in SQL and of the folder on disk.
    pub fn table_name(self) -> &'static str {
        match self {
            Dataset::Signal(signal) => signal.table_name(),
            Dataset::Rollup(rollup) => rollup.table_name(),
        }
    }

    /// Column by which rows are pruned and expired; the first of its table.
    pub fn time_column(self) -> &'static str {
        match self {
            Dataset::Signal(signal) => signal.time_column(),
            Dataset::Rollup(rollup) => rollup.time_column(),
        }
    }
}

impl From<Signal> for Dataset {
    fn from(signal: Signal) -> Self {
        Dataset::Signal(signal)
    }
}

impl From<Rollup> for Dataset {
    fn from(rollup: Rollup) -> Self {
        Dataset::Rollup(rollup)
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table_name())
    }
}

impl FromStr for Dataset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Dataset::all().find(|dataset| dataset.table_name() == name);
        found.ok_or_else(|| {
            let known: Vec<_> = Dataset::all().map(Dataset::table_name).collect();
            format!("unknown table '{name}', expected one of {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_written_as_its_name() {
        for dataset in Dataset::all() {
            let json = serde_json::to_string(&dataset).expect("plain data");

            assert_eq!(json, format!("\"{dataset}\""));
            assert_eq!(serde_json::from_str::<Dataset>(&json).expect("its name"), dataset);
            assert_eq!(dataset.to_string().parse(), Ok(dataset));
        }
    }
}
