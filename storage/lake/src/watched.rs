//! Reads files for queries, holds them while it does, and remembers which could not be read.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use store::SegmentId;

use crate::damage::Damage;
use crate::manifest::FileEntry;
use crate::readers::Pin;

/// Files that were opened, each once.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<HashMap<SegmentId, Arc<FileEntry>>>);

impl Opened {
    fn note(&self, file: &Arc<FileEntry>) {
        self.0.lock().entry(file.id).or_insert_with(|| Arc::clone(file));
    }

    pub(crate) fn files(&self) -> Vec<Arc<FileEntry>> {
        self.0.lock().values().cloned().collect()
    }
}

/// Makes the readers of one scan.
pub(crate) struct WatchedReaders {
    inner: CachedParquetFileReaderFactory,
    damage: Arc<Damage>,
    /// No file of the scan is deleted as long as a plan, a stream or a reader of it is there.
    pin: Arc<Pin>,
    opened: Arc<Opened>,
}

impl WatchedReaders {
    pub(crate) fn new(
        inner: CachedParquetFileReaderFactory,
        damage: Arc<Damage>,
        pin: Arc<Pin>,
        opened: Arc<Opened>,
    ) -> Self {
        Self { inner, damage, pin, opened }
    }
}

impl fmt::Debug for WatchedReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedReaders").field("pin", &self.pin).finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for WatchedReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let entry = file.extension::<Arc<FileEntry>>().map(Arc::clone);
        let entry = entry.ok_or_else(|| DataFusionError::Internal("a file that is not of the lake".to_owned()))?;
        self.opened.note(&entry);
        let inner = self.inner.create_reader(partition, file, metadata_size_hint, metrics)?;
        let (damage, pin) = (Arc::clone(&self.damage), Arc::clone(&self.pin));
        Ok(Box::new(WatchedReader { inner, file: entry, damage, _pin: pin }))
    }
}

/// Reads one file.
struct WatchedReader {
    inner: Box<dyn AsyncFileReader + Send>,
    file: Arc<FileEntry>,
    damage: Arc<Damage>,
    _pin: Arc<Pin>,
}

impl WatchedReader {
    /// The error says which file it is about.
    fn named<T>(&self, read: Result<T, ParquetError>) -> Result<T, ParquetError> {
        read.map_err(|cause| {
            self.damage.suspect(&self.file);
            ParquetError::General(format!("file {} of the lake cannot be read: {cause}", self.file.path))
        })
    }
}

impl AsyncFileReader for WatchedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let read = self.inner.get_bytes(range).await;
            self.named(read)
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            let read = self.inner.get_byte_ranges(ranges).await;
            self.named(read)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let read = self.inner.get_metadata(options).await;
            self.named(read)
        }
        .boxed()
    }
}
