//! Which steps of escalation are due, from the policy, the incident and the time alone.
//!
//! Each step is taken at most once and never before its time. Times follow from one another, not from when a step was noticed: after
//! a pause the same steps come out, and only the highest of them is told.

use std::collections::BTreeSet;

use super::super::document::{Incident, opened_step};
use super::super::policy::{Level, Policy, Promise};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Unique within the incident, until it is reopened.
    pub(crate) key: String,
    pub(crate) due: i64,
    pub(crate) why: Why,
    pub(crate) levels: Vec<Level>,
    pub(crate) outcome: Outcome,
}

/// Why a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// It was opened, reopened, or made more urgent: who has it is told.
    Opened,
    /// The priority says so, so long after it was opened.
    Priority,
    /// Nobody has acknowledged it in time.
    Unanswered,
    /// The level has not resolved it in its time.
    Unresolved,
}

/// What becomes of a step that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The levels are told.
    Told,
    /// A later one that is due as well goes higher.
    Overtaken,
    /// It is there already.
    There,
}

/// The steps that are due, where they bring the incident, and when there is more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) level: Level,
    pub(crate) level_since: i64,
    pub(crate) next_due: Option<i64>,
}

/// The steps that are due by now.
pub(crate) fn steps(policy: &Policy, incident: &Incident, now: i64) -> Plan {
    let mut walk = Walk::new(policy, incident);
    let mut steps = Vec::new();
    let next_due = loop {
        match walk.next() {
            Some(mut step) if step.due <= now => {
                walk.take(&mut step);
                steps.push(step);
            }
            next => break next.map(|step| step.due),
        }
    };
    overtake(&mut steps, incident.counts_from);
    Plan { steps, level: walk.level, level_since: walk.level_since, next_due }
}

/// Of several steps up that are due only the last is told, for it goes highest. What holds from the beginning is told in any case.
fn overtake(steps: &mut [Step], begin: i64) {
    let goes_up = |step: &Step| step.why != Why::Opened && step.outcome == Outcome::Told;
    let Some(last) = steps.iter().rposition(goes_up) else { return };
    for step in &mut steps[..last] {
        let is_at_once = step.why == Why::Priority && step.due == begin;
        if goes_up(step) && !is_at_once {
            step.outcome = Outcome::Overtaken;
        }
    }
}

/// The incident on its way up.
struct Walk<'a> {
    policy: &'a Policy,
    incident: &'a Incident,
    promise: &'a Promise,
    level: Level,
    level_since: i64,
    taken: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn new(policy: &'a Policy, incident: &'a Incident) -> Self {
        Self {
            policy,
            incident,
            promise: policy.promise(incident.priority),
            level: incident.level,
            level_since: incident.level_since,
            taken: incident.steps.iter().cloned().collect(),
        }
    }

    /// The earliest step that was not taken; of several the one that goes least high.
    fn next(&self) -> Option<Step> {
        if !self.incident.is_active {
            return None;
        }
        let mut candidates = vec![self.opened()];
        candidates.extend(self.by_priority());
        candidates.extend(self.unanswered());
        candidates.extend(self.unresolved());
        candidates.retain(|step| !self.taken.contains(&step.key));
        candidates
            .into_iter()
            .min_by_key(|step| (step.due, step.why != Why::Opened, step.levels.last().copied(), step.why))
    }

    fn take(&mut self, step: &mut Step) {
        self.taken.insert(step.key.clone());
        if step.why == Why::Opened {
            return;
        }
        let highest = step.levels.last().copied().unwrap_or(self.level);
        if highest <= self.level {
            step.outcome = Outcome::There;
            return;
        }
        // Management is told of it and does not take it from the level that works on it.
        let works = step.levels.iter().copied().filter(|level| *level < Level::Management).max().unwrap_or(highest);
        if works > self.level {
            (self.level, self.level_since) = (works, step.due);
        }
    }

    fn opened(&self) -> Step {
        let levels = BTreeSet::from([self.incident.level]);
        self.step(opened_step(self.incident.priority), self.incident.counts_from, Why::Opened, &levels)
    }

    fn by_priority(&self) -> impl Iterator<Item = Step> {
        self.promise.escalate.iter().map(|escalate| {
            let levels: Vec<&str> = escalate.to.iter().map(|level| level.as_str()).collect();
            let key = format!("{:?}:{}", self.incident.priority, levels.join("+"));
            let due = self.incident.counts_from.saturating_add(escalate.after);
            self.step(key, due, Why::Priority, &escalate.to)
        })
    }

    /// Who has it must answer within the time of the priority; a level that it went up to, within its own if that is shorter.
    fn unanswered(&self) -> Option<Step> {
        let next = self.level.next().filter(|_| self.incident.acknowledged_at.is_none())?;
        let since = self.level_since.max(self.incident.counts_from);
        let mut due = since.saturating_add(self.promise.response);
        let standing = self.policy.standing(self.level);
        if self.level > Level::One
            && let Some(own) = standing.response.and_then(|response| standing.hours.add(since, response))
        {
            due = due.min(own);
        }
        let key = format!("{:?}:unanswered:{}", self.incident.priority, self.level.as_str());
        Some(self.step(key, due, Why::Unanswered, &BTreeSet::from([next])))
    }

    fn unresolved(&self) -> Option<Step> {
        let standing = self.policy.standing(self.level);
        let (after, to) = standing.escalate.filter(|_| self.promise.level_times)?;
        let due = standing.hours.add(self.level_since, after)?;
        let key = format!("unresolved:{}", self.level.as_str());
        Some(self.step(key, due, Why::Unresolved, &BTreeSet::from([to])))
    }

    fn step(&self, key: String, due: i64, why: Why, levels: &BTreeSet<Level>) -> Step {
        Step { key, due, why, levels: levels.iter().copied().collect(), outcome: Outcome::Told }
    }
}

#[cfg(test)]
mod tests;
