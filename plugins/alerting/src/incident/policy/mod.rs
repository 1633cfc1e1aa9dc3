//! The rules of escalation: what each priority promises, who stands on which level, and when it goes up. Pure.
//!
//! `default.yaml` is the table that holds without a file of one's own; it names nobody.

mod calendar;
mod read;
mod rotation;
mod words;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use self::calendar::Calendar;
pub(crate) use self::read::read;
use self::rotation::Rotation;
use self::written::Written;
use crate::rule::Priority;

/// The table of the platform, without people.
const DEFAULT: &str = include_str!("default.yaml");

/// A level of support, or management above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub(crate) enum Level {
    /// Frontline.
    #[serde(rename = "1")]
    One,
    /// Technical.
    #[serde(rename = "2")]
    Two,
    /// Engineering.
    #[serde(rename = "3")]
    Three,
    #[serde(rename = "management")]
    Management,
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [Self::One, Self::Two, Self::Three, Self::Management];

    pub(crate) fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
            Self::Three => "3",
            Self::Management => "management",
        }
    }

    /// The one above.
    pub(crate) fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level > self)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Management => f.write_str("management"),
            level => write!(f, "level {}", level.as_str()),
        }
    }
}

/// Everything that decides who is told when.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Whether an incident whose alerts are all over is resolved without people.
    pub(crate) auto_resolve: bool,
    priorities: BTreeMap<Priority, Promise>,
    levels: BTreeMap<Level, Standing>,
    people: BTreeMap<String, Person>,
    written: Written,
}

/// What is promised for incidents of a priority.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Promise {
    pub(crate) means: String,
    /// Nanoseconds until somebody has acknowledged it; by the clock on the wall.
    pub(crate) response: i64,
    /// Nanoseconds until it is resolved; by the clock on the wall.
    pub(crate) resolution: i64,
    /// Names or kinds of channels.
    pub(crate) notify: Vec<String>,
    pub(crate) escalate: Vec<Escalate>,
    /// Whether the times of the levels hold as well.
    pub(crate) level_times: bool,
}

/// So long after it was opened, unless it is resolved by then, these levels have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Escalate {
    pub(crate) after: i64,
    /// At least one.
    pub(crate) to: BTreeSet<Level>,
}

/// What holds on a level. Its times count in its hours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) hours: Arc<Calendar>,
    pub(crate) response: Option<i64>,
    /// After how long without a resolution it goes up, and to which level.
    pub(crate) escalate: Option<(i64, Level)>,
    /// Who is told always, by id.
    members: Vec<String>,
    rotations: Vec<Rotation>,
}

/// Somebody, as far as telling them goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// By kind or name of the channel, in lower case.
    pub(crate) contacts: BTreeMap<String, String>,
}

impl Default for Policy {
    fn default() -> Self {
        read("").expect("the default is a policy")
    }
}

impl Policy {
    pub(crate) fn promise(&self, priority: Priority) -> &Promise {
        self.priorities.get(&priority).expect("the default has all priorities")
    }

    pub(crate) fn standing(&self, level: Level) -> &Standing {
        self.levels.get(&level).expect("the default has all levels")
    }

    /// Who is on call on the level at this moment: its members, then one of each layer; each once.
    pub(crate) fn on_call(&self, level: Level, at: i64) -> Vec<&Person> {
        let standing = self.standing(level);
        let members = standing.members.iter().map(String::as_str);
        let on_duty = standing.rotations.iter().filter_map(|rotation| rotation.on_call(at));
        let mut people: Vec<&Person> = Vec::new();
        for person in members.chain(on_duty).filter_map(|id| self.people.get(id)) {
            if !people.contains(&person) {
                people.push(person);
            }
        }
        people
    }

    /// Somebody whom it names.
    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(id)
    }

    /// All that holds, as a file that could say so.
    pub(crate) fn to_yaml(&self) -> String {
        serde_saphyr::to_string(&self.written).expect("texts, lists and maps can be written")
    }
}

impl Person {
    /// Where a channel reaches them: by its own name, or by what its kind goes by.
    pub(crate) fn contact(&self, channel: &str) -> Option<&str> {
        let channel = channel.to_lowercase();
        let also = match channel.as_str() {
            "sms" => "phone",
            "email" => "mail",
            _ => "",
        };
        self.contacts.get(&channel).or_else(|| self.contacts.get(also)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
