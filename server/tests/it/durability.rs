//! What an answer promises: on disk, and visible at once.

use std::time::Duration;

use bench::conform::{Target, run};
use futures::future::join_all;
use testkit::{Outcome, Protocol, Request, histogram, logs, metrics, points, record, span, spans, until};

use crate::observatory;

#[tokio::test]
async fn every_acknowledged_row_is_visible_when_the_answer_arrives() {
    const ROUNDS: u64 = 25;
    let server = observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTES", 100_000).start().await.expect("a server");

    let clients = Protocol::ALL.into_iter().enumerate().map(|(number, protocol)| {
        let (server, client) = (&server, server.client(protocol));
        async move {
            let service = format!("service-{number}");
            for round in 1..=ROUNDS {
                client.deliver(&spans(&service, [span("a", vec![]), span("b", vec![])])).await;
                client.deliver(&logs(&service, [record("said", vec![])])).await;
                let request = [points("a", [vec![], vec![]]), histogram("b", [vec![]])];
                client.deliver(&metrics(&service, request)).await;

                let counts = ["spans", "logs", "metrics", "histograms"]
                    .map(|table| format!("(select count(*) from {table} where service_name = '{service}') as {table}"));
                let seen = server.sql(&format!("select {}", counts.join(", "))).await.text();
                assert_eq!(seen, format!("{}|{}|{}|{}", 2 * round, round, 2 * round, round));
            }
        }
    });
    join_all(clients).await;
}

#[tokio::test]
async fn a_graceful_stop_leaves_all_rows_in_parquet_and_nothing_in_the_log() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Http);
    for number in 0..20 {
        client.deliver(&logs("shop", [record(&format!("line {number}"), vec![])])).await;
    }
    assert_eq!(server.sql("select count(*) from logs").await.number(), 20);

    server.stop().await;
    let server = setup.start().await.expect("a server");

    assert_eq!(server.sql("select count(*), count(distinct body) from logs").await.text(), "20|20");
    let replayed = server.said().matches("write-ahead log replayed").count();
    assert_eq!(replayed, 0, "{}", server.said());
}

#[tokio::test]
async fn requests_in_flight_at_a_stop_get_real_answers() {
    const CLIENTS: usize = 8;
    let setup = observatory();
    let mut server = setup.start().await.expect("a server");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = server.client(Protocol::ALL[number % 2]);
            tokio::spawn(async move {
                let (mut acknowledged, mut lost) = (0_u64, Vec::new());
                // Ends when the server does not take connections any more.
                for _ in 0..10_000 {
                    match client.send(&big_request()).await {
                        Outcome::Accepted { rejected: 0 } => acknowledged += 1,
                        other => {
                            lost.push(other);
                            break;
                        }
                    }
                }
                (acknowledged, lost)
            })
        })
        .collect();
    until("all clients are at work", Duration::from_secs(30), async || {
        (server.sql("select count(*) from logs").await.number() > 2_000).then_some(())
    })
    .await;

    server.terminate();
    let answers = join_all(clients).await;
    let status = server.ends_within(Duration::from_secs(60)).await.expect("it stops");

    assert!(status.success(), "{status}");
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("a client does not panic")).collect();
    let acknowledged: u64 = answers.iter().map(|(acknowledged, _)| acknowledged).sum();
    let ends: Vec<_> = answers.iter().flat_map(|(_, ends)| ends).collect();
    let server = setup.start().await.expect("a server");
    let kept = server.sql("select count(*) from logs").await.number();
    // A connection may be closed between two requests, but none in the middle of one: nothing is there twice or unanswered.
    assert_eq!(kept, acknowledged * ROWS, "{ends:?}");
}

#[tokio::test]
async fn half_sent_requests_are_answered_after_sigterm() {
    let mut server = observatory().start().await.expect("a server");
    let target = Target::new(&server.grpc_url(), &server.http_url()).expect("addresses");
    let target = Target { memory_pid: Some(server.pid()), allow_stop: true, ..target };

    let matrix = run(&target, &["C3"]).await.expect("the row exists");

    assert_eq!(matrix.failures().count(), 0, "{matrix}");
    let status = server.ends_within(Duration::from_secs(60)).await.expect("it stops");
    assert!(status.success(), "{status}");
}

const ROWS: u64 = 200;

fn big_request() -> Request {
    logs("shop", (0..ROWS).map(|number| record(&format!("line {number}"), vec![])))
}
