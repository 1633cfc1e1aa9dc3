//! Hours in which time counts: all of them, or those of a working week in a time zone. Pure.
//!
//! `active(a, add(a, d)) == d` whatever the zone does to its clocks: segments are turned into instants first, then measured.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::{GapInfo, Tz};

/// A calendar is followed for so many days; what is not reached by then is never reached.
pub(crate) const HORIZON_DAYS: u64 = 3660;
/// Minutes of a day.
pub(crate) const DAY_MINUTES: u16 = 24 * 60;

/// When time counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Calendar {
    /// 24x7.
    Always,
    /// In these hours.
    Hours(Box<Hours>),
}

/// The hours of a week, with the days that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    pub(crate) zone: Tz,
    /// From Monday on; the segments of a day are in order and apart.
    pub(crate) week: [Vec<Segment>; 7],
    /// Days on which nothing counts.
    pub(crate) holidays: BTreeSet<NaiveDate>,
    /// Days with hours of their own, holidays among them.
    pub(crate) exceptions: BTreeMap<NaiveDate, Vec<Segment>>,
}

/// Minutes of a day by the clock on the wall, from one to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) from: u16,
    /// [`DAY_MINUTES`] is the end of the day.
    pub(crate) until: u16,
}

impl Calendar {
    /// Nanoseconds from `a` to before `b` that count; none when `b` is not later.
    #[cfg(test)]
    pub(crate) fn active(&self, a: i64, b: i64) -> i64 {
        match self {
            Self::Always => b.saturating_sub(a).max(0),
            Self::Hours(hours) => {
                let spans = hours.spans_from(a).take_while(|(from, _)| *from < b);
                spans.map(|(from, until)| (until.min(b) - from.max(a)).max(0)).sum()
            }
        }
    }

    /// The earliest time until which so many nanoseconds have counted since `a`; `None` when that takes longer than the horizon.
    pub(crate) fn add(&self, a: i64, nanos: i64) -> Option<i64> {
        let hours = match self {
            _ if nanos <= 0 => return Some(a),
            Self::Always => return a.checked_add(nanos),
            Self::Hours(hours) => hours,
        };
        let mut left = nanos;
        for (from, until) in hours.spans_from(a) {
            let from = from.max(a);
            let length = (until - from).max(0);
            if length >= left {
                return Some(from + left);
            }
            left -= length;
        }
        None
    }

    /// Whether time counts at this moment.
    pub(crate) fn is_active(&self, at: i64) -> bool {
        match self {
            Self::Always => true,
            Self::Hours(hours) => {
                let covers = |(from, until): (i64, i64)| from <= at && at < until;
                hours.spans_from(at).take_while(|(from, _)| *from <= at).any(covers)
            }
        }
    }
}

impl Hours {
    /// The spans that count, in order, from the day before `at` in the calendar's zone.
    fn spans_from(&self, at: i64) -> impl Iterator<Item = (i64, i64)> {
        let today = local(self.zone, at).date();
        let first = today.checked_sub_days(Days::new(1)).unwrap_or(today);
        let days = (0..HORIZON_DAYS).map_while(move |day| first.checked_add_days(Days::new(day)));
        days.flat_map(move |day| {
            let segments = self.segments(day).iter();
            segments.map(move |segment| (self.at(day, segment.from), self.at(day, segment.until)))
        })
    }

    fn segments(&self, day: NaiveDate) -> &[Segment] {
        match self.exceptions.get(&day) {
            Some(segments) => segments,
            None if self.holidays.contains(&day) => &[],
            None => &self.week[day.weekday().num_days_from_monday() as usize],
        }
    }

    fn at(&self, day: NaiveDate, minute: u16) -> i64 {
        let (day, minute) = match minute {
            DAY_MINUTES => (day.succ_opt().unwrap_or(day), 0),
            minute => (day, minute),
        };
        let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0).unwrap_or_default();
        instant(self.zone, day.and_time(time))
    }
}

/// What clocks on the wall show at this moment.
pub(crate) fn local(zone: Tz, at: i64) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(at).with_timezone(&zone).naive_local()
}

/// When clocks on the wall show this: the first time, where they show it twice; the moment they jump over it, where they do not.
///
/// Later times on the wall are never earlier instants, so that spans never turn around.
pub(crate) fn instant(zone: Tz, wall: NaiveDateTime) -> i64 {
    let at = match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
        LocalResult::None => GapInfo::new(&wall, &zone).and_then(|gap| gap.end),
    };
    // Years that nanoseconds cannot count are far beyond any horizon.
    at.and_then(|at| at.timestamp_nanos_opt()).unwrap_or(if wall.year() < 1970 { i64::MIN / 2 } else { i64::MAX / 2 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;

    fn at(text: &str) -> i64 {
        let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        i64::try_from(time.expect("a time").unix_timestamp_nanos()).expect("of this age")
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn segments(hours: &[(u16, u16)]) -> Vec<Segment> {
        hours.iter().map(|(from, until)| Segment { from: from * 60, until: until * 60 }).collect()
    }

    fn hours(zone: Tz, day: &[(u16, u16)]) -> Hours {
        let week = std::array::from_fn(|weekday| if weekday < 5 { segments(day) } else { Vec::new() });
        Hours { zone, week, holidays: BTreeSet::new(), exceptions: BTreeMap::new() }
    }

    fn hours_of(hours: Hours) -> Calendar {
        Calendar::Hours(Box::new(hours))
    }

    fn around_the_clock(zone: Tz) -> Calendar {
        let week = std::array::from_fn(|_| segments(&[(0, 24)]));
        hours_of(Hours { zone, week, holidays: BTreeSet::new(), exceptions: BTreeMap::new() })
    }

    #[test]
    fn nights_weekends_lunch_and_holidays_do_not_count() {
        let mut office = hours(Tz::Europe__Berlin, &[(9, 12), (13, 17)]);
        office.holidays.insert(day("2026-12-25"));
        office.exceptions.insert(day("2026-12-24"), segments(&[(9, 11)]));
        let office = hours_of(office);

        let (thursday, monday) = (at("2026-12-24T10:00:00+01:00"), at("2026-12-28T13:30:00+01:00"));

        assert_eq!(office.active(thursday, monday), HOUR + 3 * HOUR + 30 * MINUTE);
        assert_eq!(office.add(thursday, 4 * HOUR), Some(at("2026-12-28T12:00:00+01:00")), "the earliest moment");
        assert_eq!(office.add(thursday, 4 * HOUR + 1), Some(at("2026-12-28T13:00:00+01:00") + 1));
        assert!(office.is_active(thursday) && !office.is_active(at("2026-12-25T10:00:00+01:00")));
        assert_eq!(office.active(monday, thursday), 0);
    }

    #[test]
    fn days_on_which_clocks_change_are_as_long_as_they_are() {
        let always = around_the_clock(Tz::Europe__Berlin);
        for (from, to, hours) in [
            ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23),
            ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25),
        ] {
            assert_eq!(always.active(at(from), at(to)), hours * HOUR, "{from}");
        }
        let mut night = hours(Tz::Europe__Berlin, &[]);
        night.week[6] = segments(&[(1, 4)]);
        let night = hours_of(night);

        let (spring, autumn) = (at("2026-03-29T00:00:00+01:00"), at("2026-10-25T00:00:00+02:00"));

        assert_eq!((night.active(spring, spring + DAY), night.active(autumn, autumn + DAY)), (2 * HOUR, 4 * HOUR));
    }

    #[test]
    fn a_calendar_in_which_nothing_counts_is_never_through() {
        let never = hours_of(hours(Tz::UTC, &[]));

        assert_eq!((never.add(0, 1), never.active(0, 400 * DAY)), (None, 0));
    }

    fn any_calendar() -> impl Strategy<Value = Calendar> {
        let zones = prop::sample::select(vec![
            Tz::UTC,
            Tz::Europe__Berlin,
            Tz::America__New_York,
            Tz::Australia__Lord_Howe,
            Tz::Asia__Kathmandu,
            Tz::Africa__Casablanca,
        ]);
        let day = prop::collection::btree_set(0..=DAY_MINUTES, 0..7).prop_map(|minutes| {
            let minutes: Vec<u16> = minutes.into_iter().collect();
            minutes.chunks_exact(2).map(|pair| Segment { from: pair[0], until: pair[1] }).collect::<Vec<_>>()
        });
        let week = prop::collection::vec(day, 7);
        (zones, week, prop::collection::btree_set(0..730_u64, 0..20)).prop_map(|(zone, week, holidays)| {
            let mut week: [Vec<Segment>; 7] = week.try_into().expect("seven days");
            // So that something counts.
            week[0].insert(0, Segment { from: 0, until: week[0].first().map_or(600, |first| first.from) });
            week[0].retain(|segment| segment.from < segment.until);
            let holidays = holidays.into_iter().map(|after| self::day("2026-01-01") + Days::new(after)).collect();
            hours_of(Hours { zone, week, holidays, exceptions: BTreeMap::new() })
        })
    }

    fn any_time() -> impl Strategy<Value = i64> {
        at("2026-01-01T00:00:00Z")..at("2027-12-31T00:00:00Z")
    }

    proptest! {
        #[test]
        fn what_is_added_has_counted(calendar in any_calendar(), a in any_time(), nanos in 1..40 * DAY) {
            if let Some(b) = calendar.add(a, nanos) {
                prop_assert_eq!(calendar.active(a, b), nanos);
                prop_assert_eq!(calendar.active(a, b - 1), nanos - 1, "the earliest such moment");
            }
        }

        #[test]
        fn parts_count_as_much_as_the_whole(calendar in any_calendar(), a in any_time(), b in any_time(), c in any_time()) {
            let mut times = [a, b, c];
            times.sort_unstable();
            let [a, b, c] = times;

            prop_assert_eq!(calendar.active(a, c), calendar.active(a, b) + calendar.active(b, c));
        }

        #[test]
        fn round_the_clock_is_the_clock_on_the_wall(a in any_time(), b in any_time(), nanos in 1..400 * DAY) {
            let (a, b) = (a.min(b), a.max(b));
            for zone in [Tz::Europe__Berlin, Tz::Australia__Lord_Howe, Tz::Pacific__Apia] {
                let calendar = around_the_clock(zone);
                prop_assert_eq!(calendar.active(a, b), Calendar::Always.active(a, b));
                prop_assert_eq!(calendar.add(a, nanos), Calendar::Always.add(a, nanos));
            }
        }
    }
}
