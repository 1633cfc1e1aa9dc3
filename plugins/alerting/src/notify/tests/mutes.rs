//! Alerts that are not told, and that are when nothing mutes them any more.

use plugin::records::{Expected, RecordId};
use serde_json::json;

use super::office::{Office, SECOND, rule};
use super::receiver::Receiver;
use crate::notify::mute::silence::Silence;
use crate::notify::notification::State;
use crate::notify::{deliver, unmute};
use crate::rule::Severity;

async fn settled(office: &Office, receiver: &Receiver, more: &str) {
    let url = receiver.url();
    office.settle(&format!("channels: [{{name: h, default: true, webhook: {{url: '{url}'}}}}]\n{more}")).await;
}

#[tokio::test]
async fn what_is_silenced_is_told_when_the_silence_ends_and_it_still_fires() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver, "").await;
    let silence =
        json!({"matchers": ["service=~\"check.*\"", "rule!=Other"], "ends": "2026-11-24T11:00:00Z", "why": "tests"});
    let (status, told) = office.ask("POST", "/silences", silence).await;
    assert_eq!((status, &told["is_active"]), (201, &json!(true)), "{told}");
    let critical = rule("High Error Rate", Severity::Critical, &[]);
    let checkout = office.fire(&critical, "checkout").await;
    let checkout_2 = office.fire(&critical, "checkout-2").await;
    assert_eq!(checkout.muted_by, [format!("silence {}", told["id"].as_str().expect("an id"))]);
    office.resolve(&critical, &checkout_2).await;
    office.pass(3599);
    office.sweep().await;
    office.round().await;
    assert!(receiver.received().is_empty());
    let suppressed = office.notifications().await;
    assert!(suppressed.iter().all(|one| one.state == State::Suppressed && one.muted_by == checkout.muted_by));

    office.pass(1);
    office.sweep().await;
    office.sweep().await;
    office.pass(2);
    office.round().await;

    let [body] = &*receiver.json() else { panic!("one message") };
    assert_eq!(body["items"].as_array().map(Vec::len), Some(1), "what is over by now is not told: {body}");
    assert_eq!(body["items"][0]["labels"]["service"], "checkout");
    let alerts = office.alerts("High Error Rate").await;
    let firing = alerts.iter().find(|alert| alert.labels.get("service") == Some("checkout")).expect("it fires");
    assert!(firing.muted_by.is_empty());
    office.resolve(&critical, &checkout).await;
    office.pass(2);
    office.round().await;
    assert_eq!(receiver.json()[1]["items"][0]["kind"], "alert_resolved");
}

#[tokio::test]
async fn silences_that_have_no_room_on_one_page_mute_as_well() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver, "").await;
    let silences = office.desk.records.collection::<Silence>();
    for number in 1..=9 {
        let service = if number == 9 { "checkout" } else { "other" };
        let matchers = vec![format!("service={service}").parse().expect("a matcher")];
        let (starts, ends) = (office.now(), office.now() + number * 3600 * SECOND);
        let silence = Silence { matchers, starts, ends, who: "ada".to_owned(), why: "a".repeat(600 << 10) };
        silences.put(&office.acme, &RecordId::unique(), &silence, Expected::Absent).await.expect("it is put");
    }

    let alert = office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;

    assert_eq!((alert.muted_by.len(), office.notification().await.state), (1, State::Suppressed));
}

#[tokio::test]
async fn what_is_muted_no_more_is_told_by_a_task_of_its_own() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver, "gather: {seconds: 0}\n").await;
    let silence = json!({"matchers": ["service=checkout"], "ends": "2026-11-24T11:00:00Z", "why": "tests"});
    office.ask("POST", "/silences", silence).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(3600);
    let shutdown = plugin::Shutdown::new();
    let unmutes = tokio::spawn(unmute(office.desk.clone(), "one".into(), shutdown.clone()));
    let delivers = tokio::spawn(deliver(office.desk.clone(), shutdown.clone()));

    receiver.has_come(1).await;

    shutdown.cancel();
    unmutes.await.expect("it ends").expect("it ends well");
    delivers.await.expect("it ends");
    let lease =
        office.desk.records.lease("alerting.unmute", "another", std::time::Duration::from_secs(1), office.desk.now());
    assert!(lease.await.expect("an answer").is_some(), "another process may go on at once");
}

#[tokio::test]
async fn a_silence_that_is_ended_by_hand_has_ended() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver, "").await;
    let silence = json!({"matchers": ["service=checkout"], "ends": "2026-12-24T11:00:00Z", "why": "tests"});
    let (_, told) = office.ask("POST", "/silences", silence).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;

    let path = format!("/silences/{}", told["id"].as_str().expect("an id"));
    assert_eq!(office.ask("DELETE", &path, json!(null)).await.0, 204);
    office.sweep().await;
    office.pass(2);
    office.round().await;

    assert_eq!(receiver.received().len(), 1);
    assert_eq!(office.ask("GET", "/silences", json!(null)).await.1["silences"], json!([]));
    let (_, all) = office.ask("GET", "/silences?ended=true", json!(null)).await;
    assert_eq!(all["silences"][0]["is_active"], false);
}

#[tokio::test]
async fn what_an_alert_explains_is_not_told_while_it_fires() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let inhibition = "inhibitions: [{name: database, source: ['rule=\"Database Down\"'], target: ['rule=Slow'], equal: [service]}]\n";
    settled(&office, &receiver, inhibition).await;
    let (down, slow) = (rule("Database Down", Severity::Critical, &[]), rule("Slow", Severity::Critical, &[]));
    let database = office.fire(&down, "checkout").await;

    let muted = office.fire(&slow, "checkout").await;
    let told = office.fire(&slow, "payments").await;

    assert_eq!((muted.muted_by, told.muted_by), (vec!["inhibition database".to_owned()], Vec::new()));
    office.resolve(&down, &database).await;
    office.sweep().await;
    office.pass(2);
    office.round().await;
    let alerts = office.alerts("Slow").await;
    assert!(alerts.iter().all(|alert| alert.muted_by.is_empty()), "{alerts:?}");
    assert_eq!(receiver.json()[0]["title"], "[critical] 1 fired and resolved, 2 firing");
}

#[tokio::test]
async fn what_fires_in_the_same_transaction_is_explained_as_well() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let inhibition = "inhibitions: [{name: database, source: ['rule=\"Database Down\"'], target: ['rule=Slow'], equal: [service]}]\n";
    settled(&office, &receiver, inhibition).await;
    let (down, slow) = (rule("Database Down", Severity::Critical, &[]), rule("Slow", Severity::Critical, &[]));

    let fired = [(&slow, "cart"), (&down, "checkout"), (&slow, "checkout"), (&down, "cart"), (&slow, "payments")];
    let fired = office.fire_together(&fired).await;

    let muted: Vec<usize> = fired.iter().map(|alert| alert.muted_by.len()).collect();
    assert_eq!(muted, [0, 0, 1, 0, 0], "by what fired before it");
}

#[tokio::test]
async fn a_maintenance_window_mutes_what_it_matches_and_then_no_more() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let window = "maintenance: [{name: tuesday, weekly: tuesday, from: '10:00', to: '11:00', matchers: ['service!=payments']}]\n";
    settled(&office, &receiver, window).await;
    let critical = rule("High Error Rate", Severity::Critical, &[]);

    let muted = office.fire(&critical, "checkout").await;
    let told = office.fire(&critical, "payments").await;

    assert_eq!((muted.muted_by, told.muted_by), (vec!["maintenance tuesday".to_owned()], Vec::new()));
    office.pass(3600);
    office.sweep().await;
    office.pass(2);
    office.round().await;
    let told: usize = receiver.json().iter().filter_map(|body| body["items"].as_array().map(Vec::len)).sum();
    assert_eq!(told, 2);
}
