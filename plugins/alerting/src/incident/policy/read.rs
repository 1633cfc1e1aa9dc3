//! Reads `escalation.yaml`: all that is wrong with it is told at once, each fault with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use plugin::yaml::{At, Fault, Faults, Place, typed};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::calendar::{Calendar, DAY_MINUTES, Hours, Segment};
use super::rotation::{During, Override, Rotation};
use super::words::{DAY, SECOND, minute, nanos, segment, weekdays};
use super::written::{
    Text, Written, WrittenCalendar, WrittenEscalate, WrittenLevel, WrittenOverride, WrittenPerson, WrittenPriority,
    WrittenRotation,
};
use super::{DEFAULT, Escalate, Level, Person, Policy, Promise, Standing};
use crate::rule::{Priority, is_channel};

/// Most people.
pub(crate) const PEOPLE_MAX: usize = 1000;
/// Most layers of rotation on a level, and most members of one.
pub(crate) const ROTATIONS_MAX: usize = 20;
/// Most participants of a rotation, and members of a level.
pub(crate) const PARTICIPANTS_MAX: usize = 100;
/// Most overrides of a rotation.
pub(crate) const OVERRIDES_MAX: usize = 200;
/// Most channels of a priority, and escalations of one.
pub(crate) const CHANNELS_MAX: usize = 20;
/// Most calendars.
pub(crate) const CALENDARS_MAX: usize = 50;
/// Most holidays and exceptions of a calendar, each.
pub(crate) const DAYS_MAX: usize = 1000;
/// Longest time of a response, a resolution, an escalation or a shift, in days.
pub(crate) const TIME_DAYS_MAX: i64 = 366;

const TIMES: &str = "write a time as 15m, 4h, 1h30m, 1d, 1w; a day is 24 hours";
const ZONES: &str = "write a zone as Europe/Berlin or UTC";
const SEGMENTS: &str =
    "write hours as 09:00-17:00, up to 24:00; several in order and apart, as [09:00-12:00, 13:00-17:00]";
const LEVELS: &str = "levels are 1, 2, 3 and management";

/// The policy of a file; what it leaves out is as in the default.
pub(crate) fn read(text: &str) -> Result<Policy, Vec<Fault>> {
    let mut faults = Faults::default();
    let Some(own) = typed::<Written>(text, &mut faults) else { return Err(faults.told()) };
    let written = own.or(typed(DEFAULT, &mut faults).expect("the default is a policy"));
    let mut reader = Reader { faults, calendars: BTreeMap::new(), people: BTreeMap::new() };
    reader.calendars(&written.calendars);
    reader.people(&written.people);
    let priorities = reader.priorities(&written.priorities);
    let levels = reader.levels(&written.levels);
    let auto_resolve = written.auto_resolve.unwrap_or_default();
    reader.faults.or(Policy { auto_resolve, priorities, levels, people: reader.people, written })
}

struct Reader {
    faults: Faults,
    calendars: BTreeMap<String, Arc<Calendar>>,
    people: BTreeMap<String, Person>,
}

impl Reader {
    fn people(&mut self, written: &BTreeMap<String, At<WrittenPerson>>) {
        let first = written.values().next().map_or(Place::TOP, |person| person.place);
        self.faults.limit(first, "people", written.len(), PEOPLE_MAX);
        for (id, person) in written {
            let at = person.place;
            let WrittenPerson { name, contacts } = &person.value;
            let contacts: BTreeMap<String, String> = contacts
                .iter()
                .map(|(channel, contact)| (channel.to_lowercase(), contact.value.trim().to_owned()))
                .collect();
            if contacts.values().any(String::is_empty) {
                self.faults.add(at, format!("'{id}' has a contact that is empty"), "leave it out, or say where");
            }
            let person = Person { id: id.clone(), name: name.clone(), contacts };
            self.people.insert(id.clone(), person);
        }
    }

    fn calendars(&mut self, written: &BTreeMap<String, At<WrittenCalendar>>) {
        let first = written.values().next().map_or(Place::TOP, |calendar| calendar.place);
        self.faults.limit(first, "calendars", written.len(), CALENDARS_MAX);
        for (name, calendar) in written {
            let hours = self.hours(name, calendar);
            self.calendars.insert(name.clone(), Arc::new(Calendar::Hours(Box::new(hours))));
        }
    }

    fn hours(&mut self, name: &str, calendar: &At<WrittenCalendar>) -> Hours {
        let (at, written) = (calendar.place, &calendar.value);
        let zone = self.zone(&written.zone);
        let mut week: [Vec<Segment>; 7] = Default::default();
        for (days, segments) in &written.week {
            let Some(days) = weekdays(days) else {
                self.faults.add(at, format!("'{days}' is no day"), "write monday, or monday-friday");
                continue;
            };
            let segments = self.segments(segments);
            for day in days {
                if !week[day].is_empty() {
                    self.faults.add(at, "a day of the week has its hours twice", "say each day once");
                }
                week[day].clone_from(&segments);
            }
        }
        if week.iter().all(Vec::is_empty) {
            self.faults.add(at, format!("nothing counts in the calendar '{name}'"), SEGMENTS);
        }
        self.faults.limit(at, "holidays", written.holidays.len(), DAYS_MAX);
        self.faults.limit(at, "exceptions", written.exceptions.len(), DAYS_MAX);
        let holidays: BTreeSet<NaiveDate> =
            written.holidays.iter().filter_map(|day| self.day(day.place, &day.value)).collect();
        let mut exceptions = BTreeMap::new();
        for (day, segments) in &written.exceptions {
            let (day, segments) = (self.day(at, day), self.segments(segments));
            exceptions.extend(day.map(|day| (day, segments)));
        }
        Hours { zone, week, holidays, exceptions }
    }

    fn segments(&mut self, written: &[Text]) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for text in written {
            let segment = segment(&text.value);
            let follows = |segment: &Segment| segments.last().is_none_or(|last| last.until <= segment.from);
            match segment.filter(follows) {
                Some(segment) => segments.push(segment),
                None => self.faults.add(text.place, format!("'{}' cannot be hours here", text.value), SEGMENTS),
            }
        }
        segments
    }

    fn priorities(&mut self, written: &BTreeMap<String, At<WrittenPriority>>) -> BTreeMap<Priority, Promise> {
        let mut promises = BTreeMap::new();
        for (name, priority) in written {
            let known = match name.as_str() {
                "P1" => Priority::P1,
                "P2" => Priority::P2,
                "P3" => Priority::P3,
                "P4" => Priority::P4,
                other => {
                    self.faults.add(priority.place, format!("'{other}' is no priority"), "they are P1 to P4");
                    continue;
                }
            };
            let promise = self.promise(priority);
            promises.insert(known, promise);
        }
        promises
    }

    fn promise(&mut self, priority: &At<WrittenPriority>) -> Promise {
        let (at, written) = (priority.place, &priority.value);
        let notify = written.notify.iter().flatten();
        let notify: Vec<String> = notify.map(|channel| channel.value.trim().to_owned()).collect();
        self.faults.limit(at, "channels", notify.len(), CHANNELS_MAX);
        // A step that names what no record can name would never be written, and nobody told.
        if !notify.iter().all(|channel| is_channel(channel)) {
            self.faults.add(at, "this names what is no name of a channel", "write notify as [Email, Slack]");
        }
        let escalate: Vec<Escalate> =
            written.escalate.iter().flatten().filter_map(|escalate| self.escalate(escalate)).collect();
        self.faults.limit(at, "escalations", escalate.len(), CHANNELS_MAX);
        let targets: BTreeSet<_> = escalate.iter().map(|escalate| &escalate.to).collect();
        if targets.len() < escalate.len() {
            self.faults.add(at, "two escalations go to the same levels", "keep the earlier one");
        }
        Promise {
            means: written.means.clone().unwrap_or_default(),
            response: self.time(at, written.response.as_ref(), SECOND).unwrap_or_default(),
            resolution: self.time(at, written.resolution.as_ref(), SECOND).unwrap_or_default(),
            notify,
            escalate,
            level_times: written.level_times.unwrap_or(true),
        }
    }

    fn escalate(&mut self, written: &WrittenEscalate) -> Option<Escalate> {
        let after = self.time(written.after.place, Some(&written.after), 0);
        let to: BTreeSet<Level> = written.to.value.iter().filter_map(|level| self.level(level)).collect();
        if written.to.value.is_empty() {
            self.faults.add(written.to.place, "an escalation goes to nobody", LEVELS);
        }
        Some(Escalate { after: after?, to }).filter(|escalate| !escalate.to.is_empty())
    }

    fn levels(&mut self, written: &BTreeMap<String, At<WrittenLevel>>) -> BTreeMap<Level, Standing> {
        let mut levels = BTreeMap::new();
        for (name, level) in written {
            match Level::read(name) {
                Some(known) => {
                    let standing = self.standing(known, level);
                    levels.insert(known, standing);
                }
                None => self.faults.add(level.place, format!("'{name}' is no level"), LEVELS),
            }
        }
        levels
    }

    fn standing(&mut self, level: Level, written: &At<WrittenLevel>) -> Standing {
        let (at, written) = (written.place, &written.value);
        let hours = written.hours.as_ref().filter(|hours| hours.value != "24x7");
        let hours = hours.and_then(|hours| self.calendar(hours)).unwrap_or_else(|| Arc::new(Calendar::Always));
        let response = written.response.as_ref().and_then(|response| self.time(at, Some(response), SECOND));
        let escalate = written.escalate.as_ref().and_then(|up| {
            let (after, to) = (self.time(at, Some(&up.after), SECOND), self.level(&up.to));
            if to.is_some_and(|to| to <= level) {
                self.faults.add(up.to.place, format!("{level} cannot escalate to '{}'", up.to.value), LEVELS);
            }
            Some((after?, to?))
        });
        let members: Vec<String> = written.members.iter().flatten().filter_map(|id| self.person(id)).collect();
        self.faults.limit(at, "members", members.len(), PARTICIPANTS_MAX);
        let rotations = written.rotations.iter().flatten();
        let rotations: Vec<Rotation> = rotations.filter_map(|rotation| self.rotation(rotation)).collect();
        self.faults.limit(at, "rotations", rotations.len(), ROTATIONS_MAX);
        Standing { name: written.name.clone().unwrap_or_default(), hours, response, escalate, members, rotations }
    }

    fn rotation(&mut self, written: &At<WrittenRotation>) -> Option<Rotation> {
        let (at, written) = (written.place, &written.value);
        let zone = self.zone(&written.zone);
        let participants: Vec<String> = written.participants.value.iter().filter_map(|id| self.person(id)).collect();
        if written.participants.value.is_empty() {
            self.faults.add(written.participants.place, "a rotation has no participants", "name people of the file");
        }
        self.faults.limit(at, "participants", participants.len(), PARTICIPANTS_MAX);
        self.faults.limit(at, "overrides", written.overrides.len(), OVERRIDES_MAX);
        let start = self.day(written.start.place, &written.start.value);
        let handover = self.handover(&written.handover);
        let length = self.time(at, Some(&written.length), 3600 * SECOND);
        let only = match (&written.during, &written.outside) {
            (Some(_), Some(outside)) => {
                self.faults.add(outside.place, "a rotation has both 'during' and 'outside'", "make two rotations");
                None
            }
            (Some(during), None) => self.calendar(during).map(|calendar| (During::Inside, calendar)),
            (None, Some(outside)) => self.calendar(outside).map(|calendar| (During::Outside, calendar)),
            (None, None) => None,
        };
        let overrides = written.overrides.iter().filter_map(|over| self.stands_in(over)).collect();
        let (start, length) = (start?.and_time(handover?), TimeDelta::nanoseconds(length?));
        (!participants.is_empty()).then_some(Rotation { zone, participants, start, length, only, overrides })
    }

    fn stands_in(&mut self, written: &WrittenOverride) -> Option<Override> {
        let (from, until) = (self.moment(&written.from), self.moment(&written.to));
        let person = self.person(&written.person);
        let (from, until) = (from?, until?);
        if from >= until {
            self.faults.add(written.to.place, "an override ends before it begins", "let 'from' be before 'to'");
        }
        Some(Override { from, until, person: person? })
    }

    fn person(&mut self, id: &Text) -> Option<String> {
        if !self.people.contains_key(&id.value) {
            self.faults.add(id.place, format!("'{}' is nobody", id.value), "name them below 'people'");
            return None;
        }
        Some(id.value.clone())
    }

    fn calendar(&mut self, name: &Text) -> Option<Arc<Calendar>> {
        let calendar = self.calendars.get(&name.value).cloned();
        if calendar.is_none() {
            let message = format!("there is no calendar '{}'", name.value);
            self.faults.add(name.place, message, "name one below 'calendars'; hours may also be 24x7");
        }
        calendar
    }

    fn level(&mut self, name: &Text) -> Option<Level> {
        let level = Level::read(&name.value);
        if level.is_none() {
            self.faults.add(name.place, format!("'{}' is no level", name.value), LEVELS);
        }
        level
    }

    fn zone(&mut self, name: &Text) -> Tz {
        let zone = name.value.parse();
        zone.unwrap_or_else(|_| {
            self.faults.add(name.place, format!("'{}' is no time zone", name.value), ZONES);
            Tz::UTC
        })
    }

    fn day(&mut self, at: Place, text: &str) -> Option<NaiveDate> {
        let day = text.parse().ok();
        if day.is_none() {
            self.faults.add(at, format!("'{text}' is no day"), "write a day as 2026-12-25");
        }
        day
    }

    fn handover(&mut self, text: &Text) -> Option<NaiveTime> {
        let seconds = minute(&text.value).filter(|minute| *minute < DAY_MINUTES).map(|minute| u32::from(minute) * 60);
        let time = seconds.and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0));
        if time.is_none() {
            self.faults.add(text.place, format!("'{}' is no time of a day", text.value), "write it as 09:00");
        }
        time
    }

    fn moment(&mut self, text: &Text) -> Option<i64> {
        let moment = OffsetDateTime::parse(&text.value, &Rfc3339).ok();
        let moment = moment.and_then(|moment| i64::try_from(moment.unix_timestamp_nanos()).ok());
        if moment.is_none() {
            let hint = "write a time as 2026-12-24T18:00:00+01:00";
            self.faults.add(text.place, format!("'{}' is no time", text.value), hint);
        }
        moment
    }

    /// Nanoseconds; what is not said is a fault at `at`.
    fn time(&mut self, at: Place, text: Option<&Text>, least: i64) -> Option<i64> {
        let Some(text) = text else {
            self.faults.add(at, "a time is missing", TIMES);
            return None;
        };
        let time = nanos(&text.value).filter(|nanos| (least..=TIME_DAYS_MAX * DAY).contains(nanos));
        if time.is_none() {
            let (value, least) = (&text.value, least / SECOND);
            let message = format!("'{value}' is not a time from {least} s to {TIME_DAYS_MAX} days");
            self.faults.add(text.place, message, TIMES);
        }
        time
    }
}
