//! Deletes what is not part of the lake: files that were taken out, when nobody reads them any more, and files that nobody knows.
//!
//! What was taken out is written in the manifest, so a restart does not forget it. Readers of this process are known; those of
//! others are given time.

use std::collections::HashSet;

use model::Timestamp;
use object_store::ObjectMeta;
use object_store::path::Path;
use store::{Amount, Job, Outcome, StoreError, Task, Work};

use super::UpkeepStep;
use super::compact::age;
use crate::Lake;
use crate::manifest::{self, Commit, FileEntry, Tombstone};

/// Files deleted in one piece of upkeep.
const DELETED_MAX: usize = 256;

impl Lake {
    /// Files that may be deleted as far as this process knows; whether others had their time, the medium's clock tells.
    pub(super) fn unread_tombstones(&self) -> Vec<Tombstone> {
        let state = self.manifest.state();
        let unread = state.tombstones().filter(|tombstone| self.readers.are_past(tombstone.version));
        unread.cloned().collect()
    }

    /// Deletes files that were taken out long enough ago; `None` when there are none.
    pub(super) async fn delete_removed(&self) -> Option<Work> {
        let unread = self.unread_tombstones();
        if unread.is_empty() {
            return None;
        }
        let task = whole_store(Job::Delete, "files taken out");
        let due = match self.depot.now().await {
            Ok(now) => due(unread, now, self.config.deletion_grace()),
            Err(cause) => return Some(failed(task, cause)),
        };
        if due.is_empty() {
            return None;
        }
        Some(self.delete_all(task, &due).await)
    }

    async fn delete_all(&self, task: Task, due: &[Tombstone]) -> Work {
        let mut read = Amount::default();
        for Tombstone { file, .. } in due {
            if let Err(cause) = self.delete_objects(file).await {
                return Work { read, ..failed(task, cause) };
            }
            read = Amount { parts: read.parts + 1, rows: read.rows + file.rows, bytes: read.bytes + file.bytes };
        }
        self.observe(UpkeepStep::Deleted);
        let deleted = due.iter().map(|tombstone| tombstone.file.id).collect();
        let committed = self.manifest.commit(&Commit { deleted, ..Commit::default() }).await;
        let outcome = committed.map_or_else(Outcome::Failed, |_| Outcome::Done);
        Work { task, read, written: Amount::default(), outcome }
    }

    /// The file and what lies beside it.
    pub(super) async fn delete_objects(&self, file: &FileEntry) -> Result<(), StoreError> {
        for (object, _) in file.objects() {
            self.depot.delete(&object).await?;
        }
        Ok(())
    }

    /// Deletes files that no version of the manifest knows and that are too old to be on their way into it.
    pub(super) async fn sweep(&self) -> Work {
        let task = whole_store(Job::Sweep, "files that nobody knows");
        match self.sweep_orphans().await {
            Ok(read) => Work { task, read, written: Amount::default(), outcome: Outcome::Done },
            Err(cause) => failed(task, cause),
        }
    }

    async fn sweep_orphans(&self) -> Result<Amount, StoreError> {
        let grace = self.config.orphan_grace();
        let now = self.depot.now().await?;
        let objects = self.depot.list(&Path::default()).await?;
        // After the listing: what was committed while it was made is known.
        self.manifest.refresh().await?;
        let known = self.known_objects();
        let is_orphan = |object: &&ObjectMeta| {
            let made = Timestamp(object.last_modified.timestamp_nanos_opt().unwrap_or(i64::MAX));
            is_in_a_table(&object.location) && age(now, made) > grace && !known.contains(&object.location)
        };
        let mut swept = self.depot.remove_leftovers(grace).await?;
        for orphan in objects.iter().filter(is_orphan) {
            self.depot.delete(&orphan.location).await?;
            tracing::info!(path = %orphan.location, bytes = orphan.size, "a file that nobody knows was deleted");
            swept.parts += 1;
            swept.bytes += orphan.size;
        }
        Ok(swept)
    }

    fn known_objects(&self) -> HashSet<Path> {
        let state = self.manifest.state();
        let files = state.files().chain(state.tombstones().map(|tombstone| &tombstone.file));
        files.flat_map(|file| file.objects().map(|(path, _)| path)).collect()
    }
}

/// The longest gone first, as many as one piece of upkeep takes.
fn due(unread: Vec<Tombstone>, now: Timestamp, grace: std::time::Duration) -> Vec<Tombstone> {
    let mut due: Vec<_> = unread.into_iter().filter(|tombstone| age(now, tombstone.since) >= grace).collect();
    due.sort_by_key(|tombstone| tombstone.since);
    due.truncate(DELETED_MAX);
    due
}

/// The manifest and the upkeep have folders of their own, which have other rules.
fn is_in_a_table(path: &Path) -> bool {
    path.parts().next().is_some_and(|folder| folder.as_ref() != manifest::FOLDER && folder.as_ref() != super::FOLDER)
}

fn whole_store(job: Job, target: &str) -> Task {
    Task { job, tenant: None, dataset: None, target: target.to_owned() }
}

fn failed(task: Task, cause: StoreError) -> Work {
    Work { task, read: Amount::default(), written: Amount::default(), outcome: Outcome::Failed(cause) }
}
