//! Leases: work that is done by one process at a time, though several are up.
//!
//! Whether a lease has ended is decided by the clock of whoever wants it; whether its holder may still write, by the fence
//! alone. So a clock that is wrong can make work wait or be begun twice, but never be written twice.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document;
use crate::error::Error;
use crate::records::Records;
use crate::session::Session;
use crate::statement::Statement;

/// The right to do something alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// Greater than that of everybody who had it before.
    pub fence: u64,
    /// When it ends, unless it is taken again before.
    pub until: Timestamp,
}

const TAKE: &str = "INSERT INTO leases (name, holder, fence, until) VALUES ($1, $2, 1, $4) \
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, \
         fence = CASE WHEN leases.holder = excluded.holder AND leases.until > $3 THEN leases.fence ELSE leases.fence + 1 END, \
         until = CASE WHEN leases.holder = excluded.holder AND leases.until > excluded.until THEN leases.until ELSE excluded.until END \
     WHERE leases.holder = excluded.holder OR leases.until <= $3 RETURNING fence, until";
/// With its row locked, nobody else gets the lease before the transaction ends.
const CHECK: &str = "SELECT fence FROM leases WHERE name = $1 AND fence = $2 {hold}";
const RELEASE: &str = "UPDATE leases SET until = $3 WHERE name = $1 AND fence = $2 RETURNING fence";

impl Records {
    /// Takes the lease for a while, or keeps it when the holder has it already; `None` while somebody else has it.
    ///
    /// A holder is one process, by a name that no other has.
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        lasts: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        let until = after(now, lasts).0;
        let take = Statement::write(TAKE)
            .with(document::name("a lease", name)?)
            .with(document::name("a holder", holder)?)
            .with(now.0)
            .with(until);
        let Some(mut row) = self.session.query_row(take).await? else { return Ok(None) };
        let (fence, until) = (row.count()?, Timestamp(row.number()?));
        Ok(Some(Lease { name: name.to_owned(), holder: holder.to_owned(), fence, until }))
    }

    /// Lets others have it at once; refused when they have it already.
    pub async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let release = Statement::write(RELEASE).with(lease.name.as_str()).with(lease.fence).with(i64::MIN);
        lease.held(self.session.query_row(release).await?.is_some())
    }
}

impl Lease {
    pub(crate) async fn check(&self, session: &Session) -> Result<(), Error> {
        let check = CHECK.replace("{hold}", session.shared.backend.dialect().hold);
        let check = Statement::write(check).with(self.name.as_str()).with(self.fence);
        self.held(session.query_row(check).await?.is_some())
    }

    fn held(&self, is_held: bool) -> Result<(), Error> {
        if is_held { Ok(()) } else { Err(Error::stale(format!("the lease '{}'", self.name), self.fence)) }
    }
}

/// The moment that is so much later.
pub(crate) fn after(now: Timestamp, lasts: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(lasts.as_nanos()).unwrap_or(i64::MAX)))
}
