//! Sums of spans, kept beside the spans they were made of.
//!
//! A rollup has no place in the log of its own: a store derives it from the segment it keeps and commits both as one.
//! So each span is summed exactly once, whatever crashes, and a late span adds a row for an old minute. Rows of a rollup
//! are *partial*: several may have the same key, and whoever reads adds them up. `merge` does so for stores that compact.

mod edges;
mod halves;
mod merge;
mod services;
mod spans;
mod sums;
mod texts;

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use datafusion::catalog::TableProvider;
use model::{Batch, Rollup, Table, TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

pub use merge::{merge, settle};
pub use services::{OPERATIONS_PER_SERVICE_MAX, OTHER, SERVICES_MAX};

/// Rows of one rollup, made of some spans.
#[derive(Clone, Debug)]
pub struct Partial {
    /// Which rollup.
    pub rollup: Rollup,
    /// Rows with all columns of its table; none when there were no spans it sums.
    pub rows: RecordBatch,
    /// What was summed under `(other)`.
    pub folded: Folded,
}

/// Times in which keys were too many and were summed under `(other)`; empty where none were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// Operations of a service.
    pub operations: TimeRange,
    /// Services.
    pub services: TimeRange,
}

/// A rollup in a store as of one moment.
#[derive(Clone, Debug)]
pub struct StoredRollup {
    /// Which rollup.
    pub rollup: Rollup,
    /// Its partial rows.
    pub table: Arc<dyn TableProvider>,
    /// From here on it sums exactly the spans that are stored. Before, spans may have been kept without it, or one of
    /// the two expired.
    pub same_from: Timestamp,
    /// What was summed under `(other)`.
    pub folded: Folded,
}

/// The partial rows of every rollup for these spans.
pub fn of(spans: &[Batch]) -> Vec<Partial> {
    let minutes = services::minutes(spans);
    let hours = merge::coarser(&minutes, Rollup::ServiceHours);
    let edges = edges::edges(spans);
    let rows = [(Rollup::ServiceMinutes, minutes), (Rollup::ServiceHours, hours), (Rollup::ServiceEdges, edges)];
    rows.into_iter().map(|(rollup, rows)| Partial::new(rollup, rows)).collect()
}

impl Partial {
    fn new(rollup: Rollup, rows: RecordBatch) -> Self {
        let folded = Folded::of(rollup, &rows);
        Self { rollup, rows, folded }
    }

    /// Earliest and latest period of the rows.
    pub fn times(&self) -> TimeRange {
        TimeRange::of(self.rows.column(0).as_primitive::<TimestampNanosecondType>().values())
    }
}

impl Folded {
    /// Nothing was too many.
    pub const NOTHING: Folded = Folded { operations: TimeRange::EMPTY, services: TimeRange::EMPTY };

    /// What the rows say of themselves.
    pub fn of(rollup: Rollup, rows: &RecordBatch) -> Self {
        if !rollup.has_services() {
            return Self::NOTHING;
        }
        let times = rows.column(0).as_primitive::<TimestampNanosecondType>().values();
        let when = |name: &str| {
            let texts = rows.column(Table::of(rollup).index(name)).as_string_view();
            let others = texts.iter().zip(times).filter(|(text, _)| *text == Some(OTHER));
            others.fold(TimeRange::EMPTY, |range, (_, time)| {
                // To the end of the period.
                let end = Timestamp(time.saturating_add(rollup.period_nanos() - 1));
                range.union(&TimeRange { min: Timestamp(*time), max: end })
            })
        };
        Self { operations: when("name"), services: when("service_name") }
    }

    /// What either says.
    pub fn union(&self, other: &Folded) -> Folded {
        Folded { operations: self.operations.union(&other.operations), services: self.services.union(&other.services) }
    }

    /// True when every key is there.
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }
}

impl Default for Folded {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// Spans that do not change any more, and their sums once somebody has asked for them.
pub struct Summed {
    spans: Vec<Batch>,
    partials: OnceLock<Vec<Partial>>,
}

impl Summed {
    /// Spans that nobody has summed yet.
    pub fn new(spans: Vec<Batch>) -> Self {
        Self { spans, partials: OnceLock::new() }
    }

    /// Their rows of each rollup: made at the first call, some hundred nanoseconds a span, and shared from then on.
    pub fn partials(&self) -> &[Partial] {
        self.partials.get_or_init(|| of(&self.spans))
    }
}

impl fmt::Debug for Summed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summed").field("batches", &self.spans.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
