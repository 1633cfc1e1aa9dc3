//! Rate, errors and durations by service over a week: from rollups, and from spans; and what rollups cost while spans are kept.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use model::{Batch, Timestamp};
use plane::Payload;
use serde_json::json;

use super::queries::{ask, ask_statement, millis};
use super::{Measure, history};
use crate::load::{Signal, sample_bodies};

/// A week.
pub(super) const HOURS: u64 = 7 * 24;
const REPEATS: usize = 7;
/// Spans that are summed at once: about a full segment.
const BODIES: usize = 128;
const ITEMS: usize = 1000;

/// The question, asked of a rollup and of spans.
const OF_HOURS: &str = "select service_name, sum(requests), sum(errors), quantile(duration_sketch, 0.5), \
     quantile(duration_sketch, 0.95), quantile(duration_sketch, 0.99) from service_hours where kind = 'server' \
     and hour >= now() - interval '7 days' group by 1 order by 1";
const OF_MINUTES: &str = "select service_name, sum(requests), sum(errors), quantile(duration_sketch, 0.5), \
     quantile(duration_sketch, 0.95), quantile(duration_sketch, 0.99) from service_minutes where kind = 'server' \
     and minute >= now() - interval '7 days' group by 1 order by 1";
const OF_SPANS: &str = "select service_name, count(*), count(*) filter (where status_code = 'error'), \
     quantile(duration_ns, 0.5), quantile(duration_ns, 0.95), quantile(duration_ns, 0.99) from spans \
     where kind = 'server' and start_time >= $1 group by 1 order by 1";

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    println!("\nsums of a segment of {} spans: {:.0} ns a span, on one core", BODIES * ITEMS, cost()?);
    let temporary = tempfile::tempdir()?;
    let data = measure.query_data.clone().unwrap_or_else(|| temporary.path().to_owned());
    let server = history::at_rest(measure, &data, HOURS).await?;
    let files = std::fs::read_dir(data.join("lake/default/service_hours"))?.flatten();
    let files: usize = files.map(|day| std::fs::read_dir(day.path()).map_or(0, Iterator::count)).sum();
    let spans = &ask(server.api(), "select count(*) from spans").await?[0][0];
    println!(
        "\n| rate, errors, p50, p95, p99 by service over 7 days, {spans} spans, {files} files of hours, warm, best of {REPEATS} | ms | rows |\n| --- | ---: | ---: |"
    );
    // The same for both ways of answering, and not the start of a minute.
    let week = "select cast(max(start_time) - interval '7 days' + interval '1234567 nanoseconds' as text) from spans";
    let from = &ask(server.api(), week).await?[0][0];
    let mut answers = Vec::new();
    for (name, sql, params, raw) in [
        ("service_hours", OF_HOURS, json!([]), false),
        ("service_minutes", OF_MINUTES, json!([]), false),
        ("spans, answered from rollups", OF_SPANS, json!([from]), false),
        ("spans, raw", OF_SPANS, json!([from]), true),
    ] {
        let (mut best, mut rows) = (Duration::MAX, Vec::new());
        for _ in 0..REPEATS {
            let started = Instant::now();
            rows = ask_statement(server.api(), &json!({"sql": sql, "params": params, "raw": raw})).await?;
            best = best.min(started.elapsed());
        }
        println!("| {name} | {:.1} | {} |", millis(best), rows.len());
        answers.push(rows);
    }
    server.stop().await?;
    ensure!(answers[2] == answers[3], "rollups and spans disagree: {:?} and {:?}", answers[2], answers[3]);
    Ok(())
}

/// Nanoseconds for each span.
fn cost() -> anyhow::Result<f64> {
    let bodies = sample_bodies(Signal::Spans, BODIES, ITEMS);
    let decoded = bodies.iter().map(|body| ingest::decode(Payload::Traces, body, Timestamp(0)));
    let decoded: Vec<_> = decoded.collect::<Result<_, _>>().ok().context("a body of our own decodes")?;
    let batches: Vec<Batch> = decoded.into_iter().flat_map(|decoded| decoded.batches).collect();
    let mut best = Duration::MAX;
    for _ in 0..REPEATS {
        let started = Instant::now();
        black_box(store::rollup::of(black_box(&batches)));
        best = best.min(started.elapsed());
    }
    Ok(best.as_nanos() as f64 / (BODIES * ITEMS) as f64)
}
