//! Which files the lake consists of.
//!
//! A log of commits, each an object that is created once and never changed, so that of two writers one wins and the
//! other sees it. From time to time a checkpoint sums the log up. Adding a file costs one small object, whatever the
//! number of files: checkpoints refer to chunks of entries that are written once and merged by size.

mod checkpoint;
mod entry;
mod state;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use model::{Dataset, Tenant, Timestamp};
use object_store::path::Path;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use store::{Segment, SegmentId, StoreError};

use self::checkpoint::Checkpoints;
pub(crate) use self::checkpoint::written_out;
pub(crate) use self::entry::{FileEntry, Tombstone};
pub(crate) use self::state::{State, TableState};
use crate::depot::{Created, Depot};
use crate::readers::{Pin, Readers};

/// Commits between two checkpoints: what a start has to read beside the last one.
const COMMITS_PER_CHECKPOINT: u64 = 64;
/// Writers that commit at the same moment try again this often before the store counts as unavailable.
const CONFLICTS_MAX: usize = 100;

/// Where the manifest's objects are.
pub(crate) const FOLDER: &str = "_manifest";

/// One step of the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Commit {
    /// Files that become part of the lake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) add: Vec<Arc<FileEntry>>,
    /// Files that no longer are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remove: Vec<SegmentId>,
    /// When files were taken out, by the medium's clock.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) at: Timestamp,
    /// Files taken out before that are no longer on the medium.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) deleted: Vec<SegmentId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(at: &Timestamp) -> bool {
    at.0 == 0
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The lake is as the commit says.
    Done,
    /// The rows are in the lake already, or a file to be removed no longer is: somebody else was faster.
    Overtaken,
}

/// The lake's list of files, in memory and on the medium.
#[derive(Debug)]
pub(crate) struct Manifest {
    depot: Arc<Depot>,
    state: RwLock<Arc<State>>,
    /// Held while committing: commits of this process come one after the other.
    checkpoints: tokio::sync::Mutex<Checkpoints>,
}

impl Manifest {
    pub(crate) async fn open(depot: Arc<Depot>) -> Result<Self, StoreError> {
        let (state, checkpoints) = Checkpoints::load(&depot).await?;
        let manifest =
            Self { depot, state: RwLock::new(Arc::new(state)), checkpoints: tokio::sync::Mutex::new(checkpoints) };
        manifest.catch_up().await?;
        Ok(manifest)
    }

    /// The files of a table as of now.
    pub(crate) fn table(&self, tenant: &Tenant, dataset: Dataset) -> Arc<TableState> {
        self.state.read().table(tenant, dataset)
    }

    /// All tables as of now, for a query: while it holds the pin, no file of them is deleted.
    pub(crate) fn pinned(&self, readers: &Arc<Readers>) -> (Arc<State>, Pin) {
        // Pinned before the lock is let go: whoever removes files later finds the pin.
        let state = self.state.read();
        (Arc::clone(&state), readers.pin(state.version))
    }

    /// All tables as of now.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read())
    }

    /// True when the segment's rows are in the lake.
    pub(crate) fn has(&self, segment: &Segment) -> bool {
        self.table(&segment.tenant, segment.signal.into()).has(&segment.origin)
    }

    /// Makes written files part of the lake and takes others out of it, in one step.
    pub(crate) async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        let mut checkpoints = self.checkpoints.lock().await;
        for _ in 0..CONFLICTS_MAX {
            // Another writer, or this one in a try whose answer got lost, may have been here.
            if self.is_made(commit) {
                return Ok(Committed::Done);
            }
            if self.is_overtaken(commit) {
                return Ok(Committed::Overtaken);
            }
            let version = self.state.read().version + 1;
            match self.depot.create(&commit_path(version), to_json(commit)).await? {
                Created::New => {
                    self.apply(version, commit);
                    self.checkpoint_when_due(&mut checkpoints).await;
                    return Ok(Committed::Done);
                }
                Created::ExistedBefore => self.catch_up().await?,
            }
        }
        Err(StoreError::unavailable(
            "the lake's manifest",
            format!("{CONFLICTS_MAX} commits lost against other writers"),
        ))
    }

    /// True when the lake is as the commit says, by this very commit: nobody else gives files these names.
    fn is_made(&self, commit: &Commit) -> bool {
        let state = self.state();
        !commit.add.is_empty() && commit.add.iter().all(|file| state.holds(file))
    }

    fn is_overtaken(&self, commit: &Commit) -> bool {
        let state = self.state();
        let has = |file: &FileEntry, origin| state.table(&file.tenant, file.dataset).has(origin);
        if commit.add.iter().any(|file| file.origin.as_ref().is_some_and(|origin| has(file, origin))) {
            return true;
        }
        if commit.remove.is_empty() {
            return false;
        }
        let present: HashSet<SegmentId> = state.files().map(|file| file.id).collect();
        commit.remove.iter().any(|id| !present.contains(id))
    }

    /// Takes in what other processes have committed.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        // Not at the same time as a commit of this process: each version is applied once.
        let _committing = self.checkpoints.lock().await;
        self.catch_up().await
    }

    /// Reads the commits that others have made.
    async fn catch_up(&self) -> Result<(), StoreError> {
        loop {
            let version = self.state.read().version + 1;
            let path = commit_path(version);
            let Some(bytes) = self.depot.get(&path).await? else { return Ok(()) };
            let commit: Commit = from_json(&path, &bytes)?;
            self.apply(version, &commit);
        }
    }

    fn apply(&self, version: u64, commit: &Commit) {
        let mut state = self.state.write();
        *state = Arc::new(state.with(version, commit));
    }

    async fn checkpoint_when_due(&self, checkpoints: &mut Checkpoints) {
        let state = Arc::clone(&self.state.read());
        if state.version.is_multiple_of(COMMITS_PER_CHECKPOINT)
            && let Err(cause) = checkpoints.write(&self.depot, &state).await
        {
            let cause: &dyn std::error::Error = &cause;
            tracing::warn!(
                cause,
                version = state.version,
                "no checkpoint of the lake's manifest was written, the next start reads more commits"
            );
        }
    }
}

fn commit_path(version: u64) -> Path {
    Path::from(format!("{FOLDER}/{version:020}.commit.json"))
}

fn to_json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("the manifest is plain data").into()
}

fn from_json<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|cause| StoreError::damaged(path.to_string(), cause))
}

#[cfg(test)]
mod tests;
