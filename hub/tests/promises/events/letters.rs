//! Events that fail.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use hub::events::Config;
use serde_json::{Value, json};
use testkit::until;

use super::process::{Process, SOON, acme, handle, next, number, numbers, quick};
use crate::place::{Place, places};
use crate::server::Server;

#[tokio::test]
async fn what_fails_comes_again_and_holds_nobody_up() {
    for place in places().await {
        let process = Process::start(&place, &quick());
        let mut deliveries = process.subscribe("catalog");
        process.publish(0..10).await;

        let failing = next(&mut deliveries).await;
        assert_eq!((number(&failing), failing.attempt()), (0, 1));
        failing.nack("the disk is full");
        let mut handled = handle(&mut deliveries, 9).await;
        let again = next(&mut deliveries).await;

        handled.sort_unstable();
        assert_eq!(handled, numbers(1..10), "{}", place.name);
        assert_eq!((number(&again), again.attempt()), (0, 2), "{}", place.name);
        again.ack();
        until("no letter is left", SOON, async || process.letters().await.is_empty().then_some(())).await;
        until("the offset has passed it", SOON, async || (process.backlog("catalog").await == 0).then_some(())).await;
        process.stop().await;
    }
}

#[tokio::test]
async fn what_fails_for_good_is_a_dead_letter_until_somebody_revives_it() {
    for place in places().await {
        let process = Process::start(&place, &Config { attempts_max: 3, ..quick() });
        let mut deliveries = process.subscribe("catalog");
        process.publish(7..8).await;

        for attempt in 1..=3 {
            let delivery = next(&mut deliveries).await;
            assert_eq!(delivery.attempt(), attempt, "{}", place.name);
            delivery.nack(format!("no {attempt}"));
        }
        let dead =
            until("it is dead", SOON, async || process.letters().await.into_iter().find(|letter| letter.body.is_dead))
                .await;
        assert_eq!((dead.body.attempts, dead.body.reason.as_str()), (3, "no 3"), "{}", place.name);
        assert_eq!((dead.body.consumer.as_str(), dead.body.event.data.as_u64()), ("catalog", Some(7)));
        let still = tokio::time::timeout(Duration::from_millis(300), deliveries.next()).await;
        assert!(still.is_err(), "it does not come by itself");

        assert!(process.events.revive(&acme(), &dead.id).await.expect("records"));
        assert_eq!(handle(&mut deliveries, 1).await, [7], "{}", place.name);
        until("no letter is left", SOON, async || process.letters().await.is_empty().then_some(())).await;
        assert_eq!(process.events.counts().dead, 1);
        process.stop().await;
    }
}

#[tokio::test]
async fn a_handler_that_panics_has_failed() {
    for place in places().await {
        let process = Process::start(&place, &quick());
        let mut deliveries = process.subscribe("catalog");
        process.publish(0..1).await;

        let delivery = next(&mut deliveries).await;
        let handler = tokio::spawn(async move {
            let _delivery = delivery;
            panic!("as told");
        });
        assert!(handler.await.is_err());

        let again = next(&mut deliveries).await;
        assert_eq!(again.attempt(), 2, "{}", place.name);
        assert!(process.letters().await[0].body.reason.contains("panic"));
        again.ack();
        process.stop().await;
    }
}

#[tokio::test]
async fn dead_letters_are_kept_for_their_days_only() {
    let process = Process::start(&Place::process(), &Config { attempts_max: 1, ..quick() });
    let mut deliveries = process.subscribe("catalog");
    process.publish(0..1).await;
    next(&mut deliveries).await.nack("no");
    until("it is dead", SOON, async || process.letters().await.pop().filter(|letter| letter.body.is_dead)).await;

    let day = Duration::from_secs(24 * 60 * 60);
    process.events.tidy(SystemTime::now() + 29 * day).await.expect("records");
    assert_eq!(process.letters().await.len(), 1);
    process.events.tidy(SystemTime::now() + 31 * day).await.expect("records");
    assert_eq!(process.letters().await.len(), 0);
    process.stop().await;
}

/// The dead letters that somebody is shown.
async fn shown(server: &Server, token: &str) -> Vec<Value> {
    let answer = server.get("/dead-letters", token).await;
    answer.json["dead_letters"].as_array().unwrap_or_else(|| panic!("no list: {}", answer.text)).clone()
}

#[tokio::test]
async fn a_dead_letter_is_listed_for_its_tenant_only_and_tried_again_at_wish() {
    let server = Server::start().await;
    let root = server.owner().await;
    let (own, other) = (server.tenant(&root, "acme").await, server.tenant(&root, "globex").await);
    let process = Process::over(&Place::process(), server.records.clone(), &Config { attempts_max: 1, ..quick() });
    let mut deliveries = process.subscribe("catalog");
    let died = async |reason: &str| {
        until(reason, SOON, async || shown(&server, &own).await.pop().filter(|letter| letter["reason"] == reason)).await
    };

    process.publish(7..8).await;
    next(&mut deliveries).await.nack("the disk is full");
    let dead = died("the disk is full").await;

    assert_eq!(
        (&dead["consumer"], &dead["type"], &dead["attempts"]),
        (&json!("catalog"), &json!("test.counted"), &json!(1))
    );
    let address = format!("/dead-letters/catalog/{}", dead["event"].as_str().expect("an id"));
    let retry = format!("{address}/retry");
    assert!(shown(&server, &other).await.is_empty());
    assert_eq!(server.post(&retry, &other, json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.delete(&address, &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.post(&retry, &own, json!({})).await.status, StatusCode::NO_CONTENT);
    let again = next(&mut deliveries).await;
    assert_eq!((number(&again), again.attempt()), (7, 1), "it is tried as a new one");
    again.nack("it is full still");
    died("it is full still").await;
    assert_eq!(server.delete(&address, &own).await.status, StatusCode::NO_CONTENT);
    assert!(shown(&server, &own).await.is_empty());
    assert_eq!(server.post(&retry, &own, json!({})).await.status, StatusCode::NOT_FOUND, "it is gone");
    let trail = server.trail(&own).await;
    assert!(trail.ends_with(&["dead_letter.retried".to_owned(), "dead_letter.deleted".to_owned()]), "{trail:?}");
    process.stop().await;
}
