//! A query that is too much ends with an error that names the limit, and gives its place back.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use query::{Asker, Class, Config, QueryError, Statement};
use serde_json::json;

use crate::support::{Fixture, acme};

const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000000) b";

#[tokio::test]
async fn a_query_over_its_memory_ends_with_a_clear_error() {
    let fixture = Fixture::with(Config { memory_bytes_max: 4 << 20, rows_max: usize::MAX, ..Config::default() }).await;

    for sql in [
        "SELECT value, count(*) FROM generate_series(1, 3000000) GROUP BY value",
        "SELECT value FROM generate_series(1, 3000000) ORDER BY value % 7",
        "SELECT a.value FROM generate_series(1, 3000000) a JOIN generate_series(1, 3000000) b ON a.value = b.value",
    ] {
        let error = fixture.error(sql).await;
        assert!(matches!(error, QueryError::MemoryLimit { limit: 4_194_304 }), "{sql}: {error:?}");
        assert_eq!(error.to_string(), "the query needs more than 4194304 bytes of memory (query.memory_bytes_max)");
        assert!(error.hint().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_its_time_ends_with_a_clear_error() {
    let fixture = Fixture::with(Config { time_seconds_max: 1, ..Config::default() }).await;

    let error = fixture.error(ENDLESS).await;

    assert_eq!(error.code(), "time_limit");
    assert_eq!(error.to_string(), "the query took longer than 1 seconds (query.time_seconds_max)");
}

#[tokio::test]
async fn a_query_over_its_rows_ends_with_a_clear_error() {
    let fixture = Fixture::with(Config { rows_max: 10_000, ..Config::default() }).await;

    let error = fixture.error("SELECT * FROM generate_series(1, 10001)").await;

    assert_eq!(error.code(), "row_limit");
    assert_eq!(error.to_string(), "the result has more than 10000 rows (query.rows_max)");
    assert_eq!(fixture.rows("SELECT count(*) FROM generate_series(1, 10001)").await, "10001");
    assert!(fixture.try_sql("SELECT * FROM generate_series(1, 10000)").await.is_ok());
}

#[tokio::test]
async fn rows_before_a_late_error_arrive_first() {
    let fixture = Fixture::with(Config { rows_max: 10_000, ..Config::default() }).await;
    let statement = Statement::new("SELECT * FROM generate_series(1, 20000)");

    let mut rows = fixture.engine.sql(&acme().into(), statement).await.expect("the query starts");

    assert!(rows.next().await.is_some_and(|batch| batch.is_ok_and(|batch| batch.num_rows() > 0)));
    assert!(rows.next().await.is_some_and(|batch| batch.is_err_and(|error| error.code() == "row_limit")));
    assert!(rows.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_a_place_is_told_to_come_back() {
    let fixture = Fixture::with(Config { concurrent_max: 1, queue_seconds_max: 0, ..Config::default() }).await;
    let running = fixture.engine.sql(&acme().into(), Statement::new(ENDLESS)).await.expect("the query starts");

    let error = fixture.error("SELECT 1").await;

    assert_eq!(error.code(), "busy");
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_client_stops_the_query() {
    let fixture = Fixture::with(Config { concurrent_max: 1, queue_seconds_max: 5, ..Config::default() }).await;
    let running = fixture.engine.sql(&acme().into(), Statement::new(ENDLESS)).await.expect("the query starts");

    drop(running);

    // The only place is free again only when the query has stopped.
    assert_eq!(fixture.rows("SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_dropped_while_it_is_planned_gives_its_place_back() {
    let fixture = Fixture::with(Config { concurrent_max: 1, queue_seconds_max: 5, ..Config::default() }).await;
    fixture.spans(&[json!({})]).await;

    let asker = Asker::new(acme());
    for _ in 0..20 {
        let request = fixture.engine.sql(&asker, Statement::new("SELECT * FROM traces JOIN spans USING (trace_id)"));
        let _ = tokio::time::timeout(Duration::from_micros(200), request).await;
    }

    assert_eq!(fixture.rows("SELECT count(*) FROM spans").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_a_class_have_limits_and_places_of_their_own() {
    let config = Config { concurrent_max: 1, queue_seconds_max: 0, ..Config::default() };
    let fixture = Fixture::with(config).await;
    let rules = fixture.engine.of_class(Class { concurrent_max: 1, time_seconds_max: 1, rows_max: 10 });
    let endless = fixture.engine.sql(&acme().into(), Statement::new("SELECT * FROM generate_series(1, 1000000)")).await;

    let ask = async |sql: &str| {
        let rows: Result<Vec<_>, _> = rules.sql(&acme().into(), Statement::new(sql)).await?.try_collect().await;
        rows
    };

    assert_eq!(fixture.error("SELECT 1").await.code(), "busy", "the only place of everybody is taken");
    assert!(ask("SELECT 1").await.is_ok(), "that of the class is not");
    assert!(ask("SELECT * FROM generate_series(1, 11)").await.is_err_and(|error| error.code() == "row_limit"));
    assert!(ask(ENDLESS).await.is_err_and(|error| error.code() == "time_limit"));
    drop(endless);
}
