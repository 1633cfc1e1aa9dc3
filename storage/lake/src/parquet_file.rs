//! A segment as one Parquet file: sorted, with statistics by page, readable by any Parquet reader.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use bytes::Bytes;
use model::{Dataset, Signal, Table, Tenant, TimeRange};
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use store::rollup::Folded;
use store::{Segment, SegmentId, StoreError};

use crate::encodings::{self, Plan};
use crate::index::{Builder, Index, IndexScope};
use crate::manifest::FileEntry;
use crate::promoted::Promoted;
use crate::row_group::RowGroup;

/// Rows of a row group: the unit that queries read in parallel.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Rows of a page: the unit that statistics skip.
pub(crate) const PAGE_ROWS: usize = 8 * 1024;
/// Rows that are brought in order and written at a time.
const SORTED_ROWS: usize = 8 * 1024;
/// A row group ends early when it holds this much memory.
const ROW_GROUP_BYTES_MAX: usize = 64 << 20;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// Version of the column names and types, kept in each file.
const SCHEMA_VERSION: &str = "1";

/// A segment in the lake's form.
pub(crate) struct Encoded {
    pub(crate) file: Bytes,
    pub(crate) index: Option<Index>,
    pub(crate) entry: FileEntry,
}

/// Sorts and encodes; some hundred milliseconds of work for a full segment.
pub(crate) fn encode(segment: &Segment, scope: IndexScope) -> Result<Encoded, StoreError> {
    let mut index = Builder::new(segment.signal, scope);
    let (file, sort_keys) = write(segment, index.as_mut()).map_err(|cause| StoreError::unwritable("parquet", cause))?;
    let index = index.map(Builder::finish);
    let entry = FileEntry {
        id: segment.id,
        tenant: segment.tenant.clone(),
        dataset: segment.signal.into(),
        path: path(&segment.tenant, segment.signal.into(), segment.times(), segment.id),
        bytes: file.len() as u64,
        rows: segment.rows() as u64,
        times: segment.times(),
        sort_keys,
        origin: Some(segment.origin),
        trace_filter_bytes: None,
        index: index.as_ref().map(|index| index.size),
        level: 0,
        rolled_up: segment.signal == Signal::Spans,
        folded: Folded::NOTHING,
    };
    Ok(Encoded { file, index, entry })
}

/// The file, and the range of what its rows are sorted by first.
fn write(
    segment: &Segment,
    mut index: Option<&mut Builder>,
) -> Result<(Bytes, Option<(String, String)>), ParquetError> {
    let mut file = FileWriter::begin(
        segment.signal,
        encodings::plans(segment),
        Promoted::nothing(segment.signal),
        ROW_GROUP_BYTES_MAX,
    )?;
    for rows in store::sorted(segment, SORTED_ROWS) {
        let rows = rows?;
        if let Some(index) = &mut index {
            index.see(&rows);
        }
        file.append(&rows)?;
    }
    let Finished { rest, sort_keys } = file.finish()?;
    Ok((rest, sort_keys))
}

/// A file on its way: rows go in, in order, and its bytes can be taken piece by piece.
pub(crate) struct FileWriter {
    signal: Signal,
    plans: Vec<Plan>,
    promoted: Promoted,
    group_bytes_max: usize,
    file: SerializedFileWriter<Vec<u8>>,
    general: ArrowRowGroupWriterFactory,
    group: RowGroup,
    keys: SortKeys,
}

/// The end of a file.
pub(crate) struct Finished {
    /// What was not taken yet.
    pub(crate) rest: Bytes,
    /// Least and greatest of what rows are sorted by first.
    pub(crate) sort_keys: Option<(String, String)>,
}

impl FileWriter {
    fn begin(
        signal: Signal,
        plans: Vec<Plan>,
        promoted: Promoted,
        group_bytes_max: usize,
    ) -> Result<Self, ParquetError> {
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&promoted.schema), Some(properties(signal)))?;
        let (file, general) = writer.into_serialized_writer()?;
        let group = RowGroup::begin(signal, promoted.schema.fields(), &plans, &file, &general)?;
        Ok(Self { signal, plans, promoted, group_bytes_max, file, general, group, keys: SortKeys::of(signal) })
    }

    /// For rows that are not known yet: how a column is written is seen from its first values in each row group.
    ///
    /// A row group ends early when it holds that much memory.
    pub(crate) fn undecided(signal: Signal, promoted: Promoted, group_bytes_max: usize) -> Result<Self, ParquetError> {
        let plans = vec![Plan::Undecided; promoted.schema.fields().len()];
        Self::begin(signal, plans, promoted, group_bytes_max.min(ROW_GROUP_BYTES_MAX))
    }

    /// Adds rows of the table that come after all that were added before.
    pub(crate) fn append(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.keys.see(rows);
        if self.group.rows + rows.num_rows() > ROW_GROUP_ROWS || self.group.bytes() > self.group_bytes_max {
            let fields = self.promoted.schema.fields();
            let next = RowGroup::begin(self.signal, fields, &self.plans, &self.file, &self.general)?;
            std::mem::replace(&mut self.group, next).finish(&mut self.file)?;
        }
        self.group.append(&self.promoted.beside(rows)?)
    }

    /// The bytes of finished row groups that were not taken yet.
    pub(crate) fn take(&mut self) -> Result<Bytes, ParquetError> {
        self.file.flush()?;
        Ok(std::mem::take(self.file.inner_mut()).into())
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.group.bytes() + self.file.inner().capacity()
    }

    pub(crate) fn finish(mut self) -> Result<Finished, ParquetError> {
        self.group.finish(&mut self.file)?;
        if let Some(mark) = self.promoted.mark() {
            self.file.append_key_value_metadata(mark);
        }
        Ok(Finished { rest: self.file.into_inner()?.into(), sort_keys: self.keys.range })
    }
}

/// `tenant/table/day/id.parquet`, by the day of the earliest row.
pub(crate) fn path(tenant: &Tenant, dataset: Dataset, times: TimeRange, id: SegmentId) -> Path {
    Path::from(format!("{tenant}/{dataset}/{}/{id}.parquet", day_name(times.min.0.div_euclid(NANOS_PER_DAY))))
}

/// As in `2026-01-31`.
pub(crate) fn day_name(days: i64) -> String {
    let day = arrow::temporal_conversions::date32_to_datetime(
        i32::try_from(days).expect("nanoseconds of 64 bits end in 2262"),
    );
    day.map_or_else(|| "unknown".to_owned(), |day| day.date().to_string())
}

fn properties(signal: Signal) -> WriterProperties {
    described(encodings::properties(signal))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .build()
}

/// What every file says of itself.
pub(crate) fn described(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let schema = KeyValue::new("observatory.schema".to_owned(), SCHEMA_VERSION.to_owned());
    properties
        .set_created_by(concat!("observatory ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![schema]))
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

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringViewArray, UInt32Array};
    use arrow::compute::concat_batches;
    use model::{Batch, Defaults};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use store::WriterId;
    use uuid::Uuid;

    use super::*;

    /// Spans of which some columns repeat in runs, some at random, some not at all, and some say nothing now and then.
    fn batch(rows: usize, salt: usize) -> Batch {
        let spans = store::conformance::spans(
            &Tenant::default_tenant(),
            WriterId(Uuid::nil()),
            (1, 1),
            &(0..rows as i64).map(|row| row * 1000 + salt as i64).collect::<Vec<_>>(),
        );
        let table = Table::of(Signal::Spans);
        let mut defaults = Defaults::new(Signal::Spans);
        let conformance = &spans.batches[0];
        let mut columns: Vec<Option<ArrayRef>> = (0..table.columns.len())
            .map(|index| conformance.said(index).map(|_| conformance.column(index, &mut defaults)))
            .collect();
        let mixed = |row: usize| (row.wrapping_mul(0x9e37_79b9) >> 7) + salt;
        let texts = |text: &dyn Fn(usize) -> Option<String>| -> Option<ArrayRef> {
            Some(Arc::new((0..rows).map(text).collect::<StringViewArray>()))
        };
        let mut set = |name: &str, array: Option<ArrayRef>| columns[table.index(name)] = array;
        set("service_name", texts(&|row| (salt > 0).then(|| format!("service-{}", row * 3 / rows))));
        set("name", texts(&|row| Some(format!("GET /a/rather/long/route/{}", mixed(row) % 50))));
        set("status_message", texts(&|row| mixed(row).is_multiple_of(9).then(|| "refused".to_owned())));
        set("attributes", texts(&|row| Some(format!("{{\"n\":{}}}", mixed(row)))));
        let codes = (0..rows).map(|row| (mixed(row) % 4 > 0).then_some(200 + (mixed(row) % 3) as i64));
        set("http_response_status_code", Some(Arc::new(codes.collect::<Int64Array>())));
        set("flags", Some(Arc::new((0..rows).map(|row| Some(u32::from(row % 1000 < 10))).collect::<UInt32Array>())));
        Batch::new(Signal::Spans, rows, columns).expect("columns of the span table")
    }

    #[test]
    fn what_is_written_is_read_over_pages_and_row_groups() {
        // Over one row group; the odd sizes make pages and groups end inside runs.
        let batches = vec![batch(70_001, 0), batch(90_003, 1), batch(300, 2), batch(70_007, 3)];
        let origin = store::Origin { writer: WriterId(Uuid::nil()), first: 1, through: 4 };
        let (id, tenant, signal) = (store::SegmentId::new(), Tenant::default_tenant(), Signal::Spans);
        let segment = Segment { id, tenant, signal, origin, batches };
        let schema = &Table::of(signal).schema;
        let expected: Vec<RecordBatch> =
            store::sorted(&segment, SORTED_ROWS).collect::<Result<_, _>>().expect("rows can be sorted");

        let encoded = encode(&segment, IndexScope::Everything).expect("a segment can be encoded");

        let reader = ParquetRecordBatchReaderBuilder::try_new(encoded.file).expect("a Parquet file");
        assert!(reader.metadata().num_row_groups() > 1);
        let rows = reader.build().expect("a reader").collect::<Result<Vec<_>, _>>().expect("readable rows");
        let rows = concat_batches(schema, &rows).expect("rows of one schema");
        assert_eq!(rows, concat_batches(schema, &expected).expect("rows of one schema"));
    }
}
