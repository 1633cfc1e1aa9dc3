//! Claims: due documents, each given to one worker at a time.
//!
//! Who asks decides by its own clock whether a lease has ended; whether a worker may still write, its fence decides. The fence
//! counts up with every claim and knows no clock.

use std::time::Duration;

use model::Timestamp;

use crate::collection::{Collection, Written, changed, record, written};
use crate::document::{Document, Record};
use crate::error::Error;
use crate::key;
use crate::layout;
use crate::lease::after;
use crate::statement::{Row, Statement};
use crate::telemetry;

/// Documents that are claimed at once.
pub const CLAIMS_MAX: usize = 100;

/// A document that one worker has for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<T> {
    /// The document as it was claimed.
    pub record: Record<T>,
    /// Greater than that of everybody who had it before.
    pub fence: u64,
    /// When others may have it, unless the claim is renewed before.
    pub until: Timestamp,
}

// The time when it was made finds a document in every index that begins as this search does, whichever the database takes.
const CLAIM: &str = "WITH chosen AS MATERIALIZED (SELECT tenant, id, created_at FROM documents WHERE collection = $1 AND due <= $2 \
         AND (leased_until IS NULL OR leased_until <= $2) ORDER BY due LIMIT $3 {skip_chosen}) \
     UPDATE documents SET fence = fence + 1, leased_until = $4 FROM chosen \
     WHERE documents.collection = $1 AND documents.tenant = chosen.tenant AND documents.id = chosen.id \
       AND documents.created_at = chosen.created_at \
     RETURNING documents.id, version, documents.tenant, documents.created_at, updated_at, body, due, fence";
const COMPLETE: &str = concat!(
    "UPDATE documents SET ",
    changed!(),
    ", fence = fence + 1, leased_until = NULL \
     WHERE collection = $1 AND tenant = $2 AND id = $3 AND created_at = $19 AND fence = $20 AND version = $21 \
     RETURNING version, created_at, updated_at"
);
const RENEW: &str = "UPDATE documents SET leased_until = CASE WHEN leased_until > $6 THEN leased_until ELSE $6 END \
     WHERE collection = $1 AND tenant = $2 AND id = $3 AND created_at = $4 AND fence = $5 RETURNING leased_until";
const RELEASE: &str = "UPDATE documents SET fence = fence + 1, leased_until = NULL \
     WHERE collection = $1 AND tenant = $2 AND id = $3 AND created_at = $4 AND fence = $5 RETURNING version";
const DISCARD: &str = "DELETE FROM documents \
     WHERE collection = $1 AND tenant = $2 AND id = $3 AND created_at = $4 AND fence = $5 AND version = $6 RETURNING version";
const IS_HELD: &str = "SELECT version FROM documents \
     WHERE collection = $1 AND tenant = $2 AND id = $3 AND created_at = $4 AND fence = $5";

impl<T: Document> Collection<T> {
    /// Takes documents of all tenants whose due time has come and that nobody has, the longest due first; at most `limit` and
    /// never more than [`CLAIMS_MAX`]. Others get them when the lease has ended. One that cannot be read is left out and logged.
    pub async fn claim(&self, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Claim<T>>, Error> {
        self.due_key()?;
        layout::ensure::<T>(&self.session).await?;
        let until = after(now, lease);
        let claim = Statement::write(CLAIM.replace("{skip_chosen}", self.session.shared.backend.dialect().skip_chosen))
            .with(T::COLLECTION)
            .with(now.0)
            .with(limit.min(CLAIMS_MAX) as u64)
            .with(until.0);
        // What cannot be read must not keep others from being done; it is claimed again and again, and said each time.
        let readable = |row| claimed(row, until).inspect_err(telemetry::claimed_unreadable).ok();
        let rows = self.session.query(claim).await?;
        let mut claimed: Vec<(i64, Claim<T>)> = rows.into_iter().filter_map(readable).collect();
        claimed.sort_by_key(|(due, _)| *due);
        Ok(claimed.into_iter().map(|(_, claim)| claim).collect())
    }

    /// Puts what has become of the document and ends the claim. When it is due next stands in the body; without a time, never.
    ///
    /// The claim's version must still be the document's: who put it meanwhile is not overwritten. The claim is kept then, and can be
    /// completed with the record that was read again.
    pub async fn complete(&self, claim: &Claim<T>, body: &T) -> Result<Written, Error> {
        let Record { tenant, id, created_at, version, .. } = &claim.record;
        let complete = self.writing(COMPLETE, tenant, id, body)?.with(created_at.0).with(claim.fence).with(*version);
        match self.session.query_row(complete).await.map_err(Self::told)? {
            Some(row) => written(row),
            None => Err(self.lost(claim).await?),
        }
    }

    /// Ends the claim with the document as it is, due at another time.
    pub async fn reschedule(&self, claim: &Claim<T>, due: Timestamp) -> Result<Written, Error> {
        let key = self.due_key()?;
        let what = || format!("{} with another {key}", T::COLLECTION);
        let mut body = serde_json::to_value(&claim.record.body).map_err(|cause| Error::unreadable(what(), cause))?;
        body.as_object_mut().map(|members| members.insert(key.to_owned(), due.0.into()));
        let body = serde_json::from_value(body).map_err(|cause| Error::unreadable(what(), cause))?;
        self.complete(claim, &body).await
    }

    /// Deletes the document, whose work is done.
    pub async fn discard(&self, claim: &Claim<T>) -> Result<(), Error> {
        let discard = Self::claiming(DISCARD, claim).with(claim.record.version);
        match self.session.query_row(discard).await? {
            Some(_) => Ok(()),
            None => Err(self.lost(claim).await?),
        }
    }

    /// Keeps the document for so long from now; never shorter than before.
    pub async fn renew(&self, claim: &mut Claim<T>, now: Timestamp, lease: Duration) -> Result<(), Error> {
        let renew = Self::claiming(RENEW, claim).with(after(now, lease).0);
        let mut row = self.session.query_row(renew).await?.ok_or_else(|| Self::stale(claim))?;
        claim.until = Timestamp(row.number()?);
        Ok(())
    }

    /// Gives the document back as it is; it is due at once.
    pub async fn release(&self, claim: &Claim<T>) -> Result<(), Error> {
        let released = self.session.query_row(Self::claiming(RELEASE, claim)).await?;
        released.map(drop).ok_or_else(|| Self::stale(claim))
    }

    fn due_key(&self) -> Result<&'static str, Error> {
        key::due(T::KEYS).ok_or_else(|| Error::Invalid(format!("{} has no due time", T::COLLECTION)))
    }

    /// Why nothing was changed: somebody else has claimed the document, or has put it.
    async fn lost(&self, claim: &Claim<T>) -> Result<Error, Error> {
        let Record { tenant, id, .. } = &claim.record;
        match self.session.query_row(Self::claiming(IS_HELD, claim)).await? {
            Some(_) => self.conflict(tenant, id).await,
            None => Ok(Self::stale(claim)),
        }
    }

    fn claiming(sql: &'static str, claim: &Claim<T>) -> Statement {
        let Record { tenant, id, created_at, .. } = &claim.record;
        // A document that was deleted and made again is another one, though its fences are the same.
        Self::naming(Statement::write(sql), tenant, id).with(created_at.0).with(claim.fence)
    }

    fn stale(claim: &Claim<T>) -> Error {
        Error::stale(format!("{} '{}'", T::COLLECTION, claim.record.id), claim.fence)
    }
}

fn claimed<T: Document>(mut row: Row, until: Timestamp) -> Result<(i64, Claim<T>), Error> {
    let record = record(&mut row)?;
    let due = row.number()?;
    Ok((due, Claim { record, fence: row.count()?, until }))
}
