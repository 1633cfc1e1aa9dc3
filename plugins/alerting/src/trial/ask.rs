//! What expressions of PromQL find in a sandbox.

use std::collections::BTreeMap;

use plugin::model::Timestamp;

use super::{Sandbox, tenant};
use crate::config::Config;
use crate::evaluate::Evaluator;
use crate::promql::{self, Query};
use crate::state::{Found, Outcome};

/// An element of what an expression finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// As an alert has them: without the name of the metric.
    pub labels: BTreeMap<String, String>,
    /// Its number.
    pub value: f64,
}

/// What each expression finds as of a time, or why it cannot be read or evaluated.
pub async fn ask(sandbox: &Sandbox, expressions: &[String], at: Timestamp) -> Vec<Result<Vec<Element>, String>> {
    let queries: Vec<Result<Query, String>> =
        expressions.iter().map(|text| promql::parse(text).map_err(|refused| refused.message)).collect();
    let readable = queries.iter().flatten().cloned().collect();
    let evaluator = Evaluator::new(&sandbox.engine, &Config::default());
    let answers = promql::ask(&evaluator, &tenant(), readable, at).await.map_err(|cause| cause.to_string());
    let found = |query: Result<Query, String>| -> Result<Vec<Element>, String> {
        let answers = answers.as_ref().map_err(Clone::clone)?;
        Ok(elements(answers.of(&query?).map_err(|cause| cause.to_string())?))
    };
    queries.into_iter().map(found).collect()
}

fn elements(outcome: Outcome) -> Vec<Element> {
    let Outcome::Rows { rows, .. } = outcome else { return Vec::new() };
    let element = |row: Found| {
        let labels = row.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Element { labels, value: row.value? })
    };
    rows.into_iter().filter_map(element).collect()
}
