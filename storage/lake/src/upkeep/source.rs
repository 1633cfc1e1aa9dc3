//! The rows of one file as a stream of batches, a row group at a time; or some of them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use model::{Dataset, Defaults, Table};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use store::StoreError;

use crate::manifest::FileEntry;
use crate::table::FOOTER_BYTES;

/// Batches of rows with the columns of the table as it is now.
pub(crate) struct Source {
    pub(crate) batches: BoxStream<'static, std::result::Result<RecordBatch, StoreError>>,
    /// Bytes of the file in memory: of the row group that is being read.
    pub(crate) bytes: Arc<AtomicUsize>,
}

impl Source {
    /// Reads the footer; rows follow as they are asked for.
    pub(crate) async fn open(
        objects: &Arc<dyn ObjectStore>,
        file: &Arc<FileEntry>,
        batch_rows: usize,
    ) -> std::result::Result<Self, StoreError> {
        // What is promoted is in the JSON too.
        let table = Table::of(file.dataset);
        Self::reading(objects, file, batch_rows, |name| table.schema.index_of(name).is_ok()).await
    }

    /// The same, but all there is in the file is read, whether the table has it or not.
    pub(crate) async fn open_whole(
        objects: &Arc<dyn ObjectStore>,
        file: &Arc<FileEntry>,
        batch_rows: usize,
    ) -> std::result::Result<Self, StoreError> {
        Self::reading(objects, file, batch_rows, |_| true).await
    }

    async fn reading(
        objects: &Arc<dyn ObjectStore>,
        file: &Arc<FileEntry>,
        batch_rows: usize,
        is_wanted: impl Fn(&str) -> bool,
    ) -> std::result::Result<Self, StoreError> {
        let bytes = Arc::new(AtomicUsize::new(0));
        // All rows are read in their order: no index is needed.
        let reader = Reader::new(objects, file, Arc::clone(&bytes), PageIndexPolicy::Skip);
        let path = file.path.to_string();
        let unreadable = move |cause: ParquetError| unreadable(&path, cause);
        let stream = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(&unreadable)?;
        let columns = columns_of(&stream, is_wanted);
        let stream = stream.with_projection(columns).with_batch_size(batch_rows).build().map_err(&unreadable)?;
        let path = file.path.to_string();
        let dataset = file.dataset;
        let mut defaults = match dataset {
            Dataset::Signal(signal) => Some(Defaults::new(signal)),
            Dataset::Rollup(_) => None,
        };
        let batches = stream.map(move |rows| {
            let rows = rows.map_err(&unreadable)?;
            conform(&rows, dataset, defaults.as_mut()).map_err(|cause| StoreError::damaged(path.clone(), cause))
        });
        Ok(Self { batches: batches.boxed(), bytes })
    }
}

/// Rows of a file at `spots` places that are spread evenly over it, `spot_rows` of each, with these columns alone.
pub(crate) async fn sample(
    objects: &Arc<dyn ObjectStore>,
    file: &Arc<FileEntry>,
    columns: &[&str],
    (spots, spot_rows): (usize, usize),
) -> std::result::Result<Vec<RecordBatch>, StoreError> {
    let unreadable = |cause: ParquetError| unreadable(file.path.as_ref(), cause);
    let reader = Reader::new(objects, file, Arc::default(), PageIndexPolicy::Optional);
    let stream = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(unreadable)?;
    let rows = usize::try_from(file.rows).expect("rows are counted in 64 bits");
    let step = rows.div_ceil(spots).max(spot_rows);
    let ranges = (0..rows).step_by(step).map(|from| from..rows.min(from + spot_rows));
    let columns = columns_of(&stream, |name| columns.contains(&name));
    let stream = stream
        .with_projection(columns)
        .with_row_selection(RowSelection::from_consecutive_ranges(ranges, rows))
        .with_batch_size(spots * spot_rows);
    stream.build().map_err(unreadable)?.try_collect().await.map_err(unreadable)
}

/// The columns of the file that are wanted by their names.
fn columns_of(stream: &ParquetRecordBatchStreamBuilder<Reader>, is_wanted: impl Fn(&str) -> bool) -> ProjectionMask {
    let fields = stream.schema().fields().iter().enumerate();
    let roots = fields.filter(|(_, field)| is_wanted(field.name())).map(|(place, _)| place);
    ProjectionMask::roots(stream.parquet_schema(), roots)
}

/// A medium that does not answer is one thing, a file that is not what it should be another.
fn unreadable(path: &str, cause: ParquetError) -> StoreError {
    let medium = match &cause {
        ParquetError::External(inner) => inner.downcast_ref::<object_store::Error>(),
        _ => None,
    };
    match medium {
        Some(object_store::Error::NotFound { .. }) | None => StoreError::damaged(path, cause),
        Some(_) => StoreError::unavailable(path, cause),
    }
}

/// The columns of the table as it is now: a file of an older version has fewer.
fn conform(
    rows: &RecordBatch,
    dataset: Dataset,
    mut defaults: Option<&mut Defaults>,
) -> std::result::Result<RecordBatch, ArrowError> {
    let table = Table::of(dataset);
    if rows.schema_ref().fields() == table.schema.fields() {
        return RecordBatch::try_new(Arc::clone(&table.schema), rows.columns().to_vec());
    }
    let column = |(index, column): (usize, &model::Column)| match (rows.column_by_name(column.name), &mut defaults) {
        (Some(array), _) => arrow::compute::cast(array, &column.data_type),
        (None, Some(defaults)) if column.has_default() => Ok(defaults.array(index, rows.num_rows())),
        (None, _) => Err(ArrowError::SchemaError(format!("column {} is missing", column.name))),
    };
    let columns: std::result::Result<Vec<ArrayRef>, _> = table.columns.iter().enumerate().map(column).collect();
    RecordBatch::try_new(Arc::clone(&table.schema), columns?)
}

/// Reads ranges of a file whose size is known.
struct Reader {
    objects: Arc<dyn ObjectStore>,
    file: Arc<FileEntry>,
    bytes: Arc<AtomicUsize>,
    page_index: PageIndexPolicy,
}

impl Reader {
    fn new(
        objects: &Arc<dyn ObjectStore>,
        file: &Arc<FileEntry>,
        bytes: Arc<AtomicUsize>,
        page_index: PageIndexPolicy,
    ) -> Self {
        Self { objects: Arc::clone(objects), file: Arc::clone(file), bytes, page_index }
    }
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.objects.get_range(&self.file.path, range).map_err(|cause| ParquetError::External(Box::new(cause))).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            let read = self.objects.get_ranges(&self.file.path, &ranges).await;
            let read = read.map_err(|cause| ParquetError::External(Box::new(cause)))?;
            self.bytes.store(read.iter().map(Bytes::len).sum(), Ordering::Relaxed);
            Ok(read)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let bytes = self.file.bytes;
            let reader = ParquetMetaDataReader::new().with_page_index_policy(self.page_index);
            let reader = reader.with_prefetch_hint(Some(FOOTER_BYTES));
            Ok(Arc::new(reader.load_and_finish(self, bytes).await?))
        }
        .boxed()
    }
}
