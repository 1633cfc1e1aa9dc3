//! Which traces a file may hold, kept outside the file so that a trace opens without opening every footer.
//!
//! A split block Bloom filter as Parquet defines it, over the bytes of `trace_id`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use bytes::Bytes;
use model::{Signal, Table};
use object_store::path::Path;
use parking_lot::Mutex;
use parquet::bloom_filter::Sbbf;
use store::{Segment, SegmentId, StoreError};

use crate::depot::Depot;
use crate::manifest::FileEntry;

/// One file in a hundred is opened in vain.
const FALSE_POSITIVES: f64 = 0.01;
/// Memory for filters; when it is full, all are forgotten and read again as needed.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// The filter's own object, beside the file.
pub(crate) fn path_of(file: &Path) -> Path {
    Path::from(format!("{}.traces", file.as_ref().trim_end_matches(".parquet")))
}

/// The filter of a segment, where its signal has trace ids that people look up.
pub(crate) fn of(segment: &Segment) -> Result<Option<Bytes>, StoreError> {
    if !matches!(segment.signal, Signal::Spans | Signal::Logs) {
        return Ok(None);
    }
    let column = Table::of(segment.signal).index("trace_id");
    let columns =
        || segment.batches.iter().filter_map(|batch| batch.said(column)).map(|ids| ids.as_fixed_size_binary());
    // Spans of a trace come together: skipping repeats counts traces closely enough.
    let traces =
        columns().flat_map(|ids| (0..ids.len()).filter(|row| *row == 0 || ids.value(*row) != ids.value(*row - 1)));
    let traces = traces.count().max(1) as u64;
    let mut filter = Sbbf::new_with_ndv_fpp(traces, FALSE_POSITIVES)
        .map_err(|cause| StoreError::unwritable("bloom filter", cause))?;
    for ids in columns() {
        for id in ids.iter().flatten() {
            filter.insert(id);
        }
    }
    let mut bytes = Vec::new();
    filter.write_bitset(&mut bytes).map_err(|cause| StoreError::unwritable("bloom filter", cause))?;
    Ok(Some(bytes.into()))
}

/// A filter that is made while rows go by.
pub(crate) struct Builder {
    column: usize,
    filter: Sbbf,
}

impl Builder {
    /// For the rows of files whose filters have these sizes; `None` where one has none.
    pub(crate) fn of(signal: Signal, files: &[Arc<FileEntry>]) -> Option<Self> {
        let bytes: Option<u64> = files.iter().map(|file| file.trace_filter_bytes).sum();
        // No trace is in the new file that is not in one of the old: as many bits keep the rate of errors.
        let filter = Sbbf::new_with_num_of_bytes(usize::try_from(bytes?).ok()?);
        Some(Self { column: Table::of(signal).index("trace_id"), filter })
    }

    pub(crate) fn see(&mut self, rows: &RecordBatch) {
        let ids = rows.column(self.column).as_fixed_size_binary();
        for id in ids.iter().flatten() {
            self.filter.insert(id);
        }
    }

    pub(crate) fn finish(self) -> Result<Bytes, StoreError> {
        let mut bytes = Vec::new();
        self.filter.write_bitset(&mut bytes).map_err(|cause| StoreError::unwritable("bloom filter", cause))?;
        Ok(bytes.into())
    }
}

/// Filters of the lake's files, read when first asked.
#[derive(Debug)]
pub(crate) struct TraceFilters {
    depot: Arc<Depot>,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    filters: HashMap<SegmentId, Arc<Sbbf>>,
    bytes: u64,
}

impl TraceFilters {
    pub(crate) fn new(depot: Arc<Depot>) -> Self {
        Self { depot, cache: Mutex::default() }
    }

    /// False when the file surely holds none of the traces.
    pub(crate) async fn may_hold(&self, file: &FileEntry, traces: &[[u8; 16]]) -> Result<bool, StoreError> {
        let Some(bytes) = file.trace_filter_bytes else { return Ok(true) };
        let filter = match self.cached(file) {
            Some(filter) => filter,
            None => self.load(file, bytes).await?,
        };
        Ok(traces.iter().any(|trace| filter.check(trace.as_slice())))
    }

    fn cached(&self, file: &FileEntry) -> Option<Arc<Sbbf>> {
        self.cache.lock().filters.get(&file.id).cloned()
    }

    async fn load(&self, file: &FileEntry, bytes: u64) -> Result<Arc<Sbbf>, StoreError> {
        let path = path_of(&file.path);
        let bitset = self.depot.get(&path).await?;
        let bitset = bitset.filter(|bitset| bitset.len() as u64 == bytes);
        let bitset =
            bitset.ok_or_else(|| StoreError::damaged(path.to_string(), "the trace filter is missing or cut short"))?;
        let filter = Arc::new(Sbbf::new(&bitset));
        let mut cache = self.cache.lock();
        if cache.bytes + bytes > CACHE_BYTES_MAX {
            *cache = Cache::default();
        }
        cache.bytes += bytes;
        cache.filters.insert(file.id, Arc::clone(&filter));
        Ok(filter)
    }
}
