//! The times a panel is asked about: `from` and `to` as people write them, and the width of its intervals.

use plugin::moment;

pub(crate) const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Longest range that can be asked about, in days.
pub(crate) const DAYS_MAX: i64 = 400;
/// Widths of intervals, in seconds.
const WIDTHS: [i64; 20] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
    4 * 86_400,
    7 * 86_400,
];
/// How a length of time is written.
pub(crate) const LENGTHS: &str = "write a length of time as 30s, 15m, 6h, 7d or 4w";

/// Times from `from` to before `until`, in nanoseconds since 1970, and the width of intervals in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) interval: i64,
}

impl Times {
    /// The times from `from` to `to`, in about so many intervals, none shorter than `interval_min`.
    ///
    /// # Errors
    /// A sentence that says what is no time.
    pub(crate) fn read(
        (from, to): (&str, &str),
        intervals: u16,
        interval_min: Option<i64>,
        now: i64,
    ) -> Result<Self, String> {
        let until = moment(to, now).ok_or_else(|| format!("'to' is '{to}', which is not a time"))?;
        let from_nanos = moment(from, now).ok_or_else(|| format!("'from' is '{from}', which is not a time"))?;
        if from_nanos >= until {
            return Err(format!("'from', which is '{from}', is not before 'to', which is '{to}'"));
        }
        if until.saturating_sub(from_nanos) > DAYS_MAX * DAY {
            return Err(format!("from '{from}' to '{to}' is longer than {DAYS_MAX} days"));
        }
        let (from, least) = (from_nanos, interval_min.unwrap_or(0));
        let is_enough =
            |width: &i64| *width >= least && until - from <= width.saturating_mul(i64::from(intervals.max(1)));
        let widths = WIDTHS.map(|seconds| seconds * SECOND);
        let interval = widths.into_iter().find(is_enough).unwrap_or(widths[WIDTHS.len() - 1].max(least));
        Ok(Self { from, until, interval })
    }

    /// How long they are together.
    pub(crate) fn seconds(self) -> f64 {
        (self.until - self.from) as f64 / SECOND as f64
    }

    /// How long an interval is.
    pub(crate) fn interval_seconds(self) -> f64 {
        self.interval as f64 / SECOND as f64
    }
}

/// A length of time, as in `90m`, in nanoseconds; never nothing.
pub(crate) fn length(written: &str) -> Option<i64> {
    plugin::length(written).filter(|nanos| *nanos > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: i64 = 1_767_225_600 * SECOND;

    #[test]
    fn times_are_relative_to_now_or_not_and_intervals_are_few() {
        let read = |from, to, intervals, least| Times::read((from, to), intervals, least, NOW).expect("times");

        let hour = read("now-1h", "now", 60, None);
        assert_eq!(hour, Times { from: NOW - 3600 * SECOND, until: NOW, interval: 60 * SECOND });
        assert_eq!((hour.seconds(), hour.interval_seconds()), (3600.0, 60.0));
        assert_eq!(read("now-5m", "now", 300, Some(60 * SECOND)).interval, 60 * SECOND);
        assert_eq!(read("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", 100, None).interval, 900 * SECOND);
        assert_eq!(read("now-400d", "now", 1, None).interval, 7 * DAY);
    }

    #[test]
    fn what_is_no_time_is_named() {
        let wrong = |from, to, because: &str| {
            let told = Times::read((from, to), 60, None, NOW).expect_err("no times");
            assert!(told.contains(because), "{told}");
        };

        wrong("yesterday", "now", "'from' is 'yesterday'");
        wrong("now", "now--1h", "'to' is 'now--1h'");
        wrong("now-0h", "now", "'now-0h'");
        wrong("now", "now-1h", "is not before");
        wrong("now-401d", "now", "longer than 400 days");
        wrong("now-\u{e9}", "now", "which is not a time");
        wrong("now-99999999999999999999d", "now", "which is not a time");
    }
}
