//! Rounds: the rules of a tenant and lane that are due together, evaluated and held against their alerts beside everything else.
//!
//! A lane has one round under way at a time, so evaluations of a rule never overtake one another, and the alerts that a round was begun
//! with are those that its outcome is for.

use std::sync::Arc;
use std::time::Instant;

use plugin::model::{Tenant, Timestamp};
use plugin::records::Error;
use tokio::task::spawn_blocking;
use tracing::{Instrument, Span};

use super::{Lane, Watch, Watched};
use crate::alert::{Alert, Change};
use crate::evaluate::Evaluated;
use crate::rule::Rule;
use crate::state::Memory;
use crate::telemetry;

/// What came of one round of one lane.
pub(super) struct Round {
    tenant: Tenant,
    lane: Lane,
    at: i64,
    told: Vec<Told>,
    span: Span,
}

/// What the evaluation of one rule came to.
struct Told {
    rule: Arc<Rule>,
    error: Option<String>,
    had_data: bool,
    changes: Vec<(Alert, Change)>,
}

impl Told {
    fn new((rule, mut memory): (Arc<Rule>, Memory), evaluated: Evaluated, alerts_max: usize, at: i64) -> Self {
        let changes = memory.step(&rule, alerts_max, evaluated.outcome, at);
        let error = evaluated.error.map(|error| error.to_string());
        Self { rule, error, had_data: memory.had_data, changes }
    }
}

impl Watched {
    fn memory(&self) -> Memory {
        let active = self.alerts.iter().map(|kept| kept.alert.clone()).collect();
        Memory { active, had_data: self.had_data }
    }
}

impl Watch<'_> {
    /// Starts a round of every lane that is idle and has rules that are due: those that are due longest, together.
    pub(super) fn start_rounds(&mut self, now: i64) {
        let with_rules = self.tenants.iter().filter(|(_, of)| !of.rules.is_empty());
        let tenants: Vec<Tenant> = with_rules.map(|(tenant, _)| tenant.clone()).collect();
        for tenant in tenants {
            for lane in Lane::ALL {
                if !self.is_busy(&tenant, lane) {
                    self.start_round(tenant.clone(), lane, now);
                }
            }
        }
    }

    fn start_round(&mut self, tenant: Tenant, lane: Lane, now: i64) {
        let Some(of_tenant) = self.tenants.get_mut(&tenant) else { return };
        let Some((at, due)) = of_tenant.take_due(lane, now) else { return };
        let (rules, memories): (Vec<Arc<Rule>>, Vec<Memory>) =
            due.into_iter().map(|watched| (Arc::clone(&watched.rule), watched.memory())).unzip();
        self.notifications.counters.began_late(now - at);
        self.busy.push((tenant.clone(), lane));
        let (evaluator, alerts_max) = (self.evaluators[&lane].clone(), self.config.alerts_per_rule_max);
        let span = telemetry::evaluate(&tenant, lane.name(), rules.len());
        let of_round = span.clone();
        let round = async move {
            let began = Instant::now();
            let evaluated = evaluator.evaluate(&tenant, &rules, Timestamp(at)).await;
            telemetry::evaluated(&of_round, began.elapsed());
            // An answer may have a hundred thousand rows.
            let step = move || {
                let of_rules = rules.into_iter().zip(memories).zip(evaluated);
                of_rules.map(|(rule, evaluated)| Told::new(rule, evaluated, alerts_max, at)).collect::<Vec<_>>()
            };
            let told = spawn_blocking(step).await.expect("a step does not panic");
            Round { tenant, lane, at, told, span: of_round }
        };
        self.running.spawn(round.instrument(span));
    }

    /// Writes what a round came to.
    pub(super) async fn finish(&mut self, round: Round) -> Result<(), Error> {
        let Round { tenant, lane, at, told, span } = round;
        self.busy.retain(|busy| *busy != (tenant.clone(), lane));
        let failed = told.iter().filter(|told| told.error.is_some()).count();
        self.notifications.counters.evaluated(told.len(), failed);
        let Some(of_tenant) = self.tenants.get_mut(&tenant) else { return Ok(()) };
        let (mut changes, mut health) = (Vec::new(), Vec::new());
        for Told { rule, error, had_data, changes: of_rule } in told {
            // It may have been changed or removed while it was evaluated.
            let Some(watched) = of_tenant.rules.get_mut(&rule.name).filter(|watched| Arc::ptr_eq(&watched.rule, &rule))
            else {
                continue;
            };
            if error.is_some() != watched.error.is_some() {
                health.push((rule.name.clone(), error.clone()));
            }
            watched.error = error;
            watched.had_data = had_data;
            changes.extend(of_rule.into_iter().map(|(alert, change)| (Arc::clone(&rule), alert, change)));
        }
        telemetry::changed(&span, changes.len(), failed);
        let write = async {
            self.write_health(&tenant, &health, at).await?;
            self.write_changes(&tenant, lane, changes, at).await
        };
        write.instrument(span).await?;
        if let Some(of_tenant) = self.tenants.get_mut(&tenant) {
            of_tenant.done(lane);
        }
        Ok(())
    }
}
