//! A question as of a time that is past is answered as it would have been then.

use model::{Signal, Timestamp};
use query::Statement;
use serde_json::json;

use crate::support::{Fixture, acme, text};

/// 2026-01-02T03:00:00Z.
const THREE: i64 = 1_767_322_800_000_000_000;
const SECOND: i64 = 1_000_000_000;

async fn as_of(fixture: &Fixture, at: i64, sql: &str) -> String {
    let statement = Statement { as_of: Some(Timestamp(at)), ..Statement::new(sql) };
    text(&fixture.ask(&acme(), statement).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")))
}

/// A request every ten seconds from three o'clock, each with a log record; half of them stored.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    for number in 0..12 {
        let at = THREE + number * 10 * SECOND;
        let span = json!({"start_time": at, "end_time": at + SECOND, "duration_ns": SECOND, "kind": "server",
            "status_code": if number % 2 == 0 { "ok" } else { "error" }, "service_name": "shop",
            "span_id": format!("{number:016}")});
        fixture.spans(&[span]).await;
        fixture.append(&acme(), Signal::Logs, &[json!({"time": at, "body": "asked"})]).await;
        if number == 5 {
            fixture.flush().await;
        }
    }
    fixture
}

#[tokio::test]
async fn now_is_that_time_and_later_rows_are_not_there() {
    let fixture = fixture().await;
    let last_half_minute = "SELECT count(*) FROM spans WHERE start_time > now() - interval '30 seconds'";

    assert_eq!(as_of(&fixture, THREE + 61 * SECOND, last_half_minute).await, "3");
    assert_eq!(as_of(&fixture, THREE + 60 * SECOND, "SELECT count(*), max(start_time)::bigint FROM spans").await, {
        format!("6|{}", THREE + 50 * SECOND)
    });
    assert_eq!(as_of(&fixture, THREE, "SELECT count(*) FROM spans").await, "0");
    assert_eq!(as_of(&fixture, THREE + 15 * SECOND, "SELECT now()").await, "2026-01-02T03:00:15Z");
}

#[tokio::test]
async fn it_holds_for_every_place_of_a_statement_and_for_rollups_and_views() {
    let fixture = fixture().await;
    let at = THREE + 60 * SECOND;

    let nested = "WITH wrong AS (SELECT * FROM spans WHERE status_code = 'error')
        SELECT (SELECT count(*) FROM logs) AS lines, count(*) AS failed FROM wrong WHERE EXISTS (SELECT 1 FROM logs l WHERE l.time >= wrong.start_time)";
    assert_eq!(as_of(&fixture, at, nested).await, "6|3");
    let by_service = "SELECT service_name, count(*), count(*) FILTER (WHERE status_code = 'error') FROM spans
        WHERE kind = 'server' GROUP BY 1";
    assert_eq!(as_of(&fixture, at, by_service).await, "shop|6|3");
    assert_eq!(as_of(&fixture, at, "SELECT sum(requests) FROM service_minutes").await, "6");
    assert_eq!(as_of(&fixture, at, "SELECT span_count FROM traces").await, "6");
    assert_eq!(fixture.rows("SELECT count(*) FROM spans").await, "12", "the present is as it was");
}
