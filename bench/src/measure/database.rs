//! Spans into a database by the store's binary COPY, and the same rows by `psql`'s `\\copy` from CSV into the same tables; then
//! questions about them, summed where they are and summed here.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use arrow::array::RecordBatch;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use model::{Batch, Signal as Table, Tenant, Timestamp};
use plane::Payload;
use store::{Origin, Segment, SegmentId, Store, WriterId};
use timescale::{Config, Timescale, Url};
use uuid::Uuid;

use super::queries::millis;
use crate::load::{Signal, sample_bodies};

type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

const SEGMENTS: u64 = 4;
const BODIES: usize = 50;
const ITEMS: usize = 1000;
/// Both ways in turn, so that both meet the same machine.
const TURNS: usize = 3;
const SCHEMA: &str = "observatory_bench";
/// The best of these counts.
const REPEATS: usize = 5;
const QUESTIONS: [(&str, &str); 2] = [
    (
        "count, avg, max by service",
        "select service_name, count(*), avg(duration_ns), max(duration_ns) from spans group by 1",
    ),
    (
        "requests by minute and service",
        "select date_bin(interval '1 minute', start_time), service_name, count(*) from spans group by 1, 2",
    ),
];

/// Measures and prints.
pub(crate) async fn print(url: &str) -> anyhow::Result<()> {
    psql(url, &format!("drop schema if exists {SCHEMA} cascade"))?;
    // The sample bodies are of a fixed day: they are to lie in partitions, not among the strays.
    let config =
        Config { url: Some(Url::new(url)), schema: SCHEMA.to_owned(), past_days_max: 3650, ..Config::default() };
    let store = Timescale::open(config).await?;
    let folder = tempfile::tempdir().context("no temporary directory")?;
    let csv = folder.path().join("spans.csv");
    let rows = SEGMENTS * (BODIES * ITEMS) as u64;
    println!(
        "\n| {rows} spans into PostgreSQL | store, krows/s | psql \\copy from CSV, krows/s | ratio | bytes/span |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for turn in 0..TURNS {
        psql(url, &format!("truncate {SCHEMA}.spans"))?;
        let ours = rows as f64 / keep(&store).await?.as_secs_f64();
        let bytes =
            psql(url, &format!("select sum(pg_total_relation_size(relid)) from pg_partition_tree('{SCHEMA}.spans')"))?;
        if turn == 0 {
            copy(url, &format!("(select * from {SCHEMA}.spans) to"), &csv)?;
        }
        psql(url, &format!("truncate {SCHEMA}.spans"))?;
        let theirs = rows as f64 / copy(url, &format!("{SCHEMA}.spans from"), &csv)?.as_secs_f64();
        let bytes: f64 = bytes.trim().parse().unwrap_or(f64::NAN);
        println!(
            "| turn {turn} | {:.0} | {:.0} | {:.2} | {:.0} |",
            ours / 1e3,
            theirs / 1e3,
            ours / theirs,
            bytes / rows as f64
        );
    }
    psql(url, &format!("vacuum analyze {SCHEMA}.spans"))?;
    ask(&store, rows).await
}

/// The questions by the rules of the store, and by those of DataFusion alone.
async fn ask(store: &Timescale, rows: u64) -> anyhow::Result<()> {
    println!(
        "\n| {rows} spans in PostgreSQL, best of {REPEATS} | grouped there, ms | rows read | grouped here, ms | rows read |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (name, statement) in QUESTIONS {
        let there = answer(store, store.optimizer_rules(), statement).await?;
        let here = answer(store, PhysicalOptimizer::new().rules, statement).await?;
        ensure!(there.rows == here.rows, "{name} has {} rows, and {} without grouping there", there.rows, here.rows);
        println!("| {name} | {:.1} | {} | {:.1} | {} |", millis(there.time), there.read, millis(here.time), here.read);
    }
    Ok(())
}

/// An answer, and what it took.
struct Answer {
    rows: usize,
    /// Rows that the database gave.
    read: usize,
    time: Duration,
}

async fn answer(store: &Timescale, rules: Rules, statement: &str) -> anyhow::Result<Answer> {
    let state = SessionStateBuilder::new_with_default_features().with_physical_optimizer_rules(rules).build();
    let context = SessionContext::new_with_state(state);
    context.register_table("spans", store.table(&Tenant::default_tenant(), Table::Spans)?.table)?;
    let mut best = Answer { rows: 0, read: 0, time: Duration::MAX };
    for _ in 0..REPEATS {
        let started = Instant::now();
        let plan = context.sql(statement).await?.create_physical_plan().await?;
        let batches = collect(Arc::clone(&plan), context.task_ctx()).await?;
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        best = Answer { rows, read: rows_of_leaves(&plan), time: best.time.min(started.elapsed()) };
    }
    Ok(best)
}

fn rows_of_leaves(plan: &Arc<dyn ExecutionPlan>) -> usize {
    match plan.children().as_slice() {
        [] => plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or(0),
        children => children.iter().map(|child| rows_of_leaves(child)).sum(),
    }
}

/// Time in which the store keeps all segments, made beforehand.
async fn keep(store: &Timescale) -> anyhow::Result<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let received = Timestamp(i64::try_from(now.as_nanos())?);
    let batches: Vec<Batch> = sample_bodies(Signal::Spans, BODIES, ITEMS)
        .iter()
        .map(|body| Ok(ingest::decode(Payload::Traces, body, received).context("a body of our own decodes")?.batches))
        .collect::<anyhow::Result<Vec<_>>>()?
        .concat();
    let writer = WriterId(Uuid::new_v4());
    let started = Instant::now();
    for position in 1..=SEGMENTS {
        let origin = Origin { writer, first: position, through: position };
        let (id, tenant) = (SegmentId::new(), Tenant::default_tenant());
        store.keep(&Segment { id, tenant, signal: Table::Spans, origin, batches: batches.clone() }).await?;
    }
    Ok(started.elapsed())
}

fn copy(url: &str, what: &str, file: &Path) -> anyhow::Result<Duration> {
    let started = Instant::now();
    psql(url, &format!("\\copy {what} '{}' with (format csv)", file.display()))?;
    Ok(started.elapsed())
}

fn psql(url: &str, command: &str) -> anyhow::Result<String> {
    let said = Command::new("psql").args([url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", command]).output();
    let said = said.context("psql is not installed")?;
    ensure!(said.status.success(), "{command}: {}", String::from_utf8_lossy(&said.stderr));
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}
