//! Application performance as a whole: the simulated shop sends, and its services, map, errors and traces are told.

use std::time::Duration;

use bench::simulator::Shop;
use serde_json::Value;
use testkit::{Protocol, Request, Server, logs, now_nanos, record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::observatory;

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
