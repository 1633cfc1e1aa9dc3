//! Maintenance windows: times of a week or a month, by the clocks of a place, in which alerts are not told.
//!
//! A moment is in a window when the clock on the wall there says so. So an hour that the clock shows twice is in it twice, and one
//! that it skips is not there.

use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::matcher::{Matcher, all_true};
use crate::labels::Labels;

const SECOND: i64 = 1_000_000_000;

/// A maintenance window, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) name: String,
    pub(crate) days: Days,
    /// By the clock of `timezone`; it goes on into the next day when `to` is not after `from`.
    pub(crate) from: TimeOfDay,
    pub(crate) to: TimeOfDay,
    pub(crate) timezone: Timezone,
    /// Only alerts with these labels; all, when there are none.
    pub(crate) matchers: Vec<Matcher>,
}

/// The days on which a window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Days {
    Weekly(Weekday),
    /// The first, second, third or fourth such day of the month (1 to 4).
    Monthly(u8, Weekday),
    /// The last such day of the month.
    MonthlyLast(Weekday),
}

/// A place whose clocks are meant, by its name in the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Timezone(Tz);

/// A time of day in minutes, written as `02:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TimeOfDay(u32);

impl Window {
    /// True when it mutes an alert with these labels at this time.
    pub(crate) fn mutes(&self, labels: &Labels, now: i64) -> bool {
        self.is_open(now) && all_true(&self.matchers, labels)
    }

    fn is_open(&self, now: i64) -> bool {
        let Some(utc) = DateTime::from_timestamp(now.div_euclid(SECOND), 0) else { return false };
        let local = utc.with_timezone(&self.timezone.0).naive_local();
        let (date, time) = (local.date(), TimeOfDay(local.hour() * 60 + local.minute()));
        if self.from < self.to {
            return self.days.contain(date) && self.from <= time && time < self.to;
        }
        let since_yesterday = || date.pred_opt().is_some_and(|yesterday| self.days.contain(yesterday));
        (self.days.contain(date) && self.from <= time) || (time < self.to && since_yesterday())
    }
}

impl Days {
    fn contain(self, date: NaiveDate) -> bool {
        let place = u8::try_from(date.day0() / 7 + 1).unwrap_or(u8::MAX);
        match self {
            Self::Weekly(day) => date.weekday() == day,
            Self::Monthly(number, day) => date.weekday() == day && place == number,
            Self::MonthlyLast(day) => {
                let week_later = date.checked_add_days(chrono::Days::new(7));
                date.weekday() == day && week_later.is_none_or(|later| later.month() != date.month())
            }
        }
    }

    /// As in `sunday`.
    pub(crate) fn weekly(written: &str) -> Result<Self, String> {
        weekday(written).map(Self::Weekly)
    }

    /// As in `first sunday`.
    pub(crate) fn monthly(written: &str) -> Result<Self, String> {
        let how =
            || format!("'{written}' is no day of a month: write it as 'first sunday', up to fourth, or 'last friday'");
        let (number, day) = written.trim().split_once(' ').ok_or_else(how)?;
        let day = weekday(day.trim())?;
        match NUMBERS.iter().position(|known| known.eq_ignore_ascii_case(number)) {
            Some(place) => Ok(Self::Monthly(u8::try_from(place + 1).unwrap_or(u8::MAX), day)),
            None if number.eq_ignore_ascii_case("last") => Ok(Self::MonthlyLast(day)),
            None => Err(how()),
        }
    }
}

const NUMBERS: [&str; 4] = ["first", "second", "third", "fourth"];

fn weekday(written: &str) -> Result<Weekday, String> {
    written.parse().map_err(|_| format!("'{written}' is no day of the week: write it as in sunday"))
}

impl TryFrom<String> for Days {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        if written.contains(' ') { Self::monthly(&written) } else { Self::weekly(&written) }
    }
}

impl From<Days> for String {
    fn from(days: Days) -> Self {
        match days {
            Days::Weekly(day) => day.to_string(),
            Days::Monthly(number, day) => format!("{} {day}", NUMBERS[usize::from(number.clamp(1, 4)) - 1]),
            Days::MonthlyLast(day) => format!("last {day}"),
        }
    }
}

impl TryFrom<String> for Timezone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let wrong = || format!("'{name}' is no time zone: write it as in Europe/Berlin or UTC");
        name.parse().map(Self).map_err(|_| wrong())
    }
}

impl From<Timezone> for String {
    fn from(timezone: Timezone) -> Self {
        timezone.0.name().to_owned()
    }
}

impl Default for Timezone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl TimeOfDay {
    pub(crate) const fn hour(hour: u32) -> Self {
        Self(hour * 60)
    }

    pub(crate) fn nanos(self) -> i64 {
        i64::from(self.0) * 60 * SECOND
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let number = |digits: &str, below: u32| {
            let is_written = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|number| is_written && *number < below)
        };
        let parsed =
            written.split_once(':').and_then(|(hour, minute)| Some(number(hour, 24)? * 60 + number(minute, 60)?));
        parsed
            .map(Self)
            .ok_or_else(|| format!("'{written}' is no time of day: write it as \"02:00\", with quotation marks"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        written.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.0 / 60, time.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn window(days: Days, from: &str, to: &str, timezone: &str) -> Window {
        let time = |written: &str| written.parse().expect("a time");
        let timezone = timezone.to_owned().try_into().expect("a zone");
        Window { name: "window".to_owned(), days, from: time(from), to: time(to), timezone, matchers: Vec::new() }
    }

    fn check(window: &Window, at: &str, expected: bool) {
        let at = OffsetDateTime::parse(at, &Rfc3339).expect("a time");
        let nanos = i64::try_from(at.unix_timestamp_nanos()).expect("of this age");
        assert_eq!(window.mutes(&Labels::default(), nanos), expected, "{at} in {window:?}");
    }

    #[test]
    fn every_sunday_from_two_to_four() {
        let weekly = window(Days::weekly("sunday").expect("a day"), "02:00", "04:00", "UTC");

        check(&weekly, "2026-11-22T01:59:59Z", false);
        check(&weekly, "2026-11-22T02:00:00Z", true);
        check(&weekly, "2026-11-22T03:59:59Z", true);
        check(&weekly, "2026-11-22T04:00:00Z", false);
        check(&weekly, "2026-11-23T03:00:00Z", false);
    }

    #[test]
    fn the_first_and_the_last_such_day_of_a_month() {
        let first = window(Days::monthly("first sunday").expect("days"), "02:00", "06:00", "UTC");
        let last = window(Days::monthly("last friday").expect("days"), "02:00", "06:00", "UTC");

        check(&first, "2026-11-01T05:00:00Z", true);
        check(&first, "2026-11-08T05:00:00Z", false);
        check(&first, "2026-12-06T05:59:59Z", true);
        check(&last, "2026-11-27T03:00:00Z", true);
        check(&last, "2026-11-20T03:00:00Z", false);
        check(&last, "2026-12-25T03:00:00Z", true);
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins() {
        let night = window(Days::weekly("saturday").expect("a day"), "23:00", "01:00", "UTC");

        check(&night, "2026-11-21T22:59:00Z", false);
        check(&night, "2026-11-21T23:00:00Z", true);
        check(&night, "2026-11-22T00:59:00Z", true);
        check(&night, "2026-11-22T01:00:00Z", false);
        check(&night, "2026-11-21T00:30:00Z", false);
    }

    #[test]
    fn an_hour_the_clock_shows_twice_is_in_it_twice_and_one_it_skips_is_not_there() {
        let berlin = window(Days::weekly("sunday").expect("a day"), "02:00", "03:00", "Europe/Berlin");

        // On 25 October 2026 the clock goes from 03:00 back to 02:00, at 01:00 UTC.
        check(&berlin, "2026-10-24T23:59:59Z", false);
        check(&berlin, "2026-10-25T00:00:00Z", true);
        check(&berlin, "2026-10-25T01:59:59Z", true);
        check(&berlin, "2026-10-25T02:00:00Z", false);
        // On 29 March 2026 it goes from 02:00 to 03:00, at 01:00 UTC.
        check(&berlin, "2026-03-29T00:59:59Z", false);
        check(&berlin, "2026-03-29T01:00:00Z", false);
        // Winter and summer differ by an hour in UTC.
        check(&berlin, "2026-01-04T01:30:00Z", true);
        check(&berlin, "2026-07-05T00:30:00Z", true);
        check(&berlin, "2026-07-05T01:30:00Z", false);
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for written in ["Sun", "first Sun", "fourth Mon", "last Fri"] {
            let days = Days::try_from(written.to_owned()).expect(written);
            assert_eq!(String::from(days), written);
        }
        for wrong in ["someday", "fifth sunday", "first", "first someday", ""] {
            assert!(Days::try_from(wrong.to_owned()).is_err() && Days::monthly(wrong).is_err(), "{wrong}");
        }
        for wrong in ["2:00", "24:00", "02:60", "0200", ""] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
        }
    }
}
