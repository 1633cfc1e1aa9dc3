//! How many log records there are of each severity.

use serde::Serialize;
use utoipa::ToSchema;

use crate::rows::Answer;

/// The severity of a record in SQL: 0 for one that says none, then from `trace`, 1, to `fatal`, 6.
pub(super) const LEVEL: &str =
    "cast(CASE WHEN severity_number BETWEEN 1 AND 24 THEN (severity_number + 3) / 4 ELSE 0 END AS bigint)";

/// Log records by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CorrelatedLogs)]
pub(super) struct SeverityCounts {
    all: u64,
    fatal: u64,
    error: u64,
    warn: u64,
    info: u64,
    debug: u64,
    trace: u64,
    /// Records that say none.
    unset: u64,
}

impl SeverityCounts {
    /// Counts of this column, where the first is [`LEVEL`].
    pub(super) fn of(answer: &Answer, place: usize) -> Self {
        let mut counts = Self::default();
        for row in answer.rows() {
            let count = row.count(place);
            counts.all += count;
            let of_level = match row.integer(0) {
                Some(1) => &mut counts.trace,
                Some(2) => &mut counts.debug,
                Some(3) => &mut counts.info,
                Some(4) => &mut counts.warn,
                Some(5) => &mut counts.error,
                Some(6) => &mut counts.fatal,
                _ => &mut counts.unset,
            };
            *of_level += count;
        }
        counts
    }
}
