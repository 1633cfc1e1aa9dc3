//! A change: what is written, what the audit trail says of it, and what this and other processes must see anew, in one transaction.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Tenant, Timestamp};
use parking_lot::Mutex;
use records::{Collection, Document, Expected, RecordId, Records, Transaction};
use serde::{Deserialize, Serialize};

use crate::audit::{self, By, Deed};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::error::Error;
use crate::roles::RoleName;

/// Changes that are remembered one by one; who has missed more reads everything.
const REMEMBERED: usize = 256;

/// Something that requests depend on and that is different now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) tenant: Tenant,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// The tenant itself.
    Tenant,
    Role(RoleName),
    Group(RecordId),
    Person(RecordId),
    Key(RecordId),
    Session(RecordId),
    SigningKeys,
    Licence,
}

/// The newest changes of all tenants, in the tenant `system`; its id is always the same. No table shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recent {
    /// Changes ever made.
    pub(crate) count: u64,
    /// The last of them, the newest at the end.
    pub(crate) newest: VecDeque<Changed>,
}

impl Document for Recent {
    const COLLECTION: &'static str = "hub.changes";
}

impl Recent {
    pub(crate) fn id() -> RecordId {
        RecordId::new("recent").expect("a valid id")
    }

    /// What came after the first `seen` changes; `None` when that is not known any more.
    pub(crate) fn since(&self, seen: u64) -> Option<impl Iterator<Item = &Changed>> {
        let missed = usize::try_from(self.count.checked_sub(seen)?).ok()?;
        let from = self.newest.len().checked_sub(missed)?;
        Some(self.newest.range(from..))
    }

    fn extend(&mut self, changed: Vec<Changed>) {
        self.count += changed.len() as u64;
        self.newest.extend(changed);
        self.newest.drain(..self.newest.len().saturating_sub(REMEMBERED));
    }
}

/// Where changes are made.
pub(crate) struct Changes {
    pub(crate) records: Records,
    pub(crate) directory: Arc<Directory>,
    clock: Clock,
}

/// A change that is being made. Clones are the same change.
#[derive(Clone)]
pub(crate) struct Change {
    transaction: Arc<Transaction>,
    directory: Arc<Directory>,
    changed: Arc<Mutex<Vec<Changed>>>,
    /// When it is made.
    pub(crate) now: Timestamp,
}

impl Changes {
    pub(crate) fn new(records: Records, directory: Arc<Directory>, clock: Clock) -> Self {
        Self { records, directory, clock }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Makes the change, all of it or nothing; afterwards this process acts on it. The work may be run several times.
    pub(crate) async fn make<R, F, W>(&self, work: F) -> Result<R, Error>
    where
        F: Fn(Change) -> W,
        W: Future<Output = Result<R, Error>>,
    {
        let begin = |transaction| {
            let (transaction, directory) = (Arc::new(transaction), Arc::clone(&self.directory));
            let change = Change { transaction, directory, changed: Arc::default(), now: self.now() };
            let work = work(change.clone());
            async move {
                let result = work.await?;
                Ok((result, change.announce().await?))
            }
        };
        let made: Result<(R, bool), Error> = self.records.transaction(begin).await;
        let (result, is_news) = made?;
        if is_news && let Err(cause) = self.directory.catch_up(&self.records, self.now()).await {
            tracing::warn!(error = %cause, "a change is made, but this process acts on it only a little later");
        }
        Ok(result)
    }
}

impl Change {
    pub(crate) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    pub(crate) fn collection<T: Document>(&self) -> Collection<T> {
        self.transaction.collection()
    }

    /// Says in the tenant's trail what is done.
    pub(crate) async fn audit(&self, tenant: &Tenant, by: &By, deed: Deed<'_>) -> Result<(), Error> {
        self.directory.licences.saw(self.now);
        Ok(audit::append(&self.transaction, tenant, by, deed, self.now).await?)
    }

    /// Says what is different for requests.
    pub(crate) fn changed(&self, tenant: &Tenant, what: What) {
        self.changed.lock().push(Changed { tenant: tenant.clone(), what });
    }

    async fn announce(&self) -> Result<bool, Error> {
        let changed = std::mem::take(&mut *self.changed.lock());
        if changed.is_empty() {
            return Ok(false);
        }
        let (system, collection) = (Tenant::system(), self.collection::<Recent>());
        let mut recent =
            collection.get(&system, &Recent::id()).await?.map_or_else(Recent::default, |recent| recent.body);
        recent.extend(changed);
        collection.put(&system, &Recent::id(), &recent, Expected::Any).await?;
        Ok(true)
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("records", &self.records).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(count: usize) -> Vec<Changed> {
        vec![Changed { tenant: Tenant::default_tenant(), what: What::Tenant }; count]
    }

    #[test]
    fn whoever_has_missed_too_much_is_told_so() {
        let mut recent = Recent::default();
        recent.extend(changes(3));

        assert_eq!(recent.since(1).map(Iterator::count), Some(2));
        assert_eq!(recent.since(3).map(Iterator::count), Some(0));
        assert!(recent.since(4).is_none(), "these are other records than before");

        recent.extend(changes(REMEMBERED));
        assert_eq!(recent.since(3).map(Iterator::count), Some(REMEMBERED));
        assert!(recent.since(2).is_none());
    }
}
