//! The platform watches itself, and watching itself is not a reason to say more.

use std::time::Duration;

use testkit::{Protocol, Server, logs, record, until};

use crate::observatory;

/// Rows of a statement asked as the tenant `system`.
pub(crate) async fn of_system(server: &Server, sql: &str) -> serde_json::Value {
    let body = serde_json::json!({"sql": sql}).to_string();
    let headers = [("content-type", "application/json"), ("x-observatory-tenant", "system")];
    let reply = server.api().post("/api/v1/sql", &headers, body).await.expect("an answer");
    assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
    reply.json()["rows"].clone()
}

async fn number(server: &Server, sql: &str) -> u64 {
    of_system(server, sql).await[0][0].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn metrics_logs_and_query_spans_are_in_the_tenant_system() {
    let setup = observatory().env("OBSERVATORY_OWN_TELEMETRY__METRICS_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("a", vec![]), record("b", vec![])])).await;
    server.client(Protocol::Http).deliver(&logs("shop", [record("c", vec![])])).await;
    server.sql("select count(*) from logs").await;
    server.stop().await;
    // After the start with rows in it, the log says that it was replayed.
    let server = setup.start().await.expect("a server");
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("d", vec![])])).await;
    server.kill();
    let server = setup.start().await.expect("a server");

    let patience = Duration::from_secs(30);
    until("the rows taken are a metric", patience, async || {
        let sql = "select max(value_int) from metrics where name = 'observatory.ingest.rows' and attributes->>'payload' = 'logs'";
        (number(&server, sql).await >= 3).then_some(())
    })
    .await;
    until("queries are spans", patience, async || {
        (number(&server, "select count(*) from spans where name like 'query%'").await > 0).then_some(())
    })
    .await;
    until("what the program says is logs", patience, async || {
        (number(&server, "select count(*) from logs where service_name = 'observatory'").await > 0).then_some(())
    })
    .await;
    let names = of_system(&server, "select distinct name from metrics").await.to_string();
    for name in ["observatory.plane.memory.usage", "observatory.wal.usage", "process.cpu.time", "process.memory.usage"]
    {
        assert!(names.contains(name), "{name} in {names}");
    }
    assert_eq!(server.sql("select count(*) from logs where service_name = 'observatory'").await.number(), 0);
}

#[tokio::test]
async fn an_idle_server_has_nothing_to_say_but_its_metrics() {
    const EXPORTS: u64 = 6;
    let setup = observatory()
        .env("OBSERVATORY_OWN_TELEMETRY__METRICS_SECONDS", 1)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    let mut queries = 0;
    let mut look = async || {
        queries += 1;
        let looks = "select (select count(*) from spans) as spans, (select count(*) from logs) as logs, \
                     (select count(distinct time) from metrics where name = 'observatory.wal.usage') as exports";
        let row = of_system(&server, looks).await[0].clone();
        ([0, 1, 2].map(|column| row[column].as_u64().expect("a count")), queries)
    };
    // Logs are exported once a second: what was said at the start is there when metrics are.
    let ([_, said_at_start, exports], _) = until("metrics are exported", Duration::from_secs(30), async || {
        let seen = look().await;
        (seen.0[2] >= 3).then_some(seen)
    })
    .await;

    let ([spans, said, _], queries) = until("some export intervals go by", Duration::from_secs(60), async || {
        // Nothing is to happen meanwhile, so there is nothing to wait for but time.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let seen = look().await;
        (seen.0[2] >= exports + EXPORTS).then_some(seen)
    })
    .await;

    assert!(spans <= queries, "{spans} spans of {queries} queries: the export makes spans of its own");
    assert_eq!(said, said_at_start, "the export is logged and its log exported");
}
