//! The store keeps itself in order while the program runs, says so in SQL, and loses nothing over it.

use std::fs;
use std::time::Duration;

use testkit::{Protocol, Reply, Server, Setup, logs, now_nanos, record, span, spans, until};

use crate::observatory;

const ACME: &str = "acme-0123456789abcdef";
const GLOBEX: &str = "globex-0123456789abcdef";
const OPERATOR: &str = "operator-0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(60);

/// Segments go to the store at once, and files are merged at once.
fn busy() -> Setup {
    observatory()
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
        .env("OBSERVATORY_LAKE__MERGE_FILES_MIN", 2)
        .env("OBSERVATORY_LAKE__DELETION_GRACE_SECONDS", 3)
        .env("OBSERVATORY_QUERY__TIME_SECONDS_MAX", 2)
        .env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 1)
        .env("OBSERVATORY_MAINTENANCE__CORE_SHARE", 1)
}

async fn ask(server: &Server, key: &str, sql: &str) -> Reply {
    let body = serde_json::json!({"sql": sql}).to_string();
    let api = server.api().with_key(Some(key));
    api.post("/api/v1/sql", &[("content-type", "application/json")], body).await.expect("an answer")
}

#[tokio::test]
async fn files_are_merged_while_rows_come_and_every_count_is_exact() {
    let server = busy().start().await.expect("a server");
    let client = server.client(Protocol::Http);
    let mut sent = 0;

    let merged = until("files are merged and deleted", PATIENCE, async || {
        client.deliver(&logs("shop", (0..50).map(|line| record(&format!("line {line}"), vec![])))).await;
        sent += 50;
        assert_eq!(server.sql("select count(*), count(body) from logs").await.text(), format!("{sent}|{sent}"));
        let jobs = "select count(*) from system.maintenance where outcome = 'done' and job = ";
        let merged = server.sql(&format!("{jobs} 'compact' and table_name = 'logs'")).await.number();
        let system = server.sql("select count(*) from system.files where condition = 'removed'").await.number();
        (merged >= 3 && system < merged * 2).then_some(merged)
    })
    .await;

    let rows_in_files = server.sql("select sum(rows) from system.files where condition = 'kept'").await.number();
    let rows_in_memory = server.sql("select coalesce(sum(rows), 0) from system.segments").await.number();
    assert!(rows_in_files <= sent && rows_in_memory <= sent, "{merged} merges: {rows_in_files}, {rows_in_memory}");
    let levels = server.sql("select max(level), min(rows_in = rows_out) from system.files, system.maintenance where job = 'compact' and outcome = 'done'").await;
    assert!(!levels.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_tenant_sees_its_own_files_segments_and_upkeep_and_the_operator_sees_all() {
    let tenants = format!(
        "tenants:\n  - {{name: acme, api_keys: [{ACME}]}}\n  - {{name: globex, api_keys: [{GLOBEX}]}}\n  - {{name: system, api_keys: [{OPERATOR}]}}\n"
    );
    let server = busy().yaml(tenants).key(OPERATOR).start().await.expect("a server");
    let acme = testkit::Client::new(Protocol::Http, &server.http_url(), Some(ACME));
    let globex = testkit::Client::new(Protocol::Http, &server.http_url(), Some(GLOBEX));

    until("both tenants have files that were merged", PATIENCE, async || {
        acme.deliver(&spans("shop", [span("work", vec![])])).await;
        globex.deliver(&logs("bank", [record("paid", vec![])])).await;
        let seen = "select count(distinct tenant) from system.maintenance where job = 'compact' and outcome = 'done' and tenant in ('acme', 'globex')";
        (ask(&server, OPERATOR, seen).await.json()["rows"][0][0] == 2).then_some(())
    })
    .await;

    for table in ["files", "segments", "maintenance"] {
        let tenants = format!("select distinct tenant, table_name from system.{table}");
        let seen = ask(&server, ACME, &tenants).await.json()["rows"].clone();
        let foreign = seen.as_array().expect("rows").iter().any(|row| row[0] != "acme" || row[1] == "logs");
        assert!(!foreign, "{table}: {seen}");
    }
    let files = ask(&server, GLOBEX, "select count(*) > 0, min(path) like 'globex/%' from system.files").await.json();
    assert_eq!(files["rows"][0], serde_json::json!([true, true]));
    let all = ask(&server, OPERATOR, "select count(distinct tenant) from system.files").await.json();
    assert!(all["rows"][0][0].as_u64() >= Some(2), "{all}");
}

#[tokio::test]
async fn a_lost_file_is_named_and_its_rows_are_missed_aloud() {
    let setup =
        observatory().env("OBSERVATORY_OWN_TELEMETRY__ENABLED", false).env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Http);
    client.deliver(&logs("shop", (0..30).map(|_| record("kept", vec![])))).await;
    client.deliver(&spans("shop", [span("work", vec![])])).await;
    server.stop().await;
    let server = setup.start().await.expect("a server");
    let lost =
        server.parquet_files().into_iter().find(|path| path.to_string_lossy().contains("/logs/")).expect("a file");
    fs::remove_file(&lost).expect("a file");
    let name = lost.file_name().expect("a name").to_string_lossy().into_owned();

    let failed =
        server.api().post("/api/v1/sql", &[("content-type", "text/plain")], "select max(body) from logs").await;

    let failed = failed.expect("an answer");
    assert_eq!((failed.status, &failed.json()["error"]["code"]), (503, &"damaged".into()), "{}", failed.text());
    assert!(failed.text().contains(&name), "{}", failed.text());
    let answered =
        server.api().post("/api/v1/sql", &[("content-type", "text/plain")], "select count(body) from logs").await;
    let answered = answered.expect("an answer");
    assert_eq!((answered.status, &answered.json()["rows"]), (200, &serde_json::json!([[0]])), "{}", answered.text());
    let warning = answered.header("x-observatory-warning").expect("a warning");
    assert!(warning.contains("30 rows of logs are missing") && warning.contains(&name), "{warning}");
    assert!(answered.json()["warnings"][0].as_str().expect("a warning").contains(&name));
    assert_eq!(server.sql("select count(name) from spans").await.number(), 1, "other tables are whole");
    let listed = server.sql("select condition, reason from system.files where table_name = 'logs'").await.text();
    assert_eq!(listed, "unreadable|the file is missing");
    assert!(server.said().contains("cannot be read"), "{}", server.said());
}

#[tokio::test]
async fn rows_past_their_retention_go_and_those_of_other_tenants_stay() {
    let old = |name: &str| {
        let mut span = span(name, vec![]);
        span.start_time_unix_nano = now_nanos() - 3 * 86_400_000_000_000;
        span.end_time_unix_nano = span.start_time_unix_nano + 1;
        span
    };
    let yaml = format!(
        "tenants:\n  - {{name: acme, api_keys: [{ACME}]}}\n  - {{name: globex, api_keys: [{GLOBEX}]}}\nretention: {{spans_days: 30, tenants: {{acme: {{spans_days: 1}}}}}}\n"
    );
    let server = busy().yaml(yaml).start().await.expect("a server");
    for key in [ACME, GLOBEX] {
        let client = testkit::Client::new(Protocol::Http, &server.http_url(), Some(key));
        client.deliver(&spans("shop", [old("old"), old("old")])).await;
        client.deliver(&logs("shop", [record("kept", vec![])])).await;
    }

    until("the old rows go", PATIENCE, async || {
        let seen = ask(&server, ACME, "select count(*) from spans").await;
        (seen.json()["rows"][0][0] == 0).then_some(())
    })
    .await;

    let count = async |key, table| {
        ask(&server, key, &format!("select count(*) from {table}")).await.json()["rows"][0][0].clone()
    };
    assert_eq!((count(GLOBEX, "spans").await, count(ACME, "logs").await), (2.into(), 1.into()));
    let expired = ask(&server, ACME, "select rows_in from system.maintenance where job = 'expire'").await.json();
    assert_eq!(expired["rows"], serde_json::json!([[2]]));
}
