//! A tenant sees its own rows only, and nobody without a key sees or writes any.

use testkit::{Protocol, Server, Setup, logs, record, span, spans};
use tonic::Code;

use crate::observatory;

const ACME: &str = "acme-0123456789abcdef";
const GLOBEX: &str = "globex-0123456789abcdef";

fn with_two_tenants() -> Setup {
    observatory()
        .closed()
        .yaml(format!("tenants:\n  - {{name: acme, api_keys: [{ACME}]}}\n  - {{name: globex, api_keys: [{GLOBEX}]}}\n"))
}

/// A client of the protocol with another key than the test's own, or none.
fn client(server: &Server, protocol: Protocol, key: Option<&str>) -> testkit::Client {
    let url = match protocol {
        Protocol::Grpc => server.grpc_url(),
        Protocol::Http => server.http_url(),
    };
    testkit::Client::new(protocol, &url, key)
}

async fn ask(server: &Server, key: Option<&str>, sql: &str) -> testkit::Reply {
    let body = serde_json::json!({"sql": sql}).to_string();
    let api = server.api().with_key(key);
    api.post("/api/v1/sql", &[("content-type", "application/json")], body).await.expect("an answer")
}

#[tokio::test]
async fn no_row_crosses_from_one_tenant_to_another() {
    let setup = with_two_tenants();
    let server = setup.start().await.expect("a server");
    for protocol in Protocol::ALL {
        for (key, name, rows) in [(ACME, "acme", 3), (GLOBEX, "globex", 5)] {
            let client = client(&server, protocol, Some(key));
            client.deliver(&logs(name, (0..rows).map(|_| record(name, vec![])))).await;
            client.deliver(&spans(name, (0..rows).map(|_| span(name, vec![])))).await;
        }
    }

    // Once from memory, once from Parquet.
    check_each_sees_its_own(&server).await;
    server.stop().await;
    let server = setup.start().await.expect("a server");
    check_each_sees_its_own(&server).await;

    for other in ["globex.public.logs", "globex.logs", "system.logs", "\"globex\".\"logs\""] {
        let refused = ask(&server, Some(ACME), &format!("select * from {other}")).await;
        assert_eq!(refused.status, 400, "{other}: {}", refused.text());
    }
}

async fn check_each_sees_its_own(server: &Server) {
    for (key, name, rows) in [(ACME, "acme", 6), (GLOBEX, "globex", 10)] {
        for table in ["logs", "spans"] {
            let sql = format!("select service_name, count(*) from {table} group by 1");
            let seen = ask(server, Some(key), &sql).await;
            assert_eq!(seen.json()["rows"], serde_json::json!([[name, rows]]), "{}", seen.text());
        }
        let services = ask(server, Some(key), "select service_name from services").await;
        assert_eq!(services.json()["rows"], serde_json::json!([[name]]), "{}", services.text());
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_taken_and_nothing_is_told() {
    let server = with_two_tenants().start().await.expect("a server");
    for key in [None, Some("nobody-has-this-key-0"), Some("acme-0123456789abcde")] {
        for protocol in Protocol::ALL {
            let request = logs("intruder", [record("in", vec![])]);

            let refused = client(&server, protocol, key).send(&request).await.refused();

            assert_eq!(refused.code, Code::Unauthenticated, "{refused:?}");
            assert_eq!(refused.http, (protocol == Protocol::Http).then_some(401));
            assert!(refused.message.contains("key"), "{refused:?}");
            assert_eq!(refused.retry_after, None, "trying again cannot help");
        }
        let refused = ask(&server, key, "select count(*) from logs").await;
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &"unauthenticated".into()));
    }
    for key in [ACME, GLOBEX] {
        let rows = ask(&server, Some(key), "select count(*) from logs").await;
        assert_eq!(rows.json()["rows"], serde_json::json!([[0]]));
    }
}

#[tokio::test]
async fn a_key_is_taken_from_either_header() {
    let server = with_two_tenants().start().await.expect("a server");
    let body = serde_json::json!({"sql": "select 1"}).to_string();
    for (header, value) in [("authorization", format!("bearer {ACME}")), ("x-api-key", ACME.to_owned())] {
        let headers = [("content-type", "application/json"), (header, value.as_str())];

        let answered = server.api().post("/api/v1/sql", &headers, body.clone()).await.expect("an answer");

        assert_eq!(answered.status, 200, "{header}: {}", answered.text());
    }
}

#[tokio::test]
async fn health_is_told_to_everybody() {
    let server = with_two_tenants().start().await.expect("a server");

    for path in ["/health", "/health/ready", "/health/live"] {
        let reply = server.api().get(path).await.expect("an answer");
        assert_eq!(reply.status, 200, "{path}");
    }
}
