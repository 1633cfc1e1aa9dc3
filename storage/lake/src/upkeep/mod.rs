//! Keeps the lake fast and no larger than it has to be: merges files, deletes what is no longer needed, judges what is damaged.
//!
//! All of it may be stopped at any point, by a crash too, and be done again; queries see each row once throughout.

mod calls;
mod compact;
mod delete;
mod lease;
mod merge;
mod plan;
mod source;
mod verify;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::{Dataset, Tenant, Timestamp};
use store::{Amount, Condition, Gate, Job, Maintained, Outcome, Pace, Part, StoreError, Task, Work};

use self::compact::amount;
use self::lease::Lease;
use self::plan::Merging;
pub(crate) use self::verify::examine;
use crate::manifest::{Commit, Committed, FileEntry};
use crate::parquet_file::ROW_GROUP_ROWS;
use crate::{Config, Lake};

/// Where upkeep keeps what processes tell each other.
pub(crate) const FOLDER: &str = "_upkeep";

/// Rows of a file that are decoded at a time.
const BATCH_ROWS: RangeInclusive<u64> = 64..=8192;
/// Rows in memory take about so many times what they take in a file.
const DECODED_FACTOR: u64 = 8;

/// A moment in upkeep, told to crash tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpkeepStep {
    /// A merged file is on the medium, and not yet part of the lake.
    Written,
    /// It has taken the place of the files that it was made of.
    Committed,
    /// Files that were taken out are deleted, which is not written down yet.
    Deleted,
}

pub(crate) type UpkeepObserver = Arc<dyn Fn(UpkeepStep) + Send + Sync>;

impl Lake {
    pub(crate) async fn do_maintain(&self, pace: &Pace) -> Maintained {
        if let Err(cause) = self.manifest.refresh().await {
            let task = Task { job: Job::Verify, tenant: None, dataset: None, target: "the manifest".to_owned() };
            return Maintained { done: Some(refused(task, cause)), waiting: Vec::new() };
        }
        let done = self.one_piece(pace).await;
        let mut waiting: Vec<Task> = self.mergings().iter().map(Merging::task).collect();
        waiting.truncate(Maintained::WAITING_MAX);
        Maintained { done, waiting }
    }

    /// The most urgent piece of work that can be done.
    async fn one_piece(&self, pace: &Pace) -> Option<Work> {
        if let Some(work) = self.verify_next().await {
            return Some(work);
        }
        if let Some(work) = self.delete_removed().await {
            return Some(work);
        }
        if pace.gate() != Gate::Open {
            return None;
        }
        for merging in self.mergings() {
            if let Some(work) = self.compact_alone(&merging, pace).await {
                return Some(work);
            }
        }
        if self.is_time_to_look() {
            return Some(self.sweep().await);
        }
        None
    }

    /// Compacts unless another process works on the table.
    async fn compact_alone(&self, merging: &Merging, pace: &Pace) -> Option<Work> {
        let table = (&merging.tenant, merging.dataset);
        let mut lease = match Lease::take(&self.depot, table, self.config.lease()).await {
            Ok(lease) => lease?,
            Err(cause) => return Some(refused(merging.task(), cause)),
        };
        let work = self.compact(merging, &mut lease, pace).await;
        lease.give_back(&self.depot).await;
        Some(work)
    }

    fn mergings(&self) -> Vec<Merging> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_readable = |file: &FileEntry| !self.damage.names(file);
        plan::mergings(&self.manifest.state(), &self.config, is_readable, now.as_millis() as u64)
    }

    fn is_time_to_look(&self) -> bool {
        let mut looked = self.looked_for_orphans.lock();
        let is_time = looked.is_none_or(|looked| looked.elapsed() >= self.config.orphan_look());
        if is_time {
            *looked = Some(Instant::now());
        }
        is_time
    }

    pub(crate) async fn do_expire(
        &self,
        tenant: &Tenant,
        dataset: Dataset,
        horizon: Timestamp,
    ) -> Result<Option<Work>, StoreError> {
        let table = self.manifest.table(tenant, dataset);
        let old: Vec<Arc<FileEntry>> = table.files.iter().filter(|file| file.times.max < horizon).cloned().collect();
        if old.is_empty() {
            return Ok(None);
        }
        let remove = old.iter().map(|file| file.id).collect();
        let commit = Commit { remove, at: self.depot.now().await?, ..Commit::default() };
        let outcome = match self.manifest.commit(&commit).await? {
            Committed::Done => Outcome::Done,
            // Some were merged meanwhile: what they became is looked at the next time.
            Committed::Overtaken => Outcome::Overtaken,
        };
        let target = format!("rows before {}", crate::parquet_file::day_name(horizon.0.div_euclid(86_400_000_000_000)));
        let task = Task { job: Job::Expire, tenant: Some(tenant.clone()), dataset: Some(dataset), target };
        Ok(Some(Work { task, read: amount(&old), written: Amount::default(), outcome }))
    }

    pub(crate) fn parts(&self, tenant: Option<&Tenant>) -> Vec<Part> {
        let state = self.manifest.state();
        let kept = state.files().map(|file| {
            let condition = self.damage.reason(file).map_or(Condition::Kept, Condition::Unreadable);
            (file, condition)
        });
        let removed = state.tombstones().map(|tombstone| (&tombstone.file, Condition::Removed));
        let asked = kept.chain(removed).filter(|(file, _)| tenant.is_none_or(|tenant| *tenant == file.tenant));
        asked.map(|(file, condition)| part(file, condition)).collect()
    }

    pub(crate) fn observe(&self, step: UpkeepStep) {
        if let Some(observe) = &self.observe {
            observe(step);
        }
    }
}

fn part(file: &FileEntry, condition: Condition) -> Part {
    Part {
        tenant: file.tenant.clone(),
        dataset: file.dataset,
        name: file.path.to_string(),
        rows: file.rows,
        bytes: file.bytes,
        times: file.times,
        level: file.level,
        created_millis: file.id.created_millis(),
        condition,
    }
}

fn refused(task: Task, cause: StoreError) -> Work {
    Work { task, read: Amount::default(), written: Amount::default(), outcome: Outcome::Failed(cause) }
}

/// Rows that are decoded at a time from each file, so that all of them take a quarter of a merge's memory.
fn batch_rows(files: &[Arc<FileEntry>], config: &Config) -> usize {
    let row_bytes = files.iter().map(|file| row_bytes(file)).max().unwrap_or(1);
    let rows = config.merge_bytes_max as u64 / 4 / (files.len().max(1) as u64 * row_bytes * DECODED_FACTOR);
    rows.clamp(*BATCH_ROWS.start(), *BATCH_ROWS.end()) as usize
}

/// Memory that reading the file takes at least in a merge, about: a row group as it lies in the file, and some decoded rows.
/// Sums are added up in memory, all at once.
fn memory_of(file: &FileEntry) -> u64 {
    if let Dataset::Rollup(_) = file.dataset {
        return file.bytes * DECODED_FACTOR;
    }
    let rows = file.rows.min(ROW_GROUP_ROWS as u64) + *BATCH_ROWS.start() * DECODED_FACTOR;
    rows * row_bytes(file)
}

/// What a row takes in the file.
fn row_bytes(file: &FileEntry) -> u64 {
    file.bytes / file.rows.max(1) + 1
}
