//! When rules would have fired.

use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use plugin::Failure;
use plugin::model::Tenant;
use plugin::yaml::Fault;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::Desk;
use crate::backtest::{Backtest, Past, TIME_MAX, Times};
use crate::rule::{Condition, duration};
use crate::rule_book;
use crate::watch::now;

/// Rules of one backtest.
const RULES_MAX: usize = 20;
/// When it is not said.
const SINCE: &str = "1d";

/// What is to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacktestWanted {
    /// Rules as a file has them; at most 20.
    yaml: String,
    /// How long ago it begins, as in `7d`; a day when it is not said.
    since: Option<String>,
    /// Between two evaluations, as in `1m`; when it is not said, the rule's interval, or what makes a thousand evaluations.
    step: Option<String>,
}

/// When one rule would have fired.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleBacktest {
    rule: String,
    #[serde(flatten)]
    backtest: Backtest,
}

/// Say when rules would have fired
#[utoipa::path(
    post, path = "/rules/backtest", tag = "alerting", security(("caller" = ["alerting:rules:read"])),
    request_body = BacktestWanted,
    responses((status = 200, body = Vec<RuleBacktest>), (status = 400, description = "The rules or the times are wrong"))
)]
pub(crate) async fn run(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Json(wanted): Json<BacktestWanted>,
) -> Result<Json<Vec<RuleBacktest>>, Failure> {
    let deadline = Instant::now() + TIME_MAX;
    let written = rule_book::read(wanted.yaml).await.map_err(|faults| first(&faults))?;
    if written.len() > RULES_MAX {
        let message = format!("there are {} rules, at most {RULES_MAX} are tried at once", written.len());
        return Err(Failure::invalid(message).hinting("try them one after the other"));
    }
    let faults = desk.evaluator.faults(&tenant, &written).await;
    if !faults.is_empty() {
        return Err(first(&faults));
    }
    let length = read("since", Some(wanted.since.as_deref().unwrap_or(SINCE)))?.expect("it is said");
    let step = read("step", wanted.step.as_deref())?;
    let until = now();
    let from = crate::evaluate::before(until, length);
    let mut tries = Vec::with_capacity(written.len());
    for rule in written.into_iter().map(|written| written.rule) {
        if let Condition::SloBurn(_) = rule.condition {
            let message = format!("'{}' is about how objectives burn now, which is not kept for the past", rule.name);
            return Err(Failure::invalid(message).hinting("see the history of the objective"));
        }
        let times = Times::new(from.0, until.0, rule.interval, step).map_err(Failure::invalid)?;
        tries.push((rule, times));
    }
    let alerts_max = desk.config.alerts_per_rule_max;
    let past = Past { evaluator: &desk.evaluator, tenant: &tenant, alerts_max, deadline };
    let mut all = Vec::with_capacity(tries.len());
    for (rule, times) in tries {
        let name = rule.name.clone();
        all.push(RuleBacktest { rule: name, backtest: past.backtest(rule, times).await });
    }
    Ok(Json(all))
}

fn first(faults: &[Fault]) -> Failure {
    faults.first().expect("there is a fault").into()
}

fn read(name: &str, written: Option<&str>) -> Result<Option<Duration>, Failure> {
    let read = written.map(duration::parse).transpose();
    read.map_err(|_| {
        Failure::invalid(format!("'{name}' is '{}', which is no duration", written.unwrap_or_default()))
            .hinting("write it as in 90s, 15m, 6h, 7d")
    })
}
