//! Who is on call by a rotation: one of its people after the other, each for so long. Pure.
//!
//! Handovers are at the same time on the wall all year; a shift in which clocks change is an hour longer or shorter.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use super::calendar::{Calendar, instant, local};

/// One layer of a level's on-call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rotation {
    pub(crate) zone: Tz,
    /// Ids of people, at least one.
    pub(crate) participants: Vec<String>,
    /// On the wall: when the first of them begins. Before it nobody is on call.
    pub(crate) start: NaiveDateTime,
    /// One shift by the clock on the wall; at least an hour.
    pub(crate) length: TimeDelta,
    /// Only when this calendar is active, or only when it is not.
    pub(crate) only: Option<(During, Arc<Calendar>)>,
    /// Who stands in when; the last one that fits holds.
    pub(crate) overrides: Vec<Override>,
}

/// Whether a layer is for the hours of a calendar or for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    Inside,
    Outside,
}

/// Somebody stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) person: String,
}

impl Rotation {
    /// The id of whom this layer has on call.
    pub(crate) fn on_call(&self, at: i64) -> Option<&str> {
        if let Some((during, calendar)) = &self.only
            && calendar.is_active(at) != (*during == During::Inside)
        {
            return None;
        }
        let stands_in = self.overrides.iter().rev().find(|over| over.from <= at && at < over.until);
        if let Some(over) = stands_in {
            return Some(&over.person);
        }
        let shift = self.shift(at)?;
        let place = shift % i64::try_from(self.participants.len()).ok()?;
        self.participants.get(usize::try_from(place).ok()?).map(String::as_str)
    }

    /// Number of the shift; none before the first.
    fn shift(&self, at: i64) -> Option<i64> {
        let length = self.length.num_seconds();
        let since = local(self.zone, at).signed_duration_since(self.start).num_seconds();
        let mut shift = since.div_euclid(length);
        // Where clocks are set back the wall shows a time again that was before the handover.
        while self.begins(shift + 1).is_some_and(|next| next <= at) {
            shift += 1;
        }
        while self.begins(shift).is_some_and(|begun| begun > at) {
            shift -= 1;
        }
        (shift >= 0).then_some(shift)
    }

    fn begins(&self, shift: i64) -> Option<i64> {
        let shift = i32::try_from(shift).ok()?;
        let since = self.length.checked_mul(shift)?;
        Some(instant(self.zone, self.start.checked_add_signed(since)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::calendar::{Hours, Segment};
    use super::*;

    fn at(text: &str) -> i64 {
        let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        i64::try_from(time.expect("a time").unix_timestamp_nanos()).expect("of this age")
    }

    fn weekly() -> Rotation {
        Rotation {
            zone: Tz::Europe__Berlin,
            participants: vec!["person-1".to_owned(), "person-2".to_owned(), "person-3".to_owned()],
            start: "2026-03-16T09:00:00".parse().expect("a time"),
            length: TimeDelta::weeks(1),
            only: None,
            overrides: Vec::new(),
        }
    }

    fn check(rotation: &Rotation, when: &str, expected: Option<&str>) {
        assert_eq!(rotation.on_call(at(when)), expected, "{when}");
    }

    #[test]
    fn handovers_stay_at_their_time_on_the_wall_when_clocks_change() {
        let rotation = weekly();

        check(&rotation, "2026-03-16T08:59:59+01:00", None);
        check(&rotation, "2026-03-16T09:00:00+01:00", Some("person-1"));
        check(&rotation, "2026-03-23T08:59:59+01:00", Some("person-1"));
        check(&rotation, "2026-03-23T09:00:00+01:00", Some("person-2"));
        // Clocks go forward on the 29th.
        check(&rotation, "2026-03-30T08:59:59+02:00", Some("person-2"));
        check(&rotation, "2026-03-30T09:00:00+02:00", Some("person-3"));
        check(&rotation, "2026-04-06T09:00:00+02:00", Some("person-1"));
        // And back on 25 October.
        check(&rotation, "2026-10-26T08:59:59+01:00", Some("person-2"));
        check(&rotation, "2026-10-26T09:00:00+01:00", Some("person-3"));
    }

    #[test]
    fn a_handover_in_the_hour_that_comes_twice_happens_once() {
        let start = "2026-10-24T02:30:00".parse().expect("a time");
        let rotation = Rotation { start, length: TimeDelta::days(1), ..weekly() };

        check(&rotation, "2026-10-25T02:29:59+02:00", Some("person-1"));
        check(&rotation, "2026-10-25T02:30:00+02:00", Some("person-2"));
        check(&rotation, "2026-10-25T02:10:00+01:00", Some("person-2"));
        check(&rotation, "2026-10-25T02:40:00+01:00", Some("person-2"));
        check(&rotation, "2026-10-26T02:30:00+01:00", Some("person-3"));
    }

    #[test]
    fn a_handover_in_the_hour_that_is_left_out_happens_when_clocks_jump() {
        let start = "2026-03-28T02:30:00".parse().expect("a time");
        let rotation = Rotation { start, length: TimeDelta::days(1), ..weekly() };

        check(&rotation, "2026-03-29T01:59:59+01:00", Some("person-1"));
        check(&rotation, "2026-03-29T03:00:00+02:00", Some("person-2"));
        check(&rotation, "2026-03-30T02:29:59+02:00", Some("person-2"));
        check(&rotation, "2026-03-30T02:30:00+02:00", Some("person-3"));
    }

    #[test]
    fn an_override_stands_in_and_the_last_one_holds() {
        let over = |from: &str, until: &str, person: &str| Override {
            from: at(from),
            until: at(until),
            person: person.to_owned(),
        };
        let overrides = vec![
            over("2026-03-17T00:00:00Z", "2026-03-18T00:00:00Z", "person-3"),
            over("2026-03-17T12:00:00Z", "2026-03-17T13:00:00Z", "person-4"),
        ];
        let rotation = Rotation { overrides, ..weekly() };

        check(&rotation, "2026-03-16T23:59:59Z", Some("person-1"));
        check(&rotation, "2026-03-17T00:00:00Z", Some("person-3"));
        check(&rotation, "2026-03-17T12:30:00Z", Some("person-4"));
        check(&rotation, "2026-03-18T00:00:00Z", Some("person-1"));
    }

    #[test]
    fn a_layer_can_be_for_office_hours_or_for_all_others() {
        let week = std::array::from_fn(|day| match day {
            0..5 => vec![Segment { from: 9 * 60, until: 17 * 60 }],
            _ => Vec::new(),
        });
        let hours = Hours { zone: Tz::Europe__Berlin, week, holidays: BTreeSet::new(), exceptions: BTreeMap::new() };
        let office = Arc::new(Calendar::Hours(Box::new(hours)));
        let inside = Rotation { only: Some((During::Inside, Arc::clone(&office))), ..weekly() };
        let outside = Rotation { only: Some((During::Outside, office)), ..weekly() };

        for (when, is_office) in [("2026-03-18T10:00:00+01:00", true), ("2026-03-18T17:00:00+01:00", false)] {
            assert_eq!(inside.on_call(at(when)).is_some(), is_office, "{when}");
            assert_eq!(outside.on_call(at(when)).is_some(), !is_office, "{when}");
        }
    }
}
