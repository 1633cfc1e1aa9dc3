//! Questions that rules share, and their answers.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use plugin::model::{Tenant, Timestamp};

use super::calls::{self, Calls, Table};
use super::usage::{self, Resource};
use super::{Evaluated, Evaluator, Unevaluated, before, rows, slo};
use crate::labels::Labels;
use crate::promql;
use crate::rule::{Comparison, Condition, Measure, Measured, Rule};
use crate::state::{Found, Outcome};

/// What is asked: rules with the same question are answered together. All of PromQL is one, as it reads the same metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    Calls { table: Table, window: Duration, offset: Duration, labels: BTreeSet<String> },
    Usage { resource: Resource, window: Duration, offset: Duration, labels: BTreeSet<String> },
    Sql { text: String, offset: Duration },
    Promql { offset: Duration },
    Burns,
}

impl Question {
    pub(crate) fn of(rule: &Rule) -> Self {
        let offset = rule.offset;
        match &rule.condition {
            Condition::Measure(measured) => Self::of_measure(measured, offset),
            Condition::Sql(text) => Self::Sql { text: text.clone(), offset },
            Condition::Promql(_) => Self::Promql { offset },
            Condition::SloBurn(_) => Self::Burns,
        }
    }

    fn of_measure(measured: &Measured, offset: Duration) -> Self {
        let labels = measured.group_by.iter().chain(measured.filter.keys()).cloned().collect();
        let window = measured.window;
        let calls = |table| Self::Calls { table, window, offset, labels: BTreeSet::clone(&labels) };
        let usage = |resource| Self::Usage { resource, window, offset, labels: BTreeSet::clone(&labels) };
        match measured.measure {
            Measure::ErrorRate | Measure::ResponseTime(_) | Measure::RequestRate | Measure::ErrorCount => {
                calls(Table::Requests)
            }
            Measure::DbErrorRate | Measure::DbResponseTime(_) => calls(Table::Databases),
            Measure::DbConnectionFailed => calls(Table::FailedConnections),
            Measure::LogErrors => calls(Table::LogErrors),
            Measure::CpuUsage => usage(Resource::Cpu),
            Measure::MemoryUsage => usage(Resource::Memory),
            Measure::DiskUsage => usage(Resource::Disk),
        }
    }

    /// `expressions` are those of the rules that ask.
    pub(crate) async fn ask(
        &self,
        evaluator: &Evaluator,
        tenant: &Tenant,
        expressions: Vec<promql::Query>,
        at: Timestamp,
    ) -> Result<Taken, Unevaluated> {
        match self {
            Self::Calls { table, window, offset, labels } => {
                let at = before(at, *offset);
                let answer = evaluator.ask(tenant, calls::statement(*table, before(at, *window), labels), at).await?;
                let all = calls::read(&answer, labels);
                Ok(Taken::Calls(Things::of(all), *window))
            }
            Self::Usage { resource, window, offset, labels } => {
                let at = before(at, *offset);
                let statement = usage::statement(*resource, before(at, *window), labels);
                let answer = evaluator.ask(tenant, statement, at).await?;
                Ok(Taken::Usage(Things::of(usage::read(*resource, &answer, labels))))
            }
            Self::Sql { text, offset } => {
                rows::ask(evaluator, tenant, text, before(at, *offset)).await.map(Taken::Rows)
            }
            Self::Promql { offset } => {
                promql::ask(evaluator, tenant, expressions, before(at, *offset)).await.map(Taken::Promql)
            }
            Self::Burns => slo::ask(evaluator, tenant, at).await.map(Taken::Burns),
        }
    }
}

/// The answer to a question.
#[derive(Debug)]
pub(crate) enum Taken {
    Calls(Things<Calls>, Duration),
    Usage(Things<f64>),
    Rows(Outcome),
    Promql(promql::Answers),
    Burns(Vec<slo::Burn>),
}

impl Taken {
    /// What a rule that asked finds in it.
    pub(crate) fn hold(&self, rule: &Rule) -> Evaluated {
        match (self, &rule.condition) {
            (Self::Calls(things, window), Condition::Measure(measured)) => {
                Ok(held(things, measured, |calls| calls.value(measured, *window))).into()
            }
            (Self::Usage(things), Condition::Measure(measured)) => {
                Ok(held(things, measured, |share| Some(*share))).into()
            }
            (Self::Promql(answers), Condition::Promql(query)) => answers.of(query).into(),
            (Self::Rows(outcome), _) => Ok(outcome.clone()).into(),
            (Self::Burns(burns), Condition::SloBurn(name)) => slo::found(burns, name),
            _ => unreachable!("a rule is answered the question it asks"),
        }
    }
}

/// Things with labels, found by some of them.
#[derive(Debug)]
pub(crate) struct Things<T> {
    all: Vec<(Labels, T)>,
    /// For each set of label names that was asked for: the things by the values of these.
    by_values: parking_lot::Mutex<HashMap<Vec<String>, ByValues>>,
}

type ByValues = std::sync::Arc<HashMap<Vec<String>, Vec<usize>>>;

impl<T> Things<T> {
    fn of(all: Vec<(Labels, T)>) -> Self {
        Self { all, by_values: parking_lot::Mutex::default() }
    }

    /// Those with all of these labels. Thousands of rules ask for one thing each, so they are looked up.
    fn with(&self, filter: &std::collections::BTreeMap<String, String>) -> Vec<&(Labels, T)> {
        if filter.is_empty() {
            return self.all.iter().collect();
        }
        let names: Vec<String> = filter.keys().cloned().collect();
        let by_values = {
            let mut known = self.by_values.lock();
            std::sync::Arc::clone(known.entry(names.clone()).or_insert_with(|| self.looked_up(&names)))
        };
        let values: Vec<String> = filter.values().cloned().collect();
        by_values.get(&values).into_iter().flatten().map(|place| &self.all[*place]).collect()
    }

    fn looked_up(&self, names: &[String]) -> ByValues {
        let mut by_values: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
        for (place, (labels, _)) in self.all.iter().enumerate() {
            let values = names.iter().map(|name| labels.get(name).unwrap_or_default().to_owned()).collect();
            by_values.entry(values).or_default().push(place);
        }
        by_values.into()
    }
}

fn held<T>(things: &Things<T>, measured: &Measured, value: impl Fn(&T) -> Option<f64>) -> Outcome {
    let of_rule = things.with(&measured.filter);
    let saw_data = !of_rule.is_empty();
    let wrong = of_rule.into_iter().filter_map(|(labels, thing)| {
        let value = value(thing).filter(|value| measured.comparison.holds(*value, measured.threshold))?;
        Some(Found { labels: labels.clone(), value: Some(value), traces: Vec::new() })
    });
    Outcome::Rows { rows: wrong.collect(), saw_data }
}

impl Comparison {
    /// Whether the value is on the wrong side of the threshold.
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }
}
