//! A plane with rows in it, and an engine over them.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::json::ReaderBuilder;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use model::{Batch, Signal, Table, Tenant, Timestamp};
use plane::{DataPlane, Decoded, Encoding, Envelope, Payload};
use query::{Config, QueryEngine, QueryError, Statement};
use serde_json::{Value, json};
use store::{MemoryStore, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// An engine over an empty plane; its directory goes with it.
pub(crate) struct Fixture {
    pub(crate) engine: Arc<QueryEngine>,
    plane: Arc<DataPlane>,
    runtime: Option<Runtime>,
    _directory: TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // A runtime may not be waited for inside another.
        self.runtime.take().expect("it is taken here only").shutdown_background();
    }
}

pub(crate) fn acme() -> Tenant {
    Tenant::new("acme").expect("a valid name")
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(Config { target_partitions: 2, ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::of(Arc::new(MemoryStore::default()), config).await
    }

    /// An engine over an empty plane over rows that rest in this store.
    pub(crate) async fn over(store: Arc<dyn Store>) -> Self {
        Self::of(store, Config { target_partitions: 2, ..Config::default() }).await
    }

    async fn of(store: Arc<dyn Store>, config: Config) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let decode = |_: &Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
        let (plane_config, wal) = (plane::Config::default(), wal::Config::default());
        let plane = DataPlane::open(&plane_config, directory.path(), wal, store, Arc::new(decode), None);
        let plane = Arc::new(plane.await.expect("a new plane opens"));
        let runtime = query::runtime(&config).expect("a runtime");
        let engine = QueryEngine::new(Arc::clone(&plane), config, runtime.handle().clone()).expect("an engine");
        Self { engine: Arc::new(engine), plane, runtime: Some(runtime), _directory: directory }
    }

    /// Appends rows given as JSON; what a row leaves out has a default.
    pub(crate) async fn append(&self, tenant: &Tenant, signal: Signal, rows: &[Value]) {
        let envelope = Envelope {
            tenant: tenant.clone(),
            payload: Payload::Traces,
            encoding: Encoding::Json,
            received: Timestamp(0),
            rejected: 0,
            refused_rows: Vec::new(),
        };
        let request = Decoded { envelope, body: Bytes::new(), batches: vec![batch(signal, rows)] };
        self.plane.append(request).await.expect("the plane takes rows");
    }

    pub(crate) async fn spans(&self, rows: &[Value]) {
        self.append(&acme(), Signal::Spans, rows).await;
    }

    /// Gives all rows to the store.
    pub(crate) async fn flush(&self) {
        self.plane.flush().await.expect("the store takes rows");
    }

    /// All rows of the answer, a line each, values separated by `|`.
    pub(crate) async fn rows(&self, sql: &str) -> String {
        text(&self.try_sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")))
    }

    pub(crate) async fn error(&self, sql: &str) -> QueryError {
        match self.try_sql(sql).await {
            Ok(rows) => panic!("{sql} is answered: {}", text(&rows)),
            Err(error) => error,
        }
    }

    pub(crate) async fn try_sql(&self, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
        self.ask(&acme(), Statement::new(sql)).await
    }

    pub(crate) async fn ask(&self, tenant: &Tenant, statement: Statement) -> Result<Vec<RecordBatch>, QueryError> {
        self.engine.sql(&tenant.clone().into(), statement).await?.try_collect().await
    }

    /// The physical plan of the statement.
    pub(crate) async fn explain(&self, sql: &str) -> String {
        self.rows(&format!("EXPLAIN FORMAT INDENT {sql}")).await
    }
}

/// A line a row, values separated by `|`.
pub(crate) fn text(batches: &[RecordBatch]) -> String {
    let lines = batches.iter().flat_map(values).map(|row| row.join("|"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The values of each row as text.
pub(crate) fn values(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("a type that has text"))
        .collect();
    let rows = 0..batch.num_rows();
    rows.map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()).collect()
}

/// A batch of rows given as JSON.
pub(crate) fn batch(signal: Signal, rows: &[Value]) -> Batch {
    let table = Table::of(signal);
    let rows: Vec<Value> = rows.iter().map(|row| complete(signal, row.clone())).collect();
    let mut decoder = ReaderBuilder::new(Arc::clone(&table.schema)).build_decoder().expect("a readable schema");
    decoder.serialize(&rows).expect("rows that fit the schema");
    let rows = decoder.flush().expect("rows that fit the schema").expect("at least one row");
    Batch::from_record_batch(signal, &rows).expect("rows that fit the schema")
}

fn complete(signal: Signal, mut row: Value) -> Value {
    for column in Table::of(signal).columns.iter().filter(|column| !column.is_nullable()) {
        if row.get(column.name).is_none() {
            row[column.name] = match &column.data_type {
                DataType::FixedSizeBinary(bytes) => json!("ab".repeat(usize::try_from(*bytes).expect("a size"))),
                DataType::Utf8View => json!("some"),
                _ => json!(0),
            };
        }
    }
    row
}
