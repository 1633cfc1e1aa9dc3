//! SQL over spans at rest: the questions people ask, warm, best of several.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::Measure;
use super::process::{Server, Settings};
use crate::load::{self, Load, Protocol, Signal};

const REPEATS: usize = 7;
const ITEMS_PER_REQUEST: usize = 1000;

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let kept = measure.query_data.clone();
    let temporary = tempfile::tempdir()?;
    let data = kept.unwrap_or_else(|| temporary.path().to_owned());
    let program = measure.server()?;
    let empty = Server::start(&program, &data, &Settings::default()).await?;
    println!(
        "\nstart on {}: {:.0} ms",
        if data == temporary.path() { "an empty directory" } else { "the given directory" },
        millis(empty.start_time)
    );
    let stored = count(empty.api()).await?;
    if stored < measure.query_spans {
        fill(&empty, measure.query_spans - stored).await?;
    }
    empty.stop().await?;

    let server = Server::start(&program, &data, &Settings::default()).await?;
    let spans = count(server.api()).await?;
    println!("start on {spans} spans: {:.0} ms", millis(server.start_time));
    println!("\n| {spans} spans at rest, warm, best of {REPEATS} | ms | rows |\n| --- | ---: | ---: |");
    for (name, sql) in questions(server.api()).await? {
        let mut best = Duration::MAX;
        let mut rows = 0;
        for _ in 0..REPEATS {
            let started = Instant::now();
            rows = ask(server.api(), &sql).await?.len();
            best = best.min(started.elapsed());
        }
        println!("| {name} | {:.1} | {rows} |", millis(best));
    }
    server.stop().await?;
    Ok(())
}

async fn fill(server: &Server, spans: u64) -> anyhow::Result<()> {
    let load = Load {
        endpoint: server.endpoint(Protocol::Grpc),
        signal: Signal::Spans,
        items_per_request: ITEMS_PER_REQUEST,
        bodies: 400,
        duration: Duration::from_secs(600),
        requests: Some(spans.div_ceil(ITEMS_PER_REQUEST as u64)),
        ..Load::default()
    };
    let report = load::run(&load).await?;
    ensure!(report.refusals.is_empty(), "the server refused requests: {:?}", report.refusals);
    Ok(())
}

async fn questions(api: SocketAddr) -> anyhow::Result<Vec<(&'static str, String)>> {
    let middle = "select trace_id, cast(start_time as bigint) from spans where service_name = 'checkout' limit 1";
    let row = ask(api, middle).await?.into_iter().next().context("there are spans of checkout")?;
    let trace = row[0].as_str().context("a trace id is text")?.to_owned();
    let time = row[1].as_i64().or_else(|| row[1].as_str()?.parse().ok()).context("a time is a number")?;
    let (from, to) = (time, time + 1_000_000_000);
    Ok(vec![
        ("count of all", "select count(*) from spans".to_owned()),
        ("p95 by service", "select service_name, approx_percentile_cont(0.95) within group (order by duration_ns) from spans group by 1".to_owned()),
        ("p95 by route", "select http_route, approx_percentile_cont(0.95) within group (order by duration_ns) from spans group by 1".to_owned()),
        ("count, avg, max by service", "select service_name, count(*), avg(duration_ns), max(duration_ns) from spans group by 1".to_owned()),
        ("requests and errors by second and service", "select date_bin(interval '1 second', start_time), service_name, count(*), sum(case when status_code = 'error' then 1 else 0 end) from spans group by 1, 2".to_owned()),
        ("a trace by id", format!("select name, service_name, duration_ns from spans where trace_id = '{trace}'")),
        ("one second of all", format!("select count(*), avg(duration_ns) from spans where start_time >= to_timestamp_nanos({from}) and start_time < to_timestamp_nanos({to})")),
        ("a word in the JSON", "select count(*) from spans where attributes like '%timeout%'".to_owned()),
    ])
}

async fn count(api: SocketAddr) -> anyhow::Result<u64> {
    let rows = ask(api, "select count(*) from spans").await?;
    rows.first().and_then(|row| row[0].as_u64()).context("a count is a number")
}

async fn ask(api: SocketAddr, sql: &str) -> anyhow::Result<Vec<Value>> {
    let body = Full::new(Bytes::from(json!({"sql": sql}).to_string()));
    let request =
        Request::post(format!("http://{api}/api/v1/sql")).header("content-type", "application/json").body(body)?;
    let (status, body) = send(request).await?;
    ensure!(status.is_success(), "{sql}: {status} {}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body)?;
    Ok(answer["rows"].as_array().context("an answer has rows")?.clone())
}

pub(crate) async fn get(api: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    send(Request::get(format!("http://{api}{path}")).body(Full::default())?).await
}

async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
