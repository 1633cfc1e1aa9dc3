//! New settings are taken into a running server whole, or not at all.

use std::time::Duration;

use testkit::{Protocol, Reply, Server, Setup, logs, now_nanos, record, span, spans, until};

use crate::observatory;

const ACME: &str = "acme-0123456789abcdef";
const NEXT: &str = "next-0123456789abcdef";
const OPERATOR: &str = "operator-0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings with one key of a tenant and one of the operator, and whatever else.
fn settings(acme: &str, others: &str) -> String {
    format!(
        "tenants:\n  - {{name: acme, api_keys: [{acme}]}}\n  - {{name: system, api_keys: [{OPERATOR}]}}\n{others}\n"
    )
}

fn server_of_acme() -> Setup {
    observatory().yaml(settings(ACME, "")).key(ACME).env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 1)
}

async fn reload(server: &Server, key: &str) -> Reply {
    let api = server.api().with_key(Some(key));
    api.post("/api/v1/system/reload", &[], "").await.expect("an answer")
}

async fn may_ask(server: &Server, key: &str) -> bool {
    let api = server.api().with_key(Some(key));
    let answered = api.post("/api/v1/sql", &[("content-type", "text/plain")], "select 1").await.expect("an answer");
    match answered.status {
        200 => true,
        401 => false,
        other => panic!("{other}: {}", answered.text()),
    }
}

#[tokio::test]
async fn keys_are_exchanged_at_a_hangup_and_the_process_goes_on() {
    let mut server = server_of_acme().start().await.expect("a server");
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("before", vec![])])).await;

    server.configure(&settings(NEXT, ""));
    server.hang_up();

    until("the new key counts", PATIENCE, async || may_ask(&server, NEXT).await.then_some(())).await;
    assert!(!may_ask(&server, ACME).await, "the old one does not");
    assert!(server.said().contains("settings were read again changed=\"tenants\""), "{}", server.said());
    assert!(server.ended().is_none());
}

#[tokio::test]
async fn what_cannot_change_refuses_the_whole_by_name() {
    let server = server_of_acme().start().await.expect("a server");
    server.configure(&settings(NEXT, "plane: {segment_bytes: 1000000}\nlog: {format: json, level: debug}"));

    let refused = reload(&server, OPERATOR).await;

    let error = &refused.json()["error"];
    assert_eq!((refused.status, &error["code"]), (409, &"restart_needed".into()), "{}", refused.text());
    assert_eq!(error["settings"], serde_json::json!(["log.format", "plane.segment_bytes"]));
    assert!(may_ask(&server, ACME).await && !may_ask(&server, NEXT).await, "nothing was changed");

    server.hang_up();
    until("it is told", PATIENCE, async || {
        let told = "settings were not changed: a restart is needed to change log.format, plane.segment_bytes";
        server.said().contains(told).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_would_not_start_refuses_the_whole_with_one_line() {
    let server = server_of_acme().start().await.expect("a server");
    for (others, named) in [
        ("quotas: {default: {bytes_per_day_max: 0}}", "a quota of default is 0"),
        ("log: {level: plane=loudly}", "log.level"),
        ("retentions: {}", "retentions"),
        ("server: [not, a, map", "config.yaml"),
    ] {
        server.configure(&settings(NEXT, others));

        let refused = reload(&server, OPERATOR).await;

        let error = &refused.json()["error"];
        assert_eq!((refused.status, &error["code"]), (422, &"wrong_settings".into()), "{}", refused.text());
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(named) && !message.contains('\n') && !message.contains(NEXT), "{message}");
        assert!(may_ask(&server, ACME).await && !may_ask(&server, NEXT).await, "nothing was changed");
    }
}

#[tokio::test]
async fn only_the_tenant_system_may_ask_for_it() {
    let server = server_of_acme().start().await.expect("a server");
    server.configure(&settings(NEXT, ""));

    assert_eq!(reload(&server, "nobody-has-this-key").await.status, 401);
    assert_eq!(reload(&server, ACME).await.status, 403);
    assert!(may_ask(&server, ACME).await, "nothing was changed");

    let changed = reload(&server, OPERATOR).await;
    assert_eq!((changed.status, changed.json()["changed"].clone()), (200, serde_json::json!(["tenants"])));
    let again = reload(&server, OPERATOR).await;
    assert_eq!((again.status, again.json()["changed"].clone()), (200, serde_json::json!([])));
}

#[tokio::test]
async fn the_level_of_the_log_changes_with_the_next_line() {
    let server = observatory().yaml(settings(ACME, "log: {level: error}")).key(ACME).start().await.expect("a server");
    let told = || server.said().matches("settings were read again").count();
    assert_eq!(reload(&server, OPERATOR).await.status, 200);
    assert_eq!(told(), 0, "{}", server.said());

    server.configure(&settings(ACME, "log: {level: info}"));
    assert_eq!(reload(&server, OPERATOR).await.json()["changed"], serde_json::json!(["log.level"]));
    until("lines of info are written", PATIENCE, async || (told() == 1).then_some(())).await;

    server.configure(&settings(ACME, "log: {level: error}"));
    assert_eq!(reload(&server, OPERATOR).await.status, 200);
    assert_eq!(told(), 1, "{}", server.said());
}

#[tokio::test]
async fn a_quota_counts_from_the_next_request_on_and_forgets_nothing() {
    let body = "x".repeat(6_000);
    let quota = |bytes: u32| settings(ACME, &format!("quotas: {{tenants: {{acme: {{bytes_per_day_max: {bytes}}}}}}}"));
    let server = observatory().yaml(quota(1_000_000)).key(ACME).start().await.expect("a server");
    let client = server.client(Protocol::Http);
    client.deliver(&logs("shop", [record(&body, vec![])])).await;

    server.configure(&quota(10_000));
    assert_eq!(reload(&server, OPERATOR).await.status, 200);

    let refused = client.send(&logs("shop", [record(&body, vec![])])).await.refused();
    assert!(refused.message.contains("10000 bytes a day"), "{refused:?}");
    server.configure(&settings(ACME, ""));
    assert_eq!(reload(&server, OPERATOR).await.status, 200);
    client.deliver(&logs("shop", [record(&body, vec![])])).await;
}

#[tokio::test]
async fn a_shorter_retention_takes_rows_out_at_once() {
    let setup = server_of_acme().env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1);
    let server = setup.env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 600).start().await.expect("a server");
    let mut old = span("old", vec![]);
    old.start_time_unix_nano = now_nanos() - 3 * 86_400_000_000_000;
    old.end_time_unix_nano = old.start_time_unix_nano + 1;
    server.client(Protocol::Http).deliver(&spans("shop", [old, span("new", vec![])])).await;
    until("they are in files", PATIENCE, async || {
        (server.sql("select count(*) from system.files where table_name = 'spans'").await.number() > 0).then_some(())
    })
    .await;

    server.configure(&settings(ACME, "retention: {tenants: {acme: {spans_days: 1}}}"));
    assert_eq!(reload(&server, OPERATOR).await.json()["changed"], serde_json::json!(["retention.tenants.acme"]));

    until("the old row goes", PATIENCE, async || {
        (server.sql("select min(name), count(*) from spans").await.text() == "new|1").then_some(())
    })
    .await;
}
