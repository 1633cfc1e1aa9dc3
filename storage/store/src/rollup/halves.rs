//! Halves of calls among rows of edges: joined when they meet, settled when they have waited long enough.
//!
//! Callers stay, since others may answer them, so it does not matter which rows are joined first.

use std::collections::HashMap;

use ahash::RandomState;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch, StringViewArray, UInt32Array,
};
use arrow::compute::{filter_record_batch, interleave, nullif, take};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::error::ArrowError;
use model::{Rollup, Table, Timestamp};

use super::sums::{SUM_COLUMNS, SumBuilders, Sums};

pub(super) const CALLER: &str = "caller";
pub(super) const CALLEE: &str = "callee";

/// Trace, and the caller's span in it.
pub(super) type CallId = ([u8; 16], [u8; 8]);

/// The id in this row.
pub(super) fn bytes<const WIDTH: usize>(ids: &FixedSizeBinaryArray, row: usize) -> [u8; WIDTH] {
    ids.value(row).try_into().expect("ids have the width of their column")
}

/// Joins callees with callers among the rows: the callee's edge gets its source, the caller no longer counts.
pub(super) fn pair(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let halves = Halves::of(rows);
    let mut callers: HashMap<CallId, (usize, bool), RandomState> = HashMap::default();
    for row in halves.that_are(CALLER) {
        callers.entry(halves.id(row)).or_insert((row, false));
    }
    // Of each row: whose source it has, and whether it is a half still.
    let mut sources: Vec<u32> = (0..rows.num_rows() as u32).collect();
    let mut is_joined = vec![false; rows.num_rows()];
    for row in halves.that_are(CALLEE) {
        if let Some((caller, is_answered)) = callers.get_mut(&halves.id(row)) {
            *is_answered = true;
            sources[row] = u32::try_from(*caller).expect("rows are counted in 32 bits");
            is_joined[row] = true;
        }
    }
    let mut is_answered = vec![false; rows.num_rows()];
    for row in halves.that_are(CALLER) {
        is_answered[row] = callers[&halves.id(row)].1;
    }
    let source = take(rows.column(column("source")), &UInt32Array::from(sources), None)?;
    let mut columns = without_half(rows, &is_joined)?;
    columns[column("source")] = source;
    without_calls(&mut columns, &is_answered)?;
    RecordBatch::try_new(rows.schema(), columns)
}

/// Ends the waiting of halves in minutes that are over: the others are halves no longer, and those that count nothing go.
pub(super) fn settle(rows: &RecordBatch, is_over: impl Fn(Timestamp) -> bool) -> Result<RecordBatch, ArrowError> {
    let halves = Halves::of(rows);
    let minutes = rows.column(0).as_primitive::<TimestampNanosecondType>().values();
    let calls = rows.column(rows.num_columns() - SUM_COLUMNS).as_primitive::<Int64Type>().values();
    let is_due: Vec<bool> =
        (0..rows.num_rows()).map(|row| halves.half.is_valid(row) && is_over(Timestamp(minutes[row]))).collect();
    let counts: BooleanArray = is_due.iter().zip(calls).map(|(is_due, calls)| Some(!is_due || *calls > 0)).collect();
    filter_record_batch(&RecordBatch::try_new(rows.schema(), without_half(rows, &is_due)?)?, &counts)
}

/// The columns that say of a row which half it is.
struct Halves<'a> {
    half: &'a StringViewArray,
    trace: &'a FixedSizeBinaryArray,
    span: &'a FixedSizeBinaryArray,
}

impl<'a> Halves<'a> {
    fn of(rows: &'a RecordBatch) -> Self {
        Self {
            half: rows.column(column("half")).as_string_view(),
            trace: rows.column(column("trace_id")).as_fixed_size_binary(),
            span: rows.column(column("span_id")).as_fixed_size_binary(),
        }
    }

    fn that_are(&self, word: &str) -> impl Iterator<Item = usize> {
        self.half.iter().enumerate().filter(move |(_, half)| *half == Some(word)).map(|(row, _)| row)
    }

    fn id(&self, row: usize) -> CallId {
        (bytes(self.trace, row), bytes(self.span, row))
    }
}

fn column(name: &str) -> usize {
    Table::of(Rollup::ServiceEdges).index(name)
}

/// These rows are halves no longer.
fn without_half(rows: &RecordBatch, which: &[bool]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut columns = rows.columns().to_vec();
    for name in ["half", "trace_id", "span_id"] {
        let place = column(name);
        columns[place] = nullif(&columns[place], &BooleanArray::from(which.to_vec()))?;
    }
    Ok(columns)
}

/// These rows sum nothing.
fn without_calls(columns: &mut [ArrayRef], which: &[bool]) -> Result<(), ArrowError> {
    let mut nothing = SumBuilders::with_capacity(1);
    nothing.append(&Sums::default());
    let first = columns.len() - SUM_COLUMNS;
    for (place, nothing) in (first..).zip(nothing.finish()) {
        let places: Vec<(usize, usize)> =
            which.iter().enumerate().map(|(row, is_empty)| if *is_empty { (1, 0) } else { (0, row) }).collect();
        columns[place] = interleave(&[columns[place].as_ref(), nothing.as_ref()], &places)?;
    }
    Ok(())
}
