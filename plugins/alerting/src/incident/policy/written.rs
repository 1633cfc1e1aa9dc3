//! `escalation.yaml` as it is written: everything may be left out, and then is as in the default.

use std::collections::BTreeMap;

use plugin::yaml::At;
use serde::{Deserialize, Serialize};

/// A text, and where it stands.
pub(crate) type Text = At<String>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_resolve: Option<bool>,
    pub(crate) priorities: BTreeMap<String, At<WrittenPriority>>,
    pub(crate) levels: BTreeMap<String, At<WrittenLevel>>,
    pub(crate) calendars: BTreeMap<String, At<WrittenCalendar>>,
    pub(crate) people: BTreeMap<String, At<WrittenPerson>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenPriority {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) means: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolution: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notify: Option<Vec<Text>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) escalate: Option<Vec<WrittenEscalate>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level_times: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenEscalate {
    pub(crate) after: Text,
    pub(crate) to: At<Vec<Text>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenLevel {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// `24x7`, or a calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hours: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) escalate: Option<WrittenUp>,
    /// Words for people who decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<Vec<String>>,
    /// People who are told always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<Vec<Text>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotations: Option<Vec<At<WrittenRotation>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenUp {
    pub(crate) after: Text,
    pub(crate) to: Text,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRotation {
    /// For people who read the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) zone: Text,
    pub(crate) participants: At<Vec<Text>>,
    /// The day of the first handover.
    pub(crate) start: Text,
    /// Its time on the wall, as in `09:00`.
    pub(crate) handover: Text,
    /// Of one shift, as in `1w`, `1d`, `12h`.
    pub(crate) length: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) during: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outside: Option<Text>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) overrides: Vec<WrittenOverride>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenOverride {
    pub(crate) from: Text,
    pub(crate) to: Text,
    pub(crate) person: Text,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenCalendar {
    pub(crate) zone: Text,
    /// `monday`, or `monday-friday`, with segments as in `09:00-17:00`.
    pub(crate) week: BTreeMap<String, Vec<Text>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) holidays: Vec<Text>,
    /// Days with segments of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) exceptions: BTreeMap<String, Vec<Text>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenPerson {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Kind or name of a channel, and where it reaches them.
    pub(crate) contacts: BTreeMap<String, Text>,
}

impl Written {
    /// The same, with what it leaves out as there.
    pub(crate) fn or(mut self, default: Self) -> Self {
        self.auto_resolve = self.auto_resolve.or(default.auto_resolve);
        for (name, default) in default.priorities {
            let priority = self.priorities.remove(&name);
            self.priorities.insert(name, or(priority, default, WrittenPriority::or));
        }
        for (name, default) in default.levels {
            let level = self.levels.remove(&name);
            self.levels.insert(name, or(level, default, WrittenLevel::or));
        }
        for (name, default) in default.calendars {
            self.calendars.entry(name).or_insert(default);
        }
        self
    }
}

fn or<T>(own: Option<At<T>>, default: At<T>, both: impl Fn(T, T) -> T) -> At<T> {
    match own {
        Some(own) => At { place: own.place, value: both(own.value, default.value) },
        None => default,
    }
}

impl WrittenPriority {
    fn or(self, default: Self) -> Self {
        Self {
            means: self.means.or(default.means),
            response: self.response.or(default.response),
            resolution: self.resolution.or(default.resolution),
            notify: self.notify.or(default.notify),
            escalate: self.escalate.or(default.escalate),
            level_times: self.level_times.or(default.level_times),
        }
    }
}

impl WrittenLevel {
    fn or(self, default: Self) -> Self {
        Self {
            name: self.name.or(default.name),
            hours: self.hours.or(default.hours),
            response: self.response.or(default.response),
            escalate: self.escalate.or(default.escalate),
            when: self.when.or(default.when),
            members: self.members.or(default.members),
            rotations: self.rotations.or(default.rotations),
        }
    }
}
