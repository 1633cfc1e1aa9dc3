//! Kills the program under load, starts it again, and counts: nothing acknowledged is missing, nothing is there twice.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::{
    Client, Outcome, PostgresServer, Protocol, Request, Server, Setup, Skip, attribute, histogram, logs, metrics,
    points, record, span, spans,
};
use tokio::task::JoinHandle;

use crate::observatory;

/// Every point at which `OBSERVATORY_CRASH_AT` can end the program.
const POINTS: [&str; 9] = [
    "wal.half_written",
    "wal.written",
    "wal.synced",
    "flush.sealed",
    "flush.kept",
    "flush.forgotten",
    "upkeep.written",
    "upkeep.committed",
    "upkeep.deleted",
];
/// Kills in the ordinary suite; `OBSERVATORY_CRASH_KILLS` asks for more.
const KILLS: usize = 24;
/// With a database, which has its own tests of transactions; each point once.
const KILLS_WITH_DATABASE: usize = 12;
const CLIENTS: usize = 4;
/// Items of each table in a request.
const ITEMS_MAX: u64 = 20;
/// A point that is not passed under load within this time is not passed at all.
const PASSED_WITHIN: Duration = Duration::from_secs(60);

/// How the program is ended.
#[derive(Clone, Debug)]
enum Kill {
    /// SIGKILL from outside, this long after it was ready.
    After(Duration),
    /// By itself, at the n-th passing of a named point.
    At(&'static str, u64),
}

/// What one client knows of one request.
#[derive(Debug)]
struct Attempt {
    /// In an attribute of each of its items.
    name: String,
    /// Items by table.
    items: Vec<(&'static str, u64)>,
    acknowledged: bool,
}

#[tokio::test]
async fn no_acknowledged_row_is_lost_or_doubled_by_a_crash() {
    let kills = std::env::var("OBSERVATORY_CRASH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    crashes(observatory(), kills).await;
}

#[tokio::test]
async fn no_acknowledged_row_is_lost_or_doubled_in_postgresql() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;

    crashes(observatory().env("DATABASE_URL", database.url()), KILLS_WITH_DATABASE).await;
    Ok(())
}

async fn crashes(setup: Setup, kills: usize) {
    let seed = std::env::var("OBSERVATORY_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("{kills} kills, OBSERVATORY_CRASH_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Small enough that segments of memory and log are full several times between two kills.
    let setup = setup
        .env("OBSERVATORY_PLANE__SEGMENT_BYTES", 50_000)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
        .env("OBSERVATORY_WAL__SEGMENT_BYTES", 200_000)
        // Files are merged all the time, and those that were merged are deleted soon.
        .env("OBSERVATORY_LAKE__MERGE_FILES_MIN", 2)
        .env("OBSERVATORY_LAKE__LEASE_SECONDS", 1)
        .env("OBSERVATORY_LAKE__DELETION_GRACE_SECONDS", 11)
        .env("OBSERVATORY_QUERY__TIME_SECONDS_MAX", 10)
        .env("OBSERVATORY_MAINTENANCE__CORE_SHARE", 1)
        .env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 1);
    let mut attempts = Vec::new();
    for number in 0..kills {
        let kill = choose(number, &mut random);
        let round = one_crash(&setup, &kill, &format!("{number}"), random.random()).await;
        let acknowledged = round.iter().filter(|attempt| attempt.acknowledged).count();
        println!("{number} {kill:?}: {acknowledged} of {} requests acknowledged", round.len());
        let server = setup.start().await.expect("a start after a crash");
        check(&server, &round, &format!("'{number}'")).await;
        server.kill();
        attempts.extend(round);
    }
    let server = setup.start().await.expect("a start after all crashes");
    check(&server, &attempts, "attributes->>'round'").await;
    let rows: u64 = attempts.iter().flat_map(|attempt| &attempt.items).map(|(_, items)| items).sum();
    println!("{} requests with {rows} rows, {} Parquet files", attempts.len(), server.parquet_files().len());
    server.stop().await;
}

/// Each point in turn, with as many kills at any moment in between.
fn choose(number: usize, random: &mut ChaCha8Rng) -> Kill {
    match number % 2 {
        0 => {
            let point = POINTS[number / 2 % POINTS.len()];
            // Files are merged more seldom than requests come.
            let passings = if point.starts_with("upkeep") { 1..=3 } else { 1..=12 };
            Kill::At(point, random.random_range(passings))
        }
        _ => Kill::After(Duration::from_millis(random.random_range(0..600))),
    }
}

/// Runs the program under load until it is killed, and says what was sent.
async fn one_crash(setup: &Setup, kill: &Kill, round: &str, seed: u64) -> Vec<Attempt> {
    let setup = match kill {
        Kill::At(point, passing) => setup.clone().env("OBSERVATORY_CRASH_AT", format!("{point}@{passing}")),
        Kill::After(_) => setup.clone(),
    };
    // It may come to its point while it brings back what the last crash has left.
    let Ok(mut server) = setup.start().await else { return Vec::new() };
    let clients = load(&server, round, seed);
    match kill {
        Kill::At(point, _) => {
            let ended = server.ends_within(PASSED_WITHIN).await;
            assert!(ended.is_some_and(|status| !status.success()), "{point} was not passed under load: {ended:?}");
        }
        Kill::After(delay) => tokio::time::sleep(*delay).await,
    }
    server.kill();
    let attempts = join_all(clients).await.into_iter();
    attempts.flat_map(|attempts| attempts.expect("a client does not panic")).collect()
}

/// Clients that send until the server is gone.
fn load(server: &Server, round: &str, seed: u64) -> Vec<JoinHandle<Vec<Attempt>>> {
    let clients = (0..CLIENTS).map(|number| {
        let client = server.client(Protocol::ALL[number % 2]);
        let random = ChaCha8Rng::seed_from_u64(seed.wrapping_add(number as u64));
        tokio::spawn(send_until_lost(client, round.to_owned(), number, random))
    });
    clients.collect()
}

async fn send_until_lost(client: Client, round: String, number: usize, mut random: ChaCha8Rng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    loop {
        let name = format!("{round}-{number}-{}", attempts.len());
        let (request, items) = request(&round, &name, random.random_range(1..=ITEMS_MAX), random.random_range(0..3));
        let outcome = client.send(&request).await;
        let acknowledged = outcome.is_acknowledged();
        attempts.push(Attempt { name, items, acknowledged });
        match outcome {
            Outcome::Accepted { rejected: 0 } => {}
            Outcome::Lost(_) => return attempts,
            other => panic!("a valid request is taken or lost, not {other:?}"),
        }
    }
}

/// A request of one signal; one of metrics is for two tables at once.
fn request(round: &str, attempt: &str, items: u64, signal: u32) -> (Request, Vec<(&'static str, u64)>) {
    let attributes = |item: u64| -> Vec<KeyValue> {
        let text = |key, text: &str| attribute(key, Value::StringValue(text.to_owned()));
        vec![text("round", round), text("attempt", attempt), attribute("item", Value::IntValue(item as i64))]
    };
    let all = || (0..items).map(attributes);
    match signal {
        0 => (spans("shop", all().map(|attributes| span("work", attributes))), vec![("spans", items)]),
        1 => (logs("shop", all().map(|attributes| record("a line of some length", attributes))), vec![("logs", items)]),
        _ => {
            let request = metrics("shop", [points("a.gauge", all()), histogram("a.histogram", all())]);
            (request, vec![("metrics", items), ("histograms", items)])
        }
    }
}

/// Compares what the clients know with what the tables hold. `rounds` is one round, or an expression that is true for all.
async fn check(server: &Server, attempts: &[Attempt], rounds: &str) {
    for table in ["spans", "logs", "metrics", "histograms"] {
        let sql = format!(
            "select attributes->>'attempt', count(*), count(distinct attributes->>'item') from {table} \
             where attributes->>'round' = {rounds} group by 1"
        );
        let mut stored: HashMap<String, [u64; 2]> = HashMap::new();
        for row in server.sql(&sql).await.0 {
            let count = |column: usize| row[column].as_u64().expect("a count");
            stored.insert(row[0].as_str().expect("a name").to_owned(), [count(1), count(2)]);
        }
        for attempt in attempts {
            let Some((_, sent)) = attempt.items.iter().find(|(of, _)| *of == table) else { continue };
            let found = stored.remove(&attempt.name);
            match found {
                Some(counts) => assert_eq!(counts, [*sent, *sent], "{table}: rows and distinct rows of {attempt:?}"),
                None => assert!(!attempt.acknowledged, "{table}: nothing is left of {attempt:?}"),
            }
        }
        assert_eq!(stored, HashMap::new(), "{table}: rows that nobody has sent");
    }
    check_rollups(server).await;
}

/// Every span is summed once: sums and spans become durable in one step, and are lost or found together.
async fn check_rollups(server: &Server) {
    let calls = "kind in ('server', 'consumer') and duration_ns >= 0";
    let sql = format!(
        "select (select count(*) from spans) as spans, (select sum(requests) from service_minutes) as minutes, \
         (select sum(requests) from service_hours) as hours, (select count(*) from spans where {calls}) as calls, \
         (select sum(calls) from service_edges where target_kind = 'service') as edges"
    );
    let rows = server.sql(&sql).await.0;
    let counts: Vec<u64> = rows[0].iter().map(|count| count.as_u64().unwrap_or(0)).collect();
    let [spans, by_minute, by_hour, answered, edges] = counts[..] else { panic!("five counts, not {counts:?}") };
    assert_eq!([by_minute, by_hour], [spans; 2], "spans and requests in their rollups");
    assert_eq!(edges, answered, "calls and edges");
}
