//! That it is told: once, when it is due, however receivers and senders behave.

use std::sync::Arc;

use serde_json::json;

use super::office::{Office, rule};
use super::receiver::{Answer, Receiver};
use crate::alert::AlertState;
use crate::notify::channel::Kind;
use crate::notify::deliver::{Courier, SENDS_PER_CHANNEL_MAX};
use crate::notify::notification::State;
use crate::notify::{UNDELIVERABLE, trouble};
use crate::rule::Severity;

const HOUR: i64 = 3600;

async fn hook(office: &Office, receiver: &Receiver, more: &str) {
    let url = receiver.url();
    office.settle(&format!("channels:\n  - {{name: hook, default: true, {more} webhook: {{url: '{url}'}}}}\n")).await;
}

#[tokio::test]
async fn a_channel_that_is_down_for_an_hour_loses_nothing_and_floods_nobody() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "").await;
    receiver.always(Some(Answer::Status(503)));
    let critical = rule("High Error Rate", Severity::Critical, &[]);
    for minute in 0..60 {
        office.fire(&critical, &format!("service-{minute}")).await;
        for _ in 0..6 {
            office.pass(10);
            office.round().await;
        }
    }
    let in_vain = receiver.received().len();

    receiver.always(None);
    for _ in 0..90 {
        office.pass(10);
        office.round().await;
    }

    let told = receiver.json().split_off(in_vain);
    let services: std::collections::BTreeSet<String> = told
        .iter()
        .flat_map(|body| body["items"].as_array().expect("items"))
        .map(|item| item["labels"]["service"].to_string())
        .collect();
    let more: u64 = told.iter().filter_map(|body| body["more"].as_u64()).sum();
    assert_eq!(services.len() + usize::try_from(more).expect("few"), 60, "{told:?}");
    assert!(told.len() <= 3, "{} messages", told.len());
    assert!(in_vain <= 200, "{in_vain} calls in an hour");
    assert!(told.iter().all(|body| body["repeat"] == false));
    assert!(office.notifications().await.iter().all(|told| told.state == State::Sent));
    let [alert] = &*office.alerts(UNDELIVERABLE).await else { panic!("one alert") };
    assert_eq!((alert.state, alert.labels.get("channel")), (AlertState::Resolved, Some("hook")));
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "").await;
    receiver.answer([Answer::RetryAfter(429, 120)]);
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);
    office.round().await;

    office.pass(119);
    assert_eq!(office.round().await, 0);
    office.pass(1);
    assert_eq!(office.round().await, 1);

    let told = office.notification().await;
    assert_eq!((told.state, told.attempts, receiver.received().len()), (State::Sent, 2, 2));
}

#[tokio::test]
async fn a_channel_that_fails_is_an_alert_and_the_others_are_told_of_it() {
    let (office, bad, good) = (Office::open(), Receiver::open().await, Receiver::open().await);
    let yaml = format!(
        "channels:\n  - {{name: bad, default: true, webhook: {{url: '{}'}}}}\n  - {{name: good, default: true, webhook: {{url: '{}'}}}}\n",
        bad.url(),
        good.url()
    );
    office.settle(&yaml).await;
    bad.always(Some(Answer::Status(404)));
    let critical = rule("High Error Rate", Severity::Critical, &["bad"]);
    for service in ["checkout", "payments"] {
        office.fire(&critical, service).await;
        office.pass(2);
        office.round().await;
        office.pass(2);
        office.round().await;
    }

    let told = good.json();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["items"][0]["kind"], "undeliverable");
    assert_eq!(bad.received().len(), 2, "it is not told of itself, and a refusal is final");
    assert_eq!(office.alerts(UNDELIVERABLE).await[0].state, AlertState::Firing);
    bad.always(None);
    office.fire(&critical, "cart").await;
    office.pass(2);
    office.round().await;
    assert_eq!(office.alerts(UNDELIVERABLE).await[0].state, AlertState::Resolved);
}

#[tokio::test]
async fn of_a_channel_that_fails_again_and_again_the_others_are_told_every_hour_at_most_and_again() {
    let (office, bad, good) = (Office::open(), Receiver::open().await, Receiver::open().await);
    let yaml = format!(
        "channels:\n  - {{name: bad, webhook: {{url: '{}'}}}}\n  - {{name: good, default: true, webhook: {{url: '{}'}}}}\n",
        bad.url(),
        good.url()
    );
    office.settle(&yaml).await;
    let critical = rule("High Error Rate", Severity::Critical, &["bad"]);
    for time in 0..4 {
        for answer in [Some(Answer::Status(404)), None] {
            bad.always(answer);
            office.fire(&critical, &format!("service-{time}-{}", answer.is_none())).await;
            office.pass(2);
            office.round().await;
        }
        office.pass(40 * 60);
    }

    assert_eq!(good.received().len(), 2, "at once, and 80 minutes later: {:?}", good.json());
}

#[tokio::test]
async fn a_channel_that_is_gone_raises_no_alert_and_a_test_that_arrives_ends_one() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "").await;
    let (records, acme, now) = (&office.desk.records, &office.acme, office.desk.now());
    let raise = async |channel: &str| {
        let raised = records.transaction(|transaction| async move {
            trouble::raise(&transaction, acme, (channel, Kind::Webhook), "404", now).await
        });
        raised.await.expect("it is written")
    };

    assert_eq!((raise("gone").await, raise("hook").await), (false, true));

    let (_, tested) = office.ask("POST", "/channels/hook/test", json!({})).await;
    assert_eq!(tested["is_sent"], true);
    let [alert] = &*office.alerts(UNDELIVERABLE).await else { panic!("one alert") };
    assert_eq!((alert.state, alert.labels.get("channel")), (AlertState::Resolved, Some("hook")));
}

#[tokio::test]
async fn who_dies_between_sending_and_writing_it_down_makes_one_repeat_at_most() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "").await;
    receiver.always(Some(Answer::Never));
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);
    for death in 1..=2 {
        let mut courier = Courier::new(office.desk.clone());
        assert_eq!(courier.round().await.expect("a round"), 1);
        receiver.has_come(death).await;
        // Killed: what is on its way is cut off, and nothing is written.
        drop(courier);
        assert_eq!(office.notification().await.state, State::Sending);
        assert_eq!(office.round().await, 0, "it is still claimed");
        office.pass(121);
    }

    office.round().await;

    let bodies = receiver.json();
    assert_eq!((bodies.len(), &bodies[0]["repeat"], &bodies[1]["repeat"]), (2, &json!(false), &json!(true)));
    assert_eq!(bodies[0]["id"], bodies[1]["id"]);
    let told = office.notification().await;
    assert_eq!((told.state, told.repeats, told.interrupted), (State::Failed, 1, 2));
}

#[tokio::test]
async fn two_workers_send_each_message_once() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let receivers: Vec<String> = (0..40).map(|number| format!("receiver-{number}")).collect();
    hook(&office, &receiver, &format!("receivers: [{}],", receivers.join(", "))).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);
    let mut couriers = [Courier::new(office.desk.clone()), Courier::new(office.desk.clone())];

    for _ in 0..40 {
        let [one, other] = &mut couriers;
        let (began, also_began) = tokio::join!(one.round(), other.round());
        assert!(began.is_ok() && also_began.is_ok());
        tokio::join!(one.idle(), other.idle());
        office.pass(1);
    }

    let mut told: Vec<String> = receiver.json().iter().map(|body| body["to"].to_string()).collect();
    told.sort();
    told.dedup();
    assert_eq!((told.len(), receiver.received().len()), (40, 40));
}

#[tokio::test]
async fn a_slow_channel_does_not_hold_up_others() {
    let (office, slow, quick) = (Office::open(), Receiver::open().await, Receiver::open().await);
    let receivers: Vec<String> = (0..40).map(|number| format!("receiver-{number}")).collect();
    let yaml = format!(
        "channels:\n  - {{name: slow, receivers: [{}], webhook: {{url: '{}'}}}}\n  - {{name: quick, webhook: {{url: '{}'}}}}\n",
        receivers.join(", "),
        slow.url(),
        quick.url()
    );
    office.settle(&yaml).await;
    slow.always(Some(Answer::Never));
    office.fire(&rule("High Error Rate", Severity::Critical, &["slow"]), "checkout").await;
    office.pass(1);
    office.fire(&rule("Database Down", Severity::Critical, &["quick"]), "checkout").await;
    office.pass(2);
    let mut courier = Courier::new(office.desk.clone());

    for _ in 0..2 {
        courier.round().await.expect("a round");
        office.pass(0);
    }

    quick.has_come(1).await;
    slow.has_come(SENDS_PER_CHANNEL_MAX).await;
    assert_eq!(slow.received().len(), SENDS_PER_CHANNEL_MAX);
}

#[tokio::test]
async fn a_rate_is_kept_and_the_rest_wait() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "rate_per_minute: 2, receivers: [a, b, c],").await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);
    let mut courier = Courier::new(office.desk.clone());

    courier.round().await.expect("a round");
    courier.idle().await;
    assert_eq!(receiver.received().len(), 2);
    office.pass(59);
    assert_eq!(courier.round().await.expect("a round"), 0);
    office.pass(1);
    courier.round().await.expect("a round");
    courier.idle().await;

    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn after_a_day_of_failures_it_is_given_up() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "").await;
    receiver.always(Some(Answer::Status(500)));
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);

    for _ in 0..26 * 4 {
        office.round().await;
        office.pass(HOUR / 4);
    }

    let told = office.notification().await;
    assert_eq!((told.state, told.due), (State::Failed, None));
    assert!(told.last_error.is_some_and(|said| said.starts_with("given up after 24 h: 500")));
}

#[tokio::test]
async fn what_is_critical_is_told_within_five_seconds() {
    let (mut office, receiver) = (Office::open(), Receiver::open().await);
    office.desk.clock = plugin::hub::system_clock();
    hook(&office, &receiver, "").await;
    let shutdown = plugin::Shutdown::new();
    let worker = tokio::spawn(crate::notify::deliver(office.desk.clone(), shutdown.clone()));
    let began = std::time::Instant::now();

    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    receiver.has_come(1).await;

    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    shutdown.cancel();
    worker.await.expect("it ends");
}

#[tokio::test]
async fn the_worker_sends_what_is_due_and_ends_when_it_is_told_to() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    hook(&office, &receiver, "").await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);
    let shutdown = plugin::Shutdown::new();
    let worker = tokio::spawn(crate::notify::deliver(office.desk.clone(), shutdown.clone()));

    receiver.has_come(1).await;
    shutdown.cancel();
    worker.await.expect("it ends");

    assert_eq!(office.notification().await.state, State::Sent);
    assert_eq!(Arc::strong_count(&office.desk.outgoing), 1, "nothing is left behind");
}

#[tokio::test]
async fn pagerduty_is_not_told_that_it_is_over_before_that_it_began() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let key = office.secret("key");
    let pager = format!("{{routing_key_file: {key}, url: '{}'}}", receiver.url());
    office.settle(&format!("channels: [{{name: duty, default: true, pagerduty: {pager}}}]\n")).await;
    let critical = rule("High Error Rate", Severity::Critical, &[]);
    receiver.always(Some(Answer::Status(503)));
    let refused = office.fire(&critical, "checkout").await;
    office.round().await;
    office.resolve(&critical, &refused).await;
    receiver.always(Some(Answer::Never));
    let cut_off = office.fire(&critical, "payments").await;
    let mut courier = Courier::new(office.desk.clone());
    courier.round().await.expect("a round");
    receiver.has_come(2).await;
    office.resolve(&critical, &cut_off).await;
    drop(courier);
    receiver.always(None);

    for _ in 0..20 {
        office.round().await;
        office.pass(10);
    }

    for (service, first) in [("checkout", 0), ("payments", 1)] {
        let key = receiver.json()[first]["dedup_key"].clone();
        let of_service = receiver.json().into_iter().filter(|event| event["dedup_key"] == key);
        let actions: Vec<String> = of_service.map(|event| event["event_action"].to_string()).collect();
        assert_eq!(actions, ["\"trigger\"", "\"trigger\"", "\"resolve\""], "{service}");
    }
}
