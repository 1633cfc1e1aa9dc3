//! Whose rows a query sees, and of which instant.

use model::{Signal, Tenant};
use query::Statement;
use serde_json::json;

use crate::support::{Fixture, acme, text};

#[tokio::test]
async fn rows_of_another_tenant_cannot_be_named() {
    let fixture = Fixture::new().await;
    let globex = Tenant::new("globex").expect("a valid name");
    fixture.append(&acme(), Signal::Logs, &[json!({"body": "ours"}), json!({"body": "ours"})]).await;
    fixture.append(&globex, Signal::Logs, &[json!({"body": "theirs"})]).await;

    assert_eq!(fixture.rows("SELECT DISTINCT body FROM logs").await, "ours");
    for name in ["globex.logs", "globex.public.logs", "\"globex\".logs", "acme.public.logs", "public.globex"] {
        let error = fixture.error(&format!("SELECT * FROM {name}")).await;
        assert_eq!(error.code(), "unknown_table", "{name}: {error}");
    }
    let theirs = fixture.ask(&globex, Statement::new("SELECT count(*) FROM observatory.public.logs")).await;
    assert_eq!(text(&theirs.expect("an answer")), "1");
}

#[tokio::test]
async fn live_and_stored_rows_are_one_table() {
    let fixture = Fixture::new().await;
    fixture.spans(&[json!({"name": "stored"})]).await;
    fixture.flush().await;
    fixture.spans(&[json!({"name": "live"})]).await;

    let rows = fixture.rows("SELECT name, count(*) FROM spans GROUP BY name ORDER BY name").await;

    assert_eq!(rows, "live|1\nstored|1");
}

#[tokio::test]
async fn a_table_named_twice_is_one_snapshot() {
    let fixture = Fixture::new().await;
    fixture.spans(&[json!({"name": "first"})]).await;
    let both = "SELECT (SELECT count(*) FROM spans) = (SELECT count(*) FROM spans AS again), (SELECT sum(span_count) FROM traces) = (SELECT count(*) FROM spans)";

    // Rows arrive all the while; two snapshots of one statement would differ sooner or later.
    let writer = async {
        for _ in 0..200 {
            fixture.spans(&[json!({"name": "more"})]).await;
        }
    };
    let reader = async {
        for _ in 0..20 {
            assert_eq!(fixture.rows(both).await, "true|true");
        }
    };
    tokio::join!(writer, reader);
}

#[tokio::test]
async fn counting_a_table_reads_no_rows() {
    let fixture = Fixture::new().await;
    fixture.spans(&[json!({}), json!({})]).await;
    fixture.flush().await;
    fixture.spans(&[json!({})]).await;

    let plan = fixture.explain("SELECT count(*) FROM spans").await;

    assert!(plan.contains("PlaceholderRowExec"), "{plan}");
    assert_eq!(fixture.rows("SELECT count(*) FROM spans").await, "3");
}
