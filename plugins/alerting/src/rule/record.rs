//! The members that rules of every form have: how each is read, and its limits.

use std::collections::BTreeMap;
use std::time::Duration;

use plugin::yaml::{Faults, Node, Record, Value, Wrong, meant};

use super::template::Template;
use super::{NoData, Priority, Severity, duration};
use crate::notify::UNDELIVERABLE;

/// Longest name of a rule, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 200;
/// Most labels, and most annotations, that a rule adds.
pub(crate) const TEXTS_MAX: usize = 16;
/// Most labels that a rule may be grouped by or filtered by.
pub(crate) const GROUP_BY_MAX: usize = 16;
/// Longest name of a label or annotation, in bytes.
pub(crate) const LABEL_BYTES_MAX: usize = 128;
/// Most channels of a rule, and the longest name of one, in bytes.
pub(crate) const CHANNELS_MAX: usize = 16;
pub(crate) const CHANNEL_BYTES_MAX: usize = 100;
/// Longest SQL or PromQL text, in bytes.
pub(crate) const QUERY_BYTES_MAX: usize = 32 * 1024;
/// Longest address of a runbook, in bytes.
pub(crate) const RUNBOOK_BYTES_MAX: usize = 2048;

pub(crate) const INTERVAL_DEFAULT: Duration = Duration::from_secs(30);
pub(crate) const INTERVAL_MIN: Duration = Duration::from_secs(1);
pub(crate) const INTERVAL_MAX: Duration = Duration::from_secs(86_400);
/// Longest `for` and `keep_firing_for`.
pub(crate) const HOLD_MAX: Duration = Duration::from_secs(31 * 86_400);
/// Longest `offset`.
pub(crate) const OFFSET_MAX: Duration = Duration::from_secs(86_400);

/// Labels that only alerting itself sets.
pub(crate) const RESERVED: [&str; 4] = ["alertname", "no_data", "alerts_left_out", "labels_left_out"];

/// A name of a rule: of the text of a member that must be there.
pub(crate) fn name(record: &Record<'_, '_>, member: &str, what: &str, faults: &mut Faults) -> Option<String> {
    record.required(member, what, faults)?;
    record.parsed(member, checked_name, faults)
}

pub(crate) fn checked_name(text: &str) -> Result<String, Wrong> {
    let name = text.trim();
    if name.len() > NAME_BYTES_MAX {
        return Err(Wrong::new(format!("the name has {} bytes, more than {NAME_BYTES_MAX}", name.len()), "shorten it"));
    }
    if name == UNDELIVERABLE {
        return Err(Wrong::new(format!("alerting itself has a rule `{UNDELIVERABLE}`"), "name it otherwise"));
    }
    match name.chars().any(char::is_control) {
        true => Err(Wrong::new("the name has control characters", "leave them out")),
        false => Ok(name.to_owned()),
    }
}

/// A length of time within bounds, or the default.
pub(crate) fn time(
    record: &Record<'_, '_>,
    member: &str,
    (least, most): (Duration, Duration),
    faults: &mut Faults,
) -> Option<Duration> {
    record.parsed(member, |text| duration::parse_within(text, least, most), faults)
}

pub(crate) fn severity(text: &str) -> Result<Severity, Wrong> {
    one_of(text, &[("critical", Severity::Critical), ("warning", Severity::Warning), ("info", Severity::Info)])
}

pub(crate) fn no_data(text: &str) -> Result<NoData, Wrong> {
    one_of(text, &[("ok", NoData::Ok), ("alert", NoData::Alert), ("keep", NoData::Keep)])
}

pub(crate) fn incident(text: &str) -> Result<Option<Priority>, Wrong> {
    let priorities = [
        ("P1", Some(Priority::P1)),
        ("P2", Some(Priority::P2)),
        ("P3", Some(Priority::P3)),
        ("P4", Some(Priority::P4)),
        ("none", None),
    ];
    one_of(text, &priorities)
}

pub(crate) fn boolean(text: &str) -> Result<bool, Wrong> {
    one_of(text, &[("true", true), ("false", false)])
}

/// The incident of a rule that does not say.
pub(crate) fn usual_incident(severity: Severity) -> Option<Priority> {
    (severity == Severity::Critical).then_some(Priority::P1)
}

pub(crate) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let text = text.trim();
    choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        Wrong::new(format!("`{text}` is none of {}", names.join(", ")), meant(text, names.iter().copied()))
    })
}

/// An address that a browser opens.
pub(crate) fn runbook(text: &str) -> Result<String, Wrong> {
    let text = text.trim();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_address = host.is_some_and(|host| host.starts_with(char::is_alphanumeric) || host.starts_with('['));
    match is_address && text.len() <= RUNBOOK_BYTES_MAX && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        true => Ok(text.to_owned()),
        false => {
            Err(Wrong::new("the runbook is no address of the web", "write it as in https://wiki.example.com/checkout"))
        }
    }
}

/// A query of at most `QUERY_BYTES_MAX`.
pub(crate) fn query(text: &str) -> Result<String, Wrong> {
    match text.len() <= QUERY_BYTES_MAX {
        true => Ok(text.to_owned()),
        false => {
            Err(Wrong::new(format!("the query has {} bytes, more than {QUERY_BYTES_MAX}", text.len()), "shorten it"))
        }
    }
}

/// Whether it can be the name or the kind of a channel. What is told to it is found by this name, so it is a key in the records.
pub(crate) fn is_channel(name: &str) -> bool {
    !name.is_empty() && name.len() <= CHANNEL_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Names or kinds of channels: a list, or a text with commas.
pub(crate) fn channels(record: &Record<'_, '_>, faults: &mut Faults) -> Vec<String> {
    let names = names(record, "notification", CHANNELS_MAX, faults);
    let mut channels: Vec<String> = Vec::new();
    for (node, name) in names {
        if !is_channel(&name) {
            faults.add(node.place, "this is no name of a channel", "write it as in `Email, Slack`");
        } else if channels.iter().any(|channel| channel.eq_ignore_ascii_case(&name)) {
            faults.add(node.place, format!("`{name}` is told twice"), "keep one of them");
        } else {
            channels.push(name);
        }
    }
    channels
}

/// Names of labels: a list, or a text with commas. Nothing if the member is not there.
pub(crate) fn group_by(record: &Record<'_, '_>, faults: &mut Faults) -> Option<Vec<String>> {
    record.get("group_by")?;
    let mut labels: Vec<String> = Vec::new();
    for (node, name) in names(record, "group_by", GROUP_BY_MAX, faults) {
        if labels.contains(&name) {
            faults.add(node.place, format!("`{name}` is there twice"), "keep one of them");
        } else if let Err(wrong) = label_name(&name) {
            faults.add(node.place, wrong.problem, wrong.remedy);
        } else {
            labels.push(name);
        }
    }
    Some(labels)
}

fn names<'n, 'a>(
    record: &Record<'n, 'a>,
    member: &str,
    most: usize,
    faults: &mut Faults,
) -> Vec<(&'n Node<'a>, String)> {
    let Some(node) = record.get(member) else { return Vec::new() };
    let mut found = Vec::new();
    let items = match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let is_list = matches!(node.value, Value::List(_));
    for item in items {
        let Some(text) = item.text(&format!("`{member}`"), faults) else { continue };
        let parts: Vec<&str> = if is_list { vec![text] } else { text.split(',').collect() };
        for part in parts {
            match part.trim() {
                "" => faults.add(item.place, format!("`{member}` has an empty name"), "leave out the comma"),
                name => found.push((item, name.to_owned())),
            }
        }
    }
    if found.len() > most {
        faults.add(node.place, format!("`{member}` has {} names, more than {most}", found.len()), "name fewer");
        found.truncate(most);
    }
    found
}

/// Labels or annotations, each a template.
pub(crate) fn templates(record: &Record<'_, '_>, member: &str, faults: &mut Faults) -> BTreeMap<String, Template> {
    let mut all = BTreeMap::new();
    for (name, node) in texts(record, member, faults) {
        let Value::Text(text) = &node.value else { continue };
        match Template::parse(text) {
            Ok(template) => drop(all.insert(name, template)),
            Err(wrong) => faults.add(node.place_in(wrong.offset), wrong.problem, wrong.remedy),
        }
    }
    all
}

/// Labels with the values that they must have.
pub(crate) fn filter(record: &Record<'_, '_>, faults: &mut Faults) -> BTreeMap<String, String> {
    let text = |node: &Node<'_>| if let Value::Text(text) = &node.value { text.clone() } else { String::new() };
    texts(record, "where", faults).into_iter().map(|(name, node)| (name, text(node))).collect()
}

/// Names of labels with what they hold, which is a text.
fn texts<'n, 'a>(record: &Record<'n, 'a>, member: &str, faults: &mut Faults) -> Vec<(String, &'n Node<'a>)> {
    let what = format!("`{member}`");
    let members = record.get(member).and_then(|node| node.members(&what, faults)).unwrap_or_default();
    if members.len() > TEXTS_MAX {
        faults.add(record.place, format!("{what} has {} members, more than {TEXTS_MAX}", members.len()), "write fewer");
    }
    let mut found = Vec::new();
    for (key, node) in members.iter().take(TEXTS_MAX) {
        if let Err(wrong) = label_name(&key.name) {
            faults.add(key.place, wrong.problem, wrong.remedy);
        } else if !matches!(node.value, Value::Text(_)) {
            faults.add(node.place, format!("`{}` is {}", key.name, node.kind()), "write a text");
        } else {
            found.push((key.name.clone(), node));
        }
    }
    found
}

fn label_name(name: &str) -> Result<(), Wrong> {
    if RESERVED.contains(&name) {
        return Err(Wrong::new(format!("`{name}` is set by alerting itself"), "take another name"));
    }
    let is_name = !name.trim().is_empty() && name.len() <= LABEL_BYTES_MAX && !name.chars().any(char::is_control);
    match is_name {
        true => Ok(()),
        false => Err(Wrong::new(format!("a name of a label has 1 to {LABEL_BYTES_MAX} bytes"), "take another name")),
    }
}
