//! Whom a step tells: those on call on its levels, over the channels of the priority. Pure.

use std::collections::BTreeSet;

use super::super::document::Incident;
use super::super::policy::{Level, Policy};
use super::names;
use crate::labels::Labels;
use crate::notify::{Delivery, Item, ItemKind, Order};
use crate::rule::{Priority, Severity};

/// Levels that are told the same.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) kind: ItemKind,
    pub(super) levels: Vec<Level>,
    pub(super) because: String,
}

/// The orders, and a line for the timeline for each level. Nobody is told twice over the same channel.
pub(super) fn orders(policy: &Policy, incident: &Incident, told: &[Told], now: i64) -> (Vec<Order>, Vec<String>) {
    let channels = &policy.promise(incident.priority).notify;
    let (mut orders, mut lines, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for told in told {
        let item = item(incident, told, now);
        for level in &told.levels {
            let mut reached: Vec<String> = Vec::new();
            for channel in channels {
                for (to, who) in receivers(policy, *level, channel, now) {
                    reached.push(format!("{who} by {channel}"));
                    if known.insert((channel.clone(), to.clone())) {
                        orders.push(Order {
                            channel: channel.clone(),
                            to,
                            delivery: Delivery::AtOnce,
                            item: item.clone(),
                        });
                    }
                }
            }
            lines.push(format!("{level}: {}", reached.join(", ")));
        }
    }
    (orders, lines)
}

/// Where the channel reaches the level, and whom. Without anybody whom it reaches, it has receivers of its own.
fn receivers(policy: &Policy, level: Level, channel: &str, now: i64) -> Vec<(Option<String>, String)> {
    let people = policy.on_call(level, now);
    let reached: Vec<_> = people
        .into_iter()
        .filter_map(|person| Some((Some(person.contact(channel)?.to_owned()), person.id.clone())))
        .collect();
    if reached.is_empty() { vec![(None, "the channel's receivers".to_owned())] } else { reached }
}

fn item(incident: &Incident, told: &Told, now: i64) -> Item {
    let Incident { number, title, priority, .. } = incident;
    let what = match told.kind {
        ItemKind::IncidentResolved => "is resolved".to_owned(),
        ItemKind::IncidentOpened => "is open".to_owned(),
        _ => format!("goes to {}", names(&told.levels)),
    };
    let mut text = vec![told.because.clone(), format!("it is with {}", incident.level)];
    if !incident.services.is_empty() {
        text.push(format!("services: {}", incident.services.join(", ")));
    }
    let labels = [("incident", number.clone()), ("priority", format!("{priority:?}"))];
    Item {
        subject: format!("incident/{number}"),
        kind: told.kind,
        severity: severity(*priority),
        title: format!("{number} ({priority:?}) {what}: {title}"),
        text: text.join("\n"),
        labels: Labels::from_iter(labels),
        annotations: [].into(),
        value: None,
        links: incident.links.clone(),
        at: now,
    }
}

fn severity(priority: Priority) -> Severity {
    match priority {
        Priority::P1 | Priority::P2 => Severity::Critical,
        Priority::P3 => Severity::Warning,
        Priority::P4 => Severity::Info,
    }
}
