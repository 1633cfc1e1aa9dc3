//! Processes die, Redis goes and comes back, with and without its memory, and clocks jump.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use hub::events::Config;
use model::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use records::Records;
use testkit::{PostgresServer, RedisServer, Remembers, until};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::process::{Process, SOON, acme, event, handle, next, number, numbers, quick};
use crate::place::{Place, places};

async fn redis(remembers: Remembers) -> Option<Place> {
    match RedisServer::start(remembers).await {
        Ok(server) => Some(Place::redis(server)),
        Err(skip) => {
            skip.tell();
            None
        }
    }
}

async fn open(file: &Path) -> Records {
    Records::sqlite(file).await.expect("records")
}

/// Handles events until it has them all and none is left to be settled: each once, however often it comes. Fails now and then.
async fn handle_all(process: &Process, consumer: &str, events: usize, seed: u64) {
    let (mut deliveries, mut chance) = (process.subscribe(consumer), StdRng::seed_from_u64(seed));
    let mut handled = BTreeSet::new();
    let began = Instant::now();
    loop {
        match timeout(Duration::from_millis(50), deliveries.next()).await {
            Ok(delivery) if chance.random_ratio(1, 20) => delivery.expect("it is not closed").nack("by chance"),
            Ok(delivery) => {
                let delivery = delivery.expect("it is not closed");
                handled.insert(number(&delivery));
                delivery.ack();
            }
            Err(_) if handled.len() == events && process.is_settled(consumer).await => return,
            Err(_) => assert!(began.elapsed() < 3 * SOON, "{consumer} has {} of {events}", handled.len()),
        }
    }
}

#[tokio::test]
async fn no_event_is_lost_when_redis_is_killed_in_the_middle() {
    for remembers in [Remembers::Everything, Remembers::Nothing] {
        let Some(mut place) = redis(remembers).await else { return };
        let seed = rand::random::<u32>().into();
        println!("seed {seed}");
        let process = Process::start(&place, &quick());
        let mut server = place.server.take().expect("a server");

        let publishing = async {
            for round in 0..5 {
                process.publish(round * 100..(round + 1) * 100).await;
                server.kill().await;
                // What is published now waits in the outbox.
                process.publish(500 + round * 20..500 + (round + 1) * 20).await;
                server.run().await;
            }
        };
        let (first, second) = (handle_all(&process, "first", 600, seed), handle_all(&process, "second", 600, seed + 1));
        tokio::join!(publishing, first, second);

        assert_eq!(process.events.counts().missed, BTreeMap::new(), "{remembers:?}");
        process.stop().await;
    }
}

#[tokio::test]
async fn no_event_is_lost_when_the_database_is_killed_in_the_middle() {
    for place in places().await {
        let mut server = match PostgresServer::start().await {
            Ok(server) => server,
            Err(skip) => return skip.tell(),
        };
        let config = records::Config { url: Some(records::Url::new(server.url())), ..records::Config::default() };
        let process = Process::over(&place, Records::open(&config).await.expect("records"), &quick());
        let seed = rand::random::<u32>().into();
        println!("seed {seed}");

        let publishing = async {
            for round in 0..2 {
                process.publish(round * 50..(round + 1) * 50).await;
                server.kill().await;
                let refused = process.events.publish(&acme(), &event(0)).await;
                assert!(refused.is_err(), "who publishes is told");
                server.run().await;
                until("the records are back", SOON, async || process.events.backlog().await.ok()).await;
            }
        };
        tokio::join!(publishing, handle_all(&process, "catalog", 100, seed));

        process.stop().await;
    }
}

#[tokio::test]
async fn without_redis_at_the_start_events_wait_for_it() {
    let server = match RedisServer::stopped(Remembers::Nothing) {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let mut place = Place::redis(server);
    let process = Process::start(&place, &quick());
    let mut deliveries = process.subscribe("catalog");

    process.publish(0..10).await;
    let early = timeout(Duration::from_millis(300), deliveries.next()).await;
    assert!(early.is_err());
    place.server.as_mut().expect("a server").run().await;

    assert_eq!(handle(&mut deliveries, 10).await, numbers(0..10));
    process.stop().await;
}

#[tokio::test]
async fn what_a_consumer_had_when_its_subscription_ended_comes_again() {
    for place in places().await {
        let process = Process::start(&place, &quick());
        let mut deliveries = process.subscribe("catalog");
        process.publish(0..10).await;
        let held = next(&mut deliveries).await;
        drop((deliveries, held));

        let mut again = handle(&mut process.subscribe("catalog"), 10).await;

        again.sort_unstable();
        assert_eq!(again, numbers(0..10), "{}", place.name);
        process.stop().await;
    }
}

/// Starts a process in a runtime of its own, lets it take events without an answer, and kills it: nothing of it runs any more.
async fn take_and_die(place: &Place, file: &Path, events: usize) -> Vec<u64> {
    let runtime = Runtime::new().expect("a runtime");
    let (say, mut taken) = mpsc::channel(events);
    let server = place.server.as_ref().map(RedisServer::url);
    let file = file.to_owned();
    runtime.spawn(async move {
        let redis = server.map(|url| {
            let url = hub::redis::Url::new(url);
            hub::redis::Redis::new(&url, &hub::redis::Config::default()).expect("a valid address")
        });
        let place = Place { name: "another process", server: None, redis };
        let process = Process::over(&place, open(&file).await, &quick());
        let mut deliveries = process.subscribe("catalog");
        let mut held = Vec::new();
        loop {
            let delivery = next(&mut deliveries).await;
            say.send(number(&delivery)).await.expect("the test listens");
            held.push(delivery);
        }
    });
    let mut numbers = Vec::new();
    for _ in 0..events {
        numbers.push(taken.recv().await.expect("it takes"));
    }
    runtime.shutdown_background();
    numbers
}

#[tokio::test]
async fn what_a_dead_process_had_is_taken_over() {
    for place in places().await {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("records.sqlite");
        let process = Process::over(&place, open(&file).await, &quick());
        process.publish(0..10).await;
        let died_with = take_and_die(&place, &file, 10).await;

        let mut deliveries = process.subscribe("catalog");
        let mut again = handle(&mut deliveries, 10).await;

        again.sort_unstable();
        assert_eq!((died_with, again), (numbers(0..10), numbers(0..10)), "{}", place.name);
        until("all is settled", SOON, async || (process.backlog("catalog").await == 0).then_some(())).await;
        process.stop().await;
    }
}

#[tokio::test]
async fn an_event_that_takes_its_process_down_becomes_a_dead_letter_alone() {
    for place in places().await {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("records.sqlite");
        let config = Config { attempts_max: 3, ..quick() };
        let mut handled = BTreeSet::new();
        let process = Process::over(&place, open(&file).await, &config);
        process.publish(0..20).await;

        // Each time 13 is delivered, the consumer ends with all that it has.
        let dead = until("it is dead", SOON, async || {
            let mut deliveries = process.subscribe("catalog");
            while let Ok(Some(delivery)) = timeout(Duration::from_secs(1), deliveries.next()).await {
                if number(&delivery) == 13 {
                    drop(deliveries);
                    drop(delivery);
                    break;
                }
                handled.insert(number(&delivery));
                delivery.ack();
            }
            process.letters().await.into_iter().find(|letter| letter.body.is_dead)
        })
        .await;

        assert_eq!(dead.body.event.data.as_u64(), Some(13), "{}", place.name);
        let mut deliveries = process.subscribe("catalog");
        while handled.len() < 19 {
            handled.extend(handle(&mut deliveries, 1).await);
        }
        assert!(!handled.contains(&13));
        process.stop().await;
    }
}

#[tokio::test]
async fn processes_share_the_work_of_a_consumer() {
    let Some(place) = redis(Remembers::Everything).await else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("records.sqlite");
    let (one, other) =
        (Process::over(&place, open(&file).await, &quick()), Process::over(&place, open(&file).await, &quick()));
    let (mut first, mut second) = (one.subscribe("catalog"), other.subscribe("catalog"));

    one.publish(0..200).await;
    let mut handled = Vec::new();
    while handled.len() < 200 {
        let delivery = tokio::select! {
            delivery = next(&mut first) => delivery,
            delivery = next(&mut second) => delivery,
        };
        handled.push(number(&delivery));
        delivery.ack();
    }

    handled.sort_unstable();
    assert_eq!(handled, numbers(0..200), "each once");
    one.stop().await;
    other.stop().await;
}

/// What Redis finds after its clock has gone back by a day: events that were handed out tomorrow.
fn go_back_by_a_day(server: &RedisServer) {
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    let tomorrow = tomorrow.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis().to_string();
    let (stream, group) = ("observatory:events", "catalog");
    for entry in server.cli(&["XPENDING", stream, group, "-", "+", "100"]).lines().collect::<Vec<_>>().chunks(4) {
        server.cli(&["XCLAIM", stream, group, entry[1], "0", entry[0], "TIME", &tomorrow, "JUSTID"]);
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_by_a_day_holds_nothing_up() {
    let day = 24 * 60 * 60 * 1_000_000_000;
    for place in places().await {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("records.sqlite");
        let process = Process::over(&place, open(&file).await, &quick());
        process.publish(0..10).await;
        let died_with = take_and_die(&place, &file, 10).await;
        process.stop().await;
        if let Some(server) = &place.server {
            go_back_by_a_day(server);
        }

        let yesterday = move || Timestamp(i64::try_from(testkit::now_nanos()).expect("this century") - day);
        let process = Process::over(&place, open(&file).await.with_clock(yesterday), &quick());
        let mut deliveries = process.subscribe("catalog");
        process.publish(10..20).await;
        let mut handled = handle(&mut deliveries, 20).await;

        handled.sort_unstable();
        assert_eq!((died_with, handled), (numbers(0..10), numbers(0..20)), "{}", place.name);
        process.stop().await;
    }
}

#[tokio::test]
async fn records_that_were_restored_begin_a_new_stream() {
    let Some(place) = redis(Remembers::Everything).await else { return };
    let before = Process::start(&place, &quick());
    let mut deliveries = before.subscribe("catalog");
    before.publish(0..50).await;
    assert_eq!(handle(&mut deliveries, 50).await, numbers(0..50));
    deliveries.close().await;
    before.stop().await;

    let after = Process::start(&place, &quick());
    let mut deliveries = after.subscribe("catalog");
    after.publish(100..110).await;

    assert_eq!(handle(&mut deliveries, 10).await, numbers(100..110));
    after.stop().await;
}
