//! Queries that want too much get an error that says so, and nobody else notices.

use std::time::{Duration, Instant};

use testkit::{Protocol, Reply, Server, Setup, logs, record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::observatory;

async fn ask(server: &Server, sql: &str) -> Reply {
    let body = serde_json::json!({"sql": sql}).to_string();
    server.api().post("/api/v1/sql", &[("content-type", "application/json")], body).await.expect("an answer")
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs for minutes in little memory.
const FOREVER: &str =
    "select count(*) from logs a, logs b where levenshtein(right(a.body, 20), right(b.body, 20)) > 100";

/// A server with some thousand lines of log.
async fn with_lines(setup: &Setup) -> Server {
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    for _ in 0..5 {
        client.deliver(&logs("shop", (0..1000).map(|number| record(&format!("{number:0200}"), vec![])))).await;
    }
    server
}

async fn refused_with(server: &Server, sql: &str, status: u16, code: &str, words: &[&str]) {
    let refused = ask(server, sql).await;

    assert_eq!(refused.status, status, "{sql}: {}", refused.text());
    let error = &refused.json()["error"];
    assert_eq!(error["code"], code, "{sql}: {error}");
    for word in words {
        assert!(error["message"].as_str().is_some_and(|message| message.contains(word)), "{word:?} in {error}");
    }
}

#[tokio::test]
async fn a_limit_of_a_query_is_named_in_its_error() {
    let setup = observatory()
        .env("OBSERVATORY_QUERY__ROWS_MAX", 1000)
        .env("OBSERVATORY_QUERY__TIME_SECONDS_MAX", 2)
        .env("OBSERVATORY_QUERY__MEMORY_BYTES_MAX", 16_000_000)
        .env("OBSERVATORY_QUERY__STATEMENT_BYTES_MAX", 10_000);
    let server = with_lines(&setup).await;

    refused_with(&server, FOREVER, 422, "time_limit", &["2 seconds", "query.time_seconds_max"]).await;
    let heavy = "select a.body, b.body, count(*) from logs a, logs b group by 1, 2 order by 3 limit 1";
    refused_with(&server, heavy, 422, "memory_limit", &["16000000", "query.memory_bytes_max"]).await;
    let long = format!("select '{}'", "x".repeat(20_000));
    refused_with(&server, &long, 413, "too_large", &["10000"]).await;
    refused_with(&server, "select nothing from logs", 400, "unknown_column", &["nothing"]).await;
    refused_with(&server, "select * from nowhere", 400, "unknown_table", &["nowhere"]).await;
    refused_with(&server, "selct 1", 400, "syntax", &[]).await;
    refused_with(&server, "drop table logs", 400, "read_only", &[]).await;

    assert_eq!(server.sql("select count(*) from logs").await.number(), 5000, "nothing has changed");
}

#[tokio::test]
async fn a_result_over_the_row_limit_is_never_taken_for_a_whole_one() {
    let setup = observatory().env("OBSERVATORY_QUERY__ROWS_MAX", 1000);
    let server = with_lines(&setup).await;

    let answer = ask(&server, "select body from logs").await;

    // The status line may be sent before the limit is met: then the end of the answer tells.
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], "row_limit", "{error}");
    assert_eq!(server.sql("select body from logs limit 1000").await.len(), 1000);
}

#[tokio::test]
async fn more_queries_than_places_wait_and_then_are_told_to_come_back() {
    let setup = observatory()
        .env("OBSERVATORY_QUERY__CONCURRENT_MAX", 1)
        .env("OBSERVATORY_QUERY__QUEUE_SECONDS_MAX", 1)
        .env("OBSERVATORY_QUERY__TIME_SECONDS_MAX", 6);
    let server = with_lines(&setup).await;

    let answers = futures::future::join_all([ask(&server, FOREVER), ask(&server, FOREVER)]).await;

    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [422, 503]);
    let busy = answers.iter().find(|answer| answer.status == 503).expect("one of them");
    assert_eq!(busy.json()["error"]["code"], "busy");
    assert!(busy.header("retry-after").is_some());
    assert_eq!(server.sql("select count(*) from logs").await.number(), 5000, "the place is free again");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_rows_holds_up_nobody_and_is_cut_off() {
    let setup = observatory()
        .env("OBSERVATORY_QUERY__CONCURRENT_MAX", 2)
        .env("OBSERVATORY_QUERY__QUEUE_SECONDS_MAX", 20)
        .env("OBSERVATORY_QUERY__TIME_SECONDS_MAX", 3);
    let server = with_lines(&setup).await;
    let mut silent = Vec::new();
    for _ in 0..2 {
        let body = r#"{"sql": "select a.body, b.body from logs a, logs b"}"#;
        let request = format!(
            "POST /api/v1/sql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(server.api_address()).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("it takes the request");
        silent.push(stream);
    }
    let memory = server.memory_bytes();

    // Both places are taken by clients that do not read; whoever sends does not notice.
    let began = Instant::now();
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("meanwhile", vec![])])).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let rows = server.sql("select count(*) from logs").await.number();

    assert_eq!(rows, 5001, "the places are free again after query.time_seconds_max");
    let growth = server.memory_bytes().saturating_sub(memory);
    assert!(growth < 256 << 20, "{growth} bytes for rows that nobody reads");
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_on_every_port_and_holds_nobody_up() {
    let setup = observatory().env("OBSERVATORY_SERVER__BODY_PAUSE_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    let port = |url: String| url.split("://").nth(1).expect("a scheme").to_owned();
    for (address, path) in [(port(server.http_url()), "/v1/logs"), (port(server.api_url()), "/api/v1/sql")] {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.expect("it is sent");

        let mut answer = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;

        assert!(ended.is_ok(), "{path}: the connection stays open");
        assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"), "{path}");
    }
    server.client(Protocol::Http).deliver(&logs("shop", [record("meanwhile", vec![])])).await;
}
