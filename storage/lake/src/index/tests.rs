//! What indexes spare, and what happens without them.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, StringViewArray, TimestampNanosecondArray};
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use model::{Batch, Signal, Table, Tenant};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::bloom_filter::Sbbf;
use store::{Origin, Segment, SegmentId, Store, WriterId};
use uuid::Uuid;

use super::blocks::BLOCK_ROWS;
use super::*;
use crate::manifest::Commit;
use crate::{IndexConfig, IndexScope, Lake};

const ROWS: usize = 300_000;

/// Rows in order of time, every trace five neighbours, every user a thousandth of the rows.
fn logs(rows: usize, through: u64) -> Segment {
    let table = Table::of(Signal::Logs);
    let mut columns: Vec<Option<ArrayRef>> = vec![None; table.columns.len()];
    let mut set = |name: &str, array: ArrayRef| columns[table.index(name)] = Some(array);
    let times = (0..rows as i64).map(|row| row * 1_000_000);
    set("time", Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC")));
    let text = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new((0..rows).map(|row| Some(text(row))).collect::<StringViewArray>())
    };
    set("body", text(&|row| format!("order {row} of {} accepted", row % 7)));
    set("user_id", text(&|row| format!("u-{}", row % 1000)));
    set("attributes", text(&|row| format!("{{\"order.id\":\"SO-{}\"}}", row / 3)));
    let traces = (0..rows).map(|row| trace(row / 5));
    set("trace_id", Arc::new(FixedSizeBinaryArray::try_from_iter(traces).expect("ids of 16 bytes")));
    let batch = Batch::new(Signal::Logs, rows, columns).expect("columns of the table");
    let origin = Origin { writer: WriterId(Uuid::nil()), first: through, through };
    let (id, tenant) = (SegmentId::new(), Tenant::default_tenant());
    Segment { id, tenant, signal: Signal::Logs, origin, batches: vec![batch] }
}

fn trace(number: usize) -> [u8; 16] {
    (number as u128 + 1).to_be_bytes()
}

fn of_trace(number: usize) -> Expr {
    col("trace_id").eq(lit(ScalarValue::FixedSizeBinary(16, Some(trace(number).to_vec()))))
}

fn of_user(number: usize) -> Expr {
    col("user_id").eq(lit(ScalarValue::Utf8View(Some(format!("u-{number}")))))
}

async fn lake(scope: IndexScope, cache_bytes_max: u64) -> (Lake, Arc<InMemory>) {
    let objects = Arc::new(InMemory::new());
    let lake = Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("a lake");
    (lake.with_indexes(&IndexConfig { at_flush: scope, cache_bytes_max }), objects)
}

/// Rows that pass the filter, and rows that had to be decoded to know.
async fn ask(lake: &Lake, filter: Expr) -> (usize, usize) {
    let table = lake.table(&Tenant::default_tenant(), Signal::Logs).expect("a table").table;
    let context = SessionContext::new();
    let scan = table.scan(&context.state(), Some(&vec![0]), std::slice::from_ref(&filter), None).await.expect("a plan");
    let read = rows(&scan, &context).await;
    let frame = context.read_table(table).expect("a table").filter(filter).expect("a filter");
    (frame.count().await.expect("a count"), read)
}

/// Rows of the blocks that are read: what the plan's file groups select.
async fn rows(scan: &Arc<dyn ExecutionPlan>, context: &SessionContext) -> usize {
    let Some(source) = scan.downcast_ref::<DataSourceExec>() else { return 0 };
    let (files, _) = source.downcast_to_file_source::<ParquetSource>().expect("Parquet files");
    let files = files.file_groups.iter().flat_map(|group| group.iter());
    let selection = |file: &PartitionedFile| {
        let selection = file.extension::<ParquetRowSelection>();
        selection.map_or(ROWS, |selection| selection.selection().row_count())
    };
    let rows = files.map(selection).sum();
    collect(Arc::clone(scan), context.task_ctx()).await.expect("rows");
    rows
}

#[tokio::test]
async fn a_rare_term_is_a_few_blocks_of_many() {
    let (lake, _objects) = lake(IndexScope::Everything, 1 << 20).await;
    lake.keep(&logs(ROWS, 1)).await.expect("the lake keeps rows");

    // A trace may lie across two blocks, and a term of another block may look like it.
    let (found, read) = ask(&lake, of_trace(40_000)).await;
    assert!(found == 5 && read <= 3 * BLOCK_ROWS, "{found} {read}");
    assert_eq!(ask(&lake, of_trace(ROWS)).await.0, 0);
    assert_eq!(ask(&lake, of_user(7)).await, (ROWS / 1000, ROWS));
    assert_eq!(ask(&lake, of_user(7).and(of_trace(1))).await.0, 1);
    let (found, read) = ask(&lake, of_trace(3).or(of_trace(59_000))).await;
    assert!(found == 10 && read <= 5 * BLOCK_ROWS, "{found} {read}");
    assert!(lake.indexes.figures().cached_bytes <= 1 << 20);
}

#[tokio::test]
async fn an_index_that_is_missing_or_damaged_costs_time_and_no_rows() {
    let (lake, objects) = lake(IndexScope::Everything, 1 << 20).await;
    let segment = logs(ROWS, 1);
    lake.keep(&segment).await.expect("the lake keeps rows");
    let entry = Arc::clone(&lake.manifest.table(&segment.tenant, Signal::Logs.into()).files[0]);
    let path = object_store::path::Path::from(format!("lake/{}", path_of(&entry.path)));
    let sound = objects.get(&path).await.expect("an index").bytes().await.expect("its bytes");
    let middle = sound.len() / 2;
    let mut flipped = sound.to_vec();
    flipped.iter_mut().for_each(|byte| *byte ^= 1);
    let mut in_shelves = sound.to_vec();
    in_shelves[..middle].fill(0);

    for damaged in
        [Some(sound.slice(..middle)), Some(flipped.into()), Some(in_shelves.into()), Some(Vec::new().into()), None]
    {
        match damaged {
            Some(bytes) => objects.put(&path, Bytes::into(bytes)).await.map(drop).expect("the index is replaced"),
            None => objects.delete(&path).await.expect("the index is deleted"),
        }
        let lake = Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("the lake opens again");

        assert_eq!(ask(&lake, of_trace(40_000)).await, (5, ROWS));
        assert_eq!(lake.indexes.complaints.lock().len(), 1);
    }
}

#[tokio::test]
async fn the_trace_filter_of_the_version_before_is_used() {
    let (lake, objects) = lake(IndexScope::Traces, 1 << 20).await;
    let segment = logs(1000, 1);
    let encoded = crate::parquet_file::encode(&segment, IndexScope::Traces).expect("a file");
    let mut filter = Sbbf::new_with_ndv_fpp(1000, 0.01).expect("a filter");
    (0..200).for_each(|number| filter.insert(trace(number).as_slice()));
    let mut bitset = Vec::new();
    filter.write_bitset(&mut bitset).expect("memory");
    let mut entry = encoded.entry;
    (entry.index, entry.trace_filter_bytes) = (None, Some(bitset.len() as u64));
    lake.depot.put(&entry.path, encoded.file).await.expect("a file");
    lake.depot.put(&trace_filter_path_of(&entry.path), bitset.into()).await.expect("a filter");
    lake.manifest.commit(&Commit { add: vec![Arc::new(entry)], ..Commit::default() }).await.expect("a commit");

    assert_eq!(ask(&lake, of_trace(3)).await, (5, ROWS));
    assert_eq!(ask(&lake, of_trace(9_999)).await, (0, 0));
    assert_eq!(lake.indexes.complaints.lock().len(), 0);
    let listed = objects.list(None);
    assert_eq!(futures::TryStreamExt::try_collect::<Vec<_>>(listed).await.expect("a list").len(), 3);
}

#[tokio::test]
async fn parts_of_many_indexes_stay_within_their_budget() {
    let budget = 1 << 20;
    let (lake, _objects) = lake(IndexScope::Everything, budget).await;
    for through in 1..=4 {
        lake.keep(&logs(ROWS, through)).await.expect("the lake keeps rows");
    }

    for number in 0..60_000 / 500 {
        let table = lake.table(&Tenant::default_tenant(), Signal::Logs).expect("a table").table;
        let filters = [of_trace(number * 500)];
        table.scan(&SessionContext::new().state(), None, &filters, None).await.expect("a plan");
        assert!(lake.indexes.figures().cached_bytes <= budget);
    }

    let figures = lake.indexes.figures();
    assert!(figures.hits > 4 * 100 && figures.misses < 4 * 130, "{figures:?}");
}
