//! Traces that show what a measure counts: the way from an alert to its cause.

use std::time::Duration;

use plugin::hub::Moment;
use plugin::model::{Tenant, Timestamp};

use super::calls::Table;
use super::dimension::Asked;
use super::taken::Question;
use super::{Evaluator, before};
use crate::labels::Labels;
use crate::rule::{Condition, Measure, Rule};

/// Alerts of one evaluation for which traces are looked for; when thousands fire at once, these will do.
pub(crate) const TRACES_LOOKED_FOR_MAX: usize = 20;
/// What is not found by then is left out.
pub(crate) const TRACES_TIME_MAX: Duration = Duration::from_secs(5);
const TRACES: usize = 3;

impl Evaluator {
    /// Traces of what an alert is about: the slowest where it is about time, else the last that failed. None is no reason to fail.
    pub(crate) async fn examples(&self, tenant: &Tenant, rule: &Rule, labels: &Labels, at: Timestamp) -> Vec<String> {
        let Condition::Measure(measured) = &rule.condition else { return Vec::new() };
        let Question::Calls { table, window, offset, labels: names } = Question::of(rule) else { return Vec::new() };
        let at = before(at, offset);
        let is_slow = matches!(measured.measure, Measure::ResponseTime(_) | Measure::DbResponseTime(_));
        let mut asked = Asked::default();
        let (time, source) = if is_slow { table.all() } else { table.failed() };
        let order = if is_slow { "duration_ns" } else { time };
        let from = asked.param(Moment(before(at, window)).to_string());
        let mut conditions = format!("{source} AND trace_id IS NOT NULL AND {time} >= {from}");
        for name in &names {
            conditions.push_str(&asked.like(name, labels.get(name)));
        }
        let sql =
            format!("SELECT trace_id FROM {conditions} GROUP BY trace_id ORDER BY max({order}) DESC LIMIT {TRACES}");
        match self.ask(tenant, asked.statement(sql), at).await {
            Ok(answer) => answer.texts(0).into_iter().flatten().collect(),
            Err(cause) => {
                tracing::warn!(rule = rule.name, %cause, "no traces were found that show what an alert is about");
                Vec::new()
            }
        }
    }
}

impl Table {
    /// What any one is like.
    pub(super) fn all(self) -> (&'static str, String) {
        let (_, time, from) = self.sql();
        (time, from)
    }
}
