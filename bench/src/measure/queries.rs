//! SQL over spans at rest: the questions people ask, warm, best of several, beside DuckDB over the same files.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::api::Client;
use super::process::{Server, Settings};
use super::{Measure, bytes_under, history};
use crate::load::Protocol;

/// What the data spans, up to now.
const HOURS: u64 = 6;
const REPEATS: usize = 7;

/// What is asked, in our SQL and in DuckDB's.
struct Question {
    name: &'static str,
    ours: String,
    duckdb: String,
}

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let kept = measure.query_data.clone();
    let temporary = tempfile::tempdir()?;
    let data = kept.unwrap_or_else(|| temporary.path().to_owned());
    let program = measure.server()?;
    let first = Server::start(&program, &data, &Settings::default()).await?;
    println!(
        "\nstart on {}: {:.0} ms",
        if data == temporary.path() { "an empty directory" } else { "the given directory" },
        millis(first.start_time)
    );
    if count(first.api()).await? == 0 {
        history::send(first.endpoint(Protocol::Grpc), measure.query_spans, HOURS).await?;
    }
    let log_lines = ask(first.api(), "select count(*) from logs").await?[0][0].as_u64().unwrap_or(0);
    first.stop().await?;

    let server = Server::start(&program, &data, &Settings::default()).await?;
    let spans = count(server.api()).await?;
    println!("start on {spans} spans at rest: {:.0} ms", millis(server.start_time));
    let lake = data.join("lake/default");
    let questions = questions(server.api()).await?;
    let duckdb = duckdb(measure, &lake, &questions)?;
    for (table, rows) in [("spans", spans), ("logs", log_lines)] {
        let each = |bytes: u64| format!("{:.1}", bytes as f64 / rows as f64);
        println!(
            "{table} of the simulated shop, {rows} in {} hours: {} bytes each on disk, {} in DuckDB's own format",
            HOURS,
            each(bytes_under(&lake.join(table))?),
            duckdb.as_ref().map_or_else(|| "-".to_owned(), |duckdb| each(duckdb.bytes[table])),
        );
    }
    println!(
        "\n| {spans} spans at rest, warm, best of {REPEATS} | ms | rows | DuckDB ms |\n| --- | ---: | ---: | ---: |"
    );
    for (number, Question { name, ours, .. }) in questions.iter().enumerate() {
        let mut best = Duration::MAX;
        let mut rows = 0;
        for _ in 0..REPEATS {
            let started = Instant::now();
            rows = ask(server.api(), ours).await?.len();
            best = best.min(started.elapsed());
        }
        let duckdb = duckdb.as_ref().map_or_else(|| "-".to_owned(), |duckdb| format!("{:.1}", duckdb.times[number]));
        println!("| {name} | {:.1} | {rows} | {duckdb} |", millis(best));
    }
    server.stop().await?;
    Ok(())
}

/// What DuckDB does with the same rows.
#[derive(serde::Deserialize)]
struct DuckDb {
    /// Of the same questions over the same files, in milliseconds.
    times: Vec<f64>,
    /// Of each table in a database file of its own.
    bytes: BTreeMap<String, u64>,
}

/// Asks DuckDB, when a Python with it was named.
fn duckdb(measure: &Measure, lake: &Path, questions: &[Question]) -> anyhow::Result<Option<DuckDb>> {
    let Some(python) = &measure.duckdb_python else { return Ok(None) };
    let task = json!({
        "files": lake.join("spans/*/*.parquet"),
        "threads": std::thread::available_parallelism()?.get(),
        "repeats": REPEATS,
        "tables": {"spans": lake.join("spans/*/*.parquet"), "logs": lake.join("logs/*/*.parquet")},
        "questions": questions.iter().map(|question| &question.duckdb).collect::<Vec<_>>(),
    });
    let mut child = Command::new(python)
        .args(["-c", include_str!("duckdb_queries.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", python.display()))?;
    child.stdin.take().context("a pipe")?.write_all(task.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "DuckDB ended with {}", output.status);
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

async fn questions(api: SocketAddr) -> anyhow::Result<Vec<Question>> {
    let one = "select trace_id, cast(start_time as bigint) from spans where service_name = 'checkout' limit 1";
    let row = ask(api, one).await?.into_iter().next().context("there are spans of checkout")?;
    let trace = row[0].as_str().context("a trace id is text")?.to_owned();
    let time = row[1].as_i64().or_else(|| row[1].as_str()?.parse().ok()).context("a time is a number")?;
    let (from, to) = (time, time + 10_000_000_000);
    let both = |name, sql: &str| Question { name, ours: sql.to_owned(), duckdb: sql.to_owned() };
    let p95 = |by: &str| Question {
        name: if by == "service_name" { "p95 by service" } else { "p95 by route" },
        ours: format!(
            "select {by}, approx_percentile_cont(0.95) within group (order by duration_ns) from spans group by 1"
        ),
        duckdb: format!("select {by}, approx_quantile(duration_ns, 0.95) from spans group by 1"),
    };
    Ok(vec![
        both("count of all", "select count(*) from spans"),
        p95("service_name"),
        p95("http_route"),
        both("count, avg, max by service", "select service_name, count(*), avg(duration_ns), max(duration_ns) from spans group by 1"),
        Question {
            name: "requests and errors by minute and service",
            ours: "select date_bin(interval '1 minute', start_time), service_name, count(*), sum(case when status_code = 'error' then 1 else 0 end) from spans group by 1, 2".to_owned(),
            duckdb: "select epoch_ns(start_time) // 60000000000, service_name, count(*), sum(case when status_code = 'error' then 1 else 0 end) from spans group by 1, 2".to_owned(),
        },
        Question {
            name: "a trace by id",
            ours: format!("select name, service_name, duration_ns from spans where trace_id = '{trace}'"),
            duckdb: format!("select name, service_name, duration_ns from spans where trace_id = unhex('{trace}')"),
        },
        Question {
            name: "ten seconds out of hours",
            ours: format!("select count(*), avg(duration_ns) from spans where start_time >= to_timestamp_nanos({from}) and start_time < to_timestamp_nanos({to})"),
            duckdb: format!("select count(*), avg(duration_ns) from spans where start_time >= make_timestamp_ns({from})::timestamptz_ns and start_time < make_timestamp_ns({to})::timestamptz_ns"),
        },
        both("a word in the JSON", "select count(*) from spans where attributes like '%timeout%'"),
    ])
}

async fn count(api: SocketAddr) -> anyhow::Result<u64> {
    let rows = ask(api, "select count(*) from spans").await?;
    rows.first().and_then(|row| row[0].as_u64()).context("a count is a number")
}

pub(super) async fn ask(api: SocketAddr, sql: &str) -> anyhow::Result<Vec<Value>> {
    // The rows, not their sums: questions here measure reading them.
    ask_statement(api, &json!({"sql": sql, "raw": true})).await
}

/// The rows of the answer to the body of a request.
pub(super) async fn ask_statement(api: SocketAddr, statement: &Value) -> anyhow::Result<Vec<Value>> {
    let (status, body) = Client::new(api).post("/api/v1/sql", None, statement).await?;
    ensure!(status.is_success(), "{statement}: {status} {}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body)?;
    Ok(answer["rows"].as_array().context("an answer has rows")?.clone())
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
