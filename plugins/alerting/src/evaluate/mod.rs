//! Evaluates rules: asks each question once, however many rules want its answer, and holds every rule against it.

mod answer;
mod calls;
mod dimension;
mod evidence;
mod examples;
mod rows;
mod slo;
mod taken;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use plugin::model::{Tenant, Timestamp};
use plugin::query::{Asker, Class, QueryEngine, QueryError, Statement};
use plugin::yaml::Fault;
use tokio::sync::Semaphore;

pub(crate) use self::answer::{Answer, bytes_of};
pub(crate) use self::dimension::Asked;
pub(crate) use self::evidence::Evidence;
pub(crate) use self::examples::{TRACES_LOOKED_FOR_MAX, TRACES_TIME_MAX};
use self::taken::Question;
use crate::config::Config;
use crate::rule::{Condition, Rule, Written};
use crate::state::Outcome;

/// Rows of the answer to one question of a rule; one that has more is refused.
pub(crate) const ROWS_MAX: usize = 100_000;

/// Asks what rules want to know, in places of its own.
#[derive(Clone, Debug)]
pub(crate) struct Evaluator {
    engine: QueryEngine,
    at_once: usize,
    /// A question waits here as long as it takes: those of many tenants come at the same second.
    places: Arc<Semaphore>,
}

/// Why a rule could not be evaluated, for the one who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unevaluated(pub(crate) String);

impl From<QueryError> for Unevaluated {
    fn from(cause: QueryError) -> Self {
        Self::below(&cause, 0)
    }
}

impl Unevaluated {
    /// What the engine says of a statement that so many lines of ours were put before.
    fn below(cause: &QueryError, lines: u64) -> Self {
        let place = cause.position().map_or_else(String::new, |place| {
            format!(", line {} column {}", place.line.saturating_sub(lines), place.column)
        });
        let hint = cause.hint().map_or_else(String::new, |hint| format!("; {hint}"));
        Self(format!("{cause}{place}{hint}"))
    }
}

/// What the evaluation of one rule came to.
#[derive(Clone, Debug)]
pub(crate) struct Evaluated {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<Unevaluated>,
}

impl From<Result<Outcome, Unevaluated>> for Evaluated {
    fn from(result: Result<Outcome, Unevaluated>) -> Self {
        match result {
            Ok(outcome) => Self { outcome, error: None },
            Err(error) => Self { outcome: Outcome::Failed, error: Some(error) },
        }
    }
}

impl Evaluator {
    pub(crate) fn new(engine: &QueryEngine, config: &Config) -> Self {
        let class = Class {
            concurrent_max: config.queries_at_once,
            time_seconds_max: config.query_seconds_max,
            rows_max: ROWS_MAX,
        };
        let at_once = config.queries_at_once;
        Self { engine: engine.of_class(class), at_once, places: Arc::new(Semaphore::new(at_once)) }
    }

    /// What each rule comes to as of a time, in the order of the rules.
    pub(crate) async fn evaluate(&self, tenant: &Tenant, rules: &[Arc<Rule>], at: Timestamp) -> Vec<Evaluated> {
        let questions = shared(rules);
        let answers = futures::stream::iter(questions).map(|(question, askers)| async move {
            let held = self.held(tenant, &question, rules, &askers, at).await;
            askers.into_iter().zip(held).collect::<Vec<_>>()
        });
        let told: Vec<_> = answers.buffer_unordered(self.at_once).concat().await;
        let mut all: Vec<Option<Evaluated>> = vec![None; rules.len()];
        for (rule, evaluated) in told {
            all[rule] = Some(evaluated);
        }
        all.into_iter().map(|evaluated| evaluated.expect("every rule asks something")).collect()
    }

    /// The rules that ask a question, each held against its answer.
    async fn held(
        &self,
        tenant: &Tenant,
        question: &Question,
        rules: &[Arc<Rule>],
        askers: &[usize],
        at: Timestamp,
    ) -> Vec<Evaluated> {
        let expressions = askers.iter().filter_map(|rule| match &rules[*rule].condition {
            Condition::Promql(query) => Some(query.clone()),
            _ => None,
        });
        let expressions = expressions.collect();
        let taken = question.ask(self, tenant, expressions, at).await;
        let of_rule = |rule: &usize| match &taken {
            Ok(taken) => taken.hold(&rules[*rule]),
            Err(cause) => Err(cause.clone()).into(),
        };
        askers.iter().map(of_rule).collect()
    }

    /// All rows of the answer to a statement as of a time.
    pub(crate) async fn ask(
        &self,
        tenant: &Tenant,
        statement: Statement,
        at: Timestamp,
    ) -> Result<Answer, Unevaluated> {
        let statement = Statement { as_of: Some(at), ..statement };
        let _place = self.places.acquire().await.expect("the places are never closed");
        let rows = self.engine.sql(&asker(tenant), statement).await?;
        Answer::read(rows).await
    }

    /// Says what is wrong with the statements of rules, as far as that can be told before they are asked.
    pub(crate) async fn faults(&self, tenant: &Tenant, written: &[Written]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for written in written {
            let Condition::Sql(sql) = &written.rule.condition else { continue };
            let explained = Statement::new(format!("EXPLAIN\n{sql}"));
            let _place = self.places.acquire().await.expect("the places are never closed");
            let planned = self.engine.sql(&asker(tenant), explained).await;
            if let Err(cause) = planned {
                let cause = Unevaluated::below(&cause, 1);
                let problem = format!("the statement of '{}' cannot be asked: {cause}", written.rule.name);
                let remedy = "lines and columns behind the colon are those of the statement".to_owned();
                faults.push(Fault { place: written.place, problem, remedy });
            }
        }
        faults
    }
}

/// Who may write rules need not be allowed to see people and keys, so no rule sees them.
fn asker(tenant: &Tenant) -> Asker {
    Asker::new(tenant.clone()).seeing(|schema, _| schema != "hub")
}

/// Each question once, with the rules that ask it.
fn shared(rules: &[Arc<Rule>]) -> HashMap<Question, Vec<usize>> {
    let mut questions: HashMap<Question, Vec<usize>> = HashMap::new();
    for (place, rule) in rules.iter().enumerate() {
        questions.entry(Question::of(rule)).or_default().push(place);
    }
    questions
}

/// The time that is so much earlier.
pub(crate) fn before(at: Timestamp, earlier: Duration) -> Timestamp {
    Timestamp(at.0.saturating_sub(i64::try_from(earlier.as_nanos()).unwrap_or(i64::MAX)))
}
