//! Which times have a place in chunks and partitions: those near the present.
//!
//! A clock that is set to 1970, or to 2200, makes no chunk of its own: its rows are strays.

use std::collections::BTreeSet;
use std::ops::Range;

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use model::Timestamp;
use store::Segment;

pub(crate) const HOUR: i64 = 3_600_000_000_000;
const DAY: i64 = 24 * HOUR;
/// Clocks run ahead by less than this, or are wrong.
const AHEAD: i64 = DAY;

/// Times from `start` on and before `end`, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window(Range<i64>);

impl Window {
    /// What is near now.
    pub(crate) fn around(now: Timestamp, past_days: u32) -> Self {
        Self(now.0.saturating_sub(i64::from(past_days) * DAY)..now.0.saturating_add(AHEAD))
    }

    /// True when rows of this time lie in chunks.
    pub(crate) fn holds(&self, nanos: i64) -> bool {
        self.0.contains(&nanos)
    }

    /// Where the rows of a segment belong.
    pub(crate) fn spread(&self, segment: &Segment) -> Spread {
        let mut spread = Spread { hours: BTreeSet::new(), times: None, has_strays: false };
        let mut last = None;
        for batch in &segment.batches {
            let times = batch.said(0).expect("the time column is required").as_primitive::<TimestampNanosecondType>();
            for nanos in times.values() {
                if !self.holds(*nanos) {
                    spread.has_strays = true;
                    continue;
                }
                let (first, latest) = spread.times.unwrap_or((*nanos, *nanos));
                spread.times = Some((first.min(*nanos), latest.max(*nanos)));
                let hour = nanos.div_euclid(HOUR);
                if last.replace(hour) != Some(hour) {
                    spread.hours.insert(hour);
                }
            }
        }
        spread
    }
}

/// The hours of a segment's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Hours since 1970 that rows in chunks lie in.
    pub(crate) hours: BTreeSet<i64>,
    /// First and last nanosecond of those rows.
    pub(crate) times: Option<(i64, i64)>,
    /// True when some rows lie in no chunk.
    pub(crate) has_strays: bool,
}

impl Spread {
    /// True when all rows lie in one hour: their order needs no care.
    pub(crate) fn is_one_hour(&self) -> bool {
        !self.has_strays && self.hours.len() == 1
    }
}
