//! Who has nothing to send yet asks for the demo.

use std::time::Duration;

use serde_json::Value;
use testkit::{Server, until};

use crate::observatory;

const DEMO: &str = "/api/v1/system/demo";
const ACME: &str = "acme-0123456789abcdef";
const NEXT: &str = "next-0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(60);

async fn demo(server: &Server, key: &str) -> Value {
    server.api().with_key(Some(key)).get(DEMO).await.expect("an answer").json()
}

async fn services(server: &Server, key: &str) -> usize {
    let path = "/api/v1/apm/services?from=now-40m";
    let answer = server.api().with_key(Some(key)).get(path).await.expect("an answer").json();
    answer["services"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn the_demo_plays_the_shop_into_the_tenant_of_the_one_who_asked_until_it_is_ended() {
    let tenants = format!("tenants:\n  - {{name: acme, api_keys: [{ACME}]}}\n  - {{name: next, api_keys: [{NEXT}]}}\n");
    let server = observatory().closed().yaml(tenants).start().await.expect("a server");
    let api = server.api().with_key(Some(ACME));
    assert_eq!(demo(&server, ACME).await["is_playing"], false);

    assert_eq!(api.post(DEMO, &[], "").await.expect("an answer").status, 202);
    let again = api.post(DEMO, &[], "").await.expect("an answer").json();
    until("the past of the shop", PATIENCE, async || (services(&server, ACME).await >= 10).then_some(())).await;
    let playing = demo(&server, ACME).await;

    assert_eq!((&playing["is_playing"], &playing["since"]), (&Value::from(true), &again["since"]), "one is enough");
    assert!(playing["requests"].as_u64().expect("a count") >= 3, "{playing}");
    assert_eq!((demo(&server, NEXT).await["is_playing"].as_bool(), services(&server, NEXT).await), (Some(false), 0));

    assert_eq!(api.request("DELETE", DEMO, &[], "").await.expect("an answer").status, 204);
    assert_eq!(demo(&server, ACME).await["is_playing"], false);
}

#[tokio::test]
async fn the_demo_keeps_to_the_quota_of_its_tenant_and_says_so() {
    let tenants = format!("tenants: [{{name: acme, api_keys: [{ACME}]}}]");
    let setup = observatory().closed().yaml(tenants).env("OBSERVATORY_QUOTAS__DEFAULT__BYTES_PER_DAY_MAX", 1000);
    let server = setup.start().await.expect("a server");
    let api = server.api().with_key(Some(ACME));

    assert_eq!(api.post(DEMO, &[], "").await.expect("an answer").status, 202);
    let trouble =
        until("a refusal", PATIENCE, async || demo(&server, ACME).await["trouble"].as_str().map(str::to_owned));

    assert!(trouble.await.contains("1000 bytes a day"));
    assert_eq!(services(&server, ACME).await, 0);
}
