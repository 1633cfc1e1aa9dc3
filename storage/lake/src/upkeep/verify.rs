//! Looks at files that queries could not read, and judges them.

use std::sync::Arc;

use futures::StreamExt;
use model::Dataset;
use object_store::ObjectStoreExt;
use store::{Amount, Job, Outcome, StoreError, Task, Work};

use super::compact::amount;
use super::source::Source;
use crate::Lake;
use crate::manifest::FileEntry;

/// Rows read at a time.
const BATCH_ROWS: usize = 4096;

impl Lake {
    /// Reads a file that could not be read before from end to end; `None` when there is none.
    pub(super) async fn verify_next(&self) -> Option<Work> {
        let file = self.damage.next()?;
        if !self.manifest.state().holds(&file) {
            self.damage.acquit(&file);
            return None;
        }
        let outcome = match self.verify(&file).await {
            Ok(()) => {
                self.damage.acquit(&file);
                Outcome::Done
            }
            // Nothing is known of the file as long as the medium does not answer.
            Err(cause @ StoreError::Unavailable { .. }) => Outcome::Failed(cause),
            Err(cause) => {
                let reason = reason(&cause);
                if self.damage.convict(&file, reason.clone()) {
                    tracing::error!(path = %file.path, rows = file.rows, reason, "a file of the lake cannot be read; queries leave its rows out and say so");
                }
                Outcome::Failed(cause)
            }
        };
        let (tenant, dataset) = (Some(file.tenant.clone()), Some(file.dataset));
        let task = Task { job: Job::Verify, tenant, dataset, target: file.path.to_string() };
        Some(Work { task, read: amount(&[file]), written: Amount::default(), outcome })
    }

    async fn verify(&self, file: &Arc<FileEntry>) -> Result<(), StoreError> {
        let path = file.path.to_string();
        match self.depot.objects().head(&file.path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(StoreError::damaged(path, "the file is missing")),
            Err(cause) => return Err(StoreError::unavailable(path, cause)),
            Ok(found) if found.size != file.bytes => {
                let reason = format!("the file has {} bytes, {} were written", found.size, file.bytes);
                return Err(StoreError::damaged(path, reason));
            }
            Ok(_) => {}
        }
        let Dataset::Signal(signal) = file.dataset else { return Ok(()) };
        let mut source = Source::open(self.depot.objects(), file, signal, BATCH_ROWS).await?;
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
}

fn reason(cause: &StoreError) -> String {
    let source = std::error::Error::source(cause);
    source.map_or_else(|| cause.to_string(), ToString::to_string)
}
