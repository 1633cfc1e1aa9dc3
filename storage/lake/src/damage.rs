//! Files that could not be read.
//!
//! A query that meets one fails and names it. Upkeep looks at what was named: a file that is truly gone or damaged is left
//! out of later queries, which say so; one that was only out of reach is not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Dataset, Tenant};
use parking_lot::Mutex;
use store::{SegmentId, Unreadable};

use crate::manifest::FileEntry;

/// How often an unreadable file is looked at again: somebody may have brought it back.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is known of files that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    files: Mutex<HashMap<SegmentId, Finding>>,
}

#[derive(Debug)]
struct Finding {
    file: Arc<FileEntry>,
    /// Why it cannot be read; `None` while that is not certain.
    reason: Option<String>,
    looked: Option<Instant>,
}

impl Damage {
    /// A query could not read the file.
    pub(crate) fn suspect(&self, file: &Arc<FileEntry>) {
        let mut files = self.files.lock();
        files.entry(file.id).or_insert_with(|| Finding { file: Arc::clone(file), reason: None, looked: None });
    }

    /// A file that should be looked at.
    pub(crate) fn next(&self) -> Option<Arc<FileEntry>> {
        let files = self.files.lock();
        let due = |finding: &&Finding| {
            finding.looked.is_none_or(|looked| finding.reason.is_none() || looked.elapsed() >= LOOK_AGAIN)
        };
        files.values().find(due).map(|finding| Arc::clone(&finding.file))
    }

    /// The file is what it should be, or no longer part of the lake.
    pub(crate) fn acquit(&self, file: &FileEntry) {
        self.files.lock().remove(&file.id);
    }

    /// The file cannot be read. True when that is news.
    pub(crate) fn convict(&self, file: &Arc<FileEntry>, reason: String) -> bool {
        let finding = Finding { file: Arc::clone(file), reason: Some(reason), looked: Some(Instant::now()) };
        self.files.lock().insert(file.id, finding).is_none_or(|before| before.reason.is_none())
    }

    /// Why the file is left out, if it is.
    pub(crate) fn reason(&self, file: &FileEntry) -> Option<String> {
        self.files.lock().get(&file.id)?.reason.clone()
    }

    /// True when something was found or is suspected of it.
    pub(crate) fn names(&self, file: &FileEntry) -> bool {
        self.files.lock().contains_key(&file.id)
    }

    /// The files of a table that are left out.
    pub(crate) fn of_table(&self, tenant: &Tenant, dataset: Dataset) -> Vec<(SegmentId, Unreadable)> {
        let files = self.files.lock();
        let of_table =
            files.values().filter(|finding| (&finding.file.tenant, finding.file.dataset) == (tenant, dataset));
        let unreadable = |finding: &Finding| {
            let FileEntry { id, path, rows, times, .. } = finding.file.as_ref();
            let reason = finding.reason.clone()?;
            Some((*id, Unreadable { name: path.to_string(), rows: *rows, times: *times, reason }))
        };
        of_table.filter_map(unreadable).collect()
    }
}
