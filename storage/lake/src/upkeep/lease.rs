//! Who works on a table: a promise among processes, so that two seldom do the same work.
//!
//! It saves work only. That no row is lost or doubled is the manifest's: of two commits that take out the same file, one wins.

use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{Dataset, Tenant};
use object_store::ObjectMeta;
use object_store::path::Path;
use store::StoreError;

use crate::depot::{Created, Depot};

const FOLDER: &str = "_upkeep/leases";
const HELD: Bytes = Bytes::from_static(b"held");

/// Held while working, and written anew from time to time: one whose holder has died ends.
#[derive(Debug)]
pub(crate) struct Lease {
    path: Path,
    time: Duration,
    written: Instant,
}

impl Lease {
    /// Takes the lease of a table; `None` when another process has it.
    ///
    /// Each holder makes an object with the next higher number, which only one can. The clock of the medium tells when it was made,
    /// so the clocks of the processes need not agree. It ends `time` after it was last written.
    pub(crate) async fn take(
        depot: &Depot,
        (tenant, dataset): (&Tenant, Dataset),
        time: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let folder = Path::from(format!("{FOLDER}/{tenant}/{dataset}"));
        let mut held = depot.list(&folder).await?;
        held.sort_by(|one, other| one.location.cmp(&other.location));
        let last = match held.last() {
            None => 0,
            Some(last) => {
                let now = depot.now().await?;
                let age = now.0.saturating_sub(last.last_modified.timestamp_nanos_opt().unwrap_or(0));
                if u128::try_from(age).unwrap_or(0) < time.as_nanos() {
                    return Ok(None);
                }
                number(last)
            }
        };
        let path = folder.join(format!("{:020}", last + 1));
        match depot.create(&path, HELD).await? {
            Created::ExistedBefore => Ok(None),
            Created::New => {
                for ended in held {
                    depot.delete(&ended.location).await?;
                }
                Ok(Some(Self { path, time, written: Instant::now() }))
            }
        }
    }

    /// Writes it anew when a quarter of its time is over.
    pub(crate) async fn keep(&mut self, depot: &Depot) -> Result<(), StoreError> {
        if self.written.elapsed() >= self.time / 4 {
            depot.put(&self.path, HELD).await?;
            self.written = Instant::now();
        }
        Ok(())
    }

    /// Gives it back.
    pub(crate) async fn give_back(self, depot: &Depot) {
        if let Err(cause) = depot.delete(&self.path).await {
            let cause: &dyn std::error::Error = &cause;
            tracing::warn!(cause, "a lease was not given back, others wait until it ends");
        }
    }
}

fn number(lease: &ObjectMeta) -> u64 {
    lease.location.filename().and_then(|name| name.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Signal;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_table_has_one_holder_at_a_time() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let on_disk = Depot::on_disk(directory.path()).expect("a depot");
        let in_memory = Depot::on_objects(Arc::new(object_store::memory::InMemory::new()), "lake");
        let tenant = Tenant::default_tenant();
        for depot in [on_disk, in_memory] {
            let take = async |signal: Signal, time| {
                Lease::take(&depot, (&tenant, signal.into()), time).await.expect("a medium")
            };
            let lease = take(Signal::Logs, LONG).await.expect("nobody has it");

            assert!(take(Signal::Logs, LONG).await.is_none());
            assert!(take(Signal::Spans, LONG).await.is_some(), "another table");
            lease.give_back(&depot).await;
            assert!(take(Signal::Logs, LONG).await.is_some());
            assert!(take(Signal::Logs, LONG).await.is_none(), "its holder has died");
            assert!(take(Signal::Logs, Duration::ZERO).await.is_some(), "and its time is over");
        }
    }
}
