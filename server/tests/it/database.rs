//! Telemetry at rest in PostgreSQL: the same promises, and days on which the database is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use testkit::{Client, Outcome, PostgresServer, Protocol, Server, Skip, attribute, logs, record, span, spans, until};

use crate::observatory;

const PATIENCE: Duration = Duration::from_secs(300);
/// Spans in a request of the long outage.
const SPANS: u64 = 100;

/// How long the database is away; `OBSERVATORY_OUTAGE_SECONDS` asks for more than the ordinary suite.
fn outage() -> Duration {
    let seconds = std::env::var("OBSERVATORY_OUTAGE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[tokio::test]
async fn a_database_named_in_the_environment_holds_the_telemetry() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let setup = observatory().env("DATABASE_URL", database.url());
    let server = setup.start().await.expect("a server");
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("kept", vec![])])).await;

    let health = server.api().get("/health/db").await.expect("an answer");

    assert_eq!(health.status, 200, "{}", health.text());
    assert!(health.text().contains("latency_ms"), "{}", health.text());
    assert!(server.said().contains("schema observatory"), "{}", server.said());
    assert!(!server.said().contains("not-a-secret"), "no password is told");
    server.stop().await;
    assert_eq!(database.psql("select body from observatory.logs where tenant = 'default'"), "kept");
    let server = setup.start().await.expect("a server");
    assert_eq!(server.sql("select body from logs").await.text(), "kept");
    Ok(())
}

#[tokio::test]
async fn stored_rows_are_grouped_in_the_database_and_live_ones_here() -> Result<(), ()> {
    const ASK: &str = "select service_name, count(*), max(time) < now() from logs \
                       where time > now() - interval '1 hour' and body <> 'other' group by 1 order by 1";
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let setup = observatory().env("DATABASE_URL", database.url());
    let server = setup.start().await.expect("a server");
    let deliver = async |server: &Server, service, body| {
        let request = logs(service, (0..5).map(|_| record(body, vec![])));
        server.client(Protocol::Grpc).deliver(&request).await;
    };
    deliver(&server, "shop", "kept").await;
    deliver(&server, "payment", "kept").await;
    deliver(&server, "payment", "other").await;
    server.stop().await;
    let server = setup.start().await.expect("a server");
    deliver(&server, "shop", "live").await;
    deliver(&server, "shop", "other").await;

    let answer = server.sql(ASK).await.text();
    let plan = server.sql(&format!("explain format indent {ASK}")).await.text();

    assert_eq!(answer, "payment|5|true\nshop|10|true");
    assert!(plan.contains(" GROUP BY 1 UNION ALL "), "the database groups: {plan}");
    assert_eq!(plan.matches("mode=Partial").count(), 1, "live rows are grouped here: {plan}");
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_start_without_the_database_takes_telemetry_and_brings_it_there_later() -> Result<(), ()> {
    let mut database = PostgresServer::start().await.map_err(Skip::tell)?;
    // Who may come in must be known without it, too.
    let setup = observatory().env("DATABASE_URL", database.url()).env("OBSERVATORY_STORAGE__RECORDS", "sqlite");
    let server = setup.start().await.expect("a server");
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("before", vec![])])).await;
    server.kill();
    database.stop().await;

    let server = setup.start().await.expect("a start without the database");
    server.client(Protocol::Http).deliver(&logs("shop", [record("meanwhile", vec![])])).await;
    let health = server.api().get("/health/db").await.expect("an answer");
    assert_eq!(health.status, 503);
    assert!(health.json()["checks"]["database"] != "ok", "{}", health.text());
    database.run().await;

    let count = "select count(*), count(distinct body) from logs where service_name = 'shop'";
    until("both rows show", PATIENCE, async || answer(&server, count).await.filter(|rows| rows == "2|2")).await;
    // An answer of the health check counts for a second.
    let is_well = async || server.api().get("/health/db").await.is_ok_and(|health| health.status == 200).then_some(());
    until("the database counts as well", PATIENCE, is_well).await;
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_stops_the_start_and_says_so() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;

    let ended = observatory().env("DATABASE_URL", database.url_of("postgres", "wrong")).fail().await;

    assert!(!ended.status.success());
    assert!(ended.said.contains("check role and password in records.url"), "{}", ended.said);
    Ok(())
}

/// Memory is small, so that the outage outlasts it and rows stay in the log alone.
#[tokio::test]
async fn a_database_stopped_under_load_misses_nothing_and_gets_each_row_once() -> Result<(), ()> {
    let mut database = PostgresServer::start().await.map_err(Skip::tell)?;
    let server = observatory()
        .env("DATABASE_URL", database.url())
        .env("OBSERVATORY_PLANE__MEMORY_BYTES_MAX", 16 << 20)
        .env("OBSERVATORY_PLANE__SEGMENT_BYTES", 1 << 20)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
        .start()
        .await
        .expect("a server");
    let (is_over, acknowledged, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let senders: Vec<_> = Protocol::ALL
        .into_iter()
        .map(|protocol| {
            let counts = [&acknowledged, &refused].map(Arc::clone);
            tokio::spawn(send(server.client(protocol), Arc::clone(&is_over), counts))
        })
        .collect();

    tokio::time::sleep(Duration::from_secs(2)).await;
    database.kill().await;
    let (away, before) = (Instant::now(), acknowledged.load(Ordering::SeqCst));
    tokio::time::sleep(outage()).await;
    let meanwhile = acknowledged.load(Ordering::SeqCst) - before;
    let memory = server.memory_bytes();
    database.run().await;
    let (away, back) = (away.elapsed(), Instant::now());
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_over.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.expect("a sender does not panic");
    }

    let (sent, refused) = (acknowledged.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
    let expected = format!("{sent}|{sent}");
    let count = "select count(*), count(distinct attributes->>'item') from spans where service_name = 'shop'";
    until("every row shows once", PATIENCE, async || answer(&server, count).await.filter(|rows| *rows == expected))
        .await;
    println!(
        "{sent} spans acknowledged, {meanwhile} of them while the database was away for {away:?}; {refused} requests refused; \
         all there {:?} after it came back; {} MiB resident at the end of the outage",
        back.elapsed(),
        memory >> 20
    );
    assert!(meanwhile > 0, "requests are taken while the database is away");
    server.stop().await;
    let rows = database.psql(
        "select count(*), count(distinct attributes->>'item') from observatory.spans where service_name = 'shop'",
    );
    assert_eq!(rows, expected);
    Ok(())
}

/// Sends until told to stop, numbered; what is refused is sent again.
async fn send(client: Client, is_over: Arc<AtomicBool>, [acknowledged, refused]: [Arc<AtomicU64>; 2]) {
    let name: u64 = rand::random();
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        let item = |item| vec![attribute("item", Value::StringValue(format!("{name}-{number}-{item}")))];
        let request = spans("shop", (0..SPANS).map(|number| span("work", item(number))));
        loop {
            match client.send(&request).await {
                Outcome::Accepted { rejected: 0 } => break,
                Outcome::Refused(_) => refused.fetch_add(1, Ordering::SeqCst),
                other => panic!("a valid request is taken or refused, not {other:?}"),
            };
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        acknowledged.fetch_add(SPANS, Ordering::SeqCst);
        number += 1;
        // About 5 000 spans a second from both.
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// The answer, or nothing while queries are refused.
async fn answer(server: &Server, sql: &str) -> Option<String> {
    let body = serde_json::json!({"sql": sql}).to_string();
    let reply = server.api().post("/api/v1/sql", &[("content-type", "application/json")], body).await.ok()?;
    if reply.status != 200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        return None;
    }
    Some(server.sql(sql).await.text())
}

#[tokio::test]
async fn sums_past_their_retention_go_from_the_database_too() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let setup = observatory()
        .env("DATABASE_URL", database.url())
        .env("OBSERVATORY_RETENTION__SPANS_DAYS", 1)
        .env("OBSERVATORY_RETENTION__ROLLUPS_DAYS", 2)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
        .env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    let day = 86_400_000_000_000;
    let days_ago = |days: u64| {
        let mut span = span("work", vec![]);
        span.start_time_unix_nano = testkit::now_nanos() - days * day;
        span.end_time_unix_nano = span.start_time_unix_nano + 1;
        span
    };
    server.client(Protocol::Grpc).deliver(&spans("shop", [0, 1, 3, 4].map(days_ago))).await;

    for table in ["service_minutes", "service_hours"] {
        let count = format!("select count(*) from observatory.{table} where tenant = 'default' and to_round is null");
        until("what is older than two days goes", PATIENCE, async || (database.psql(&count) == "2").then_some(()))
            .await;
    }
    Ok(())
}
