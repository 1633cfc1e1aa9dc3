//! A tenant sees its own rows only.

use testkit::{Protocol, span, spans};

use crate::observatory;

const TENANTS: &str =
    "tenants: [{name: acme, api_keys: [acme-acme-acme-acme]}, {name: globex, api_keys: [globex-globex-globex]}]";

#[tokio::test]
async fn no_row_crosses_from_one_tenant_to_another() {
    let as_acme = observatory().yaml(TENANTS).key("acme-acme-acme-acme");
    let server = as_acme.start().await.expect("a start");
    for protocol in Protocol::ALL {
        server.client(protocol).deliver(&spans("shop", [span("secret", vec![])])).await;
    }

    let of_acme = server.sql("select count(*) from spans").await;
    let as_globex = server.api().with_key(Some("globex-globex-globex"));
    let json = [("content-type", "application/json")];
    let of_globex =
        as_globex.post("/api/v1/sql", &json, r#"{"sql": "select count(*) from spans"}"#).await.expect("an answer");
    let nobody =
        server.api().with_key(None).post("/api/v1/sql", &json, r#"{"sql": "select 1"}"#).await.expect("an answer");

    assert_eq!(of_acme.number(), 2);
    assert_eq!(of_globex.json()["rows"], serde_json::json!([[0]]));
    assert_eq!(nobody.status, 401, "{}", nobody.text());
}
