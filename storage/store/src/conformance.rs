//! What every store promises, as a suite that each one runs.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, StringViewArray, TimestampNanosecondArray};
use arrow::datatypes::TimestampNanosecondType;
use datafusion::prelude::SessionContext;
use model::{Batch, Signal, Table, Tenant};
use uuid::Uuid;

use crate::{Origin, Segment, SegmentId, Store, WriterId};

/// Runs the whole suite against an empty store.
///
/// # Panics
/// When the store breaks a promise; the message says which.
pub async fn check(store: &dyn Store) {
    let writer = WriterId(Uuid::new_v4());
    let acme = Tenant::new("conformance-a").expect("a valid name");
    let globex = Tenant::new("conformance-b").expect("a valid name");

    an_unknown_table_is_empty(store, &acme).await;
    what_is_kept_shows_at_once(store, &acme, writer).await;
    the_same_segment_twice_is_kept_once(store, &acme, writer).await;
    a_table_shows_the_moment_of_its_call(store, &acme, writer).await;
    rows_of_another_tenant_are_invisible(store, &globex).await;
    writers_do_not_hide_each_other(store, &acme).await;
}

async fn an_unknown_table_is_empty(store: &dyn Store, tenant: &Tenant) {
    for signal in Signal::ALL {
        assert_eq!(times(store, tenant, signal).await, Vec::<i64>::new(), "{signal} of a new tenant is empty");
    }
}

async fn what_is_kept_shows_at_once(store: &dyn Store, tenant: &Tenant, writer: WriterId) {
    let segment = spans(tenant, writer, (1, 3), &[30, 10, 20]);

    store.keep(&segment).await.expect("the store keeps a segment");

    assert_eq!(times(store, tenant, Signal::Spans).await, [10, 20, 30], "kept rows show");
    assert_eq!(times(store, tenant, Signal::Logs).await, Vec::<i64>::new(), "other signals stay empty");
    assert_eq!(store.table(tenant, Signal::Spans).expect("a table").kept_through(writer), 3, "the watermark moves");
}

async fn the_same_segment_twice_is_kept_once(store: &dyn Store, tenant: &Tenant, writer: WriterId) {
    let segment = spans(tenant, writer, (4, 4), &[40]);

    store.keep(&segment).await.expect("the store keeps a segment");
    store.keep(&segment).await.expect("the store takes the segment again");
    let renamed = Segment { id: SegmentId::new(), ..segment };
    store.keep(&renamed).await.expect("the store takes the same origin under another name");

    assert_eq!(times(store, tenant, Signal::Spans).await, [10, 20, 30, 40], "each row shows once");
}

async fn a_table_shows_the_moment_of_its_call(store: &dyn Store, tenant: &Tenant, writer: WriterId) {
    let before = store.table(tenant, Signal::Spans).expect("a table");

    store.keep(&spans(tenant, writer, (5, 6), &[50])).await.expect("the store keeps a segment");

    assert_eq!(scan(before.table, Signal::Spans).await, [10, 20, 30, 40], "an old table shows old rows");
    assert_eq!(before.watermarks.get(&writer), Some(&4), "and the old watermark");
    assert_eq!(times(store, tenant, Signal::Spans).await, [10, 20, 30, 40, 50], "a new one shows all");
}

async fn rows_of_another_tenant_are_invisible(store: &dyn Store, other: &Tenant) {
    assert_eq!(times(store, other, Signal::Spans).await, Vec::<i64>::new(), "no row crosses tenants");
    assert!(store.table(other, Signal::Spans).expect("a table").watermarks.is_empty(), "nor does a watermark");
}

async fn writers_do_not_hide_each_other(store: &dyn Store, tenant: &Tenant) {
    let another = WriterId(Uuid::new_v4());

    store.keep(&spans(tenant, another, (1, 1), &[60])).await.expect("the store keeps a segment");

    assert_eq!(times(store, tenant, Signal::Spans).await, [10, 20, 30, 40, 50, 60], "positions are per writer");
}

async fn times(store: &dyn Store, tenant: &Tenant, signal: Signal) -> Vec<i64> {
    scan(store.table(tenant, signal).expect("a table").table, signal).await
}

async fn scan(table: Arc<dyn datafusion::catalog::TableProvider>, signal: Signal) -> Vec<i64> {
    assert_eq!(table.schema(), Table::of(signal).schema, "a store's table has the signal's schema");
    let rows = SessionContext::new().read_table(table).expect("a readable table");
    let batches = rows.collect().await.expect("readable rows");
    let mut times: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec())
        .collect();
    times.sort_unstable();
    times
}

/// A segment of spans that start at these times.
pub fn spans(tenant: &Tenant, writer: WriterId, (first, through): (u64, u64), times: &[i64]) -> Segment {
    let batch = span_batch(times);
    let origin = Origin { writer, first, through };
    Segment { id: SegmentId::new(), tenant: tenant.clone(), signal: Signal::Spans, origin, batches: vec![batch] }
}

fn span_batch(times: &[i64]) -> Batch {
    let table = Table::of(Signal::Spans);
    let starts: ArrayRef = Arc::new(TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC"));
    let texts = |text: &str| -> ArrayRef { Arc::new(StringViewArray::from(vec![text; times.len()])) };
    let ids = |width: usize| -> ArrayRef {
        let ids = times.iter().map(|time| time.to_be_bytes().repeat(width / 8));
        Arc::new(FixedSizeBinaryArray::try_from_iter(ids).expect("ids of one width"))
    };
    let columns = [
        ("start_time", Arc::clone(&starts)),
        ("end_time", starts),
        ("duration_ns", Arc::new(Int64Array::from(vec![0; times.len()]))),
        ("trace_id", ids(16)),
        ("span_id", ids(8)),
        ("name", texts("checkout")),
        ("kind", texts("server")),
        ("status_code", texts("unset")),
    ];
    let mut placed = vec![None; table.columns.len()];
    for (name, array) in columns {
        placed[table.index(name)] = Some(array);
    }
    Batch::new(Signal::Spans, times.len(), placed).expect("columns of the span table")
}
