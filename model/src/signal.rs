//! The kinds of telemetry, one table each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One kind of telemetry. OTLP metrics fill two: number points in `Metrics`, distributions in `Histograms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Spans of traces.
    Spans,
    /// Log records and events.
    Logs,
    /// Number points: gauges and sums.
    Metrics,
    /// Explicit and exponential histograms, and summaries.
    Histograms,
}

impl Signal {
    /// Every signal, in the order tables are listed to people.
    pub const ALL: [Signal; 4] = [Signal::Spans, Signal::Logs, Signal::Metrics, Signal::Histograms];

    /// Name of the table in SQL and of the folder on disk.
    pub fn table_name(self) -> &'static str {
        match self {
            Signal::Spans => "spans",
            Signal::Logs => "logs",
            Signal::Metrics => "metrics",
            Signal::Histograms => "histograms",
        }
    }

    /// Column by which rows are pruned, sealed and expired; the first of its table.
    pub fn time_column(self) -> &'static str {
        match self {
            Signal::Spans => "start_time",
            Signal::Logs | Signal::Metrics | Signal::Histograms => "time",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table_name())
    }
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Signal::ALL
            .into_iter()
            .find(|signal| signal.table_name() == name)
            .ok_or_else(|| format!("unknown signal '{name}', expected spans, logs, metrics or histograms"))
    }
}
