//! The outbox: events that transactions publish, and that others read in one order.
//!
//! An event gets its sequence when it is first read, not when it is written: transactions end in another order than they begin, and a
//! reader that has passed a sequence must not find a lower one later.

use model::{Tenant, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::document::{decode, encode, name};
use crate::error::Error;
use crate::list::PAGE_MAX;
use crate::log::Sequence;
use crate::records::Records;
use crate::session::Session;
use crate::statement::{Row, Statement};

/// Something that happened, as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the order of all events.
    pub sequence: Sequence,
    /// Tells events apart that come twice.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: Tenant,
    /// What kind of thing happened, as in `hub.user.created`.
    pub topic: String,
    /// When it was published, by the clock of the process that did.
    pub at: Timestamp,
    /// JSON of what was published.
    pub body: String,
}

impl Event {
    /// What was published.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        decode(|| format!("event {} of {}", self.id, self.topic), &self.body)
    }
}

/// The events of all tenants, for the one who passes them on.
#[derive(Clone, Debug)]
pub struct Outbox {
    records: Records,
}

const PUBLISH: &str = "INSERT INTO outbox (id, tenant, topic, at, body) VALUES ($1, $2, $3, $4, $5)";
const HAS_NEW: &str = "SELECT serial FROM outbox WHERE sequence IS NULL ORDER BY serial LIMIT 1";
/// Gives out numbers; whoever comes at the same time waits for its row.
const LAST: &str = "INSERT INTO consumers (name, sequence) VALUES ('', 0) \
                    ON CONFLICT (name) DO UPDATE SET sequence = consumers.sequence RETURNING sequence";
const NUMBER: &str = "UPDATE outbox SET sequence = $1 + fresh.place FROM \
     (SELECT serial, row_number() OVER (ORDER BY serial) AS place FROM \
         (SELECT serial FROM outbox WHERE sequence IS NULL ORDER BY serial LIMIT $2) AS oldest) AS fresh \
     WHERE outbox.serial = fresh.serial RETURNING outbox.sequence";
const ADVANCE: &str = "UPDATE consumers SET sequence = sequence + $1 WHERE name = ''";
const READ: &str = "SELECT sequence, id, tenant, topic, at, body FROM outbox \
                    WHERE sequence > $1 ORDER BY sequence LIMIT $2";
const OFFSET: &str = "SELECT sequence FROM consumers WHERE name = $1";
const CONSUMERS: &str = "SELECT name, sequence FROM consumers WHERE name <> '' ORDER BY name";
const ACK: &str = "INSERT INTO consumers (name, sequence) VALUES ($1, $2) \
                   ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence \
                   WHERE consumers.sequence < excluded.sequence";
const FORGET: &str = "DELETE FROM consumers WHERE name = $1";
const TRIM: &str = "DELETE FROM outbox WHERE serial IN (SELECT serial FROM outbox \
     WHERE sequence <= (SELECT min(sequence) FROM consumers) ORDER BY sequence LIMIT $1) RETURNING serial";
const CUT: &str = "DELETE FROM outbox WHERE sequence <= $1 RETURNING serial";

impl Outbox {
    pub(crate) fn new(records: Records) -> Self {
        Self { records }
    }

    /// Events that the consumer has not acknowledged, in order; at most `limit` and never more than [`PAGE_MAX`].
    ///
    /// A consumer that is new begins with the oldest that is still there; from then on nothing is deleted before it has it.
    pub async fn read(&self, consumer: &str, limit: usize) -> Result<Vec<Event>, Error> {
        let after = match self.offset(consumer).await? {
            Some(after) => after,
            None => self.ack(consumer, Sequence(0)).await.map(|()| Sequence(0))?,
        };
        self.number().await?;
        self.after(after, limit).await
    }

    /// Events behind the sequence, of those that have one, in order; at most `limit` and never more than [`PAGE_MAX`].
    pub async fn after(&self, after: Sequence, limit: usize) -> Result<Vec<Event>, Error> {
        let read = Statement::read(READ).with(after.0).with(limit.min(PAGE_MAX) as u64);
        self.records.session.query(read).await?.into_iter().map(event).collect()
    }

    /// Gives sequences to events that have none, and says which is the last. Sequences have no gaps.
    pub async fn number(&self) -> Result<Sequence, Error> {
        while self.records.session.query_row(Statement::read(HAS_NEW)).await?.is_some() {
            self.number_oldest().await?;
        }
        let last = self.records.session.query_row(Statement::read(OFFSET).with("")).await?;
        last.map_or(Ok(Sequence(0)), |mut row| Ok(Sequence(row.count()?)))
    }

    /// What the consumer has acknowledged; `None` when it is not known.
    pub async fn offset(&self, consumer: &str) -> Result<Option<Sequence>, Error> {
        let offset = Statement::read(OFFSET).with(name("a consumer", consumer)?);
        let row = self.records.session.query_row(offset).await?;
        row.map(|mut row| Ok(Sequence(row.count()?))).transpose()
    }

    /// All consumers, and what each has acknowledged.
    pub async fn consumers(&self) -> Result<Vec<(String, Sequence)>, Error> {
        let rows = self.records.session.query(Statement::read(CONSUMERS)).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, Sequence(row.count()?)))).collect()
    }

    /// Says that the consumer has everything up to this one; it never goes back.
    pub async fn ack(&self, consumer: &str, through: Sequence) -> Result<(), Error> {
        let ack = Statement::write(ACK).with(name("a consumer", consumer)?).with(through.0);
        self.records.session.query(ack).await?;
        Ok(())
    }

    /// Forgets a consumer that will not come back.
    pub async fn forget(&self, consumer: &str) -> Result<(), Error> {
        self.records.session.query(Statement::write(FORGET).with(name("a consumer", consumer)?)).await?;
        Ok(())
    }

    /// Deletes events that every consumer has acknowledged, [`PAGE_MAX`] at most, and says how many they were.
    pub async fn trim(&self) -> Result<usize, Error> {
        Ok(self.records.session.query(Statement::write(TRIM).with(PAGE_MAX as u64)).await?.len())
    }

    /// Deletes the oldest events until so many are left, whoever has not read them; says how many they were.
    pub async fn cut(&self, kept_max: u64) -> Result<usize, Error> {
        let through = self.number().await?.0.saturating_sub(kept_max);
        Ok(self.records.session.query(Statement::write(CUT).with(through)).await?.len())
    }

    async fn number_oldest(&self) -> Result<(), Error> {
        self.records
            .transaction(|transaction| async move {
                let session = transaction.session();
                let last = session.query_row(Statement::write(LAST)).await?.map_or(Ok(0), |mut row| row.number())?;
                let numbered = session.query(Statement::write(NUMBER).with(last).with(PAGE_MAX as u64)).await?.len();
                session.query(Statement::write(ADVANCE).with(numbered as u64)).await?;
                Ok(())
            })
            .await
    }
}

pub(crate) async fn publish<T: Serialize>(
    session: &Session,
    tenant: &Tenant,
    topic: &str,
    body: &T,
) -> Result<Uuid, Error> {
    let id = Uuid::now_v7();
    let body = encode("an event", body, session.shared.limits.document_bytes_max)?;
    let publish = Statement::write(PUBLISH)
        .with(id.to_string())
        .with(tenant.as_str())
        .with(name("a topic", topic)?)
        .with(session.now().0)
        .with(body);
    session.query(publish).await?;
    Ok(id)
}

fn event(mut row: Row) -> Result<Event, Error> {
    let sequence = Sequence(row.count()?);
    let what = || format!("event {} of the outbox", sequence.0);
    let id = Uuid::parse_str(&row.text()?).map_err(|cause| Error::unreadable(what(), cause))?;
    let tenant = Tenant::new(&row.text()?).map_err(|cause| Error::unreadable(what(), cause))?;
    Ok(Event { sequence, id, tenant, topic: row.text()?, at: Timestamp(row.number()?), body: row.text()? })
}
