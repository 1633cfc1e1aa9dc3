//! Makes one large file of several small ones.
//!
//! The new file is written and synced before one commit exchanges it for the old ones: a crash in between leaves a file that
//! nobody knows, and of two processes that merge the same files one commits and the other takes its file back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow::array::RecordBatch;
use futures::{FutureExt, TryStreamExt};
use model::{Dataset, Rollup, Signal, TimeRange, Timestamp};
use parquet::errors::ParquetError;
use store::rollup::Folded;
use store::{Amount, Closing, Outcome, Pace, SegmentId, StoreError, Work};

use super::calls::Waited;
use super::lease::Lease;
use super::merge::Merge;
use super::plan::Merging;
use super::source::{self, Source};
use super::{UpkeepStep, batch_rows};
use crate::depot::Upload;
use crate::index::{self, Builder, Index, IndexScope};
use crate::manifest::{Commit, Committed, FileEntry};
use crate::parquet_file::{self, FileWriter, Finished};
use crate::promoted::{Promoted, SPOT_ROWS, SPOTS, Survey};
use crate::{Lake, rollup_file};

/// Rows of sums that are decoded at a time.
const SUMS_ROWS: usize = 8192;

/// What is known of a merged file beside its bytes.
struct Written {
    rows: u64,
    sort_keys: Option<(String, String)>,
    index: Option<Index>,
}

/// Why a merge did not end with a file.
enum Stopped {
    Closing,
    Failed(StoreError),
}

impl From<Closing> for Stopped {
    fn from(_: Closing) -> Self {
        Stopped::Closing
    }
}

impl From<StoreError> for Stopped {
    fn from(cause: StoreError) -> Self {
        Stopped::Failed(cause)
    }
}

impl From<ParquetError> for Stopped {
    fn from(cause: ParquetError) -> Self {
        Stopped::Failed(StoreError::unwritable("parquet", cause))
    }
}

impl Lake {
    /// Merges the files, and says how it went.
    pub(super) async fn compact(&self, merging: &Merging, lease: &mut Lease, pace: &Pace) -> Work {
        let read = amount(&merging.files);
        let (written, outcome) = match self.merge(merging, lease, pace).await {
            Ok(file) => self.exchange(&merging.files, file).await,
            Err(Stopped::Closing) => (Amount::default(), Outcome::Stopped),
            Err(Stopped::Failed(cause)) => {
                if let StoreError::Damaged { .. } = cause {
                    merging.files.iter().for_each(|file| self.damage.suspect(file));
                }
                (Amount::default(), Outcome::Failed(cause))
            }
        };
        Work { task: merging.task(), read, written, outcome }
    }

    /// Writes the new file and its index; it is not part of the lake yet.
    async fn merge(&self, merging: &Merging, lease: &mut Lease, pace: &Pace) -> Result<FileEntry, Stopped> {
        let times = merging.files.iter().fold(TimeRange::EMPTY, |range, file| range.union(&file.times));
        let (id, dataset) = (SegmentId::new(), merging.dataset);
        let path = parquet_file::path(&merging.tenant, dataset, times, id);
        let mut upload = self.depot.upload(&path);
        // Decoders may panic over bytes that nobody has written.
        let written = AssertUnwindSafe(self.write_merged(merging, &mut upload, lease, pace)).catch_unwind().await;
        let undecodable = |_| {
            Stopped::from(StoreError::damaged(
                format!("a file of {}", merging.task().target),
                "pages cannot be decoded",
            ))
        };
        let Written { rows, sort_keys, index } = match written.unwrap_or_else(|panic| Err(undecodable(panic))) {
            Ok(written) => written,
            Err(stopped) => {
                upload.abandon().await;
                return Err(stopped);
            }
        };
        let bytes = upload.bytes;
        upload.finish().await?;
        let size = index.as_ref().map(|index| index.size);
        if let Some(index) = index {
            self.depot.put(&index::path_of(&path), index.bytes).await?;
        }
        Ok(FileEntry {
            id,
            tenant: merging.tenant.clone(),
            dataset,
            path,
            bytes,
            rows,
            times,
            sort_keys,
            origin: None,
            trace_filter_bytes: None,
            index: size,
            rolled_up: merging.files.iter().all(|file| file.rolled_up),
            folded: merging.files.iter().fold(Folded::NOTHING, |folded, file| folded.union(&file.folded)),
            level: merging.files.iter().map(|file| file.level).max().unwrap_or(0).saturating_add(1),
        })
    }

    async fn write_merged(
        &self,
        merging: &Merging,
        upload: &mut Upload,
        lease: &mut Lease,
        pace: &Pace,
    ) -> Result<Written, Stopped> {
        match merging.dataset {
            Dataset::Signal(signal) => self.write_rows(merging, signal, upload, lease, pace).await,
            Dataset::Rollup(rollup) => self.write_sums(merging, rollup, upload, pace).await,
        }
    }

    /// All rows, in order.
    async fn write_rows(
        &self,
        merging: &Merging,
        signal: Signal,
        upload: &mut Upload,
        lease: &mut Lease,
        pace: &Pace,
    ) -> Result<Written, Stopped> {
        let mut working = Instant::now();
        let batch_rows = batch_rows(&merging.files, &self.config);
        let mut sources = Vec::with_capacity(merging.files.len());
        for file in &merging.files {
            sources.push(Source::open(self.depot.objects(), file, batch_rows).await?);
        }
        let mut merge = Merge::begin(signal, sources, batch_rows).await?;
        let promoted = self.promoted(merging, signal).await?;
        let mut file = FileWriter::undecided(signal, promoted, self.config.merge_bytes_max / 4)?;
        let mut index = Builder::new(signal, IndexScope::Everything);
        let (mut rows, mut most_bytes) = (0, 0);
        while let Some(batch) = merge.next().await? {
            rows += batch.num_rows() as u64;
            if let Some(index) = &mut index {
                index.see(&batch);
            }
            file.append(&batch)?;
            most_bytes = most_bytes.max(merge.bytes() + file.bytes());
            upload.write(file.take()?).await?;
            lease.keep(&self.depot).await?;
            pace.rest(working.elapsed()).await?;
            working = Instant::now();
        }
        let Finished { rest, sort_keys } = file.finish()?;
        upload.write(rest).await?;
        self.most_merge_bytes.fetch_max(most_bytes, Ordering::Relaxed);
        let expected = amount(&merging.files).rows;
        if rows != expected {
            let what = format!("one of {} files of {}", merging.files.len(), merging.task().target);
            return Err(StoreError::damaged(what, format!("{rows} rows were read, {expected} were written")).into());
        }
        Ok(Written { rows, sort_keys, index: index.map(Builder::finish) })
    }

    /// The attributes that get columns in the merged file.
    async fn promoted(&self, merging: &Merging, signal: Signal) -> Result<Promoted, StoreError> {
        let keys_max = self.config.promote_keys_max;
        if keys_max == 0 || amount(&merging.files).rows < self.config.promote_rows_min {
            return Ok(Promoted::nothing(signal));
        }
        let mut survey = Survey::default();
        for file in &merging.files {
            let sample = source::sample(self.depot.objects(), file, &model::json::COLUMNS, (SPOTS, SPOT_ROWS)).await?;
            survey.see(file, &sample);
        }
        Ok(survey.promoted(signal, keys_max))
    }

    /// One row a key. Sums are few, so they are added up in memory.
    async fn write_sums(
        &self,
        merging: &Merging,
        rollup: Rollup,
        upload: &mut Upload,
        pace: &Pace,
    ) -> Result<Written, Stopped> {
        let working = Instant::now();
        let mut parts = Vec::new();
        for file in &merging.files {
            let source = Source::open(self.depot.objects(), file, SUMS_ROWS).await?;
            let batches: Vec<RecordBatch> = source.batches.try_collect().await?;
            parts.extend(batches);
        }
        let rows = match rollup {
            Rollup::ServiceEdges => {
                let table = self.manifest.table(&merging.tenant, merging.dataset);
                let waited = Waited::of(merging, &table, self.depot.now().await?, &self.config);
                store::rollup::settle(&parts, |minute| waited.is_over(minute))?
            }
            Rollup::ServiceMinutes | Rollup::ServiceHours => store::rollup::merge(rollup, &parts)?,
        };
        upload.write(rollup_file::write(rollup, &rows)?).await?;
        pace.rest(working.elapsed()).await?;
        Ok(Written { rows: rows.num_rows() as u64, sort_keys: None, index: None })
    }

    /// The commit that puts the new file in the place of the old ones.
    async fn exchange(&self, old: &[Arc<FileEntry>], new: FileEntry) -> (Amount, Outcome) {
        self.observe(UpkeepStep::Written);
        let (new, remove) = (Arc::new(new), old.iter().map(|file| file.id).collect());
        let at = match self.depot.now().await {
            Ok(now) => now,
            Err(cause) => return (Amount::default(), Outcome::Failed(cause)),
        };
        let commit = Commit { add: vec![Arc::clone(&new)], remove, at, deleted: Vec::new() };
        match self.manifest.commit(&commit).await {
            Ok(Committed::Done) => {
                self.observe(UpkeepStep::Committed);
                (amount(&[new]), Outcome::Done)
            }
            // Another process has taken an old file out, so no commit names the new one and none will.
            Ok(Committed::Overtaken) => match self.delete_objects(&new).await {
                Ok(()) => (Amount::default(), Outcome::Overtaken),
                Err(cause) => (Amount::default(), Outcome::Failed(cause)),
            },
            // It may have become part of the lake: if not, it is swept later.
            Err(cause) => (Amount::default(), Outcome::Failed(cause)),
        }
    }
}

/// What is in the files.
pub(super) fn amount(files: &[Arc<FileEntry>]) -> Amount {
    files.iter().fold(Amount::default(), |sum, file| Amount {
        parts: sum.parts + 1,
        rows: sum.rows + file.rows,
        bytes: sum.bytes + file.bytes,
    })
}

/// How far ago that was, by the same clock.
pub(super) fn age(now: Timestamp, then: Timestamp) -> std::time::Duration {
    std::time::Duration::from_nanos(u64::try_from(now.0.saturating_sub(then.0)).unwrap_or(0))
}
