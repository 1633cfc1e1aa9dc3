//! SQL over HTTP, in each format.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Extension;
use datafusion::arrow::ipc::reader::StreamReader;
use futures::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use model::Signal;
use query::Config;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Fixture, acme, text};

/// Every type that JSON writes in a way of its own.
const ALL_TYPES: &str = r#"SELECT
    name, trace_id, start_time, timestamp '2026-01-02 03:04:05' AS naive, date '2026-01-02' AS day,
    9007199254740993 AS beyond_doubles, duration_ns, 0.1 AS tenth, 1e300 AS huge, 2.0 AS two,
    'NaN'::double AS nan, '-Infinity'::double AS infinite, true AS yes, NULL AS nothing,
    attributes->'shop.items' AS items, attributes->>'http.route' AS route, attributes,
    events, [1, NULL] AS list, flags, 12.50::decimal(6, 2) AS price, interval '1 day' AS day_long
FROM spans ORDER BY start_time"#;

async fn fixture(config: Config) -> (Fixture, Router) {
    let fixture = Fixture::with(config).await;
    fixture.append(&acme(), Signal::Spans, &[
        json!({
            "start_time": "2026-01-02T03:04:05.000000006Z", "name": "tab\t, \"quote\" and\nline",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "duration_ns": 7, "http_route": "/cart",
            "attributes": r#"{"shop.items":[1,{"a":"b"}]}"#,
            "events": [{"time": 1_000_000_000, "name": "retry", "attributes": "{}", "dropped_attributes_count": 0}],
        }),
        json!({"start_time": "2026-01-02T03:04:06Z", "name": "plain"}),
    ]).await;
    let router = axum::Router::from(query::http::routes(Arc::clone(&fixture.engine)))
        .layer(Extension(query::Asker::new(acme())));
    (fixture, router)
}

async fn post(router: &Router, accept: &str, body: Value) -> Response<Body> {
    let request = Request::post("/api/v1/sql").header("content-type", "application/json").header("accept", accept);
    let request = request.body(Body::from(body.to_string())).expect("a request");
    router.clone().oneshot(request).await.expect("an answer")
}

async fn body(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a whole body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn answer(accept: &str, body_of_request: Value) -> (StatusCode, String, String) {
    let (_fixture, router) = fixture(Config::default()).await;
    let response = post(&router, accept, body_of_request).await;
    let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
    (response.status(), content_type, body(response).await)
}

#[tokio::test]
async fn json_is_one_document_with_columns_and_rows() {
    let (status, content_type, text) = answer("application/json", json!({"sql": ALL_TYPES})).await;

    assert_eq!((status, content_type.as_str()), (StatusCode::OK, "application/json"));
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    assert!(document["elapsed_ms"].take().is_u64());
    let columns = document["columns"].as_array().expect("columns");
    let rows = document["rows"].as_array().expect("rows");
    let shown = columns.iter().enumerate().map(|(index, column)| {
        let values: Vec<String> = rows.iter().map(|row| row[index].to_string()).collect();
        format!("{} {}: {}", column["name"], column["type"], values.join(" | "))
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
    assert!(text.contains("9007199254740993"), "integers beyond 2^53 are exact in the text");
}

#[tokio::test]
async fn json_of_no_rows_still_has_columns() {
    let (status, _, text) = answer("*/*", json!({"sql": "SELECT name FROM spans WHERE false"})).await;

    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["columns"], json!([{"name": "name", "type": "text"}]));
    assert_eq!(document["rows"], json!([]));
}

#[tokio::test]
async fn ndjson_is_an_object_a_line() {
    let (status, content_type, text) = answer("application/x-ndjson", json!({"sql": ALL_TYPES})).await;

    assert_eq!((status, content_type.as_str()), (StatusCode::OK, "application/x-ndjson"));
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn csv_has_a_line_of_names_and_nested_values_as_json() {
    let (status, content_type, text) = answer("text/csv", json!({"sql": ALL_TYPES})).await;

    assert_eq!((status, content_type.as_str()), (StatusCode::OK, "text/csv"));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn arrow_is_an_ipc_stream_with_the_types_as_they_are() {
    let accept = "application/vnd.apache.arrow.stream";
    let (fixture, router) = fixture(Config::default()).await;

    let response = post(&router, accept, json!({"sql": ALL_TYPES})).await;

    assert_eq!(response.headers()["content-type"], accept);
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a whole body");
    let reader = StreamReader::try_new(bytes.as_ref(), None).expect("an IPC stream");
    let batches: Vec<_> = reader.collect::<Result<_, _>>().expect("batches");
    assert_eq!(text(&batches), fixture.rows(ALL_TYPES).await);
}

#[tokio::test]
async fn a_statement_may_come_as_plain_text() {
    let (_fixture, router) = fixture(Config::default()).await;
    let request =
        Request::post("/api/v1/sql").header("content-type", "text/plain; charset=utf-8").header("accept", "text/csv");
    let request = request.body(Body::from("SELECT count(*) AS spans FROM spans")).expect("a request");

    let response = router.oneshot(request).await.expect("an answer");

    assert_eq!(body(response).await, "spans\n2\n");
}

#[tokio::test]
async fn parameters_come_as_json() {
    let sql = "SELECT name FROM spans WHERE trace_id = $1 AND duration_ns >= $2";
    let params = json!(["4bf92f3577b34da6a3ce929d0e0e4736", 7]);

    let (_, _, text) = answer("application/x-ndjson", json!({"sql": sql, "params": params})).await;

    assert_eq!(text.lines().count(), 1);
}

#[tokio::test]
async fn a_statement_may_be_asked_as_of_a_time() {
    let (_, _, text) = answer("text/csv", json!({"sql": "SELECT now()", "as_of": "2026-01-02T04:00:15+01:00"})).await;
    assert!(text.contains("2026-01-02T03:00:15"), "{text}");

    let (status, _, text) = answer("text/csv", json!({"sql": "SELECT 1", "as_of": "noon"})).await;
    assert!(status == StatusCode::BAD_REQUEST && text.contains("'noon', which is not a time"), "{text}");
}

#[tokio::test]
async fn the_first_format_known_is_taken() {
    let check = async |accept: &str, expected: &str| {
        let (_, content_type, _) = answer(accept, json!({"sql": "SELECT 1"})).await;
        assert_eq!(content_type, expected, "{accept}");
    };
    check("*/*", "application/json").await;
    check("text/html, application/xhtml+xml, */*;q=0.8", "application/json").await;
    check("text/csv;q=0.5, application/json", "text/csv").await;
    check("text/*", "text/csv").await;
    let (status, _, text) = answer("image/png", json!({"sql": "SELECT 1"})).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{text}");
}

#[tokio::test]
async fn an_error_before_the_first_row_has_a_status_of_its_own() {
    let check = async |request: Value, status: StatusCode, expected: Value| {
        let (got, _, text) = answer("text/csv", request).await;
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((got, &document["error"]), (status, &expected));
    };
    check(
        json!({"sql": "SELECT nme\nFROM spans"}),
        StatusCode::BAD_REQUEST,
        json!({
            "code": "unknown_column", "message": "column 'nme' not found", "hint": "did you mean 'spans.name'?",
            "line": 1, "column": 8,
        }),
    )
    .await;
    check(
        json!({"sql": "DROP TABLE spans"}),
        StatusCode::BAD_REQUEST,
        json!({
            "code": "read_only", "message": "DROP would change something; queries only read",
            "hint": "use SELECT, WITH, EXPLAIN, SHOW or DESCRIBE; rows come in through OTLP",
        }),
    )
    .await;
    check(
        json!({"sql": "SELECT 'x'::int"}),
        StatusCode::BAD_REQUEST,
        json!({
            "code": "execution", "message": "cannot cast string 'x' to value of Int32 type",
        }),
    )
    .await;
    check(json!({"sql": "SELECT 1", "limit": 3}), StatusCode::BAD_REQUEST, json!({
        "code": "invalid_request",
        "message": "the request is not readable: unknown field `limit`, expected one of `sql`, `params`, `raw`, `as_of` at line 1 column 8",
        "hint": "send {\"sql\": \"SELECT …\", \"params\": […]}, or the statement alone as text/plain",
    })).await;
    check(
        json!({"sql": "x".repeat(70_000)}),
        StatusCode::PAYLOAD_TOO_LARGE,
        json!({
            "code": "too_large", "message": "the statement has more than 65536 bytes",
            "hint": "send a shorter statement, or values as parameters",
        }),
    )
    .await;
}

#[tokio::test]
async fn a_limit_met_before_the_first_row_is_not_the_servers_fault() {
    let (_fixture, router) = fixture(Config { memory_bytes_max: 2 << 20, ..Config::default() }).await;
    let sql = "SELECT value, count(*) FROM generate_series(1, 3000000) GROUP BY value ORDER BY 2";

    let response = post(&router, "application/json", json!({"sql": sql})).await;

    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(response).await.contains("query.memory_bytes_max"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_engine_says_when_to_come_back() {
    let (_fixture, router) = fixture(Config { concurrent_max: 1, queue_seconds_max: 0, ..Config::default() }).await;
    let endless = json!({"sql": "SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"});
    let running = post(&router, "text/csv", endless).await;

    let response = post(&router, "text/csv", json!({"sql": "SELECT 1"})).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "2");
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_stops_its_query() {
    let (_fixture, router) = fixture(Config { concurrent_max: 1, queue_seconds_max: 5, ..Config::default() }).await;
    let endless = json!({"sql": "SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"});
    let mut running = post(&router, "text/csv", endless).await.into_body().into_data_stream();
    assert!(running.next().await.is_some_and(|chunk| chunk.is_ok()));

    drop(running);

    // The only place is free again only when the query has stopped.
    let response = post(&router, "text/csv", json!({"sql": "SELECT 1 AS one"})).await;
    assert_eq!(body(response).await, "one\n1\n");
}

#[tokio::test]
async fn an_error_after_the_first_row_cannot_be_taken_for_the_end() {
    let (_fixture, router) = fixture(Config { rows_max: 10_000, ..Config::default() }).await;
    let request = json!({"sql": "SELECT value FROM generate_series(1, 20000)"});
    let error = json!({
        "code": "row_limit", "message": "the result has more than 10000 rows (query.rows_max)",
        "hint": "add a LIMIT, or group the rows",
    });

    let document: Value =
        serde_json::from_str(&body(post(&router, "application/json", request.clone()).await).await).expect("JSON");
    assert_eq!(document["error"], error);
    assert!(document["rows"].as_array().is_some_and(|rows| !rows.is_empty()));

    let lines = body(post(&router, "application/x-ndjson", request.clone()).await).await;
    let last: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last, json!({"error": error}));

    for accept in ["text/csv", "application/vnd.apache.arrow.stream"] {
        let response = post(&router, accept, request.clone()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err(), "{accept}");
    }
}
