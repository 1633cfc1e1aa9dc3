//! What is not asked for is not read.

use model::Signal;
use query::Statement;
use serde_json::json;

use crate::support::{Fixture, acme, text};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.spans(&[json!({"trace_id": TRACE, "name": "kept", "http_response_status_code": 500})]).await;
    fixture.spans(&[json!({"name": "other", "start_time": "2026-01-01T00:00:00Z"})]).await;
    fixture
}

#[tokio::test]
async fn hex_ids_prune() {
    let fixture = fixture().await;
    let upper = TRACE.to_uppercase();

    for condition in [
        format!("trace_id = '{TRACE}'"),
        format!("trace_id = '{upper}'"),
        format!("'{TRACE}' = trace_id"),
        format!("trace_id IN ('{TRACE}', '{}')", "0".repeat(32)),
        format!("NOT trace_id <> '{TRACE}'"),
        format!("trace_id::text = '{TRACE}'"),
        format!("trace_id LIKE '{}%'", &TRACE[..6]),
        format!("trace_id = (name || '')  OR trace_id = '{TRACE}'"),
    ] {
        assert_eq!(fixture.rows(&format!("SELECT name FROM spans WHERE {condition}")).await, "kept", "{condition}");
    }
    let plan = fixture.explain(&format!("SELECT name FROM spans WHERE trace_id = '{TRACE}'")).await;
    assert!(plan.contains("partial_filters=[spans.trace_id = FixedSizeBinary(16,"), "{plan}");
    assert!(plan.contains("trace_id@0 = 4BF92F35"), "{plan}");
    assert!(!plan.contains("CAST"), "{plan}");
}

#[tokio::test]
async fn an_id_can_be_a_parameter() {
    let fixture = fixture().await;
    let statement =
        Statement { params: vec![json!(TRACE)], ..Statement::new("SELECT name FROM spans WHERE trace_id = $1") };

    let rows = fixture.ask(&acme(), statement).await.expect("an answer");

    assert_eq!(text(&rows), "kept");
}

#[tokio::test]
async fn text_that_is_no_id_is_an_error_that_says_so() {
    let fixture = fixture().await;

    for id in ["4bf9", "", "zz", &TRACE.replace('4', "g")] {
        let error = fixture.error(&format!("SELECT name FROM spans\nWHERE trace_id = '{id}'")).await;

        assert_eq!(error.code(), "plan", "{id}");
        assert_eq!(error.hint(), Some("write it as 32 hex digits"), "{id}");
        assert_eq!(error.position().map(|position| (position.line, position.column)), Some((2, 7)), "{id}");
    }
}

#[tokio::test]
async fn times_written_as_text_prune() {
    let fixture = fixture().await;

    for condition in [
        "start_time >= '2026-01-01T00:00:00Z'",
        "start_time > timestamp '2025-12-31 23:59:59'",
        "start_time > now() - interval '200 years' AND start_time > '2025-01-01'",
        "start_time BETWEEN '2026-01-01' AND '2026-01-02'",
    ] {
        let sql = format!("SELECT name FROM spans WHERE {condition}");
        assert_eq!(fixture.rows(&sql).await, "other", "{condition}");
        let plan = fixture.explain(&sql).await;
        assert!(plan.contains("partition_sizes=[1]"), "one batch is left, {condition}: {plan}");
        let filter = plan.lines().find(|line| line.contains("FilterExec")).unwrap_or_default();
        assert!(!filter.contains("CAST(start_time"), "{condition}: {filter}");
    }
    assert!(fixture.explain("SELECT name FROM spans").await.contains("partition_sizes=[2]"));
    let plan = fixture.explain("SELECT name FROM spans WHERE start_time > '2030-01-01'").await;
    assert!(!plan.contains("UnionExec"), "no live batch is left: {plan}");
}

#[tokio::test]
async fn promoted_integers_compare_as_integers() {
    let fixture = fixture().await;

    for condition in ["= '500'", "IN ('500')", "= 500", ">= 500"] {
        let sql = format!("SELECT name FROM spans WHERE attributes->>'http.response.status_code' {condition}");
        let plan = fixture.explain(&sql).await;
        assert!(plan.contains("http_response_status_code@1 "), "{condition}: {plan}");
        assert!(!plan.contains("json_as_text"), "{condition}: {plan}");
    }
}

#[tokio::test]
async fn a_limit_that_live_rows_fill_reads_no_stored_rows() {
    let fixture = fixture().await;
    fixture.flush().await;
    fixture.append(&acme(), Signal::Spans, &[json!({"name": "live"}), json!({"name": "live"})]).await;

    assert_eq!(fixture.rows("SELECT name FROM spans LIMIT 2").await, "live\nlive");
    let plan = fixture.explain("SELECT name FROM spans LIMIT 2").await;
    assert!(!plan.contains("UnionExec"), "{plan}");
}
