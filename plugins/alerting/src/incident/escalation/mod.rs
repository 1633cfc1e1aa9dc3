//! Brings incidents before those who have to know of them, when it is time.
//!
//! What is told, and that it was told, is written in one transaction: nobody is told twice, and nobody is forgotten.

mod orders;
mod steps;
mod worker;

pub(crate) use self::worker::escalate;

use self::orders::{Orders, Told, orders};
use self::steps::{Outcome, Step, Why, steps};
use super::document::{Incident, REACHED_MAX};
use super::policy::{Level, Policy};
use super::timeline::{Actor, Entries, EntryKind};
use crate::notify::{ItemKind, Order};

/// The step in which those who were told are told that it is over.
const RESOLVED_STEP: &str = "resolved";

/// What becomes of an incident when it is due.
#[derive(Clone, Debug)]
pub(crate) struct Advance {
    pub(crate) incident: Incident,
    pub(crate) entries: Entries,
    pub(crate) orders: Vec<Order>,
    /// Events of these kinds are published.
    pub(crate) events: Vec<&'static str>,
}

/// All that is due by now. Pure.
pub(crate) fn advance(policy: &Policy, incident: &Incident, now: i64) -> Advance {
    let (entries, events) = (Entries::default(), Vec::new());
    let mut advance = Advance { incident: incident.clone(), entries, orders: Vec::new(), events };
    advance.incident.promise(policy.promise(incident.priority));
    advance.end_what_is_quiet(policy, now);
    match advance.incident.is_active {
        true => advance.climb(policy, now),
        false => advance.tell_the_end(policy, now),
    }
    advance
}

impl Advance {
    fn end_what_is_quiet(&mut self, policy: &Policy, now: i64) {
        if policy.auto_resolve && self.incident.is_active && self.incident.quiet_at.is_some() {
            self.incident.resolve(now);
            self.note(EntryKind::Resolved, "all its alerts are over, and the policy has it resolved then", now);
            self.events.push("alerting.incident.resolved");
        }
    }

    fn climb(&mut self, policy: &Policy, now: i64) {
        let plan = steps(policy, &self.incident, now);
        let mut told: Vec<Told> = Vec::new();
        let asked: Vec<Level> = self.incident.to_tell.drain(..).collect();
        if !asked.is_empty() {
            told.push(Told {
                kind: ItemKind::IncidentEscalated,
                levels: asked,
                because: "people have decided so".to_owned(),
            });
        }
        for step in &plan.steps {
            self.incident.steps.push(step.key.clone());
            self.decide(step, &mut told, now);
        }
        if (plan.level, plan.level_since) != (self.incident.level, self.incident.level_since) {
            self.incident.move_to(plan.level, plan.level_since);
        }
        self.incident.due = plan.next_due;
        self.tell(policy, &told, now);
    }

    /// Notes what becomes of the step.
    fn decide(&mut self, step: &Step, told: &mut Vec<Told>, now: i64) {
        let (because, levels) = (because(step.why), names(&step.levels));
        match (step.outcome, step.why) {
            (Outcome::Told, Why::Opened) => {
                let levels = step.levels.clone();
                told.push(Told { kind: ItemKind::IncidentOpened, levels, because: because.to_owned() });
            }
            (Outcome::Told, _) => {
                self.note(EntryKind::EscalationDecision, because, now);
                self.incident.escalated(now);
                self.note(EntryKind::Escalated, format!("to {levels}"), now);
                self.events.push("alerting.incident.escalated");
                let levels = step.levels.clone();
                told.push(Told { kind: ItemKind::IncidentEscalated, levels, because: because.to_owned() });
            }
            (Outcome::Overtaken, _) => {
                let text = format!("{because}: {levels} is passed over, for it goes higher by now");
                self.note(EntryKind::EscalationDecision, text, now);
            }
            (Outcome::There, _) => {
                self.note(EntryKind::EscalationDecision, format!("{because}: it is at {levels} or above already"), now);
            }
        }
    }

    fn tell_the_end(&mut self, policy: &Policy, now: i64) {
        self.incident.due = None;
        self.incident.to_tell.clear();
        let is_told = self.incident.steps.iter().any(|step| step == RESOLVED_STEP);
        if is_told || self.incident.told.is_empty() {
            return;
        }
        self.incident.steps.push(RESOLVED_STEP.to_owned());
        let because = self.incident.resolution.clone().unwrap_or_else(|| "it is resolved".to_owned());
        let told = Told { kind: ItemKind::IncidentResolved, levels: self.incident.told.clone(), because };
        self.tell(policy, &[told], now);
    }

    fn tell(&mut self, policy: &Policy, told: &[Told], now: i64) {
        let Orders { orders, lines, reached, .. } = orders(policy, &self.incident, told, now);
        for line in lines {
            self.note(EntryKind::Told, line, now);
        }
        let left_out = self.incident.reach(reached);
        if left_out > 0 {
            self.note(EntryKind::Told, format!("{left_out} more than the {REACHED_MAX} who hear of its end"), now);
        }
        for level in told.iter().flat_map(|told| &told.levels) {
            if !self.incident.told.contains(level) {
                self.incident.told.push(*level);
            }
        }
        if !orders.is_empty() {
            self.events.push("alerting.incident.told");
        }
        self.orders = orders;
    }

    fn note(&mut self, kind: EntryKind, text: impl Into<String>, now: i64) {
        self.entries.add(&mut self.incident, &Actor::platform(), (kind, text), now);
    }
}

fn because(why: Why) -> &'static str {
    match why {
        Why::Opened => "it begins",
        Why::Priority => "its priority says so",
        Why::Unanswered => "nobody has acknowledged it in time",
        Why::Unresolved => "the level has not resolved it in its time",
    }
}

fn names(levels: &[Level]) -> String {
    let names: Vec<String> = levels.iter().map(Level::to_string).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests;
