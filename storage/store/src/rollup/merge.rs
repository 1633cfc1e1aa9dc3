//! Adds partial rows up.
//!
//! Exact and associative: whatever is merged with whatever first, the same rows come out.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampNanosecondArray, UInt32Array};
use arrow::compute::{concat_batches, take, take_record_batch};
use arrow::datatypes::TimestampNanosecondType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use model::{Rollup, Table, Timestamp};

use super::halves;
use super::sums::{SUM_COLUMNS, SumArrays, SumBuilders, Sums};
use crate::StoreError;

/// One row a key, in the order of the keys. Halves of edges that meet become edges.
///
/// # Errors
/// When a sketch is damaged.
pub fn merge(rollup: Rollup, parts: &[RecordBatch]) -> Result<RecordBatch, StoreError> {
    let rows = concat(rollup, parts)?;
    match rollup {
        Rollup::ServiceEdges => sum(rollup, &halves::pair(&rows).map_err(unwritable)?),
        Rollup::ServiceMinutes | Rollup::ServiceHours => sum(rollup, &rows),
    }
}

/// Merges edges, and ends the waiting of halves in minutes that are over: what has found nobody counts as it is, for ever.
///
/// # Errors
/// When a sketch is damaged.
pub fn settle(parts: &[RecordBatch], is_over: impl Fn(Timestamp) -> bool) -> Result<RecordBatch, StoreError> {
    let rows = halves::pair(&concat(Rollup::ServiceEdges, parts)?).map_err(unwritable)?;
    sum(Rollup::ServiceEdges, &halves::settle(&rows, is_over).map_err(unwritable)?)
}

fn concat(rollup: Rollup, parts: &[RecordBatch]) -> Result<RecordBatch, StoreError> {
    concat_batches(&Table::of(rollup).schema, parts).map_err(unwritable)
}

fn unwritable(cause: ArrowError) -> StoreError {
    StoreError::unwritable("arrow", cause)
}

/// One row a key.
fn sum(rollup: Rollup, rows: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let keys = keys_of(rows).map_err(unwritable)?;
    let order = order(&keys);
    let arrays = SumArrays::of(rows);
    let (mut firsts, mut sums) = (Vec::new(), SumBuilders::with_capacity(rows.num_rows()));
    for same in order.chunk_by(|a, b| keys.row(*a as usize) == keys.row(*b as usize)) {
        let mut sum = Sums::default();
        for row in same {
            let added = arrays.add_to(&mut sum, *row as usize);
            added.map_err(|cause| StoreError::damaged(rollup.table_name(), cause))?;
        }
        firsts.push(same[0]);
        sums.append(&sum);
    }
    rows_of(rows, firsts, sums).map_err(unwritable)
}

/// The keys of these rows with new sums.
fn rows_of(rows: &RecordBatch, firsts: Vec<u32>, sums: SumBuilders) -> Result<RecordBatch, ArrowError> {
    let firsts = UInt32Array::from(firsts);
    let keys = rows.columns().iter().take(rows.num_columns() - SUM_COLUMNS);
    let keys: Result<Vec<ArrayRef>, ArrowError> = keys.map(|key| take(key, &firsts, None)).collect();
    RecordBatch::try_new(rows.schema(), keys?.into_iter().chain(sums.finish()).collect())
}

/// The same sums by longer periods.
pub(super) fn coarser(rows: &RecordBatch, into: Rollup) -> RecordBatch {
    let times = rows.column(0).as_primitive::<TimestampNanosecondType>();
    let times: TimestampNanosecondArray = times.unary(|time| into.period_of(time));
    let mut columns = rows.columns().to_vec();
    columns[0] = Arc::new(times.with_timezone("UTC"));
    let rows = RecordBatch::try_new(Arc::clone(&Table::of(into).schema), columns);
    let rows = rows.expect("rollups of services differ in the name of their first column");
    merge(into, &[rows]).expect("sketches that were written just now are whole")
}

/// The rows in the order of their keys.
pub(super) fn in_order(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let order = order(&keys_of(rows)?);
    take_record_batch(rows, &UInt32Array::from(order))
}

fn keys_of(rows: &RecordBatch) -> Result<Rows, ArrowError> {
    let keys = &rows.columns()[..rows.num_columns() - SUM_COLUMNS];
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    RowConverter::new(fields)?.convert_columns(keys)
}

fn order(keys: &Rows) -> Vec<u32> {
    let rows = u32::try_from(keys.num_rows()).expect("rows of a batch are counted in 32 bits");
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_unstable_by(|a, b| keys.row(*a as usize).cmp(&keys.row(*b as usize)));
    order
}
