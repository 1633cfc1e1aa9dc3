//! Logs and the outbox: what was written stays in its order.

use super::{Deed, tenant};
use crate::{Error, Event, Records, Sequence};

pub(super) async fn check(records: &Records) {
    entries_keep_their_order(records).await;
    events_reach_every_consumer(records).await;
    events_are_read_from_any_place_and_cut(records).await;
    names_are_checked(records).await;
}

async fn entries_keep_their_order(records: &Records) {
    let (log, acme, globex) = (records.log::<Deed>(), tenant("log-a"), tenant("log-b"));
    assert_eq!(log.last(&acme).await.expect("an answer"), None, "it is empty at first");
    for text in ["one", "two", "three"] {
        log.append(&acme, &Deed::new(text)).await.expect("it is appended");
    }

    let other = log.append(&globex, &Deed::new("one")).await.expect("it is appended");

    assert_eq!(other, Sequence(1), "each tenant's log has its own order");
    let read = log.read(&acme, Sequence(1), 10).await.expect("entries");
    let read: Vec<(u64, &str)> = read.iter().map(|entry| (entry.sequence.0, entry.body.text.as_str())).collect();
    assert_eq!(read, [(2, "two"), (3, "three")]);
    assert_eq!(log.read(&acme, Sequence(0), 1).await.expect("entries").len(), 1);
    assert_eq!(log.last(&acme).await.expect("an answer").map(|last| last.sequence), Some(Sequence(3)));
    let huge = log.append(&acme, &Deed::new(&"x".repeat(1 << 20))).await;
    assert!(matches!(huge, Err(Error::TooLarge { .. })), "{huge:?}");
}

async fn events_reach_every_consumer(records: &Records) {
    let (outbox, acme) = (records.outbox(), tenant("outbox"));
    let publish = async |number: u64| {
        let tenant = &acme;
        records.transaction(|tx| async move { tx.publish(tenant, "test.counted", &number).await }).await
    };
    let numbers =
        |events: &[Event]| -> Vec<u64> { events.iter().map(|event| event.parse::<u64>().expect("a number")).collect() };
    for number in [1, 2] {
        publish(number).await.expect("it is published");
    }

    let first = outbox.read("a", 10).await.expect("events");
    assert_eq!(numbers(&first), [1, 2]);
    assert_eq!(outbox.read("a", 10).await.expect("events"), first, "they come until they are acknowledged");
    outbox.ack("a", first[0].sequence).await.expect("it is acknowledged");
    publish(3).await.expect("it is published");
    let rest = outbox.read("a", 10).await.expect("events");
    assert_eq!(numbers(&rest), [2, 3]);
    assert_eq!(numbers(&outbox.read("b", 1).await.expect("events")), [1], "another consumer begins at the beginning");
    outbox.ack("a", rest[1].sequence).await.expect("it is acknowledged");
    outbox.ack("a", rest[0].sequence).await.expect("an answer");
    assert_eq!(outbox.offset("a").await.expect("an answer"), Some(rest[1].sequence), "it does not go back");

    assert_eq!(outbox.trim().await.expect("an answer"), 0, "one consumer has nothing yet");
    outbox.ack("b", first[0].sequence).await.expect("it is acknowledged");
    assert_eq!(outbox.trim().await.expect("an answer"), 1);
    assert_eq!(numbers(&outbox.read("b", 10).await.expect("events")), [2, 3]);
    outbox.forget("b").await.expect("it will not come back");
    assert_eq!(outbox.trim().await.expect("an answer"), 2);
    publish(4).await.expect("it is published");
    let last = outbox.read("a", 10).await.expect("events");
    assert_eq!((numbers(&last), last[0].sequence > rest[1].sequence), (vec![4], true), "sequences are not used again");
    assert_eq!((&last[0].tenant, last[0].topic.as_str()), (&acme, "test.counted"));
}

async fn events_are_read_from_any_place_and_cut(records: &Records) {
    let (outbox, acme) = (records.outbox(), tenant("outbox"));
    let before = outbox.number().await.expect("an answer");
    for number in 1..=3_u64 {
        let tenant = &acme;
        let published =
            records.transaction(|tx| async move { tx.publish(tenant, "test.counted", &number).await }).await;
        published.expect("it is published");
    }
    let sequences = async |after: u64| -> Vec<u64> {
        let events = outbox.after(Sequence(after), 10).await.expect("events");
        events.iter().map(|event| event.sequence.0).collect()
    };

    assert_eq!(sequences(before.0).await.len(), 0, "they have no sequence yet");
    assert_eq!(outbox.number().await.expect("an answer"), Sequence(before.0 + 3));
    assert_eq!(sequences(before.0 + 1).await, [before.0 + 2, before.0 + 3], "sequences have no gaps");

    outbox.ack("slow", before).await.expect("it is acknowledged");
    let known = outbox.consumers().await.expect("an answer");
    assert!(known.contains(&("slow".to_owned(), before)), "{known:?}");
    outbox.cut(1).await.expect("an answer");
    assert_eq!(sequences(0).await, [before.0 + 3], "whoever has not read them");
    outbox.forget("slow").await.expect("it will not come back");
}

async fn names_are_checked(records: &Records) {
    let acme = tenant("names");
    for wrong in ["", "a\nb", &"x".repeat(257)] {
        assert!(records.outbox().read(wrong, 1).await.is_err(), "a consumer");
        assert!(records.lease(wrong, "a", Default::default(), Default::default()).await.is_err(), "a lease");
        assert!(records.lease("a", wrong, Default::default(), Default::default()).await.is_err(), "its holder");
        let tenant = &acme;
        let published = records.transaction(|tx| async move { tx.publish(tenant, wrong, &1).await }).await;
        assert!(published.is_err(), "a topic");
    }
}
