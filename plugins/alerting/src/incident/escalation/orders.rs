//! Whom a step tells: those on call on its levels, over the channels of the priority; of the end, those who were told before. Pure.

use std::collections::BTreeSet;

use super::super::document::{Incident, Reached};
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

/// What comes of telling levels.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) orders: Vec<Order>,
    /// For the timeline, one for each level.
    pub(super) lines: Vec<String>,
    pub(super) reached: Vec<Reached>,
    /// Channels, and where they lead: nobody is told twice over the same one.
    known: BTreeSet<(String, Option<String>)>,
}

/// The orders by which levels are told.
pub(super) fn orders(policy: &Policy, incident: &Incident, told: &[Told], now: i64) -> Orders {
    let mut orders = Orders::default();
    for told in told {
        let item = item(incident, told, now);
        for level in &told.levels {
            let reached = match told.kind {
                ItemKind::IncidentResolved => who_was_told(policy, incident, *level, now),
                _ => on_duty(policy, incident, *level, now),
            };
            orders.tell(policy, &item, *level, reached);
        }
    }
    orders
}

impl Orders {
    fn tell(&mut self, policy: &Policy, item: &Item, level: Level, reached: Vec<Reached>) {
        let mut names = Vec::new();
        for one in &reached {
            let Reached { channel, person, .. } = one;
            let to = person.as_deref().and_then(|person| policy.person(person)?.contact(channel)).map(str::to_owned);
            let who = person.as_deref().filter(|_| to.is_some()).unwrap_or("the channel's receivers");
            names.push(format!("{who} by {channel}"));
            if self.known.insert((channel.clone(), to.clone())) {
                let (channel, item) = (channel.clone(), item.clone());
                self.orders.push(Order { channel, to, delivery: Delivery::AtOnce, item });
            }
        }
        self.lines.push(format!("{level}: {}", names.join(", ")));
        self.reached.extend(reached);
    }
}

/// Whom the channels of the priority reach on the level now. One that reaches nobody there has receivers of its own.
fn on_duty(policy: &Policy, incident: &Incident, level: Level, now: i64) -> Vec<Reached> {
    let people = policy.on_call(level, now);
    let mut reached = Vec::new();
    for channel in &policy.promise(incident.priority).notify {
        let by = |person: Option<String>| Reached { level, channel: channel.clone(), person };
        let reachable = people.iter().filter(|person| person.contact(channel).is_some());
        let before = reached.len();
        reached.extend(reachable.map(|person| by(Some(person.id.clone()))));
        if reached.len() == before {
            reached.push(by(None));
        }
    }
    reached
}

/// Who was told on the level, whoever is on call by now and however urgent it is by now.
fn who_was_told(policy: &Policy, incident: &Incident, level: Level, now: i64) -> Vec<Reached> {
    let reached: Vec<Reached> = incident.reached.iter().filter(|one| one.level == level).cloned().collect();
    // Incidents of earlier versions say which levels were told, and not who.
    if reached.is_empty() { on_duty(policy, incident, level, now) } else { reached }
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
