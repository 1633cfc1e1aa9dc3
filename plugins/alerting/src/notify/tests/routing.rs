//! Who is told what, with what else, and when.

use serde_json::{Value, json};

use super::office::{BEGIN, Office, SECOND, rule};
use super::receiver::Receiver;
use crate::labels::Labels;
use crate::notify::notification::{Notification, State};
use crate::notify::{Delivery, Item, ItemKind, Link, Order, order};
use crate::rule::Severity;
use plugin::records::Error;

const HOUR: i64 = 3600;

/// Two channels of one kind, and a default one.
async fn settled(office: &Office, receiver: &Receiver) {
    let url = receiver.url();
    let slack = office.secret(&format!("{url}/slack"));
    office
        .settle(&format!(
            "channels:\n  - {{name: ops-hook, default: true, webhook: {{url: '{url}/ops'}}}}\n  - {{name: dev-hook, webhook: {{url: '{url}/dev'}}}}\n  - {{name: ops-slack, slack: {{url_file: {slack}}}}}\n"
        ))
        .await;
}

fn channels(told: &[Notification], state: State) -> Vec<&str> {
    let mut names: Vec<&str> = told.iter().filter(|one| one.state == state).map(|one| one.channel.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_rule_names_channels_or_kinds_in_any_case_or_nothing() {
    for (names, expected) in [
        (&["ops-hook"][..], &["ops-hook"][..]),
        (&["OPS-Hook", "Slack"], &["ops-hook", "ops-slack"]),
        (&["WEBHOOK", "ops-hook"], &["dev-hook", "ops-hook"]),
        (&[], &["ops-hook"]),
    ] {
        let (office, receiver) = (Office::open(), Receiver::open().await);
        settled(&office, &receiver).await;

        office.fire(&rule("High Error Rate", Severity::Critical, names), "checkout").await;

        assert_eq!(channels(&office.notifications().await, State::Waiting), expected, "{names:?}");
    }
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_recorded() {
    let office = Office::open();
    let critical = rule("High Error Rate", Severity::Critical, &["SMS", "nobody"]);

    office.fire(&critical, "checkout").await;
    office.fire(&rule("Slow", Severity::Critical, &[]), "checkout").await;

    let told = office.notifications().await;
    assert_eq!(channels(&told, State::NoChannel), ["SMS", "default", "nobody"]);
    assert!(told.iter().all(|one| one.due.is_none() && one.last_error.is_some()), "{told:?}");
}

#[tokio::test]
async fn what_happens_within_seconds_is_one_message_each_thing_once() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver).await;
    let critical = rule("High Error Rate", Severity::Critical, &[]);
    for service in ["a", "b", "a", "c"] {
        office.fire(&critical, service).await;
    }
    office.pass(1);

    office.round().await;

    let [body] = &*receiver.json() else { panic!("one message") };
    let services: Vec<&Value> =
        body["items"].as_array().expect("items").iter().map(|item| &item["labels"]["service"]).collect();
    assert_eq!(services, [&json!("b"), &json!("a"), &json!("c")]);
    assert_eq!(body["title"], "[critical] 3 firing");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_fires_together_is_written_once_for_each_receiver() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let url = receiver.url();
    office
        .settle(&format!("channels: [{{name: h, default: true, receivers: [a, b, c], webhook: {{url: '{url}'}}}}]\n"))
        .await;
    let critical = rule("High Error Rate", Severity::Critical, &[]);
    let services: Vec<String> = (0..40).map(|number| format!("service-{number}")).collect();
    let fired: Vec<_> = services.iter().map(|service| (&critical, service.as_str())).collect();

    office.fire_together(&fired).await;

    assert_eq!(office.versions().await, [1, 1, 1]);
    let told: Vec<usize> = office.notifications().await.iter().map(|one| one.items.len()).collect();
    assert_eq!(told, [40, 40, 40]);
    office.fire_together(&[(&critical, "one-more")]).await;
    assert_eq!(office.versions().await, [2, 2, 2], "it joins what still gathers");
}

#[tokio::test]
async fn only_what_is_equal_in_the_labels_of_the_plan_is_one_message() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let url = receiver.url();
    office
        .settle(&format!(
            "gather: {{seconds: 0, by: [rule]}}\nchannels: [{{name: h, default: true, webhook: {{url: '{url}'}}}}]\n"
        ))
        .await;
    for (name, service) in [("A", "x"), ("B", "x"), ("A", "y")] {
        office.fire(&rule(name, Severity::Critical, &[]), service).await;
    }

    office.round().await;

    let mut items: Vec<usize> =
        receiver.json().iter().filter_map(|body| body["items"].as_array().map(Vec::len)).collect();
    items.sort_unstable();
    assert_eq!(items, [1, 2]);
}

#[tokio::test]
async fn warnings_are_gathered_to_the_full_hour_and_infos_to_the_daily_digest() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver).await;
    office.pass(60);
    let (warning, info) = (rule("Slow", Severity::Warning, &[]), rule("Old", Severity::Info, &[]));
    let slow = office.fire(&warning, "checkout").await;
    office.fire(&info, "checkout").await;
    office.pass(600);
    office.fire(&warning, "payments").await;
    office.resolve(&warning, &slow).await;
    assert_eq!(office.round().await, 0);

    office.pass(HOUR - 660 - 1);
    assert_eq!(office.round().await, 0);
    office.pass(1);
    office.round().await;

    let [hourly] = &*receiver.json() else { panic!("one message") };
    assert_eq!(hourly["title"], "[warning] 1 fired and resolved, 1 firing");
    let due: Vec<Option<i64>> = office.notifications().await.iter().map(|one| one.due).collect();
    assert!(due.contains(&Some(BEGIN + 22 * HOUR * SECOND)), "{due:?}");
    office.pass(21 * HOUR);
    office.round().await;
    assert_eq!(receiver.json()[1]["title"], "[info] Firing: Old: checkout is <bad> & slow");
}

#[tokio::test]
async fn a_channel_may_be_told_of_a_severity_sooner() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let url = receiver.url();
    let channel = format!("{{name: h, default: true, delivery: {{warning: at_once}}, webhook: {{url: '{url}'}}}}");
    office.settle(&format!("delivery: {{critical: hourly}}\nchannels: [{channel}]\n")).await;
    office.fire(&rule("Slow", Severity::Warning, &[]), "checkout").await;
    office.fire(&rule("Down", Severity::Critical, &[]), "checkout").await;
    office.pass(2);

    office.round().await;

    let [body] = &*receiver.json() else { panic!("one message") };
    assert_eq!(body["severity"], "warning");
}

#[tokio::test]
async fn that_it_is_over_is_told_to_who_knows_that_it_began() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver).await;
    let critical = rule("High Error Rate", Severity::Critical, &["ops-hook"]);
    let alert = office.fire(&critical, "checkout").await;
    office.pass(2);
    office.round().await;

    // Meanwhile the rule names others.
    office.resolve(&rule("High Error Rate", Severity::Critical, &["dev-hook"]), &alert).await;
    office.resolve(&critical, &alert).await;
    office.pass(2);
    office.round().await;

    let received = receiver.received();
    let paths: Vec<&str> = received.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/ops", "/ops"]);
    assert_eq!(receiver.json()[1]["items"][0]["kind"], "alert_resolved");
}

#[tokio::test]
async fn orders_go_to_whom_they_name() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver).await;
    let item = Item {
        subject: "incident/1".to_owned(),
        kind: ItemKind::IncidentOpened,
        severity: Severity::Critical,
        title: "Incident 1".to_owned(),
        text: String::new(),
        labels: Labels::default(),
        annotations: [].into(),
        value: None,
        links: Vec::new(),
        at: office.now(),
    };
    let orders = ["slack", "email"].map(|channel| Order {
        channel: channel.to_owned(),
        to: Some("#incident-1".to_owned()),
        delivery: Delivery::AtOnce,
        item: item.clone(),
    });
    let (orders, acme) = (&orders, &office.acme);
    let ordered = office.desk.records.transaction(|transaction| async move {
        order(&transaction, acme, orders.to_vec()).await?;
        Ok::<_, Error>(())
    });
    ordered.await.expect("it is written");
    office.pass(2);

    office.round().await;

    assert_eq!(receiver.json()[0]["channel"], "#incident-1");
    assert_eq!(channels(&office.notifications().await, State::NoChannel), ["email"]);
}

#[tokio::test]
async fn links_of_orders_lead_somewhere_from_everywhere() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let slack = office.secret(&receiver.url());
    office
        .settle(&format!("public_url: https://o.example\nchannels: [{{name: s, slack: {{url_file: {slack}}}}}]\n"))
        .await;
    let link = |name: &str, url: &str| Link { name: name.to_owned(), url: url.to_owned() };
    let item = Item {
        subject: "incident/1".to_owned(),
        kind: ItemKind::IncidentOpened,
        severity: Severity::Critical,
        title: "Incident 1".to_owned(),
        text: String::new(),
        labels: Labels::default(),
        annotations: [].into(),
        value: None,
        links: vec![link("trace", "/api/v1/apm/traces/1"), link("runbook", "!channel")],
        at: office.now(),
    };
    let orders = [Order { channel: "s".to_owned(), to: None, delivery: Delivery::AtOnce, item }];
    let (orders, acme) = (&orders, &office.acme);
    let ordered = office.desk.records.transaction(|transaction| async move {
        order(&transaction, acme, orders.to_vec()).await?;
        Ok::<_, Error>(())
    });
    ordered.await.expect("it is written");
    office.pass(2);

    office.round().await;

    let told = receiver.json()[0]["text"].to_string();
    assert!(told.contains("<https://o.example/api/v1/apm/traces/1|trace>"), "{told}");
    assert!(told.contains("runbook: !channel") && !told.contains("<!channel"), "{told}");
}

#[tokio::test]
async fn who_has_no_room_among_the_receivers_of_an_alert_is_recorded() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let (url, receivers) = (receiver.url(), (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join(", r"));
    let channel =
        |name| format!("  - {{name: c{name}, default: true, receivers: [r{receivers}], webhook: {{url: '{url}'}}}}\n");
    office.settle(&format!("channels:\n{}", (0..5).map(channel).collect::<Vec<_>>().concat())).await;

    office.fire(&rule("Down", Severity::Critical, &[]), "checkout").await;

    let told = office.notifications().await;
    assert_eq!(channels(&told, State::Waiting).len(), 400);
    assert_eq!(channels(&told, State::NoChannel), ["c4"]);
}

#[tokio::test]
async fn what_is_over_for_long_is_forgotten_and_what_waits_is_not() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    settled(&office, &receiver).await;
    office.fire(&rule("Down", Severity::Critical, &[]), "checkout").await;
    office.fire(&rule("Old", Severity::Info, &[]), "checkout").await;
    office.pass(2);
    office.round().await;

    crate::notify::forget(&office.desk.records, office.desk.now()).await.expect("it is deleted");

    assert_eq!(office.notification().await.state, State::Waiting);
}
