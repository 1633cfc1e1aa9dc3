//! Which halves of calls have waited long enough.
//!
//! A half waits until a merge holds everything within `lake.calls_wait_seconds` of it, and that time has passed: of what
//! arrives in time, no call loses its other side.

use model::{TimeRange, Timestamp};

use super::plan::Merging;
use crate::config::Config;
use crate::manifest::TableState;

/// The minutes whose calls wait no longer once some files are merged.
#[derive(Debug)]
pub(super) struct Waited {
    /// Spans of these may have come until now.
    before: i64,
    /// Near the calls of files that are not merged.
    elsewhere: Vec<TimeRange>,
}

impl Waited {
    /// For files of a table that are merged now, by the medium's clock.
    pub(super) fn of(merging: &Merging, table: &TableState, now: Timestamp, config: &Config) -> Self {
        let wait = i64::try_from(config.calls_wait().as_nanos()).unwrap_or(i64::MAX);
        let others = table.files.iter().filter(|file| merging.files.iter().all(|merged| merged.id != file.id));
        let near = |times: TimeRange| TimeRange {
            min: Timestamp(times.min.0.saturating_sub(wait)),
            max: Timestamp(times.max.0.saturating_add(wait)),
        };
        Self { before: now.0.saturating_sub(wait), elsewhere: others.map(|file| near(file.times)).collect() }
    }

    pub(super) fn is_over(&self, minute: Timestamp) -> bool {
        minute.0 < self.before && !self.elsewhere.iter().any(|near| near.min <= minute && minute <= near.max)
    }
}
