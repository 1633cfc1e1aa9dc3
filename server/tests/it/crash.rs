//! Killed under load, at random and at named points, the program loses nothing it has acknowledged and doubles nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use testkit::{Client, Protocol, Request, Server, attribute, logs, record};
use tokio::task::JoinSet;

use crate::restless;

/// Moments at which the program ends itself; the number is the passing.
const POINTS: [&str; 6] =
    ["wal.half_written", "wal.written", "wal.synced", "flush.sealed", "flush.kept", "flush.forgotten"];
const CLIENTS: u64 = 4;
const RECORDS_PER_REQUEST: u64 = 20;
/// Kills in the ordinary suite; `OBSERVATORY_CRASH_KILLS` asks for more.
const KILLS: u64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_row_is_lost_or_doubled_by_a_kill() {
    let kills = std::env::var("OBSERVATORY_CRASH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let seed: u64 = std::env::var("OBSERVATORY_CRASH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(42);
    println!("seed {seed}, {kills} kills");
    let setup = restless();
    let next = Arc::new(AtomicU64::new(0));
    let mut acknowledged = BTreeSet::new();

    for kill in 0..kills {
        // Any spread will do, as long as the seed repeats it: a step of a linear congruential generator.
        let random =
            seed.wrapping_add(kill).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
                >> 33;
        let point = (kill % 2 == 0).then(|| POINTS[(kill / 2) as usize % POINTS.len()]);
        let passing =
            if point.is_some_and(|point| point.starts_with("flush")) { 1 + random % 3 } else { 1 + random % 60 };
        let armed = match point {
            Some(point) => setup.clone().env("OBSERVATORY_CRASH_AT", format!("{point}@{passing}")),
            None => setup.clone(),
        };
        let server = match armed.start().await {
            Ok(server) => server,
            // It may come to the point already while it replays: that is a kill too.
            Err(_) if point.is_some() => continue,
            Err(cause) => panic!("a start after a crash: {cause}"),
        };
        let clients = send_until_it_dies(&server, &next);
        let patience = if point.is_some() { Duration::from_secs(4) } else { Duration::from_millis(30 + random % 400) };
        let mut server = server;
        server.ends_within(patience).await;
        server.kill();
        for numbers in clients.join_all().await {
            acknowledged.extend(numbers);
        }
    }

    let server = setup.start().await.expect("a last start");
    let rows =
        server.sql("select cast(attributes->>'request' as bigint), count(*) from logs group by 1 order by 1").await;
    let seen: Vec<(u64, u64)> = rows.0.iter().map(|row| (number(&row[0]), number(&row[1]))).collect();
    let doubled: Vec<_> = seen.iter().filter(|(_, rows)| *rows != RECORDS_PER_REQUEST).collect();
    assert!(doubled.is_empty(), "requests that are not there exactly once: {doubled:?}");
    let stored: BTreeSet<u64> = seen.into_iter().map(|(request, _)| request).collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?} of {}", acknowledged.len());
    assert!(acknowledged.len() as u64 > kills, "the load was real: {} requests", acknowledged.len());
    println!("{} requests acknowledged, {} stored", acknowledged.len(), stored.len());
}

/// Clients that send until the server is gone, and then say what was acknowledged.
fn send_until_it_dies(server: &Server, next: &Arc<AtomicU64>) -> JoinSet<Vec<u64>> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let client = server.client(if client % 2 == 0 { Protocol::Grpc } else { Protocol::Http });
        clients.spawn(send(client, Arc::clone(next)));
    }
    clients
}

async fn send(client: Client, next: Arc<AtomicU64>) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if !client.send(&request(number)).await.is_acknowledged() {
            return acknowledged;
        }
        acknowledged.push(number);
    }
}

/// A request whose records all carry its number.
fn request(number: u64) -> Request {
    let number = i64::try_from(number).expect("a small number");
    let records = (0..RECORDS_PER_REQUEST)
        .map(|item| record(&format!("line {item} of {number}"), vec![attribute("request", Value::IntValue(number))]));
    logs("crash", records)
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("a number, not {value}"))
}
