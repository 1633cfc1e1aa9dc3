//! Asks what all expressions read, each metric once for each range of time, and evaluates every expression over that.
//!
//! What cannot be read fails the expressions that read it, and no others.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use plugin::model::{Tenant, Timestamp};

use super::Query;
use super::catalog::{Metric, Part, Table, may_take_histograms, taken};
use super::evaluate::{Failed, Instant, Series};
use super::expression::{NAME, Selector, Window};
use super::points::{self, Stored};
use crate::evaluate::{Evaluator, Unevaluated};
use crate::labels::Labels;
use crate::state::{Found, Outcome};

/// Most samples of one metric in one range of time.
const SAMPLES_MAX: usize = 1_000_000;
/// Most samples that are read for all rules of a moment.
const SAMPLES_OF_ALL_MAX: usize = 5_000_000;
/// Questions that wait for a place at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// What each expression comes to, by its text.
#[derive(Debug)]
pub(crate) struct Answers(HashMap<String, Result<Outcome, Unevaluated>>);

impl Answers {
    pub(crate) fn of(&self, query: &Query) -> Result<Outcome, Unevaluated> {
        self.0.get(query.text()).expect("every expression was evaluated").clone()
    }
}

/// What is asked once: a metric and a range of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reading {
    metric: Metric,
    part: Part,
    window: Window,
}

/// What a selector reads, with the names of the metrics.
type Readings = HashMap<Selector, Result<Vec<(String, Reading)>, Unevaluated>>;
type Read = HashMap<Reading, Result<Arc<Vec<Stored>>, Unevaluated>>;

/// What these expressions find as of a time.
pub(crate) async fn ask(
    evaluator: &Evaluator,
    tenant: &Tenant,
    queries: Vec<Query>,
    at: Timestamp,
) -> Result<Answers, Unevaluated> {
    let selectors: HashSet<Selector> = queries.iter().flat_map(|query| query.selectors.to_vec()).collect();
    let metrics = metrics(evaluator, tenant, &selectors, at).await;
    let readings: Readings = selectors
        .into_iter()
        .map(|selector| {
            let metrics = metrics.get(&selector.window(at.0)).expect("metrics of every window were listed");
            let readings = metrics.as_ref().map_err(Clone::clone);
            let readings = readings.and_then(|metrics| readings_of(metrics, &selector, at));
            (selector, readings)
        })
        .collect();
    let read = read(evaluator, tenant, &readings, &columns(&queries)).await;
    let distinct: HashMap<String, Query> = queries.into_iter().map(|query| (query.text.clone(), query)).collect();
    let evaluated = tokio::task::spawn_blocking(move || {
        let outcomes = distinct.into_iter().map(|(text, query)| (text, outcome(&query, &readings, &read, at)));
        Answers(outcomes.collect())
    });
    evaluated.await.map_err(|_| Unevaluated("the evaluation was interrupted".to_owned()))
}

/// All that these selectors look at.
fn whole(selectors: &HashSet<Selector>, at: Timestamp) -> Option<Window> {
    let windows = || selectors.iter().map(|selector| selector.window(at.0));
    let after = windows().map(|window| window.after).min()?;
    let until = windows().map(|window| window.until).max()?;
    Some(Window { after, until })
}

/// The metrics that have points where selectors look, by window.
type Metrics = HashMap<Window, Result<Arc<Vec<Metric>>, Unevaluated>>;

/// One list for all windows; when that takes too long, one for each, so that a long range fails nobody else.
async fn metrics(evaluator: &Evaluator, tenant: &Tenant, selectors: &HashSet<Selector>, at: Timestamp) -> Metrics {
    let Some(whole) = whole(selectors, at) else { return Metrics::new() };
    let mut tables = vec![Table::Metrics];
    if selectors.iter().any(may_take_histograms) {
        tables.push(Table::Histograms);
    }
    let windows: HashSet<Window> = selectors.iter().map(|selector| selector.window(at.0)).collect();
    if let Ok(all) = list(evaluator, tenant, &tables, whole).await {
        let all = Arc::new(all);
        return windows.into_iter().map(|window| (window, Ok(Arc::clone(&all)))).collect();
    }
    let lists = windows.into_iter().map(|window| {
        let tables = &tables;
        async move { (window, list(evaluator, tenant, tables, window).await.map(Arc::new)) }
    });
    futures::future::join_all(lists).await.into_iter().collect()
}

async fn list(
    evaluator: &Evaluator,
    tenant: &Tenant,
    tables: &[Table],
    window: Window,
) -> Result<Vec<Metric>, Unevaluated> {
    let metrics = tables.iter().map(|table| async move {
        let answer = evaluator.ask(tenant, table.statement(window), window.end()).await?;
        Ok(table.read(&answer))
    });
    futures::future::try_join_all(metrics).await.map(|metrics| metrics.concat())
}

impl Window {
    /// A question as of a time does not see what is of that time.
    fn end(self) -> Timestamp {
        Timestamp(self.until.saturating_add(1))
    }
}

fn readings_of(metrics: &[Metric], selector: &Selector, at: Timestamp) -> Result<Vec<(String, Reading)>, Unevaluated> {
    let window = selector.window(at.0);
    let taken = taken(metrics, selector).map_err(Unevaluated)?.into_iter();
    let reading = |taken: super::catalog::Taken<'_>| {
        (taken.name, Reading { metric: taken.metric.clone(), part: taken.part, window })
    };
    Ok(taken.map(reading).collect())
}

/// Columns of the resource that an expression names.
fn columns(queries: &[Query]) -> Vec<&'static str> {
    points::resource_columns().filter(|column| queries.iter().any(|query| query.labels.contains(*column))).collect()
}

/// Asks each thing once.
async fn read(evaluator: &Evaluator, tenant: &Tenant, readings: &Readings, columns: &[&'static str]) -> Read {
    let all = readings.values().flatten().flatten();
    let distinct: HashSet<Reading> = all.map(|(_, reading)| reading.clone()).collect();
    let samples = AtomicUsize::new(0);
    let samples = &samples;
    let questions = futures::stream::iter(distinct).map(|reading| async move {
        let stored = reading.ask(evaluator, tenant, columns, samples).await;
        (reading, stored.map(Arc::new))
    });
    questions.buffer_unordered(QUESTIONS_AT_ONCE).collect().await
}

impl Reading {
    async fn ask(
        &self,
        evaluator: &Evaluator,
        tenant: &Tenant,
        columns: &[&'static str],
        samples: &AtomicUsize,
    ) -> Result<Vec<Stored>, Unevaluated> {
        let statement = self.metric.statement(self.part, self.window, columns);
        let answer = evaluator.ask(tenant, statement, self.window.end()).await?;
        self.check(points::count(&answer, columns), samples)?;
        let stored = points::read(&answer, self.part, columns);
        // Buckets are more than the points that they are of.
        self.check(stored.iter().map(|stored| stored.samples.len()).sum(), samples)?;
        samples.fetch_add(stored.iter().map(|stored| stored.samples.len()).sum(), Ordering::Relaxed);
        Ok(stored)
    }

    fn check(&self, count: usize, of_all: &AtomicUsize) -> Result<(), Unevaluated> {
        let (name, all) = (&self.metric.name, of_all.load(Ordering::Relaxed).saturating_add(count));
        if count > SAMPLES_MAX {
            return Err(Unevaluated(format!(
                "`{name}` has {count} samples in this range, over the limit of {SAMPLES_MAX}; ask for a shorter range"
            )));
        }
        match all > SAMPLES_OF_ALL_MAX {
            true => Err(Unevaluated(format!(
                "with `{name}`, the rules of this moment read {all} samples, over the limit of {SAMPLES_OF_ALL_MAX}; \
                 ask for shorter ranges"
            ))),
            false => Ok(()),
        }
    }
}

fn outcome(query: &Query, readings: &Readings, read: &Read, at: Timestamp) -> Result<Outcome, Unevaluated> {
    // What asks for no series is always there to look at.
    let saw_data = Cell::new(query.selectors.is_empty());
    let series = |selector: &Selector| {
        let series = series(query, selector, readings, read).map_err(|cause| Failed(cause.0))?;
        let is_there = |series: &Series| series.samples.last().is_some_and(|last| last.value.is_some());
        saw_data.set(saw_data.get() || series.iter().any(is_there));
        Ok(series)
    };
    let elements = Instant { at: at.0, series: &series }.evaluate(&query.expression);
    let found = elements.map_err(|failed| Unevaluated(failed.0))?.into_iter().map(|element| {
        let labels: Labels = element.labels.into_iter().filter(|(name, _)| name != NAME).collect();
        Found { labels, value: Some(element.value), traces: Vec::new() }
    });
    let rows = found.collect();
    Ok(Outcome::Rows { rows, saw_data: saw_data.get() })
}

/// The series of a selector, with the columns of the resource that the expression names.
fn series(query: &Query, selector: &Selector, readings: &Readings, read: &Read) -> Result<Vec<Series>, Unevaluated> {
    let mut all = Vec::new();
    for (name, reading) in readings[selector].as_ref().map_err(Clone::clone)? {
        for stored in read[reading].as_ref().map_err(Clone::clone)?.iter() {
            let column = |label: &str| stored.columns.get(label).filter(|_| query.labels.contains(label));
            let label = |label: &str| stored.labels.get(label).or_else(|| column(label)).map(String::as_str);
            if !selector.takes(label) {
                continue;
            }
            let mut labels = stored.labels.clone();
            for (column, value) in stored.columns.iter().filter(|(column, _)| query.labels.contains(*column)) {
                labels.entry(column.clone()).or_insert_with(|| value.clone());
            }
            labels.insert(NAME.to_owned(), name.clone());
            all.push(Series { labels, samples: Arc::clone(&stored.samples) });
        }
    }
    Ok(all)
}
