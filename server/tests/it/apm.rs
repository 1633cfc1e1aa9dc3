//! Application performance as a whole: the simulated shop sends, and its services, map, errors and traces are told.

use std::time::Duration;

use bench::simulator::{Shop, Telemetry};
use serde_json::{Value, json};
use testkit::{PostgresServer, Protocol, Request, Server, Setup, Skip, TimescaleWasm, logs, now_nanos, record};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{external_folder, observatory};

const LENGTH: Duration = Duration::from_secs(30);
const SEED: u64 = 36;

async fn told(server: &Server, path: &str) -> Value {
    let reply = server.api().get(&format!("/api/v1/apm/{path}")).await.expect("an answer");
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

fn list<'a>(told: &'a Value, name: &str) -> &'a [Value] {
    told[name].as_array().unwrap_or_else(|| panic!("{name} is a list in {told}"))
}

#[tokio::test]
async fn a_shop_that_only_sends_spans_has_services_a_map_and_traces() {
    let server = observatory().start().await.expect("a server");
    let from = now_nanos() - LENGTH.as_nanos() as u64;
    let telemetry = Shop::new(SEED, &[]).step(from, LENGTH, 4.0);
    let client = server.client(Protocol::Grpc);
    client.deliver(&Request::Traces(telemetry.traces)).await;
    client.deliver(&Request::Logs(telemetry.logs)).await;

    let services = told(&server, "services?from=now-15m&compare=true").await;

    let busiest = &list(&services, "services")[0];
    assert!(list(&services, "services").len() > 5, "{services}");
    assert!(busiest["requests"].as_u64() > Some(0) && busiest["latency"]["p95_ms"].as_f64() > Some(0.0), "{busiest}");
    assert!(!list(busiest, "languages").is_empty() && !list(busiest, "versions").is_empty(), "{busiest}");
    let name = busiest["name"].as_str().expect("a name");
    let service = told(&server, &format!("services/{name}?from=now-15m")).await;
    assert_eq!(service["now"]["requests"], busiest["requests"]);
    assert!(!list(&service, "operations").is_empty() && !list(&service, "instances").is_empty(), "{service}");
    told(&server, &format!("services/{name}/errors?from=now-15m")).await;

    let map = told(&server, "map?from=now-15m").await;
    let kinds: Vec<_> = list(&map, "nodes").iter().filter_map(|node| node["kind"].as_str()).collect();
    assert!(["service", "database", "queue"].iter().all(|kind| kinds.contains(kind)), "{map}");

    let longest = told(&server, "traces?from=now-15m&sort=duration&limit=1").await;
    let id = longest["traces"][0]["trace_id"].as_str().expect("a trace");
    let trace = told(&server, &format!("traces/{id}")).await;
    assert_eq!(trace["spans"], longest["traces"][0]["spans"]);
    assert_eq!(list(&trace, "nodes").len() as u64, trace["spans"].as_u64().expect("a number").min(500));
    assert_eq!(trace["faults"]["duplicate_ids"], 0, "{trace}");
}

/// Routes whose answers are of a range, which is added; the busiest service of the shop is `storefront`.
const ASKED: [&str; 30] = [
    "services?compare=true",
    "services/SERVICE?compare=true",
    "services/SERVICE/errors?",
    "map?",
    "map?from_node=SERVICE",
    "traces?limit=20&sort=duration",
    "traces?limit=20&service=SERVICE&kind=server",
    "traces?limit=20&status=error&sort=errors",
    "traces?limit=20&min_duration_ms=20&sort=duration",
    "traces/heatmap?",
    "traces/heatmap?service=SERVICE",
    "logs?limit=50&sort=oldest",
    "logs?limit=50&severity=warn",
    "logs?limit=50&text=order",
    "logs/facets?field=service,severity",
    "logs/histogram?",
    "logs/patterns?",
    "metrics?",
    "metrics?type=histogram",
    "metrics/METRIC?",
    "metrics/METRIC/range?",
    "metrics/METRIC/range?by=service.name",
    "metrics/METRIC/range?function=p95",
    "metrics/METRIC/heatmap?",
    "metrics/METRIC/exemplars?",
    "traces/TRACE?",
    "traces/TRACE/logs?",
    "traces/TRACE/exemplars?",
    "traces/TRACE/spans/SPAN?",
    "correlate?trace_id=TRACE&span_id=SPAN",
];

/// What a server tells of these telemetry when all of it is at rest, by what was asked.
async fn told_at_rest(setup: &Setup, telemetry: &Telemetry, range: &str) -> Vec<(String, Value)> {
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    client.deliver(&Request::Traces(telemetry.traces.clone())).await;
    client.deliver(&Request::Logs(telemetry.logs.clone())).await;
    client.deliver(&Request::Metrics(telemetry.metrics.clone())).await;
    // Stopping it moves what is live into the store.
    server.stop().await;
    let server = setup.start().await.expect("a server");
    let longest = told(&server, &format!("traces?sort=duration&limit=1&{range}")).await;
    let trace = longest["traces"][0]["trace_id"].as_str().expect("a trace").to_owned();
    let nodes = told(&server, &format!("traces/{trace}")).await;
    let span = nodes["nodes"][0]["span_id"].as_str().expect("a span").to_owned();
    let services = told(&server, &format!("services?{range}")).await;
    let service = services["services"][0]["name"].as_str().expect("a service").to_owned();
    let metrics = told(&server, &format!("metrics?type=histogram&{range}")).await;
    let metric = metrics["metrics"][0]["name"].as_str().expect("a metric").to_owned();

    let mut all = Vec::new();
    for asked in ASKED {
        let path = asked.replace("SERVICE", &service).replace("METRIC", &metric);
        let path = path.replace("TRACE", &trace).replace("SPAN", &span);
        let ranged = ["traces/TRACE", "correlate?trace_id"].iter().all(|each| !asked.starts_with(each));
        let path = if ranged { format!("{path}&{range}") } else { path };
        all.push((asked.to_owned(), told(&server, &path).await));
    }
    let (from, to) = range.split_once('&').expect("two times");
    let body = json!({
        "from": from.trim_start_matches("from="), "to": to.trim_start_matches("to="),
        "filter": {}, "selection": {"status": "error"},
    });
    let headers = [("content-type", "application/json")];
    let reply = server.api().post("/api/v1/apm/traces/compare", &headers, body.to_string()).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text());
    all.push(("traces/compare".to_owned(), reply.json()));
    server.stop().await;
    all
}

#[tokio::test]
async fn whatever_store_telemetry_rests_in_the_answers_are_the_same() -> Result<(), ()> {
    let postgres = PostgresServer::start().await.map_err(Skip::tell)?;
    let timescale = TimescaleWasm::start(&external_folder().join("timescale")).await.map_err(Skip::tell)?;
    let from = (now_nanos() / 60_000_000_000 - 20) * 60_000_000_000;
    let telemetry = Shop::new(SEED, &[]).step(from, LENGTH, 4.0);
    let written = |nanos: u64| {
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanos.into()).expect("this century");
        time.format(&Rfc3339).expect("a time")
    };
    let range = format!("from={}&to={}", written(from - 60_000_000_000), written(from + 300_000_000_000));

    let of_files = told_at_rest(&observatory(), &telemetry, &range).await;

    for url in [postgres.url(), timescale.url()] {
        let setup = observatory().env("DATABASE_URL", url).env("OBSERVATORY_STORAGE__RECORDS", "sqlite");
        let of_database = told_at_rest(&setup, &telemetry, &range).await;
        for ((asked, expected), (_, told)) in of_files.iter().zip(&of_database) {
            assert_eq!(told, expected, "{asked}");
        }
    }
    assert_ne!(postgres.psql("select count(*) from observatory.spans where tenant = 'default'"), "0");
    Ok(())
}

#[tokio::test]
async fn who_may_not_read_it_is_not_told() {
    let server = observatory().closed().start().await.expect("a server");

    let reply = server.api().get("/api/v1/apm/services").await.expect("an answer");

    assert_eq!(reply.status, 401, "{}", reply.text());
}

/// Less than the grace that answers are given at a stop.
const SOON: Duration = Duration::from_secs(8);

/// What comes until the text is there, or until the end.
async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(text) {
        let read = timeout(SOON, stream.read_buf(&mut heard)).await.expect("bytes, or the end");
        if read.expect("a connection") == 0 {
            break;
        }
    }
    String::from_utf8(heard).expect("a text")
}

async fn follow(server: &Server) -> TcpStream {
    loop {
        let mut stream = TcpStream::connect(server.api_address()).await.expect("a connection");
        let request = b"GET /api/v1/apm/logs/tail HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.expect("it is sent");
        // Products start a moment after the ports.
        if until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 200") {
            return stream;
        }
    }
}

#[tokio::test]
async fn who_follows_logs_hears_them_and_does_not_keep_a_server_from_stopping() {
    let mut server = observatory().start().await.expect("a server");
    let mut stream = follow(&server).await;

    server.client(Protocol::Grpc).deliver(&logs("shop", [record("a line", vec![])])).await;
    let heard = until(&mut stream, "a line").await;
    server.terminate();

    assert!(heard.contains("event: logs"), "{heard}");
    assert!(until(&mut stream, "0\r\n\r\n").await.ends_with("0\r\n\r\n"), "the answer is whole");
    assert!(server.ends_within(SOON).await.is_some_and(|status| status.success()), "{}", server.said());
    assert!(!server.said().contains("did not finish in time"), "{}", server.said());
}
