//! A sealed run of rows of one tenant and signal.

use std::fmt;

use model::{Batch, Signal, Tenant, TimeRange};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a segment for ever; time-ordered, so that names sort by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentId(pub Uuid);

impl SegmentId {
    /// A new name.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// When it was made, in milliseconds since 1970, by the clock of its maker.
    pub fn created_millis(&self) -> u64 {
        self.0.get_timestamp().map_or(0, |made| {
            let (seconds, nanos) = made.to_unix();
            seconds * 1000 + u64::from(nanos) / 1_000_000
        })
    }
}

impl Default for SegmentId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// A write-ahead log that segments come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriterId(pub Uuid);

impl fmt::Display for WriterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// The range of the log whose rows of one tenant and signal a segment holds, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The log.
    pub writer: WriterId,
    /// First position with rows in the segment.
    pub first: u64,
    /// Last position with rows in the segment.
    pub through: u64,
}

/// Rows that no longer change, not yet or already kept by a store.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub id: SegmentId,
    /// Whose rows.
    pub tenant: Tenant,
    /// Which table.
    pub signal: Signal,
    /// Where the rows were made durable first.
    pub origin: Origin,
    /// The rows, in order of arrival.
    pub batches: Vec<Batch>,
}

impl Segment {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(Batch::rows).sum()
    }

    /// Earliest and latest time of the rows.
    pub fn times(&self) -> TimeRange {
        self.batches.iter().fold(TimeRange::EMPTY, |range, batch| range.union(&batch.times()))
    }
}
