//! Brings the rows of several sorted files into one order.
//!
//! What comes out is ordered by the columns that rows are sorted by. Only the time of spans and logs is as good as sorted, not
//! sorted: a request stays in one piece, so that its columns stay runs and slices need not be copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::compute::interleave;
use arrow::error::ArrowError;
use arrow::row::{Row, RowConverter, Rows, SortField};
use futures::StreamExt;
use futures::stream::BoxStream;
use model::{Defaults, Signal, Table};
use store::StoreError;

use super::source::Source;

/// Runs of at least this many rows are handed on as they lie in memory; shorter ones are copied together.
const SLICED_ROWS_MIN: usize = 512;

/// A merge on its way.
pub(crate) struct Merge {
    signal: Signal,
    /// Rows copied together at a time.
    gathered_rows: usize,
    converter: RowConverter,
    inputs: Vec<Input>,
    /// Batches that heads or waiting rows are in.
    batches: Vec<RecordBatch>,
    /// Batch and row of each row that waits to be copied.
    waiting: Vec<(usize, usize)>,
    /// A slice that comes after the waiting rows.
    ready: Option<RecordBatch>,
    defaults: Defaults,
}

struct Input {
    stream: BoxStream<'static, Result<RecordBatch, StoreError>>,
    bytes: Arc<AtomicUsize>,
    head: Option<Head>,
}

/// The rows of an input that come next.
struct Head {
    batch: usize,
    keys: Rows,
    at: usize,
}

impl Head {
    fn key(&self) -> Row<'_> {
        self.keys.row(self.at)
    }
}

impl Merge {
    pub(crate) async fn begin(signal: Signal, sources: Vec<Source>, gathered_rows: usize) -> Result<Self, StoreError> {
        let fields =
            key_columns(signal).map(|column| SortField::new(Table::of(signal).columns[column].data_type.clone()));
        let converter = RowConverter::new(fields.collect()).map_err(unmergeable)?;
        let inputs = sources.into_iter().map(|Source { batches, bytes }| Input { stream: batches, bytes, head: None });
        let mut merge = Self {
            signal,
            gathered_rows,
            converter,
            inputs: inputs.collect(),
            batches: Vec::new(),
            waiting: Vec::new(),
            ready: None,
            defaults: Defaults::new(signal),
        };
        for input in 0..merge.inputs.len() {
            merge.load(input).await?;
        }
        Ok(merge)
    }

    /// The next rows; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        if let Some(ready) = self.ready.take() {
            return Ok(Some(ready));
        }
        while let Some(input) = self.least() {
            let slice = self.take(input);
            if self.inputs[input].head.is_none() {
                self.load(input).await?;
            }
            match slice {
                Some(slice) if self.waiting.is_empty() => return Ok(Some(slice)),
                Some(slice) => {
                    self.ready = Some(slice);
                    return self.gather().map(Some);
                }
                None if self.waiting.len() >= self.gathered_rows => return self.gather().map(Some),
                None => {}
            }
        }
        if self.waiting.is_empty() { Ok(None) } else { self.gather().map(Some) }
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let read: usize = self.inputs.iter().map(|input| input.bytes.load(Ordering::Relaxed)).sum();
        let keys: usize = self.inputs.iter().filter_map(|input| input.head.as_ref()).map(|head| head.keys.size()).sum();
        read + keys + self.batches.iter().map(RecordBatch::get_array_memory_size).sum::<usize>()
    }

    /// The input whose next row comes first; of equal ones the earlier.
    fn least(&self) -> Option<usize> {
        let heads = self.inputs.iter().enumerate().filter_map(|(index, input)| Some((index, input.head.as_ref()?)));
        heads.min_by(|(_, one), (_, other)| one.key().cmp(&other.key())).map(|(index, _)| index)
    }

    /// Takes the rows that come before those of all other inputs: as a slice if they are many, else they wait to be copied.
    fn take(&mut self, input: usize) -> Option<RecordBatch> {
        let head = self.inputs[input].head.as_ref().expect("the least input has a head");
        let others = self.inputs.iter().enumerate().filter(|(other, _)| *other != input);
        let bound = others.filter_map(|(_, other)| other.head.as_ref()).map(Head::key).min();
        let rows = &self.batches[head.batch];
        let (batch, from) = (head.batch, head.at);
        let to = match bound {
            None => head.keys.num_rows(),
            Some(bound) => self.end(head, rows, &bound),
        };
        let slice = (to - from >= SLICED_ROWS_MIN).then(|| rows.slice(from, to - from));
        if slice.is_none() {
            self.waiting.extend((from..to).map(|row| (batch, row)));
        }
        let head = &mut self.inputs[input].head;
        match head {
            Some(head) if to < head.keys.num_rows() => head.at = to,
            head => *head = None,
        }
        slice
    }

    /// Where the rows end that may go before the bound.
    fn end(&self, head: &Head, rows: &RecordBatch, bound: &Row<'_>) -> usize {
        let all = head.keys.num_rows();
        match self.signal {
            Signal::Metrics | Signal::Histograms => {
                let mut step = 1;
                let mut low = head.at + 1;
                // Galloping: a series has few rows in each file, a name many.
                while low + step < all && head.keys.row(low + step) <= *bound {
                    low += step;
                    step *= 2;
                }
                let high = (low + step).min(all);
                low + partition_point(low..high, |row| head.keys.row(row) <= *bound)
            }
            Signal::Spans | Signal::Logs => {
                let names = rows.column(Table::of(self.signal).index(store::sort_key(self.signal))).as_string_view();
                let piece = head.at + SLICED_ROWS_MIN;
                let goes = |row: usize| head.keys.row(row) <= *bound || (row < piece && is_same(names, head.at, row));
                (head.at + 1..all).find(|row| !goes(*row)).unwrap_or(all)
            }
        }
    }

    /// Reads the next batch of an input.
    async fn load(&mut self, input: usize) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            self.let_go();
        }
        let Input { stream, bytes, head } = &mut self.inputs[input];
        *head = loop {
            let Some(rows) = stream.next().await else {
                bytes.store(0, Ordering::Relaxed);
                break None;
            };
            let rows = rows?;
            if rows.num_rows() == 0 {
                continue;
            }
            let columns: Vec<ArrayRef> =
                key_columns(self.signal).map(|column| Arc::clone(rows.column(column))).collect();
            let keys = self.converter.convert_columns(&columns).map_err(unmergeable)?;
            self.batches.push(rows);
            break Some(Head { batch: self.batches.len() - 1, keys, at: 0 });
        };
        Ok(())
    }

    /// The waiting rows as a batch of their own.
    fn gather(&mut self) -> Result<RecordBatch, StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        let table = Table::of(self.signal);
        let columns: Result<Vec<ArrayRef>, ArrowError> =
            (0..table.columns.len()).map(|column| self.gather_column(column, &waiting)).collect();
        let rows = columns.and_then(|columns| RecordBatch::try_new(Arc::clone(&table.schema), columns));
        self.let_go();
        rows.map_err(unmergeable)
    }

    /// Keeps only the batches that heads are in.
    fn let_go(&mut self) {
        let mut kept = Vec::with_capacity(self.inputs.len());
        for head in self.inputs.iter_mut().filter_map(|input| input.head.as_mut()) {
            kept.push(self.batches[head.batch].clone());
            head.batch = kept.len() - 1;
        }
        self.batches = kept;
    }

    fn gather_column(&mut self, column: usize, waiting: &[(usize, usize)]) -> Result<ArrayRef, ArrowError> {
        let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch.column(column).as_ref()).collect();
        let says_nothing = |array: &&dyn Array| array.null_count() == array.len();
        if Table::of(self.signal).columns[column].is_nullable() && parts.iter().all(says_nothing) {
            return Ok(self.defaults.array(column, waiting.len()));
        }
        interleave(&parts, waiting)
    }
}

fn key_columns(signal: Signal) -> impl Iterator<Item = usize> {
    store::sort_columns(signal).iter().map(move |name| Table::of(signal).index(name))
}

fn is_same(names: &StringViewArray, one: usize, other: usize) -> bool {
    match (names.is_null(one), names.is_null(other)) {
        (false, false) => names.views()[one] == names.views()[other] || names.value(one) == names.value(other),
        (one, other) => one && other,
    }
}

/// How many of the rows pass, of which all that pass come first.
fn partition_point(rows: std::ops::Range<usize>, passes: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (rows.start, rows.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(middle) { low = middle + 1 } else { high = middle }
    }
    low - rows.start
}

fn unmergeable(cause: ArrowError) -> StoreError {
    StoreError::unwritable("merged rows", cause)
}
