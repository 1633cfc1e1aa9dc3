//! Databases and segments for these tests.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use model::{Batch, Signal, Tenant};
use store::conformance::spans;
use store::{Origin, Segment, SegmentId, Store, WriterId};
use testkit::{PostgresServer, Skip, TimescaleWasm};
use timescale::{Config, Timescale, Url};
use uuid::Uuid;

/// TimescaleDB somewhere; what holds it goes with it.
pub(crate) struct Hypertables {
    pub(crate) url: String,
    _server: Option<TimescaleWasm>,
}

impl Hypertables {
    pub(crate) async fn start() -> Result<Self, Skip> {
        if let Ok(url) = std::env::var("OBSERVATORY_TEST_TIMESCALE_URL") {
            return Ok(Self { url, _server: None });
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("external-timescale");
        let server = TimescaleWasm::start(&folder).await?;
        Ok(Self { url: server.url(), _server: Some(server) })
    }

    /// A schema of its own for each test, where the database is shared.
    pub(crate) fn config(&self) -> Config {
        Config { schema: format!("test_{}", &Uuid::new_v4().simple().to_string()[..12]), ..config(&self.url) }
    }
}

pub(crate) async fn postgres() -> Result<PostgresServer, Skip> {
    PostgresServer::start().await
}

pub(crate) fn config(url: &str) -> Config {
    Config { url: Some(Url::new(url)), connect_seconds_max: 10, ..Config::default() }
}

pub(crate) async fn open(url: &str) -> Timescale {
    Timescale::open(config(url)).await.expect("the store opens")
}

pub(crate) fn tenant() -> Tenant {
    Tenant::new("acme").expect("a valid name")
}

/// Now, in nanoseconds.
pub(crate) fn now() -> i64 {
    i64::try_from(testkit::now_nanos()).expect("this century")
}

/// Spans that start at these times.
pub(crate) fn segment(writer: WriterId, positions: (u64, u64), times: &[i64]) -> Segment {
    spans(&tenant(), writer, positions, times)
}

/// A segment of one batch.
pub(crate) fn segment_of(batch: Batch) -> Segment {
    let origin = Origin { writer: WriterId(Uuid::new_v4()), first: 1, through: 1 };
    Segment { id: SegmentId::new(), tenant: tenant(), signal: batch.signal(), origin, batches: vec![batch] }
}

/// All rows of a table.
pub(crate) async fn rows(store: &dyn Store, signal: Signal) -> Vec<RecordBatch> {
    let table = store.table(&tenant(), signal).expect("a table").table;
    SessionContext::new().read_table(table).expect("readable").collect().await.expect("rows")
}

/// The rows of a statement over the tenant's tables, by the rules of the store.
pub(crate) async fn sql(store: &dyn Store, statement: &str) -> Vec<RecordBatch> {
    let context = context_of(store);
    for signal in Signal::ALL {
        let table = store.table(&tenant(), signal).expect("a table").table;
        context.register_table(signal.table_name(), table).expect("a free name");
    }
    context.sql(statement).await.expect("a statement").collect().await.expect("rows")
}

/// DataFusion as the server sets it up.
pub(crate) fn context() -> SessionContext {
    SessionContext::new_with_config(config_of_sessions())
}

/// The same with the rules of the store.
pub(crate) fn context_of(store: &dyn Store) -> SessionContext {
    let state = SessionStateBuilder::new_with_default_features().with_config(config_of_sessions());
    SessionContext::new_with_state(state.with_physical_optimizer_rules(store.optimizer_rules()).build())
}

fn config_of_sessions() -> SessionConfig {
    SessionConfig::new().set_str("datafusion.sql_parser.dialect", "PostgreSQL")
}

/// Number of spans that show.
pub(crate) async fn count(store: &dyn Store) -> usize {
    rows(store, Signal::Spans).await.iter().map(RecordBatch::num_rows).sum()
}

/// One array of a type, shared.
pub(crate) fn array(array: impl arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// A plain client of the same database.
pub(crate) async fn client(config: &Config) -> tokio_postgres::Client {
    let url = serde_json::to_value(&config.url).expect("a URL is text");
    let url = url.as_str().expect("a URL is text");
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}
