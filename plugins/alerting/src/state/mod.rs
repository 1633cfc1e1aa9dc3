//! What becomes of a rule's alerts when it has been evaluated. Pure: the time is an argument.
//!
//! An alert fires only after its condition was seen true for as long as the rule wants, fires once, and is over once:
//! whatever evaluations are missing, fail, or come with a clock that was set back.
//!
//! **Pauses.** How long an alert has been pending is told by `active_since`, which outlives a restart. Time in which
//! nobody looked proves nothing: when a pending alert was not seen for longer than `tolerance` (three intervals, at least
//! five minutes), it begins again. When it was seen last is written down each quarter of that and not each time, so a
//! pause is known to a quarter of the tolerance.
//!
//! **Clocks.** No time between two moments is negative. What began in the future, as a clock that was set back has it,
//! begins again now. A clock that is set forward by less than the tolerance cannot be told from a pause.

mod found;

use std::time::Duration;

pub(crate) use self::found::{Found, Outcome};
use self::found::{Instance, instances, no_data};
use crate::alert::{Alert, AlertState, Change};
use crate::rule::{NoData, Rule};

/// The least time that a pending alert may go unseen.
const TOLERANCE_MIN: Duration = Duration::from_secs(300);
const INTERVALS_TOLERATED: u32 = 3;
/// A pending alert is written down again when it was not for this part of the tolerance.
const RENEWALS: i64 = 4;

/// What is remembered of a rule from one evaluation to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Alerts that are pending or firing.
    pub(crate) active: Vec<Alert>,
    /// Whether there has ever been something to look at: what never had is not missing anything.
    pub(crate) had_data: bool,
}

impl Memory {
    /// What an evaluation changes, as [`step`] says; alerts are as they were until the changes are taken.
    pub(crate) fn step(
        &mut self,
        rule: &Rule,
        alerts_max: usize,
        mut outcome: Outcome,
        at: i64,
    ) -> Vec<(Alert, Change)> {
        if let Outcome::Rows { saw_data, .. } = &mut outcome {
            let had_data = self.had_data;
            self.had_data |= *saw_data;
            *saw_data |= !had_data;
        }
        step(rule, alerts_max, &self.active, &outcome, at)
    }

    pub(crate) fn take(&mut self, changes: Vec<(Alert, Change)>) {
        for (alert, change) in changes {
            self.active.retain(|active| active.fingerprint != alert.fingerprint);
            if !matches!(change, Change::Resolved | Change::Passed) {
                self.active.push(alert);
            }
        }
    }
}

/// What has become of the alerts of a rule that are pending or firing, and which are new, at `at` (nanoseconds since
/// 1970). Alerts that stay as they are, are not in the answer.
fn step(rule: &Rule, alerts_max: usize, active: &[Alert], outcome: &Outcome, at: i64) -> Vec<(Alert, Change)> {
    let Outcome::Rows { rows, saw_data } = outcome else { return Vec::new() };
    let is_blind = rows.is_empty() && !saw_data;
    let mut found = match rule.no_data {
        NoData::Keep if is_blind => return Vec::new(),
        NoData::Alert if is_blind => no_data(rule),
        _ => instances(rule, alerts_max, active, rows),
    };
    // Nothing is known of the others then, so they stay.
    let others_stay = is_blind && rule.no_data == NoData::Alert;
    let moment = Moment::of(rule, at);
    let mut changes = Vec::new();
    for alert in active.iter().filter(|alert| alert.state != AlertState::Resolved) {
        let change = match found.remove(&alert.fingerprint) {
            Some(instance) => moment.still_true(alert.clone(), instance),
            None if others_stay => None,
            None => moment.not_true(alert.clone()),
        };
        changes.extend(change);
    }
    changes.extend(found.into_values().map(|instance| moment.begun(instance)));
    changes.sort_by(|(one, _), (other, _)| one.fingerprint.cmp(&other.fingerprint));
    changes
}

/// What becomes of the alerts of a rule that was changed, before it is evaluated again.
///
/// What is pending begins again when the rule now asks something else or labels its alerts otherwise; when only `for` or
/// texts have changed, it goes on. What fires goes on, and the next evaluation tells.
pub(crate) fn rule_changed(old: &Rule, new: &Rule, active: &[Alert]) -> Vec<(Alert, Change)> {
    let is_same = old.condition == new.condition && old.labels == new.labels && old.group_by == new.group_by;
    let pending = active.iter().filter(|alert| !is_same && alert.state == AlertState::Pending);
    pending.map(|alert| (alert.clone(), Change::Passed)).collect()
}

/// What becomes of the alerts of a rule that is not there any more, or not enabled.
pub(crate) fn rule_ended(active: &[Alert], at: i64) -> Vec<(Alert, Change)> {
    let active = active.iter().filter(|alert| alert.state != AlertState::Resolved).cloned();
    active
        .map(|alert| match alert.state {
            AlertState::Pending => (alert, Change::Passed),
            _ => resolved(alert, at),
        })
        .collect()
}

/// How long a pending alert of the rule may go unseen.
pub(crate) fn tolerance(rule: &Rule) -> Duration {
    (rule.interval * INTERVALS_TOLERATED).max(TOLERANCE_MIN)
}

/// A rule at the time of an evaluation; times are in nanoseconds.
struct Moment<'a> {
    rule: &'a Rule,
    at: i64,
    hold: i64,
    keep_firing: i64,
    tolerance: i64,
}

impl<'a> Moment<'a> {
    fn of(rule: &'a Rule, at: i64) -> Self {
        Self {
            rule,
            at,
            hold: nanoseconds(rule.hold),
            keep_firing: nanoseconds(rule.keep_firing),
            tolerance: nanoseconds(tolerance(rule)),
        }
    }

    fn since(&self, earlier: i64) -> i64 {
        self.at.saturating_sub(earlier).max(0)
    }

    fn begun(&self, instance: Instance) -> (Alert, Change) {
        let alert = Alert {
            rule: self.rule.name.clone(),
            state: AlertState::Pending,
            severity: self.rule.severity,
            fingerprint: instance.fingerprint(),
            annotations: Default::default(),
            value: None,
            traces: Vec::new(),
            runbook: None,
            active_since: self.at,
            fired_at: None,
            resolved_at: None,
            last_true: Some(self.at),
            muted_by: Vec::new(),
            incident: None,
            labels: instance.labels.clone(),
        };
        match self.hold {
            0 => self.fired(alert, instance),
            _ => (self.told(alert, instance), Change::Began),
        }
    }

    /// With the words and the value of now.
    fn told(&self, mut alert: Alert, instance: Instance) -> Alert {
        alert.severity = self.rule.severity;
        alert.runbook = self.rule.runbook.clone();
        alert.annotations = instance.annotations(self.rule);
        alert.value = instance.value;
        alert.traces = instance.traces;
        alert
    }

    fn fired(&self, mut alert: Alert, instance: Instance) -> (Alert, Change) {
        alert.state = AlertState::Firing;
        alert.fired_at = Some(self.at);
        alert.last_true = None;
        (self.told(alert, instance), Change::Fired)
    }

    fn still_true(&self, mut alert: Alert, instance: Instance) -> Option<(Alert, Change)> {
        if alert.state == AlertState::Firing {
            return alert.last_true.take().map(|_| (alert, Change::Noted));
        }
        let seen = alert.last_true.unwrap_or(alert.active_since);
        let begins_again = self.at < alert.active_since || self.since(seen) > self.tolerance;
        if begins_again {
            alert.active_since = self.at;
        }
        if self.since(alert.active_since) >= self.hold {
            return Some(self.fired(alert, instance));
        }
        let is_to_renew = begins_again || seen > self.at || self.since(seen) >= self.tolerance / RENEWALS;
        alert.last_true = Some(self.at);
        is_to_renew.then_some((alert, Change::Noted))
    }

    fn not_true(&self, mut alert: Alert) -> Option<(Alert, Change)> {
        if alert.state == AlertState::Pending {
            return Some((alert, Change::Passed));
        }
        let not_true_since = alert.last_true.map(|since| since.min(self.at));
        if self.keep_firing == 0 || not_true_since.is_some_and(|since| self.since(since) >= self.keep_firing) {
            return Some(resolved(alert, self.at));
        }
        let is_to_note = alert.last_true.is_none() || not_true_since != alert.last_true;
        alert.last_true = not_true_since.or(Some(self.at));
        is_to_note.then_some((alert, Change::Noted))
    }
}

fn resolved(mut alert: Alert, at: i64) -> (Alert, Change) {
    alert.state = AlertState::Resolved;
    alert.resolved_at = Some(at.max(alert.fired_at.unwrap_or(at)));
    (alert, Change::Resolved)
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
