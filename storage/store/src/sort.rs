//! Brings the rows of a segment into the order in which stores lay them out.
//!
//! Spans and logs by service, then time; points by metric name, series, then time. Rows that are asked for
//! together lie together, and pages of sorted times can be skipped.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::compute::interleave;
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::error::ArrowError;
use model::{Batch, Defaults, Signal, Table};

use crate::Segment;

/// Sort key of one row and where the row lies. Names are replaced by their rank, so that comparing is on integers.
type Row = (u32, i64, i64, u32, u32);

/// Column that rows of the signal are sorted by first.
pub fn sort_key(signal: Signal) -> &'static str {
    match signal {
        Signal::Spans | Signal::Logs => "service_name",
        Signal::Metrics | Signal::Histograms => "name",
    }
}

/// The rows of the segment in sorted order, in record batches of at most `batch_rows`.
///
/// Rows with equal keys keep their order of arrival.
pub fn sorted(segment: &Segment, batch_rows: usize) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<> {
    let order = order(segment);
    let signal = segment.signal;
    let table = Table::of(signal);
    let mut defaults = Defaults::new(signal);
    let columns: Vec<Option<Vec<ArrayRef>>> =
        (0..table.columns.len()).map(|index| gather(&segment.batches, index, &mut defaults)).collect();
    let mut start = 0;
    std::iter::from_fn(move || {
        let rows = order.get(start..)?.iter().take(batch_rows);
        let places: Vec<(usize, usize)> = rows.map(|row| (row.3 as usize, row.4 as usize)).collect();
        start += places.len();
        (!places.is_empty()).then(|| chunk(signal, &columns, &places, &mut defaults))
    })
}

/// The column of every batch, or `None` where no batch says anything.
fn gather(batches: &[Batch], index: usize, defaults: &mut Defaults) -> Option<Vec<ArrayRef>> {
    batches
        .iter()
        .any(|batch| batch.said(index).is_some())
        .then(|| batches.iter().map(|batch| batch.column(index, defaults)).collect())
}

fn chunk(
    signal: Signal,
    columns: &[Option<Vec<ArrayRef>>],
    places: &[(usize, usize)],
    defaults: &mut Defaults,
) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.iter().enumerate().map(|(index, parts)| match parts {
        Some(parts) => {
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            interleave(&parts, places)
        }
        None => Ok(defaults.array(index, places.len())),
    });
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Table::of(signal).schema.clone(), arrays)
}

fn order(segment: &Segment) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(segment.rows());
    let table = Table::of(segment.signal);
    let name = table.index(sort_key(segment.signal));
    let ranks = ranks(&segment.batches, name);
    for (number, batch) in segment.batches.iter().enumerate() {
        let number = u32::try_from(number).expect("a segment has fewer than 2^32 batches");
        let times = batch.said(0).expect("the time column is required");
        let times = times.as_primitive::<TimestampNanosecondType>().values();
        let series = match segment.signal {
            Signal::Metrics | Signal::Histograms => batch.said(table.index("series_id")),
            Signal::Spans | Signal::Logs => None,
        };
        let series = series.map(|series| series.as_primitive::<Int64Type>().values());
        let names = batch.said(name).map(|names| names.as_string_view());
        let mut ranked = Ranked::new(&ranks);
        for (row, time) in (0..u32::try_from(batch.rows()).expect("a batch has fewer than 2^32 rows")).zip(times) {
            let rank = names.map_or(0, |names| ranked.rank(names, row as usize));
            let series = series.map_or(0, |series| series[row as usize]);
            rows.push((rank, series, *time, number, row));
        }
    }
    rows.sort_unstable();
    rows
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
