//! The times a question is about: `from` and `to` as people write them, and the buckets of a chart over them.

use plugin::{Failure, TIME_HOW_TO};
pub(crate) use plugin::{length, rfc3339};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Longest range of a question that rollups answer, in days.
pub(crate) const ROLLUP_DAYS_MAX: i64 = 400;
/// Longest range of a question for which spans are read one by one, in days.
pub(crate) const SPAN_DAYS_MAX: i64 = 31;
/// Most buckets of a chart.
pub(crate) const BUCKETS_MAX: i64 = 120;
/// Widths of buckets, in minutes: rollups have no shorter ones.
const WIDTHS: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 4 * 1440, 7 * 1440];

/// Which times.
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeWanted {
    /// The first time, as `2026-01-31T10:00:00Z` or `now-1h`; an hour before `to` when it is not said.
    from: Option<String>,
    /// The time before which it ends, in the same way; now when it is not said.
    to: Option<String>,
}

/// Times from `from` to before `until`, in nanoseconds since 1970; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl RangeWanted {
    /// The range, when it is one and not longer than so many days.
    pub(crate) fn read(&self, days_max: i64) -> Result<Range, Failure> {
        self.read_at(now(), days_max)
    }

    /// True when any time was named.
    pub(crate) fn is_said(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    fn read_at(&self, now: i64, days_max: i64) -> Result<Range, Failure> {
        let until = self.to.as_deref().map_or(Ok(now), |to| moment_at("to", to, now))?;
        let from = self.from.as_deref().map_or(Ok(until.saturating_sub(HOUR)), |from| moment_at("from", from, now))?;
        if from >= until {
            let message =
                format!("the range ends at {}, which is not after its start, {}", rfc3339(until), rfc3339(from));
            return Err(Failure::invalid(message).hinting("let 'from' be before 'to'"));
        }
        let range = Range { from, until };
        if !range.is_within(days_max) {
            let message =
                format!("the range is longer than {days_max} days, from {} to {}", rfc3339(from), rfc3339(until));
            return Err(Failure::invalid(message).hinting("ask for a shorter range, one after the other"));
        }
        Ok(range)
    }
}

impl Range {
    /// All times from 1970 on.
    pub(crate) const EVER: Self = Self { from: 0, until: i64::MAX };

    /// True when it is not empty, and not longer than so many days.
    pub(crate) fn is_within(self, days_max: i64) -> bool {
        self.from < self.until && self.until.saturating_sub(self.from) <= days_max * DAY
    }

    /// The range of the same length that ends where this one begins.
    pub(crate) fn before(self) -> Self {
        Self { from: self.from.saturating_sub(self.until - self.from), until: self.from }
    }

    /// Its last part, so long at most.
    pub(crate) fn last_hours(self, hours: i64) -> Self {
        Self { from: self.from.max(self.until.saturating_sub(hours * HOUR)), ..self }
    }

    /// The same from the beginning of its first minute: sums of minutes cannot be taken apart.
    pub(crate) fn whole_minutes(self) -> Self {
        Self { from: self.from.saturating_sub(self.from.rem_euclid(MINUTE)), ..self }
    }

    pub(crate) fn seconds(self) -> f64 {
        (self.until - self.from) as f64 / SECOND as f64
    }

    /// `date_trunc`'s unit that is short beside the range.
    pub(crate) fn unit(self) -> &'static str {
        if self.until - self.from <= DAY { "minute" } else { "hour" }
    }

    /// Buckets of one width that hold the range, at most [`BUCKETS_MAX`] and one more for its ragged ends.
    pub(crate) fn buckets(self) -> Buckets {
        self.buckets_of_one(WIDTHS.map(|minutes| minutes * MINUTE))
    }

    /// The same for questions that are asked of spans: seconds when the range is short.
    pub(crate) fn fine_buckets(self) -> Buckets {
        let seconds = [1, 2, 5, 10, 15, 30].map(|seconds| seconds * SECOND);
        self.buckets_of_one(seconds.into_iter().chain(WIDTHS.map(|minutes| minutes * MINUTE)))
    }

    fn buckets_of_one(self, widths: impl IntoIterator<Item = i64>) -> Buckets {
        let is_enough = |width: &i64| self.until - self.from <= width * BUCKETS_MAX;
        let longest = WIDTHS[WIDTHS.len() - 1] * MINUTE;
        Buckets { range: self, width: widths.into_iter().find(is_enough).unwrap_or(longest) }
    }

    /// Buckets of a width that somebody chose, at least a second.
    pub(crate) fn buckets_of(self, width_seconds: i64) -> Buckets {
        Buckets { range: self, width: width_seconds.max(1).saturating_mul(SECOND) }
    }
}

/// Parts of a range of one width, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buckets {
    range: Range,
    width: i64,
}

impl Buckets {
    pub(crate) fn width_seconds(self) -> i64 {
        self.width / SECOND
    }

    /// The start of each bucket with what of the range is in it, in order.
    pub(crate) fn all(self) -> impl Iterator<Item = (i64, Range)> {
        let first = self.range.from.saturating_sub(self.range.from.rem_euclid(self.width));
        // A range may end where no later time can be told.
        let starts = std::iter::successors(Some(first), move |start| start.checked_add(self.width));
        starts.take_while(move |start| *start < self.range.until).map(move |start| {
            let (from, until) = (start.max(self.range.from), start.saturating_add(self.width).min(self.range.until));
            (start, Range { from, until })
        })
    }
}

/// A time as it is written, relative to now or not.
pub(crate) fn moment(name: &str, written: &str) -> Result<i64, Failure> {
    moment_at(name, written, now())
}

fn moment_at(name: &str, written: &str, now: i64) -> Result<i64, Failure> {
    let time = plugin::moment(written, now);
    time.ok_or_else(|| Failure::invalid(format!("'{name}' is '{written}', which is not a time")).hinting(TIME_HOW_TO))
}

fn now() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: i64 = 1_767_225_600 * SECOND;

    fn read(from: Option<&str>, to: Option<&str>) -> Result<Range, Failure> {
        let wanted = RangeWanted { from: from.map(str::to_owned), to: to.map(str::to_owned) };
        wanted.read_at(NOW, ROLLUP_DAYS_MAX)
    }

    fn check(from: Option<&str>, to: Option<&str>, expected: (i64, i64)) {
        let range = read(from, to).expect("a range");
        assert_eq!((range.from, range.until), expected, "{from:?} to {to:?}");
    }

    fn refused(from: &str, to: &str, because: &str) {
        let failure = format!("{:?}", read(Some(from), Some(to)).expect_err("no range"));
        assert!(failure.contains(because), "{from} to {to}: {failure}");
    }

    #[test]
    fn a_range_is_written_as_times_or_relative_to_now() {
        check(None, None, (NOW - HOUR, NOW));
        check(Some("now-15m"), None, (NOW - 15 * MINUTE, NOW));
        check(Some("now-2w"), Some("now-7d"), (NOW - 14 * DAY, NOW - 7 * DAY));
        check(Some("2025-12-31T00:00:00Z"), Some("2026-01-01T01:00:00+01:00"), (NOW - DAY, NOW));
        check(None, Some("2025-12-31T00:00:00.5Z"), (NOW - DAY - HOUR + SECOND / 2, NOW - DAY + SECOND / 2));
    }

    #[test]
    fn what_is_no_range_is_refused_with_what_was_said() {
        refused("yesterday", "now", "'from' is 'yesterday'");
        refused("now-", "now", "'now-'");
        refused("now--1h", "now", "'now--1h'");
        refused("now-1y", "now", "'now-1y'");
        refused("now-99999999999999999999d", "now", "which is not a time");
        refused("now-\u{e9}", "now", "which is not a time");
        refused("now", "now", "not after its start");
        refused("now-1h", "now-2h", "not after its start");
        refused("now-401d", "now", "longer than 400 days");
    }

    #[test]
    fn every_range_has_few_buckets_that_hold_all_of_it() {
        for length in [1, SECOND, MINUTE, HOUR, 3 * HOUR, DAY, 30 * DAY, ROLLUP_DAYS_MAX * DAY] {
            let range = Range { from: NOW - length - 7, until: NOW - 7 };

            let buckets: Vec<(i64, Range)> = range.buckets().all().collect();

            assert!(
                i64::try_from(buckets.len()).is_ok_and(|count| count <= BUCKETS_MAX + 1),
                "{length}: {}",
                buckets.len()
            );
            assert_eq!(buckets.first().map(|(_, part)| part.from), Some(range.from));
            assert_eq!(buckets.last().map(|(_, part)| part.until), Some(range.until));
            assert!(buckets.windows(2).all(|pair| pair[0].1.until == pair[1].1.from), "without gaps");
        }
    }

    #[test]
    fn ranges_at_the_ends_of_all_times_have_few_buckets_as_well() {
        let (first, last) =
            (Range { from: i64::MIN, until: i64::MIN + HOUR }, Range { from: i64::MAX - HOUR, until: i64::MAX });

        for range in [first, last, first.whole_minutes()] {
            let buckets: Vec<(i64, Range)> = range.buckets().all().take(1000).collect();

            assert!(buckets.len() <= 62, "{}", buckets.len());
            assert_eq!(buckets.first().map(|(_, part)| part.from), Some(range.from));
            assert_eq!(buckets.last().map(|(_, part)| part.until), Some(range.until));
        }
    }

    #[test]
    fn the_range_before_ends_where_this_one_begins() {
        assert_eq!(Range { from: 60, until: 100 }.before(), Range { from: 20, until: 60 });
    }
}
