//! Reads files from end to end that queries could not read, and judges them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use object_store::ObjectStoreExt;
use store::{Amount, Examine, Job, Outcome, StoreError, Task, Unreadable, Work};

use super::compact::amount;
use super::source::Source;
use crate::Lake;
use crate::damage::Damage;
use crate::depot::Depot;
use crate::manifest::FileEntry;
use crate::table::Reading;

/// Rows read at a time.
const BATCH_ROWS: usize = 4096;
/// Bytes read to find out why a query failed; more are left to the next one.
const EXAMINED_BYTES_MAX: u64 = 4 << 30;

impl Lake {
    /// Looks at a file that could not be read before; `None` when there is none.
    pub(super) async fn verify_next(&self) -> Option<Work> {
        let file = self.damage.next()?;
        if !self.manifest.state().holds(&file) {
            self.damage.acquit(&file);
            return None;
        }
        let outcome = judge(&self.depot, &self.damage, &file).await.map_or_else(Outcome::Failed, |()| Outcome::Done);
        let (tenant, dataset) = (Some(file.tenant.clone()), Some(file.dataset));
        let task = Task { job: Job::Verify, tenant, dataset, target: file.path.to_string() };
        Some(Work { task, read: amount(&[file]), written: Amount::default(), outcome })
    }
}

/// What a query does when reading has failed: it looks at the files that it has opened.
pub(crate) fn examine(reading: &Reading) -> Examine {
    let (depot, damage) = (Arc::clone(&reading.depot), Arc::clone(&reading.damage));
    let (opened, pin) = (Arc::clone(&reading.opened), Arc::clone(&reading.pin));
    Examine::new(move || {
        let (depot, damage, files) = (Arc::clone(&depot), Arc::clone(&damage), opened.files());
        // Held until the end: a file that is deleted meanwhile is not missing.
        let pin = Arc::clone(&pin);
        async move {
            let _pin = pin;
            find_unreadable(&depot, &damage, &files).await
        }
        .boxed()
    })
}

async fn find_unreadable(depot: &Depot, damage: &Damage, files: &[Arc<FileEntry>]) -> Vec<Unreadable> {
    let (mut unreadable, mut bytes) = (Vec::new(), 0);
    for file in files {
        bytes += file.bytes;
        if bytes > EXAMINED_BYTES_MAX {
            break;
        }
        match judge(depot, damage, file).await {
            Ok(()) | Err(StoreError::Unavailable { .. }) => {}
            Err(cause) => unreadable.push(Unreadable {
                name: file.path.to_string(),
                rows: file.rows,
                times: file.times,
                reason: reason(&cause),
            }),
        }
    }
    unreadable
}

/// Reads the file, and remembers what became of that.
async fn judge(depot: &Depot, damage: &Damage, file: &Arc<FileEntry>) -> Result<(), StoreError> {
    // Decoders may panic over bytes that nobody has written.
    let read = AssertUnwindSafe(read(depot, file)).catch_unwind().await;
    let read = read.unwrap_or_else(|_| Err(StoreError::damaged(file.path.to_string(), "its pages cannot be decoded")));
    match &read {
        Ok(()) => damage.acquit(file),
        // Nothing is known of the file as long as the medium does not answer.
        Err(StoreError::Unavailable { .. }) => {}
        Err(cause) => {
            let reason = reason(cause);
            if damage.convict(file, reason.clone()) {
                tracing::error!(path = %file.path, rows = file.rows, reason, "a file of the lake cannot be read; queries leave its rows out and say so");
            }
        }
    }
    read
}

async fn read(depot: &Depot, file: &Arc<FileEntry>) -> Result<(), StoreError> {
    let path = file.path.to_string();
    match depot.objects().head(&file.path).await {
        Err(object_store::Error::NotFound { .. }) => return Err(StoreError::damaged(path, "the file is missing")),
        Err(cause) => return Err(StoreError::unavailable(path, cause)),
        Ok(found) if found.size != file.bytes => {
            let reason = format!("the file has {} bytes, {} were written", found.size, file.bytes);
            return Err(StoreError::damaged(path, reason));
        }
        Ok(_) => {}
    }
    let mut source = Source::open_whole(depot.objects(), file, BATCH_ROWS).await?;
    let mut rows = 0;
    while let Some(batch) = source.batches.next().await {
        rows += batch?.num_rows() as u64;
        tokio::task::yield_now().await;
    }
    match rows == file.rows {
        true => Ok(()),
        false => Err(StoreError::damaged(path, format!("the file has {rows} rows, {} were written", file.rows))),
    }
}

fn reason(cause: &StoreError) -> String {
    let source = std::error::Error::source(cause);
    source.map_or_else(|| cause.to_string(), ToString::to_string)
}
