//! Points and ranges of time, in nanoseconds since 1970 UTC.

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Rows lie between `min` and `max`, both included. Empty when `min > max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// Earliest time, included.
    pub min: Timestamp,
    /// Latest time, included.
    pub max: Timestamp,
}

impl TimeRange {
    /// Holds nothing; the start for a union.
    pub const EMPTY: TimeRange = TimeRange { min: Timestamp(i64::MAX), max: Timestamp(i64::MIN) };
    /// Holds everything.
    pub const ALL: TimeRange = TimeRange { min: Timestamp(i64::MIN), max: Timestamp(i64::MAX) };

    /// The range of the times given.
    pub fn of(times: &[i64]) -> Self {
        times.iter().fold(Self::EMPTY, |range, time| TimeRange {
            min: Timestamp(range.min.0.min(*time)),
            max: Timestamp(range.max.0.max(*time)),
        })
    }

    /// True when no time lies inside.
    pub fn is_empty(&self) -> bool {
        self.min > self.max
    }

    /// The smallest range that holds both.
    pub fn union(&self, other: &TimeRange) -> TimeRange {
        TimeRange { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// What both hold.
    pub fn intersection(&self, other: &TimeRange) -> TimeRange {
        TimeRange { min: self.min.max(other.min), max: self.max.min(other.max) }
    }

    /// True when some time lies in both.
    pub fn overlaps(&self, other: &TimeRange) -> bool {
        !self.intersection(other).is_empty()
    }
}
