//! Who works on a table: a promise among processes, so that two seldom do the same work.
//!
//! It saves work only. That no row is lost or doubled is the manifest's: of two commits that take out the same file, one wins.

use std::time::Duration;

use model::{Signal, Tenant};
use object_store::ObjectMeta;
use object_store::path::Path;
use store::StoreError;

use crate::depot::{Created, Depot};

/// A lease that was not given back ends after this time, by the clock of the medium: longer than a merge takes.
const LEASE_TIME: Duration = Duration::from_secs(15 * 60);
const FOLDER: &str = "_upkeep/leases";

/// Held while working.
#[derive(Debug)]
pub(crate) struct Lease {
    path: Path,
}

impl Lease {
    /// Takes the lease of a table; `None` when another process has it.
    ///
    /// Each holder makes an object with the next higher number, which only one can. The clock of the medium tells when it was made,
    /// so the clocks of the processes need not agree.
    pub(crate) async fn take(depot: &Depot, tenant: &Tenant, signal: Signal) -> Result<Option<Self>, StoreError> {
        let folder = Path::from(format!("{FOLDER}/{tenant}/{signal}"));
        let mut held = depot.list(&folder).await?;
        held.sort_by(|one, other| one.location.cmp(&other.location));
        let last = match held.last() {
            None => 0,
            Some(last) => {
                let now = depot.now().await?;
                let age = now.0.saturating_sub(last.last_modified.timestamp_nanos_opt().unwrap_or(0));
                if u64::try_from(age).unwrap_or(0) < LEASE_TIME.as_nanos() as u64 {
                    return Ok(None);
                }
                number(last)
            }
        };
        let path = folder.join(format!("{:020}", last + 1));
        match depot.create(&path, bytes::Bytes::from_static(b"held")).await? {
            Created::ExistedBefore => Ok(None),
            Created::New => {
                for ended in held {
                    depot.delete(&ended.location).await?;
                }
                Ok(Some(Self { path }))
            }
        }
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

    use super::*;

    #[tokio::test]
    async fn a_table_has_one_holder_at_a_time() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let on_disk = Depot::on_disk(directory.path()).expect("a depot");
        let in_memory = Depot::on_objects(Arc::new(object_store::memory::InMemory::new()), "lake");
        let tenant = Tenant::default_tenant();
        for depot in [on_disk, in_memory] {
            let lease = Lease::take(&depot, &tenant, Signal::Logs).await.expect("a medium").expect("nobody has it");

            assert!(Lease::take(&depot, &tenant, Signal::Logs).await.expect("a medium").is_none());
            assert!(Lease::take(&depot, &tenant, Signal::Spans).await.expect("a medium").is_some(), "another table");
            lease.give_back(&depot).await;
            assert!(Lease::take(&depot, &tenant, Signal::Logs).await.expect("a medium").is_some());
        }
    }
}
