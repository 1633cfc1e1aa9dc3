//! Events between products.

mod bad_days;
mod letters;
mod process;

use std::time::Duration;

use hub::events::{Config, EventsError, NewEvent};
use records::Records;
use serde_json::json;
use testkit::until;

use self::process::{Process, SOON, acme, event, handle, numbers, quick};
use crate::place::places;

#[tokio::test]
async fn what_is_published_reaches_every_consumer_once_and_in_order() {
    for place in places().await {
        let process = Process::start(&place, &quick());
        let (mut first, mut second) = (process.subscribe("first"), process.subscribe("second"));

        process.publish(0..200).await;

        assert_eq!(handle(&mut first, 200).await, numbers(0..200), "{}", place.name);
        assert_eq!(handle(&mut second, 200).await, numbers(0..200), "{}", place.name);
        process.stop().await;
    }
}

#[tokio::test]
async fn an_event_arrives_as_it_was_published() {
    for place in places().await {
        let process = Process::start(&place, &quick());
        let mut deliveries = process.events.subscribe("catalog", &["orchestrator.*"]).expect("a valid name");
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let job = NewEvent::new("orchestrator.job.failed", &json!({"exit": 1, "text": "héllo"})).expect("a valid type");

        process
            .events
            .publish(&acme(), &NewEvent::new("insights.score", &()).expect("a valid type"))
            .await
            .expect("published");
        let id = process.events.publish(&acme(), &job.about("job/42").traced(trace)).await.expect("published");
        let delivery = deliveries.next().await.expect("it is not closed");

        let event = delivery.event();
        assert_eq!(
            (event.id, event.kind.as_str(), event.source.as_str()),
            (id, "orchestrator.job.failed", "orchestrator")
        );
        assert_eq!((event.subject.as_deref(), event.traceparent.as_deref()), (Some("job/42"), Some(trace)));
        assert_eq!((&event.tenant, &event.data), (&acme(), &json!({"exit": 1, "text": "héllo"})));
        assert_eq!(delivery.attempt(), 1);
        delivery.ack();
        until("what nobody wanted is behind us too", SOON, async || {
            process.backlog("catalog").await.eq(&0).then_some(())
        })
        .await;
        process.stop().await;
    }
}

#[tokio::test]
async fn an_event_of_a_transaction_that_fails_never_was() {
    for place in places().await {
        let process = Process::start(&place, &quick());
        let mut deliveries = process.subscribe("catalog");

        let failed: Result<(), EventsError> = process
            .records
            .transaction(|transaction| async move {
                event(1).publish(&transaction, &acme()).await?;
                Err(records::Error::Invalid("changed its mind".to_owned()).into())
            })
            .await;
        process.publish(2..3).await;

        assert!(failed.is_err());
        assert_eq!(handle(&mut deliveries, 1).await, [2], "{}", place.name);
        process.stop().await;
    }
}

#[tokio::test]
async fn a_consumer_goes_on_where_it_was() {
    for place in places().await {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("records.sqlite");
        let process = Process::over(&place, Records::sqlite(&file).await.expect("records"), &quick());
        let mut deliveries = process.subscribe("catalog");
        process.publish(0..10).await;
        assert_eq!(handle(&mut deliveries, 7).await, numbers(0..7));
        deliveries.close().await;
        process.stop().await;

        let process = Process::over(&place, Records::sqlite(&file).await.expect("records"), &quick());
        let mut deliveries = process.subscribe("catalog");

        let mut rest = handle(&mut deliveries, 3).await;
        rest.sort_unstable();
        assert_eq!(rest, numbers(7..10), "{}", place.name);
        process.stop().await;
    }
}

#[tokio::test]
async fn a_consumer_has_no_more_at_once_than_the_limit() {
    for place in places().await {
        let process = Process::start(&place, &Config { in_flight_max: 3, ..quick() });
        let mut deliveries = process.subscribe("catalog");
        process.publish(0..10).await;

        let mut out = Vec::new();
        for _ in 0..3 {
            out.push(deliveries.next().await.expect("it is not closed"));
        }
        let fourth = tokio::time::timeout(Duration::from_millis(200), deliveries.next()).await;
        assert!(fourth.is_err(), "{}", place.name);
        out.into_iter().for_each(|delivery| delivery.ack());

        assert_eq!(handle(&mut deliveries, 7).await, numbers(3..10));
        process.stop().await;
    }
}

#[tokio::test]
async fn what_is_dropped_before_it_was_read_is_counted() {
    for place in places().await {
        let process = Process::start(&place, &Config { kept_max: 5, ..quick() });
        let mut deliveries = process.subscribe("catalog");
        process.publish(0..1).await;
        assert_eq!(handle(&mut deliveries, 1).await, [0]);
        deliveries.close().await;

        process.publish(1..20).await;
        process.tidy().await;
        let mut deliveries = process.subscribe("catalog");

        let mut kept = handle(&mut deliveries, 5).await;
        kept.sort_unstable();
        assert_eq!(kept, numbers(15..20), "{}", place.name);
        assert_eq!(process.events.counts().missed.get("catalog"), Some(&14), "{}", place.name);
        process.stop().await;
    }
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let process = Process::start(&crate::place::Place::process(), &quick());

    for name in ["", "Catalog", "cat alog", &"a".repeat(65)] {
        assert!(matches!(process.events.subscribe(name, &[]), Err(EventsError::InvalidName { .. })), "{name}");
    }
    let large = NewEvent::new("a.b", &"x".repeat(hub::events::EVENT_BYTES_MAX)).expect("a valid type");
    let refused = process.events.publish(&acme(), &large).await.expect_err("too large");
    assert!(matches!(refused, EventsError::TooLarge { .. }), "{refused}");
    process.stop().await;
}
