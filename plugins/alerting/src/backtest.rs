//! When a rule would have fired: evaluated as of times that are past, with the same machine that wakes people.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin::model::{Tenant, Timestamp};
use serde::Serialize;
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
/// Most time it takes; what was found by then is told.
const TIME_MAX: Duration = Duration::from_secs(240);
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
    /// Time of the last evaluation, when there was no time for the rest; nanoseconds since 1970.
    pub(crate) stopped_at: Option<i64>,
}

/// An alert that would have fired. Times are nanoseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WouldFire {
    pub(crate) labels: Labels,
    pub(crate) value: Option<f64>,
    pub(crate) active_since: i64,
    pub(crate) fired_at: i64,
    /// Null when it would still fire at the end.
    pub(crate) resolved_at: Option<i64>,
}

/// Evaluates the rule at all times.
pub(crate) async fn backtest(
    evaluator: &Evaluator,
    tenant: &Tenant,
    rule: Rule,
    alerts_max: usize,
    times: Times,
) -> Backtest {
    let (began, rule) = (Instant::now(), Arc::new(rule));
    let mut told = Backtest { step_seconds: times.step as f64 / 1e9, ..Backtest::default() };
    let mut memory = Memory::default();
    let mut at = times.from;
    while at <= times.until {
        if began.elapsed() > TIME_MAX {
            told.stopped_at = Some(at);
            break;
        }
        let evaluated = evaluator.evaluate(tenant, std::slice::from_ref(&rule), Timestamp(at)).await;
        let [Evaluated { outcome, error }] = <[_; 1]>::try_from(evaluated).expect("one rule was evaluated");
        told.evaluations += 1;
        if let Some(error) = error {
            told.failed += 1;
            told.error = Some(error.to_string());
        }
        let changes = memory.step(&rule, alerts_max, outcome, at);
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

impl Backtest {
    /// One that has fired; those that are pending at the end would not have.
    fn add(&mut self, alert: Alert) {
        let Some(fired_at) = alert.fired_at else { return };
        if self.alerts.len() == ALERTS_MAX {
            self.alerts_left_out += 1;
            return;
        }
        let Alert { labels, value, active_since, resolved_at, .. } = alert;
        self.alerts.push(WouldFire { labels, value, active_since, fired_at, resolved_at });
    }
}
