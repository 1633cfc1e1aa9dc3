//! The model is lossless: requests become rows and the rows become the same requests.

use std::sync::Arc;

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

/// The rows as they come back from Parquet files.
fn through_the_lake(batches: &[Batch]) -> Vec<Batch> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let lake = Lake::on_objects(Arc::new(InMemory::new()), "lake").await.unwrap();
        let tenant = Tenant::default_tenant();
        let mut stored = Vec::new();
        for batch in batches {
            let signal = batch.signal();
            let origin = Origin { writer: WriterId(Uuid::nil()), first: 1, through: 1 };
            let id = SegmentId::new();
            lake.keep(&Segment { id, tenant: tenant.clone(), signal, origin, batches: vec![batch.clone()] })
                .await
                .unwrap();
            let table = lake.table(&tenant, signal).unwrap().table;
            let rows = SessionContext::new().read_table(table).unwrap().collect().await.unwrap();
            stored.extend(rows.iter().map(|rows| Batch::from_record_batch(signal, rows).unwrap()));
        }
        stored
    })
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
