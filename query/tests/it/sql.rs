//! The SQL people write, as files over one set of rows.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use model::Signal;
use query::QueryError;
use serde_json::json;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner, strict_column_validator};
use store::{MemoryStore, Store};
use testkit::{PostgresServer, Skip};
use timescale::Timescale;

use crate::support::{Fixture, acme, values};

/// One trace of three spans in two services, half of it stored, with a log record and two metric points.
async fn shop(store: Arc<dyn Store>) -> Fixture {
    let fixture = Fixture::over(store).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let second = 1_000_000_000_i64;
    fixture.spans(&[
        json!({
            "start_time": "2026-01-02T03:04:05Z", "end_time": "2026-01-02T03:04:06Z", "duration_ns": second,
            "trace_id": trace, "span_id": "00f067aa0ba902b7", "name": "GET /cart", "kind": "server", "status_code": "unset",
            "service_name": "shop", "service_version": "1.0.0", "http_route": "/cart", "http_response_status_code": 200,
            "attributes": r#"{"cart.items":3}"#,
        }),
    ]).await;
    fixture.flush().await;
    fixture
        .spans(&[
            json!({
                "start_time": "2026-01-02T03:04:05.1Z", "end_time": "2026-01-02T03:04:05.6Z", "duration_ns": second / 2,
                "trace_id": trace, "span_id": "00f067aa0ba902b8", "parent_span_id": "00f067aa0ba902b7",
                "name": "SELECT", "kind": "client", "status_code": "error", "service_name": "shop",
            }),
            json!({
                "start_time": "2026-01-02T03:05:00Z", "end_time": "2026-01-02T03:05:01Z", "duration_ns": second,
                "trace_id": "1".repeat(32), "span_id": "1".repeat(16), "name": "charge", "kind": "server",
                "status_code": "ok", "service_name": "payment", "service_version": "2.1.0",
            }),
        ])
        .await;
    fixture.append(&acme(), Signal::Logs, &[json!({
        "time": "2026-01-02T03:04:05.5Z", "severity_number": 17, "severity_text": "ERROR", "body": "connection refused",
        "trace_id": trace, "span_id": "00f067aa0ba902b8", "service_name": "shop",
    })]).await;
    fixture.append(&acme(), Signal::Metrics, &[
        json!({"time": "2026-01-02T03:04:00Z", "name": "requests", "type": "sum", "value_int": 10, "service_name": "shop"}),
        json!({"time": "2026-01-02T03:05:00Z", "name": "requests", "type": "sum", "value_int": 25, "service_name": "shop"}),
    ]).await;
    fixture
}

struct Shop(Fixture);

#[async_trait]
impl AsyncDB for Shop {
    type Error = QueryError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, QueryError> {
        let batches = self.0.try_sql(sql).await?;
        let types = batches
            .first()
            .map(|batch| batch.schema().fields().iter().map(|field| column_type(field.data_type())).collect());
        Ok(DBOutput::Rows { types: types.unwrap_or_default(), rows: batches.iter().flat_map(values).collect() })
    }

    async fn shutdown(&mut self) {}
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        DataType::Float32 | DataType::Float64 => DefaultColumnType::FloatingPoint,
        data_type if data_type.is_integer() => DefaultColumnType::Integer,
        _ => DefaultColumnType::Text,
    }
}

async fn check(file: &str) {
    check_over(file, Rest::InPart, || async { Arc::new(MemoryStore::default()) as Arc<dyn Store> }).await;
}

/// How much of the shop the store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    InPart,
    InFull,
}

async fn check_over<F: Future<Output = Arc<dyn Store>>>(file: &str, rest: Rest, store: impl Fn() -> F) {
    let mut runner = Runner::new(|| async {
        let fixture = shop(store().await).await;
        if rest == Rest::InFull {
            fixture.flush().await;
        }
        Ok(Shop(fixture))
    });
    runner.with_column_validator(strict_column_validator);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt").join(file);
    match std::env::var_os("SLT_UPDATE") {
        None => runner.run_file_async(path).await.unwrap_or_else(|error| panic!("{}", error.display(false))),
        Some(_) => {
            let validator = sqllogictest::default_validator;
            let normalizer = sqllogictest::default_normalizer;
            runner
                .update_test_file(path, " ", validator, normalizer, strict_column_validator)
                .await
                .expect("the file is rewritten");
        }
    }
}

#[tokio::test]
async fn tables_and_views_are_listed_and_described() {
    check("catalog.slt").await;
}

#[tokio::test]
async fn views_summarise_spans() {
    check("views.slt").await;
}

#[tokio::test]
async fn questions_people_ask_have_answers() {
    check("questions.slt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_gives_the_same_answers() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    for (file, rest) in [
        ("catalog", Rest::InPart),
        ("views", Rest::InPart),
        ("questions", Rest::InPart),
        ("views", Rest::InFull),
        ("questions", Rest::InFull),
    ] {
        let open = || async {
            let schema = format!("{file}_{}", format!("{rest:?}").to_lowercase());
            let url = Some(timescale::Url::new(database.url()));
            let store = Timescale::open(timescale::Config { url, schema, ..timescale::Config::default() }).await;
            Arc::new(store.expect("the store opens")) as Arc<dyn Store>
        };
        check_over(&format!("{file}.slt"), rest, open).await;
    }
    Ok(())
}
