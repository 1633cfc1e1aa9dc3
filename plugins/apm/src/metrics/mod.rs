//! Metrics: which there are, what tells their series apart, and what they say over time.
//!
//! A point is read as its type means it, and a function that has no meaning for a type is refused.

pub(crate) mod exemplars;
mod explicit;
mod exponential;
mod function;
mod gains;
mod gauges;
mod grid;
pub(crate) mod heatmap;
mod increase;
mod kind;
pub(crate) mod labels;
pub(crate) mod list;
pub(crate) mod over_time;
mod points;
mod selection;
mod shape;

pub(crate) use selection::IS_RECORDED;

/// Longest range of a question about metrics, in days.
pub(crate) const METRIC_DAYS_MAX: i64 = 31;

/// The tables that points are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PointTable {
    /// Gauges and sums.
    Numbers,
    /// Histograms of both kinds, and summaries.
    Histograms,
}

impl PointTable {
    pub(crate) const ALL: [Self; 2] = [Self::Numbers, Self::Histograms];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Numbers => "metrics",
            Self::Histograms => "histograms",
        }
    }

    /// The column that says whether a sum is one that only grows.
    fn monotonic(self) -> &'static str {
        match self {
            Self::Numbers => "monotonic",
            Self::Histograms => "cast(NULL AS boolean)",
        }
    }
}
