//! What merging files costs, and what it does to queries: the same spans, flushed in ever more pieces.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use datafusion::prelude::SessionContext;
use lake::{Config, Lake};
use model::{Batch, Tenant, Timestamp};
use plane::Payload;
use rustix::time::{ClockId, clock_gettime};
use store::{Job, Origin, Outcome, Pace, Segment, SegmentId, Store, WriterId};
use uuid::Uuid;

use crate::load::{Signal, sample_bodies};

/// Spans of a request, and so of the smallest flush.
const ITEMS: usize = 100;
/// Different requests; they come again and again.
const BODIES: usize = 500;
const REPEATS: usize = 7;
/// Rate of spans that the share of a core is told for.
const SPANS_PER_SECOND: f64 = 50_000.0;

const QUESTIONS: [(&str, &str); 4] = [
    ("count by service", "SELECT service_name, count(*), avg(duration_ns) FROM spans GROUP BY 1"),
    ("p95 by route", "SELECT http_route, approx_percentile_cont(duration_ns, 0.95) FROM spans GROUP BY 1"),
    ("one service", "SELECT count(*), max(duration_ns) FROM spans WHERE service_name = 'checkout'"),
    ("a word in the JSON", "SELECT count(*) FROM spans WHERE attributes LIKE '%timeout%'"),
];

pub(crate) async fn print(spans: usize) -> anyhow::Result<()> {
    let bodies = sample_bodies(Signal::Spans, BODIES, ITEMS);
    println!(
        "\n| {spans} spans in flushes | files | bytes/span | merges: MB/s a core | spans/s | written per span | of a core at 50 000/s | files after |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut times = Vec::new();
    for flushes in [10, 100, 1000, 10_000].into_iter().filter(|flushes| flushes * ITEMS <= spans) {
        times.push((flushes, case(&bodies, spans, flushes).await?));
    }
    println!("\n| ms, best of {REPEATS} | {} |", QUESTIONS.map(|(name, _)| name).join(" | "));
    println!("| --- | {} |", QUESTIONS.map(|_| "---:").join(" | "));
    for (flushes, (before, after)) in &times {
        println!("| {flushes} flushes | {} |", millis(before));
        println!("| {flushes} flushes, merged | {} |", millis(after));
    }
    Ok(())
}

/// Times of the questions.
type Times = Vec<Duration>;

/// Flushes the spans in so many pieces, merges them, and asks before and after.
async fn case(bodies: &[Bytes], spans: usize, flushes: usize) -> anyhow::Result<(Times, Times)> {
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let config = Config { settled_seconds: 0, deletion_grace_seconds: 0, ..Config::default() };
    let lake = Lake::on_disk(directory.path()).await?.configured(config);
    let requests = spans / flushes / ITEMS;
    ensure!(requests > 0, "{spans} spans are too few for {flushes} flushes of {ITEMS}");
    flush(&lake, bodies, requests, flushes).await?;
    let (files, bytes) = size(&lake).await?;
    let before = ask_all(&lake).await?;

    let (started, processor) = (Instant::now(), processor_time());
    let (mut read, mut written) = (0_u64, 0_u64);
    while let Some(work) = lake.maintain(&Pace::full()).await.done {
        if let Outcome::Failed(cause) = work.outcome {
            bail!("{:?}: {cause}", work.task);
        }
        if work.task.job == Job::Compact && work.task.dataset == Some(model::Signal::Spans.into()) {
            (read, written) = (read + work.read.bytes, written + work.read.rows);
        }
    }
    let processor = (processor_time() - processor).as_secs_f64();
    let after = ask_all(&lake).await?;
    let merged_at = written as f64 / processor;
    let per_span = written as f64 / spans as f64;
    println!(
        "| {flushes} | {files} | {:.1} | {:.1} | {:.0} | {per_span:.1} | {:.1} % | {} | ({:.1} s)",
        bytes as f64 / spans as f64,
        read as f64 / 1e6 / processor,
        merged_at,
        100.0 * SPANS_PER_SECOND * per_span / merged_at,
        size(&lake).await?.0,
        started.elapsed().as_secs_f64(),
    );
    Ok((before, after))
}

async fn flush(lake: &Lake, bodies: &[Bytes], requests: usize, flushes: usize) -> anyhow::Result<()> {
    let writer = WriterId(Uuid::new_v4());
    let mut next = bodies.iter().cycle();
    for flush in 1..=flushes as u64 {
        let mut batches: Vec<Batch> = Vec::new();
        for body in next.by_ref().take(requests) {
            let decoded = ingest::decode(Payload::Traces, body, Timestamp(0)).context("a body of our own decodes")?;
            batches.extend(decoded.batches);
        }
        let origin = Origin { writer, first: flush, through: flush };
        let (id, tenant, signal) = (SegmentId::new(), Tenant::default_tenant(), model::Signal::Spans);
        lake.keep(&Segment { id, tenant, signal, origin, batches }).await?;
    }
    Ok(())
}

/// Number and bytes of the files of spans.
async fn size(lake: &Lake) -> anyhow::Result<(usize, u64)> {
    let parts = lake.inventory(None).await?;
    let of_spans: Vec<_> = parts
        .iter()
        .filter(|part| part.dataset == model::Signal::Spans.into() && part.condition == store::Condition::Kept)
        .collect();
    Ok((of_spans.len(), of_spans.iter().map(|part| part.bytes).sum()))
}

async fn ask_all(lake: &Lake) -> anyhow::Result<Times> {
    let table = lake.table(&Tenant::default_tenant(), model::Signal::Spans)?.table;
    let context = SessionContext::new();
    context.register_table("spans", table)?;
    let mut times = Vec::new();
    for (_, sql) in QUESTIONS {
        let mut best = Duration::MAX;
        for _ in 0..REPEATS {
            let started = Instant::now();
            context.sql(sql).await?.collect().await?;
            best = best.min(started.elapsed());
        }
        times.push(best);
    }
    Ok(times)
}

fn millis(times: &[Duration]) -> String {
    times.iter().map(|time| format!("{:.1}", time.as_secs_f64() * 1e3)).collect::<Vec<_>>().join(" | ")
}

/// What all threads of this process have computed.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
