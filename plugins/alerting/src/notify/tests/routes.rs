//! Routes: what may be set up, and what may be seen of it.

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use plugin::model::Tenant;
use serde_json::{Value, json};

use super::office::{Office, rule};
use super::receiver::{Answer, Receiver};
use crate::notify::tables;
use crate::rule::Severity;

fn hook(receiver: &Receiver, secret: Value) -> Value {
    let mut channel = json!({"name": "hook", "default": true, "webhook": {"url": receiver.url()}});
    if !secret.is_null() {
        channel["webhook"]["secret"] = secret;
    }
    channel
}

#[tokio::test]
async fn a_secret_goes_in_is_used_and_is_never_seen_again() {
    let (office, receiver) = (Office::open(), Receiver::open().await);

    let (status, made) = office.ask("POST", "/channels", hook(&receiver, json!("hunter2"))).await;

    assert_eq!((status, &made["settings"]["secret"]), (201, &json!("sealed")), "{made}");
    let (_, listed) = office.ask("GET", "/channels", json!(null)).await;
    let (_, shown) = office.ask("GET", "/channels/hook", json!(null)).await;
    let records = office.desk.records.collection::<crate::notify::Channel>();
    let stored = records.list(&office.acme, &plugin::records::List::all()).await.expect("a page");
    let stored = format!("{stored:?} {}", serde_json::to_string(&stored.records[0].body).expect("JSON"));
    for seen in [made.to_string(), listed.to_string(), shown.to_string(), stored] {
        assert!(!seen.contains("hunter2"), "{seen}");
    }
    let (_, tested) = office.ask("POST", "/channels/hook/test", json!({})).await;
    assert_eq!(tested, json!({"is_sent": true, "answer": "200 OK said so"}));
    assert!(receiver.received()[0].headers.contains_key("observatory-signature"));
}

#[tokio::test]
async fn a_secret_that_is_not_said_again_stays_but_not_for_another_receiver() {
    let (office, receiver, other) = (Office::open(), Receiver::open().await, Receiver::open().await);
    office.ask("POST", "/channels", hook(&receiver, json!("hunter2"))).await;

    let (_, same) = office.ask("PUT", "/channels/hook", hook(&receiver, Value::Null)).await;
    let (_, moved) = office.ask("PUT", "/channels/hook", hook(&other, Value::Null)).await;

    assert_eq!((&same["settings"]["secret"], &moved["settings"]["secret"]), (&json!("sealed"), &Value::Null));
    let pager = |url: &str| json!({"name": "duty", "pagerduty": {"url": url}});
    let mut with_key = pager(&receiver.url());
    with_key["pagerduty"]["routing_key"] = json!("key");
    assert_eq!(office.ask("POST", "/channels", with_key).await.0, 201);
    assert_eq!(office.ask("PUT", "/channels/duty", pager(&receiver.url())).await.0, 200);
    let (status, told) = office.ask("PUT", "/channels/duty", pager(&other.url())).await;
    assert!(status == 400 && told["error"]["message"].to_string().contains("said again"), "{told}");
}

#[tokio::test]
async fn who_uses_the_api_reads_no_files_and_changes_none() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    office.settle(&format!("channels: [{{name: filed, webhook: {{url: '{}'}}}}]\n", receiver.url())).await;
    let reading = json!({"name": "a", "slack": {"url_file": "/etc/passwd"}});
    let trusting = json!({"name": "a", "email": {"server": "mail.example.org", "from": "o@example.org", "ca_file": "/etc/passwd"}});
    let clear = json!({"name": "a", "email": {"server": "mail.example.org", "from": "o@example.org", "tls": "none"}});

    for (channel, because) in [(reading, "notifications.yaml"), (trusting, "notifications.yaml"), (clear, "read along")]
    {
        let (status, told) = office.ask("POST", "/channels", channel).await;
        assert!(status == 400 && told.to_string().contains(because), "{told}");
    }
    let mut filed = hook(&receiver, Value::Null);
    filed["name"] = json!("filed");
    for (method, body) in [("PUT", filed), ("DELETE", json!(null))] {
        let (status, told) = office.ask(method, "/channels/filed", body).await;
        assert!(status == 400 && told.to_string().contains("notifications.yaml"), "{told}");
    }
    office.settle("channels: []\n").await;
    assert_eq!(office.ask("GET", "/channels/filed", json!(null)).await.0, 404);
}

#[tokio::test]
async fn channels_of_the_file_leave_room_for_those_of_the_api() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let filed = |number| format!("  - {{name: filed-{number}, webhook: {{url: '{}'}}}}\n", receiver.url());
    office.settle(&format!("channels:\n{}", (0..200).map(filed).collect::<Vec<_>>().concat())).await;

    let (status, made) = office.ask("POST", "/channels", hook(&receiver, Value::Null)).await;

    assert_eq!(status, 201, "{made}");
}

#[tokio::test]
async fn templates_are_checked_shown_and_used_for_the_test_message() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let with = |title: &str| {
        let mut channel = hook(&receiver, Value::Null);
        channel["title"] = json!(title);
        channel
    };

    let (refused, wrong) = office.ask("POST", "/channels", with("on\n {{ .Statuz }}")).await;
    let (made, shown) = office.ask("POST", "/channels", with("{{ .Receiver }} is {{ .Status }}")).await;

    let said = "channel 'hook': title, line 2, column 5: `.Statuz` is not supported here";
    assert!(refused == 400 && wrong["error"]["message"].as_str().is_some_and(|why| why.starts_with(said)), "{wrong}");
    assert_eq!((made, &shown["title"]), (201, &json!("{{ .Receiver }} is {{ .Status }}")), "{shown}");
    office.ask("POST", "/channels/hook/test", json!({})).await;
    assert_eq!(receiver.json()[0]["title"], "hook is firing");
    let mut chat = json!({"name": "chat", "slack": {"url": receiver.url()}, "body": "{}"});
    assert_eq!(office.ask("POST", "/channels", chat.clone()).await.0, 400, "only a webhook has a body");
    chat["body"] = Value::Null;
    assert_eq!(office.ask("POST", "/channels", chat).await.0, 201);
}

#[tokio::test]
async fn a_tenant_sees_its_own() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let globex = Tenant::new("globex").expect("a name");
    office.ask("POST", "/channels", hook(&receiver, Value::Null)).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;

    for (path, member) in [("/channels", "channels"), ("/notifications", "notifications")] {
        assert_eq!(office.ask_as(&globex, "GET", path, json!(null)).await.1[member], json!([]), "{path}");
        assert_eq!(office.ask("GET", path, json!(null)).await.1[member].as_array().map(Vec::len), Some(1), "{path}");
    }
    for (method, path) in [("POST", "/channels/hook/test"), ("DELETE", "/channels/hook")] {
        assert_eq!(office.ask_as(&globex, method, path, json!({})).await.0, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn notifications_are_found_by_state_and_channel_the_newest_first() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    office.ask("POST", "/channels", hook(&receiver, Value::Null)).await;
    receiver.answer([Answer::Status(410)]);
    for name in ["One", "Two", "Three"] {
        office.fire(&rule(name, Severity::Critical, &[]), "checkout").await;
        office.pass(2);
        office.round().await;
    }

    let (_, failed) = office.ask("GET", "/notifications?state=failed&channel=hook", json!(null)).await;
    let (_, first) = office.ask("GET", "/notifications?limit=2", json!(null)).await;
    let next = first["next"].as_str().expect("there is more");
    let (_, second) = office.ask("GET", &format!("/notifications?limit=2&after={next}"), json!(null)).await;

    assert_eq!(failed["notifications"][0]["last_error"], "410 Gone said so", "{failed}");
    assert!(first["notifications"][0]["items"][0]["title"].as_str().is_some_and(|title| title.starts_with("Three")));
    assert_eq!((second["notifications"].as_array().map(Vec::len), &second["next"]), (Some(1), &Value::Null));
    assert_eq!(office.ask("GET", "/notifications?state=lost", json!(null)).await.0, 400);
    assert_eq!(office.ask("GET", "/notifications?limit=0", json!(null)).await.0, 400);
}

#[tokio::test]
async fn notifications_are_found_by_subject_behind_any_number_of_others() {
    let office = Office::open();
    let wanted = rule("Slow", Severity::Critical, &["nobody"]);
    let alert = office.fire(&wanted, "checkout").await;
    office.pass(1);
    office.resolve(&wanted, &alert).await;
    let other = rule("Other", Severity::Critical, &["nobody"]);
    for number in 0..60 {
        office.pass(1);
        office.fire(&other, &format!("service-{number}")).await;
    }
    let path = format!("/notifications?subject=alert/Slow/{}", alert.fingerprint);
    let count = |told: &Value| told["notifications"].as_array().map(Vec::len);

    let (_, told) = office.ask("GET", &path, json!(null)).await;
    let (_, cut) = office.ask("GET", &format!("{path}&limit=1"), json!(null)).await;
    let next = cut["next"].as_str().expect("it was not looked through all of them");
    let (_, rest) = office.ask("GET", &format!("{path}&limit=1&after={next}"), json!(null)).await;
    let (_, none) = office.ask("GET", "/notifications?subject=alert/Fast/1&limit=200", json!(null)).await;

    assert_eq!((count(&told), &told["is_truncated"], &told["next"]), (Some(1), &json!(false), &Value::Null));
    assert_eq!(told["notifications"][0]["items"][0]["labels"]["rule"], "Slow", "{told}");
    assert_eq!((count(&cut), &cut["is_truncated"]), (Some(0), &json!(true)));
    assert_eq!((count(&rest), &rest["is_truncated"]), (Some(1), &json!(false)));
    assert_eq!((count(&none), &none["is_truncated"]), (Some(0), &json!(false)));
}

#[tokio::test]
async fn tables_have_a_row_for_each_and_no_settings() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let silence = json!({"matchers": ["service=cart"], "ends": "2026-11-24T11:00:00Z", "why": "tests"});
    office.ask("POST", "/channels", hook(&receiver, json!("hunter2"))).await;
    office.ask("POST", "/silences", silence).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &["hook", "nobody"]), "cart").await;
    office.fire(&rule("High Error Rate", Severity::Critical, &["hook", "nobody"]), "checkout").await;

    let tables = tables(&office.desk.records).expect("tables");

    for (table, expected) in tables.iter().zip([1, 1, 3]) {
        let rows: Vec<RecordBatch> = table.rows(&office.acme).try_collect().await.expect("rows");
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), expected, "{table:?}");
        assert!(!format!("{rows:?}").contains("hunter2"));
    }

    let columns: Vec<Vec<String>> =
        tables.iter().map(|table| table.schema().fields().iter().map(|field| field.name().clone()).collect()).collect();
    assert_eq!(
        tables.iter().map(plugin::records::Table::name).collect::<Vec<_>>(),
        ["alerting.channels", "alerting.silences", "alerting.notifications"]
    );
    assert!(!columns[0].contains(&"settings".to_owned()), "{columns:?}");
    assert!(columns[2].contains(&"last_error".to_owned()) && columns[2].contains(&"items".to_owned()), "{columns:?}");
}

#[tokio::test]
async fn who_sets_up_tries_out_and_silences_is_in_the_audit_trail_without_secrets() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let silence = json!({"matchers": ["service=cart"], "ends": "2026-11-24T11:00:00Z", "why": "tests"});

    office.ask("POST", "/channels", hook(&receiver, json!("hunter2"))).await;
    office.ask("POST", "/channels", hook(&receiver, json!("hunter2"))).await;
    office.ask("PUT", "/channels/hook", hook(&receiver, Value::Null)).await;
    office.ask("POST", "/channels/hook/test", json!({})).await;
    office.ask("DELETE", "/channels/hook", json!(null)).await;
    let (_, made) = office.ask("POST", "/silences", silence).await;
    let path = format!("/silences/{}", made["id"].as_str().expect("an id"));
    for _ in 0..2 {
        assert_eq!(office.ask("DELETE", &path, json!(null)).await.0, 204);
    }

    let audited = office.audited().await;
    let done: Vec<&str> = audited.iter().map(|(action, _)| action.as_str()).collect();
    let acts =
        ["channel.made", "channel.changed", "channel.tested", "channel.deleted", "silence.made", "silence.ended"];
    assert_eq!(done, acts, "what changed nothing is not in it");
    let told = format!("{audited:?}");
    assert!(!told.contains("hunter2") && !told.contains(&receiver.url()), "{told}");
}

#[tokio::test]
async fn what_is_given_up_and_that_a_channel_fails_is_in_the_audit_trail() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    office
        .settle(&format!("channels: [{{name: hook, default: true, webhook: {{url: '{}'}}}}]\n", receiver.url()))
        .await;
    receiver.answer([Answer::Status(410)]);

    for name in ["One", "Two"] {
        office.fire(&rule(name, Severity::Critical, &[]), "checkout").await;
        office.pass(2);
        office.round().await;
    }

    let audited = office.audited().await;
    let done: Vec<&str> = audited.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(done, ["notification.given_up", "channel.undeliverable", "channel.delivers_again"], "{audited:?}");
}
