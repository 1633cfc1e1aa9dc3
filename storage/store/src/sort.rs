//! Brings the rows of a segment into the order in which stores lay them out.
//!
//! Spans and logs by service, then arrival: a request's rows stay together, so whole requests are moved, not rows, and times
//! are as good as sorted. Points by metric name, series, then time. Rows that are asked for together lie together, and
//! pages of times can be skipped.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::compute::interleave;
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::error::ArrowError;
use model::{Batch, Defaults, Signal, Table};

use crate::Segment;

/// Runs of at least this many rows are handed on as they lie in memory; shorter ones are copied together.
const SLICED_ROWS_MIN: usize = 512;

/// Column that rows of the signal are sorted by first.
pub fn sort_key(signal: Signal) -> &'static str {
    match signal {
        Signal::Spans | Signal::Logs => "service_name",
        Signal::Metrics | Signal::Histograms => "name",
    }
}

/// Columns that rows of the signal are sorted by, the first one first.
///
/// The last, the time, is as good as sorted in spans and logs; the others are exact.
pub fn sort_columns(signal: Signal) -> &'static [&'static str] {
    match signal {
        Signal::Spans => &["service_name", "start_time"],
        Signal::Logs => &["service_name", "time"],
        Signal::Metrics | Signal::Histograms => &["name", "series_id", "time"],
    }
}

/// The rows of the segment in sorted order, in record batches of at most `batch_rows`.
///
/// Rows with equal keys keep their order of arrival.
pub fn sorted(segment: &Segment, batch_rows: usize) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<> {
    let pieces = match segment.signal {
        Signal::Spans | Signal::Logs => pieces(runs(segment), batch_rows),
        Signal::Metrics | Signal::Histograms => {
            order(segment).chunks(batch_rows).map(|places| Piece::Places(places.to_vec())).collect()
        }
    };
    let mut source = Source::new(segment);
    pieces.into_iter().map(move |piece| source.read(&piece))
}

/// Where the rows of one record batch are.
enum Piece {
    /// Rows of one batch, as they lie.
    Slice(usize, Range<usize>),
    /// Batch and row of each.
    Places(Vec<(usize, usize)>),
}

/// The segment's columns, to take rows from.
struct Source {
    signal: Signal,
    batches: Vec<Batch>,
    /// Of every batch; `None` where none says anything.
    columns: Vec<Option<Vec<ArrayRef>>>,
    defaults: Defaults,
}

impl Source {
    fn new(segment: &Segment) -> Self {
        let (signal, batches) = (segment.signal, segment.batches.clone());
        let mut defaults = Defaults::new(signal);
        let mut gather = |index| {
            let is_said = batches.iter().any(|batch| batch.said(index).is_some());
            is_said.then(|| batches.iter().map(|batch| batch.column(index, &mut defaults)).collect())
        };
        let columns = (0..Table::of(signal).columns.len()).map(&mut gather).collect();
        Self { signal, batches, columns, defaults }
    }

    fn read(&mut self, piece: &Piece) -> Result<RecordBatch, ArrowError> {
        let places = 0..self.columns.len();
        let arrays: Result<Vec<ArrayRef>, ArrowError> = match piece {
            Piece::Slice(batch, rows) => places.map(|index| Ok(self.slice(index, *batch, rows))).collect(),
            Piece::Places(rows) => places.map(|index| self.gather(index, rows)).collect(),
        };
        RecordBatch::try_new(Table::of(self.signal).schema.clone(), arrays?)
    }

    fn slice(&mut self, index: usize, batch: usize, rows: &Range<usize>) -> ArrayRef {
        match self.batches[batch].said(index) {
            Some(array) => array.slice(rows.start, rows.len()),
            None => self.defaults.array(index, rows.len()),
        }
    }

    fn gather(&mut self, index: usize, rows: &[(usize, usize)]) -> Result<ArrayRef, ArrowError> {
        match &self.columns[index] {
            Some(parts) => {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                interleave(&parts, rows)
            }
            None => Ok(self.defaults.array(index, rows.len())),
        }
    }
}

/// Rows of one batch that follow each other and have the same name. Ordered as the rows are to be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    rank: u32,
    batch: usize,
    start: usize,
    rows: usize,
}

/// The runs of a segment in the order of their names, and of arrival.
fn runs(segment: &Segment) -> Vec<Run> {
    let name = Table::of(segment.signal).index(sort_key(segment.signal));
    let ranks = ranks(&segment.batches, name);
    let mut runs: Vec<Run> = Vec::new();
    for (number, batch) in segment.batches.iter().enumerate() {
        let names = batch.said(name).map(|names| names.as_string_view());
        let mut ranked = Ranked::new(&ranks);
        for row in 0..batch.rows() {
            let rank = names.map_or(0, |names| ranked.rank(names, row));
            match runs.last_mut() {
                Some(run) if (run.rank, run.batch) == (rank, number) => run.rows += 1,
                _ => runs.push(Run { rank, batch: number, start: row, rows: 1 }),
            }
        }
    }
    runs.sort_unstable();
    runs
}

/// Long runs as slices, short ones put together.
fn pieces(runs: Vec<Run>, batch_rows: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut short: Vec<(usize, usize)> = Vec::new();
    for Run { batch, start, rows, .. } in runs {
        let all = start..start + rows;
        if rows < SLICED_ROWS_MIN {
            short.extend(all.map(|row| (batch, row)));
            if short.len() >= batch_rows {
                pieces.push(Piece::Places(std::mem::take(&mut short)));
            }
            continue;
        }
        if !short.is_empty() {
            pieces.push(Piece::Places(std::mem::take(&mut short)));
        }
        let slices = all.clone().step_by(batch_rows).map(|from| from..all.end.min(from + batch_rows));
        pieces.extend(slices.map(|slice| Piece::Slice(batch, slice)));
    }
    if !short.is_empty() {
        pieces.push(Piece::Places(short));
    }
    pieces
}

/// Batch and row of each point by name, series and time. Names are replaced by their rank, so that comparing is on integers.
fn order(segment: &Segment) -> Vec<(usize, usize)> {
    let mut rows: Vec<(u32, i64, i64, u32, u32)> = Vec::with_capacity(segment.rows());
    let table = Table::of(segment.signal);
    let name = table.index(sort_key(segment.signal));
    let ranks = ranks(&segment.batches, name);
    for (number, batch) in segment.batches.iter().enumerate() {
        let number = u32::try_from(number).expect("a segment has fewer than 2^32 batches");
        let times = batch.said(0).expect("the time column is required");
        let times = times.as_primitive::<TimestampNanosecondType>().values();
        let series = batch.said(table.index("series_id")).expect("the series column is required");
        let series = series.as_primitive::<Int64Type>().values();
        let names = batch.said(name).map(|names| names.as_string_view());
        let mut ranked = Ranked::new(&ranks);
        for (row, (time, series)) in times.iter().zip(series).enumerate() {
            let rank = names.map_or(0, |names| ranked.rank(names, row));
            rows.push((rank, *series, *time, number, row as u32));
        }
    }
    rows.sort_unstable();
    rows.into_iter().map(|(.., batch, row)| (batch as usize, row as usize)).collect()
}

/// Rank of each distinct name in sorted order, from 1; rows without a name come first with 0.
fn ranks(batches: &[Batch], name: usize) -> HashMap<String, u32> {
    let mut ranks: HashMap<String, u32> = HashMap::new();
    for names in batches.iter().filter_map(|batch| batch.said(name)) {
        let names = names.as_string_view();
        let mut before = None;
        for value in names.iter() {
            // Neighbours mostly agree: a request comes from one service.
            if value != before
                && let Some(value) = value
                && !ranks.contains_key(value)
            {
                ranks.insert(value.to_owned(), 0);
            }
            before = value;
        }
    }
    let mut sorted: Vec<String> = ranks.keys().cloned().collect();
    sorted.sort_unstable();
    for (rank, name) in (1..).zip(sorted) {
        ranks.insert(name, rank);
    }
    ranks
}

/// Looks ranks up, remembering the last one.
struct Ranked<'a> {
    ranks: &'a HashMap<String, u32>,
    last: Option<(u128, u32)>,
}

impl<'a> Ranked<'a> {
    fn new(ranks: &'a HashMap<String, u32>) -> Self {
        Self { ranks, last: None }
    }

    fn rank(&mut self, names: &StringViewArray, row: usize) -> u32 {
        if names.is_null(row) {
            return 0;
        }
        // Equal views are equal strings: neighbours share the bytes they point to.
        let view = names.views()[row];
        match self.last {
            Some((last, rank)) if last == view => rank,
            _ => {
                let rank = self.ranks[names.value(row)];
                self.last = Some((view, rank));
                rank
            }
        }
    }
}
