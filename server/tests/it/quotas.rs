//! What a tenant may send, what happens beyond it, and that it is the same after a crash.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::json;
use testkit::{Outcome, Protocol, Request, Setup, attribute, logs, metrics, points, record, until};

use crate::observatory;

fn text(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

/// Points of one metric, one series for each number.
fn series(numbers: impl IntoIterator<Item = u64>) -> Request {
    let points_of = numbers.into_iter().map(|number| vec![attribute("pod", text(&number.to_string()))]);
    metrics("shop", [points("requests", points_of)])
}

#[tokio::test]
async fn over_the_bytes_of_the_day_a_request_is_refused_until_midnight_and_after_a_restart_too() {
    let setup = observatory().env("OBSERVATORY_QUOTAS__DEFAULT__BYTES_PER_DAY_MAX", 20_000);
    let server = setup.start().await.expect("a server");
    let body = "x".repeat(6_000);
    for protocol in Protocol::ALL {
        server.client(protocol).deliver(&logs("shop", [record(&body, vec![])])).await;
    }
    server.client(Protocol::Http).deliver(&logs("shop", [record(&body, vec![])])).await;

    for protocol in Protocol::ALL {
        let refused = server.client(protocol).send(&logs("shop", [record(&body, vec![])])).await.refused();
        assert!(refused.http.is_none_or(|status| status == 429), "{refused:?}");
        assert_eq!(refused.code, tonic::Code::ResourceExhausted);
        assert!(refused.message.contains("20000 bytes a day"), "{refused:?}");
        let wait = refused.retry_after.expect("a time to come back");
        assert!(wait > Duration::ZERO && wait < Duration::from_secs(130_000), "{wait:?}");
    }
    assert_eq!(server.sql("select count(*) from logs").await.number(), 3);
    server.client(Protocol::Http).deliver(&logs("shop", [record("what is small still fits", vec![])])).await;

    server.stop().await;
    let server = setup.start().await.expect("a server");
    server.client(Protocol::Http).send(&logs("shop", [record(&body, vec![])])).await.refused();
    assert_eq!(server.sql("select count(*) from logs").await.number(), 4);
}

#[tokio::test]
async fn points_of_a_series_too_many_are_refused_and_the_others_stored_also_after_a_crash() {
    let setup = observatory().env("OBSERVATORY_QUOTAS__DEFAULT__ACTIVE_SERIES_MAX", 10);
    let server = setup.start().await.expect("a server");
    for protocol in Protocol::ALL {
        let client = server.client(protocol);
        client.deliver(&series(0..8)).await;
        let outcome = client.send(&series(4..16)).await;
        assert_eq!(outcome, Outcome::Accepted { rejected: 6 }, "10 to 15 are too many");
        client.deliver(&series(0..10)).await;
    }
    let counts = "select count(*), count(distinct attributes->>'pod') from metrics";
    assert_eq!(server.sql(counts).await.text(), "48|10");

    server.kill();
    let server = setup.start().await.expect("a server");

    assert_eq!(server.sql(counts).await.text(), "48|10", "replay refuses the same rows");
}

#[tokio::test]
async fn items_with_an_attribute_key_too_many_are_refused_and_promoted_keys_cost_nothing() {
    let setup = observatory().env("OBSERVATORY_QUOTAS__DEFAULT__ATTRIBUTE_KEYS_MAX", 3);
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Http);
    let with_key = |key: &str| record(key, vec![attribute(key, text("a")), attribute("http.route", text("/"))]);

    client.deliver(&logs("shop", ["a", "b", "c", "a"].map(with_key))).await;
    let outcome = client.send(&logs("shop", ["a", "d", "b", "e", "e"].map(with_key))).await;

    assert_eq!(outcome, Outcome::Accepted { rejected: 3 });
    assert_eq!(server.sql("select body, count(*) from logs group by 1 order by 1").await.text(), "a|3\nb|2\nc|1");
}

#[tokio::test]
async fn a_quota_of_one_tenant_is_not_one_of_another_and_its_use_is_measured() {
    const ACME: &str = "acme-0123456789abcdef";
    const OPERATOR: &str = "system-0123456789abcdef";
    let setup: Setup = observatory().key(ACME).yaml(format!(
        "tenants:\n  - {{name: acme, api_keys: [{ACME}]}}\n  - {{name: globex, api_keys: [globex-0123456789abcdef]}}\n  \
         - {{name: system, api_keys: [{OPERATOR}]}}\n\
         quotas: {{tenants: {{acme: {{active_series_max: 2}}}}}}\nown_telemetry: {{metrics_seconds: 1}}\n"
    ));
    let server = setup.start().await.expect("a server");

    let refused = server.client(Protocol::Http).send(&series(0..5)).await;
    let globex = testkit::Client::new(Protocol::Http, &server.http_url(), Some("globex-0123456789abcdef"));
    globex.deliver(&series(0..5)).await;

    assert_eq!(refused, Outcome::Accepted { rejected: 3 });
    let api = server.api().with_key(Some(OPERATOR));
    let sql = "select count(*) from metrics where name like 'observatory.quota.%' and attributes->>'tenant' = 'acme' \
               and attributes->>'quota' = 'active_series' and value_int in (2, 3)";
    until("the use is measured", Duration::from_secs(20), async || {
        let rows = testkit::Rows::of(&api, sql).await.ok()?;
        (rows.number() >= 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_tenant_sees_its_own_limits_and_the_operator_those_of_all() {
    const ACME: &str = "acme-0123456789abcdef";
    const OPERATOR: &str = "system-0123456789abcdef";
    let setup: Setup = observatory().key(ACME).yaml(format!(
        "tenants:\n  - {{name: acme, api_keys: [{ACME}]}}\n  - {{name: globex, api_keys: [globex-0123456789abcdef]}}\n  \
         - {{name: system, api_keys: [{OPERATOR}]}}\n\
         quotas: {{tenants: {{acme: {{active_series_max: 2}}}}}}\nretention: {{spans_days: 0, tenants: {{acme: {{logs_days: 7}}}}}}\n"
    ));
    let server = setup.start().await.expect("a server");
    server.client(Protocol::Http).send(&series(0..5)).await;
    let asked = async |key: &str, what: &str| {
        let answered =
            server.api().with_key(Some(key)).get(&format!("/api/v1/system/{what}")).await.expect("an answer");
        assert_eq!(answered.status, 200, "{}", answered.text());
        answered.json()
    };
    let days = |tables: &serde_json::Value, tenant: Option<&str>, table: &str| {
        let of = |row: &&serde_json::Value| row["tenant"].as_str() == tenant && row["table_name"] == table;
        tables["tables"].as_array().expect("tables").iter().find(of).map(|row| row["days"].as_u64())
    };

    let own = (asked(ACME, "retention").await, asked(ACME, "quotas").await);
    let other = (asked("globex-0123456789abcdef", "retention").await, asked("globex-0123456789abcdef", "quotas").await);
    let all = (asked(OPERATOR, "retention").await, asked(OPERATOR, "quotas").await);

    assert_eq!((days(&own.0, Some("acme"), "logs"), days(&own.0, Some("acme"), "spans")), (Some(Some(7)), Some(None)));
    assert_eq!((days(&other.0, Some("globex"), "logs"), days(&other.0, Some("acme"), "logs")), (Some(Some(30)), None));
    assert_eq!((days(&all.0, None, "logs"), days(&all.0, Some("acme"), "logs")), (Some(Some(30)), Some(Some(7))));
    let quota = json!({"tenant": "acme", "quota": "active_series", "used": 2, "limit": 2, "refused": 3});
    assert_eq!((&own.1["quotas"], &all.1["quotas"]), (&json!([quota]), &json!([quota])));
    assert_eq!(other.1["quotas"], json!([]));
}
