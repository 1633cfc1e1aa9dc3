//! The model is lossless: requests become rows and the rows become the same requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::UInt64Array;
use arrow::compute::take_record_batch;
use datafusion::prelude::SessionContext;
use ingest::encode::{self, EncodeError};
use ingest::{Reason, Rows};
use lake::Lake;
use model::{Batch, Defaults, Tenant};
use object_store::memory::InMemory;
use plane::Payload;
use proptest::test_runner::TestCaseError;
use prost::Message;
use store::{Origin, Segment, SegmentId, Store, WriterId};
use testkit::PostgresServer;
use timescale::Timescale;
use uuid::Uuid;

use super::normal::{self, Normal};
use super::{generate, rows, runner};

/// Cases of each signal in a normal run.
const CASES: u32 = 128;

#[test]
fn what_goes_in_as_otlp_comes_out_as_otlp() {
    let traces = |request| check(Payload::Traces, &request, normal::traces, encode::traces);
    let logs = |request| check(Payload::Logs, &request, normal::logs, encode::logs);
    let metrics = |request| check(Payload::Metrics, &request, normal::metrics, encode::metrics);

    runner(CASES).run(&generate::traces(), traces).unwrap_or_else(|failure| panic!("{failure}"));
    runner(CASES).run(&generate::logs(), logs).unwrap_or_else(|failure| panic!("{failure}"));
    runner(CASES).run(&generate::metrics(), metrics).unwrap_or_else(|failure| panic!("{failure}"));
}

fn check<R: Message + std::fmt::Debug>(
    payload: Payload,
    request: &R,
    normal: fn(&R) -> Normal<R>,
    encode: fn(&[Batch]) -> Result<R, EncodeError>,
) -> Result<(), TestCaseError> {
    let expected = normal(request);

    let Rows { batches, refusals } = rows(payload, request).unwrap();

    let counted = Reason::ALL.into_iter().filter(|reason| *reason != Reason::SuspectTime);
    for reason in counted {
        let times = expected.reasons.iter().filter(|expected| **expected == reason).count();
        assert_eq!(refusals.count(reason), times as u64, "{reason:?}");
    }
    let stored: usize = batches.iter().map(Batch::rows).sum();
    assert_eq!(stored, expected.items.len(), "rows");
    same(&normal(&encode(&batches).unwrap()).items, &expected.items);
    let backwards: Vec<Batch> = batches.iter().map(backwards).collect();
    let mut items = normal(&encode(&backwards).unwrap()).items;
    let first = batches.first().map_or(0, Batch::rows);
    let (first, second) = items.split_at_mut(first);
    first.reverse();
    second.reverse();
    same(&items, &expected.items);
    same(&sorted(normal(&encode(&through_the_lake(&batches)).unwrap()).items), &sorted(expected.items));
    Ok(())
}

#[test]
fn what_goes_into_postgresql_comes_out_as_otlp() {
    /// Fewer: each case is some transactions.
    const CASES: u32 = 48;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let database = match runtime.block_on(PostgresServer::start()) {
        Ok(database) => database,
        Err(skip) => return skip.tell(),
    };
    // So far back that most times of the generator lie in partitions, and some do not.
    let config = timescale::Config { past_days_max: 365, chunk_hours: 24, ..timescale::Config::default() };
    let config = timescale::Config { url: Some(timescale::Url::new(database.url())), ..config };
    let store = runtime.block_on(Timescale::open(config)).unwrap();
    let cases = AtomicU32::new(0);
    let through = |batches: &[Batch]| {
        let tenant = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(through_store(&store, &Tenant::new(&tenant).unwrap(), batches))
    };

    let traces = |request| check_through(Payload::Traces, &request, normal::traces, encode::traces, through);
    runner(CASES).run(&generate::traces(), traces).unwrap_or_else(|failure| panic!("{failure}"));
    let logs = |request| check_through(Payload::Logs, &request, normal::logs, encode::logs, through);
    runner(CASES).run(&generate::logs(), logs).unwrap_or_else(|failure| panic!("{failure}"));
    let metrics = |request| check_through(Payload::Metrics, &request, normal::metrics, encode::metrics, through);
    runner(CASES).run(&generate::metrics(), metrics).unwrap_or_else(|failure| panic!("{failure}"));
}

fn check_through<R: Message + std::fmt::Debug>(
    payload: Payload,
    request: &R,
    normal: fn(&R) -> Normal<R>,
    encode: fn(&[Batch]) -> Result<R, EncodeError>,
    through: impl Fn(&[Batch]) -> Vec<Batch>,
) -> Result<(), TestCaseError> {
    let Rows { batches, .. } = rows(payload, request).unwrap();

    let stored = encode(&through(&batches)).unwrap();

    same(&sorted(normal(&stored).items), &sorted(normal(request).items));
    Ok(())
}

/// The rows as they come back from Parquet files.
fn through_the_lake(batches: &[Batch]) -> Vec<Batch> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let lake = Lake::on_objects(Arc::new(InMemory::new()), "lake").await.unwrap();
        through_store(&lake, &Tenant::default_tenant(), batches).await
    })
}

/// The rows as they come back from a store in which the tenant has nothing yet.
async fn through_store(store: &dyn Store, tenant: &Tenant, batches: &[Batch]) -> Vec<Batch> {
    let mut stored = Vec::new();
    for batch in batches {
        let signal = batch.signal();
        let origin = Origin { writer: WriterId(Uuid::nil()), first: 1, through: 1 };
        let id = SegmentId::new();
        let segment = Segment { id, tenant: tenant.clone(), signal, origin, batches: vec![batch.clone()] };
        store.keep(&segment).await.unwrap();
        let table = store.table(tenant, signal).unwrap().table;
        let rows = SessionContext::new().read_table(table).unwrap().collect().await.unwrap();
        stored.extend(rows.iter().map(|rows| Batch::from_record_batch(signal, rows).unwrap()));
    }
    stored
}

/// A store orders rows its own way.
fn sorted<R: Message>(mut items: Vec<R>) -> Vec<R> {
    items.sort_by_cached_key(Message::encode_to_vec);
    items
}

/// The rows in reverse, with all columns, as a store gives them.
fn backwards(batch: &Batch) -> Batch {
    let rows = batch.to_record_batch(&mut Defaults::new(batch.signal())).unwrap();
    let order = UInt64Array::from_iter_values((0..batch.rows() as u64).rev());
    Batch::from_record_batch(batch.signal(), &take_record_batch(&rows, &order).unwrap()).unwrap()
}

/// Compares bytes, so that NaN equals itself and 0.0 is not -0.0.
fn same<R: Message + std::fmt::Debug>(got: &[R], expected: &[R]) {
    assert_eq!(got.len(), expected.len(), "items");
    for (got, expected) in got.iter().zip(expected) {
        if got.encode_to_vec() != expected.encode_to_vec() {
            assert_eq!(format!("{got:#?}"), format!("{expected:#?}"));
            panic!("some NaN lost its bits: {got:#?}");
        }
    }
}
