//! When a rule would have fired: evaluated as of times that are past, with the same machine that wakes people.

use std::sync::Arc;
use std::time::Duration;

use plugin::hub::Moment;
use plugin::model::{Tenant, Timestamp};
use serde::Serialize;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use crate::alert::{Alert, Change};
use crate::evaluate::{Evaluated, Evaluator};
use crate::labels::Labels;
use crate::rule::Rule;
use crate::state::Memory;

/// Evaluations when the step is not said: it is as much wider than the rule's interval as that takes.
pub(crate) const EVALUATIONS: i64 = 1000;
/// Most evaluations.
pub(crate) const EVALUATIONS_MAX: i64 = 20_000;
/// Most time that all rules of a request take together, as who asks waits for a minute at most; what was found by then is told.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(50);
/// Most alerts that are told; the others are counted.
pub(crate) const ALERTS_MAX: usize = 1000;

/// Times of evaluations, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) step: i64,
}

impl Times {
    /// Every so often, or as often as is usual.
    pub(crate) fn new(from: i64, until: i64, interval: Duration, step: Option<Duration>) -> Result<Self, String> {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX).max(1);
        let length = until.saturating_sub(from);
        if length <= 0 {
            return Err("the range is empty: 'since' is not before 'until'".to_owned());
        }
        let step = step.map_or_else(|| nanos(interval).max(length / EVALUATIONS), nanos);
        match length / step {
            evaluations if evaluations > EVALUATIONS_MAX => Err(format!(
                "that takes {evaluations} evaluations, at most {EVALUATIONS_MAX} are made; take a wider step or a shorter range"
            )),
            _ => Ok(Self { from, until, step }),
        }
    }
}

/// What would have happened.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Backtest {
    /// How far apart the evaluations were; a rule that is evaluated more often may fire a little earlier.
    pub(crate) step_seconds: f64,
    pub(crate) evaluations: u64,
    /// Evaluations that failed, and why the last one did.
    pub(crate) failed: u64,
    pub(crate) error: Option<String>,
    /// Alerts that would have fired, in the order in which they began.
    pub(crate) alerts: Vec<WouldFire>,
    /// Further alerts that are not told one by one.
    pub(crate) alerts_left_out: u64,
    /// Up to when it was evaluated, when there was no time for the rest.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) stopped_at: Option<Moment>,
    /// Whether there was no time for any of it, as the rules before it took all that a request has.
    pub(crate) is_left_out: bool,
}

/// An alert that would have fired.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WouldFire {
    pub(crate) labels: Labels,
    pub(crate) value: Option<f64>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) active_since: Moment,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) fired_at: Moment,
    /// Null when it would still fire at the end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) resolved_at: Option<Moment>,
}

/// Whose past rules are tried in, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past<'a> {
    pub(crate) evaluator: &'a Evaluator,
    pub(crate) tenant: &'a Tenant,
    pub(crate) alerts_max: usize,
    pub(crate) deadline: Instant,
}

impl Past<'_> {
    /// Evaluates the rule at all times for which there is time.
    pub(crate) async fn backtest(&self, rule: Rule, times: Times) -> Backtest {
        let (rule, alerts_max) = (Arc::new(rule), self.alerts_max);
        let mut told = Backtest { step_seconds: times.step as f64 / 1e9, ..Backtest::default() };
        let mut memory = Memory::default();
        let mut at = times.from;
        while at <= times.until {
            let evaluated = self.evaluator.evaluate(self.tenant, std::slice::from_ref(&rule), Timestamp(at));
            let Ok(evaluated) = timeout_at(self.deadline, evaluated).await else {
                told.stopped_at = Some(Moment(Timestamp(at)));
                told.is_left_out = told.evaluations == 0;
                break;
            };
            let [Evaluated { outcome, error }] = <[_; 1]>::try_from(evaluated).expect("one rule was evaluated");
            told.evaluations += 1;
            if let Some(error) = error {
                told.failed += 1;
                told.error = Some(error.to_string());
            }
            let stepped = Arc::clone(&rule);
            // An answer may have a hundred thousand rows.
            let step = spawn_blocking(move || {
                let changes = memory.step(&stepped, alerts_max, outcome, at);
                (memory, changes)
            });
            let (remembered, changes) = step.await.expect("a step does not panic");
            memory = remembered;
            for (alert, _) in changes.iter().filter(|(_, change)| *change == Change::Resolved) {
                told.add(alert.clone());
            }
            memory.take(changes);
            at = at.saturating_add(times.step);
        }
        memory.active.into_iter().for_each(|alert| told.add(alert));
        told.alerts.sort_by_key(|alert| (alert.active_since, alert.fired_at));
        told
    }
}

impl Backtest {
    /// One that has fired; those that are pending at the end would not have.
    fn add(&mut self, alert: Alert) {
        let Some(fired_at) = alert.fired_at else { return };
        if self.alerts.len() == ALERTS_MAX {
            self.alerts_left_out += 1;
            return;
        }
        let Alert { labels, value, active_since, resolved_at, .. } = alert;
        let [active_since, fired_at] = [active_since, fired_at].map(|at| Moment(Timestamp(at)));
        let resolved_at = resolved_at.map(|at| Moment(Timestamp(at)));
        self.alerts.push(WouldFire { labels, value, active_since, fired_at, resolved_at });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plane::{DataPlane, Envelope};
    use plugin::query::{self, QueryEngine};
    use store::MemoryStore;

    use super::*;
    use crate::config::Config;
    use crate::rule::read;

    #[tokio::test]
    async fn a_rule_for_which_there_is_no_time_says_so() {
        let (directory, config) = (tempfile::tempdir().expect("a directory"), query::Config::default());
        let queries = query::runtime(&config).expect("a runtime");
        let replay = |_: &Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
        let (settings, log, store) =
            (plane::Config::default(), wal::Config::default(), Arc::new(MemoryStore::default()));
        let plane = DataPlane::open(&settings, directory.path(), log, store, Arc::new(replay), None).await;
        let engine = QueryEngine::new(Arc::new(plane.expect("a plane")), config, queries.handle().clone());
        let evaluator = Evaluator::new(&engine.expect("an engine"), &Config::default());
        let rule = "[{name: Errors, condition: error_count > 0, severity: info}]";
        let rule = read(rule).expect("a rule").remove(0).rule;
        let times = Times::new(0, 60_000_000_000, rule.interval, None).expect("times");
        let tenant = &Tenant::default_tenant();
        let past = Past { evaluator: &evaluator, tenant, alerts_max: 1, deadline: Instant::now() };

        let told = past.backtest(rule, times).await;

        assert_eq!((told.evaluations, told.stopped_at, told.is_left_out), (0, Some(Moment(Timestamp(0))), true));
        queries.shutdown_background();
    }
}
