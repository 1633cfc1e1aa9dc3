//! Logs: entries that are appended and never change.
//!
//! Sequences of a tenant's log begin at 1 and have no gaps: each is there when the next one is.

use std::fmt;
use std::marker::PhantomData;

use model::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::document::{Entry, check_name, decode, encode};
use crate::error::Error;
use crate::list::PAGE_MAX;
use crate::session::Session;
use crate::statement::{Row, Statement};

/// The place of an entry in its tenant's log, or of an event in the outbox; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended<T> {
    /// Its place, which is also its order: times of different clocks do not matter.
    pub sequence: Sequence,
    /// When it was appended, by the clock of the process that did.
    pub at: Timestamp,
    /// What was appended.
    pub body: T,
}

/// The logs of one type of entry, one for each tenant.
pub struct Log<T> {
    session: Session,
    entries: PhantomData<fn() -> T>,
}

const READ: &str = "SELECT sequence, at, body FROM entries WHERE log = $1 AND tenant = $2 AND sequence > $3 \
                    ORDER BY sequence LIMIT $4";
const LAST: &str = "SELECT sequence, at, body FROM entries WHERE log = $1 AND tenant = $2 \
                    ORDER BY sequence DESC LIMIT 1";

impl<T: Entry> Log<T> {
    pub(crate) fn new(session: Session) -> Self {
        const { check_name(T::LOG) };
        Self { session, entries: PhantomData }
    }

    /// Appends the entry behind all others of the tenant.
    pub async fn append(&self, tenant: &Tenant, entry: &T) -> Result<Sequence, Error> {
        let body = encode("an entry", entry, self.session.shared.limits.document_bytes_max)?;
        let append = Statement::write(self.session.shared.backend.dialect().append)
            .with(T::LOG)
            .with(tenant.as_str())
            .with(self.session.now().0)
            .with(body);
        let mut row = self.session.query_row(append).await?.ok_or_else(missing)?;
        Ok(Sequence(row.count()?))
    }

    /// Entries after the given one, in order; at most `limit` and never more than [`PAGE_MAX`].
    pub async fn read(&self, tenant: &Tenant, after: Sequence, limit: usize) -> Result<Vec<Appended<T>>, Error> {
        let limit = limit.min(PAGE_MAX) as u64;
        let read = Statement::read(READ).with(T::LOG).with(tenant.as_str()).with(after.0).with(limit);
        self.session.query(read).await?.into_iter().map(appended).collect()
    }

    /// The newest entry. In a transaction nobody appends behind it before the transaction's end, so that the next entry can build on it.
    pub async fn last(&self, tenant: &Tenant) -> Result<Option<Appended<T>>, Error> {
        let last = Statement::read(LAST).with(T::LOG).with(tenant.as_str());
        self.session.query_row(last).await?.map(appended).transpose()
    }
}

fn missing() -> Error {
    Error::unreadable("the answer of the database", std::io::Error::other("it has no row"))
}

fn appended<T: Entry>(mut row: Row) -> Result<Appended<T>, Error> {
    let (sequence, at) = (Sequence(row.count()?), Timestamp(row.number()?));
    let body = decode(|| format!("entry {} of {}", sequence.0, T::LOG), &row.text()?)?;
    Ok(Appended { sequence, at, body })
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone(), entries: PhantomData }
    }
}

impl<T> fmt::Debug for Log<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("session", &self.session).finish()
    }
}
