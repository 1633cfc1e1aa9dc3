//! A segment as one Parquet file: sorted, with statistics by page, readable by any Parquet reader.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use bytes::Bytes;
use model::{Signal, Table};
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use store::{Segment, StoreError};

use crate::manifest::FileEntry;
use crate::row_group::RowGroup;
use crate::{encodings, trace_filter};

/// Rows of a row group: the unit that queries read in parallel.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Rows of a page: the unit that statistics skip.
pub(crate) const PAGE_ROWS: usize = 8 * 1024;
/// Rows that are brought in order and written at a time.
const SORTED_ROWS: usize = 8 * 1024;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// Version of the column names and types, kept in each file.
const SCHEMA_VERSION: &str = "1";

/// A segment in the lake's form.
pub(crate) struct Encoded {
    pub(crate) file: Bytes,
    pub(crate) trace_filter: Option<Bytes>,
    pub(crate) entry: FileEntry,
}

/// Sorts and encodes; some hundred milliseconds of work for a full segment.
pub(crate) fn encode(segment: &Segment) -> Result<Encoded, StoreError> {
    let (file, sort_keys) = write(segment).map_err(|cause| StoreError::unwritable("parquet", cause))?;
    let trace_filter = trace_filter::of(segment)?;
    let entry = FileEntry {
        id: segment.id,
        tenant: segment.tenant.clone(),
        signal: segment.signal,
        path: path(segment),
        bytes: file.len() as u64,
        rows: segment.rows() as u64,
        times: segment.times(),
        sort_keys,
        origin: segment.origin,
        trace_filter_bytes: trace_filter.as_ref().map(|filter| filter.len() as u64),
    };
    Ok(Encoded { file, trace_filter, entry })
}

/// The file, and the range of what its rows are sorted by first.
fn write(segment: &Segment) -> Result<(Bytes, Option<(String, String)>), ParquetError> {
    let schema = Arc::clone(&Table::of(segment.signal).schema);
    let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties(segment.signal)))?;
    let (mut file, general) = writer.into_serialized_writer()?;
    let plans = encodings::plans(segment);
    let mut keys = SortKeys::of(segment.signal);
    let mut group = RowGroup::begin(segment.signal, &plans, &file, &general)?;
    for rows in store::sorted(segment, SORTED_ROWS) {
        let rows = rows?;
        keys.see(&rows);
        if group.rows + rows.num_rows() > ROW_GROUP_ROWS {
            let full = std::mem::replace(&mut group, RowGroup::begin(segment.signal, &plans, &file, &general)?);
            full.finish(&mut file)?;
        }
        group.append(&rows)?;
    }
    group.finish(&mut file)?;
    Ok((file.into_inner()?.into(), keys.range))
}

/// `tenant/signal/day/segment.parquet`, by the day of the earliest row.
fn path(segment: &Segment) -> Path {
    let days = segment.times().min.0.div_euclid(NANOS_PER_DAY);
    let day = arrow::temporal_conversions::date32_to_datetime(
        i32::try_from(days).expect("nanoseconds of 64 bits end in 2262"),
    );
    let day = day.map_or_else(|| "unknown".to_owned(), |day| day.date().to_string());
    Path::from(format!("{}/{}/{day}/{}.parquet", segment.tenant, segment.signal, segment.id))
}

fn properties(signal: Signal) -> WriterProperties {
    encodings::properties(signal)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_created_by(concat!("observatory ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new("observatory.schema".to_owned(), SCHEMA_VERSION.to_owned())]))
        .build()
}

/// Collects the range of the column that rows are sorted by first.
struct SortKeys {
    column: usize,
    range: Option<(String, String)>,
}

impl SortKeys {
    fn of(signal: Signal) -> Self {
        Self { column: Table::of(signal).index(store::sort_key(signal)), range: None }
    }

    /// Batches come in order with NULLs first: only ends matter.
    fn see(&mut self, rows: &RecordBatch) {
        let keys = rows.column(self.column).as_string_view();
        let Some(first) = (0..keys.len()).find(|row| keys.is_valid(*row)) else { return };
        let last = keys.value(keys.len() - 1).to_owned();
        match &mut self.range {
            Some((_, greatest)) => *greatest = last,
            none => *none = Some((keys.value(first).to_owned(), last)),
        }
    }
}
