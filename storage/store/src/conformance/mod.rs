//! What every store promises, as a suite that each one runs.

mod span;

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use model::{Rollup, Signal, Table, Tenant, Timestamp};
use uuid::Uuid;

pub use self::span::{Span, batch};
use crate::rollup::{self, Folded};
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
    rollups_sum_what_is_kept(store, &acme).await;
    rollups_come_with_their_spans(store, &acme, writer).await;
    too_many_operations_are_told(store, &globex, writer).await;
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

async fn rollups_sum_what_is_kept(store: &dyn Store, tenant: &Tenant) {
    for rollup in [Rollup::ServiceMinutes, Rollup::ServiceHours] {
        assert_eq!(
            requests(store, tenant, rollup).await,
            6,
            "{rollup}: each span once, also of segments that came twice"
        );
        let from = rollup_of(store, tenant, rollup).same_from;
        assert_eq!(from, Timestamp(i64::MIN), "{rollup}: nothing was kept without it and nothing has expired");
    }
    for signal in [Signal::Logs, Signal::Metrics, Signal::Histograms] {
        assert!(store.table(tenant, signal).expect("a table").rollups.is_empty(), "{signal} has no rollups");
    }
}

async fn rollups_come_with_their_spans(store: &dyn Store, tenant: &Tenant, writer: WriterId) {
    let before = rollup_of(store, tenant, Rollup::ServiceMinutes);
    let late = Span { start_time: 5, duration_ns: 7, status_code: "error", ..Span::default() };
    let segment = Segment { batches: vec![batch(&[late, late])], ..spans(tenant, writer, (7, 7), &[1]) };

    store.keep(&segment).await.expect("the store keeps a segment");

    let rows = collect(before.table).await;
    assert_eq!(sum(&rows, "requests"), 6, "an old rollup shows old sums");
    let rows = rollup_of(store, tenant, Rollup::ServiceMinutes);
    let rows = rollup::merge(Rollup::ServiceMinutes, &collect(rows.table).await).expect("rows that can be merged");
    let rows = [rows];
    assert_eq!(sum(&rows, "requests"), 8, "late spans are added to their minute");
    assert_eq!((sum(&rows, "errors"), sum(&rows, "duration_max_ns")), (2, 7), "and so are errors and durations");
}

async fn too_many_operations_are_told(store: &dyn Store, tenant: &Tenant, writer: WriterId) {
    let all = rollup::OPERATIONS_PER_SERVICE_MAX + 5;
    let names: Vec<String> = (0..all).map(|number| format!("GET /users/{number}")).collect();
    let many: Vec<Span<'_>> = names.iter().map(|name| Span { name, ..Span::default() }).collect();
    let segment = Segment { batches: vec![batch(&many)], ..spans(tenant, writer, (1, 1), &[1]) };
    assert_eq!(rollup_of(store, tenant, Rollup::ServiceMinutes).folded, Folded::NOTHING);

    store.keep(&segment).await.expect("the store keeps a segment");

    for rollup in [Rollup::ServiceMinutes, Rollup::ServiceHours] {
        assert_eq!(requests(store, tenant, rollup).await, all as i64, "{rollup}: none is lost");
        let folded = rollup_of(store, tenant, rollup).folded;
        assert!(folded.services.is_empty(), "{rollup}: all services have rows");
        assert_eq!(folded.operations.min, Timestamp(0), "{rollup}: from the period in which some have not");
        assert_eq!(folded.operations.max, Timestamp(rollup.period_nanos() - 1), "{rollup}: to its end");
    }
}

fn rollup_of(store: &dyn Store, tenant: &Tenant, rollup: Rollup) -> rollup::StoredRollup {
    let spans = store.table(tenant, Signal::Spans).expect("a table");
    spans.rollups.into_iter().find(|stored| stored.rollup == rollup).expect("spans have every rollup")
}

async fn requests(store: &dyn Store, tenant: &Tenant, rollup: Rollup) -> i64 {
    let table = rollup_of(store, tenant, rollup).table;
    assert_eq!(table.schema(), Table::of(rollup).schema, "a rollup has the columns of its table");
    sum(&collect(table).await, "requests")
}

fn sum(rows: &[RecordBatch], column: &str) -> i64 {
    let of_batch = |rows: &RecordBatch| -> i64 {
        let column = rows.column_by_name(column).expect("a column of the rollup");
        column.as_primitive::<Int64Type>().values().iter().sum()
    };
    rows.iter().map(of_batch).sum()
}

async fn times(store: &dyn Store, tenant: &Tenant, signal: Signal) -> Vec<i64> {
    scan(store.table(tenant, signal).expect("a table").table, signal).await
}

async fn scan(table: Arc<dyn TableProvider>, signal: Signal) -> Vec<i64> {
    assert_eq!(table.schema(), Table::of(signal).schema, "a store's table has the signal's schema");
    let batches = collect(table).await;
    let mut times: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec())
        .collect();
    times.sort_unstable();
    times
}

async fn collect(table: Arc<dyn TableProvider>) -> Vec<RecordBatch> {
    let rows = SessionContext::new().read_table(table).expect("a readable table");
    rows.collect().await.expect("readable rows")
}

/// A segment of spans that start at these times.
pub fn spans(tenant: &Tenant, writer: WriterId, (first, through): (u64, u64), times: &[i64]) -> Segment {
    let spans: Vec<Span<'_>> = times
        .iter()
        .map(|time| {
            let trace_id = u128::from(time.cast_unsigned()) << 64 | u128::from(time.cast_unsigned());
            Span { start_time: *time, trace_id, span_id: time.cast_unsigned(), ..Span::default() }
        })
        .collect();
    let origin = Origin { writer, first, through };
    let (id, tenant) = (SegmentId::new(), tenant.clone());
    Segment { id, tenant, signal: Signal::Spans, origin, batches: vec![batch(&spans)] }
}
