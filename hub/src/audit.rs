//! The audit trail: who did what, when, from where, as part of which trace; one log for each tenant, in SQL `hub.audit`.
//!
//! Each entry holds the hash of the one before it, and the newest hash is kept beside the log: an entry that was changed, moved
//! or removed is found by [`verify`]. Whoever can write to the database could write a whole new chain; a [`Root`] that was
//! exported before tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::{Tenant, Timestamp};
use records::{Document, Entry, Error as RecordsError, Expected, PAGE_MAX, RecordId, Records, Sequence, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::access::{Asking, Origin, Who};
use crate::clock::Clock;
use crate::error::Error;

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// When, by the clock of the server that did it.
    pub time: Timestamp,
    /// Who: `person/<id>`, `key/<id>`, `server`.
    pub who: String,
    /// The e-mail or name they had.
    pub who_name: String,
    /// What, as in `person.invited`.
    pub action: String,
    /// To what, as in `person/<id>`.
    pub subject: String,
    /// Further facts, as a JSON object.
    pub details: String,
    /// From which address.
    pub address: Option<String>,
    /// With which program, as it calls itself.
    pub agent: Option<String>,
    /// As part of which trace, in hex.
    pub trace_id: Option<String>,
    /// Hash of the entry before; of nothing for the first.
    pub previous: Hash,
    /// Hash of this entry with its place and tenant.
    pub hash: Hash,
}

impl Entry for AuditEntry {
    const LOG: &'static str = "hub.audit";
    const TIMES: &'static [&'static str] = &["time"];

    fn example() -> Option<Self> {
        Some(Self {
            time: Timestamp(1),
            who: "person/1".to_owned(),
            who_name: "ada@example.org".to_owned(),
            action: "person.invited".to_owned(),
            subject: "person/2".to_owned(),
            details: "{}".to_owned(),
            address: Some("192.0.2.1".to_owned()),
            agent: Some("Firefox".to_owned()),
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
            previous: Hash::NOTHING,
            hash: Hash::NOTHING,
        })
    }
}

/// SHA-256, in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first entry has for the hash of the one before.
    const NOTHING: Self = Self([0; 32]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a hash in hex");
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let digits: Vec<u8> = text.chars().filter_map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        bytes.try_into().ok().filter(|_| is_hex).map(Self).ok_or_else(wrong)
    }
}

/// Who does something, and from where.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub(crate) who: Who,
    pub(crate) origin: Origin,
}

impl By {
    /// The program itself: at its first start, by its configuration, on its own command line.
    pub(crate) fn server() -> Self {
        Self { who: Who::Server, origin: Origin::default() }
    }
}

/// What is done, as far as it concerns the trail.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// As in `person.invited`.
    pub action: &'a str,
    /// To what kind of thing, and its id.
    pub subject: (&'a str, &'a str),
    /// Further facts: an object without secrets.
    pub details: Value,
}

/// Writes into the audit trails, for products that do something of their own.
#[derive(Clone)]
pub struct Trail(Clock);

impl Trail {
    /// Entries have the times of this clock.
    pub fn new(clock: Clock) -> Self {
        Self(clock)
    }

    /// Says in the trail of the caller's tenant what is done in this transaction.
    ///
    /// Transactions of one tenant that are audited wait for one another.
    pub async fn by(&self, transaction: &Transaction, asking: &Asking, deed: Deed<'_>) -> Result<(), RecordsError> {
        append(transaction, asking.tenant(), asking.by(), deed, (self.0)()).await
    }

    /// The same for what nobody asked for: the server does it by itself.
    pub async fn by_server(
        &self,
        transaction: &Transaction,
        tenant: &Tenant,
        deed: Deed<'_>,
    ) -> Result<(), RecordsError> {
        append(transaction, tenant, &By::server(), deed, (self.0)()).await
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trail")
    }
}

/// The place and hash of the newest entry; its id is always the same. No table shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    sequence: Sequence,
    hash: Hash,
}

impl Document for Head {
    const COLLECTION: &'static str = "hub.audit_head";
}

fn head_id() -> RecordId {
    RecordId::new("head").expect("a valid id")
}

/// Appends to the trail, within the transaction that does it.
pub(crate) async fn append(
    transaction: &Transaction,
    tenant: &Tenant,
    by: &By,
    deed: Deed<'_>,
    now: Timestamp,
) -> Result<(), RecordsError> {
    let log = transaction.log::<AuditEntry>();
    let last = log.last(tenant).await?;
    let previous = last.as_ref().map_or(Hash::NOTHING, |last| last.body.hash);
    let expected = Sequence(last.map_or(0, |last| last.sequence.0) + 1);
    let mut entry = AuditEntry {
        time: now,
        who: by.who.to_string(),
        who_name: by.who.name().to_owned(),
        action: deed.action.to_owned(),
        subject: format!("{}/{}", deed.subject.0, deed.subject.1),
        details: deed.details.to_string(),
        address: by.origin.address.map(|address| address.to_string()),
        agent: by.origin.agent.clone(),
        trace_id: by.origin.trace_id.clone(),
        previous,
        hash: Hash::NOTHING,
    };
    entry.hash = entry.hashed(tenant, expected);
    let sequence = log.append(tenant, &entry).await?;
    let head = Head { sequence, hash: entry.hash };
    transaction.collection::<Head>().put(tenant, &head_id(), &head, Expected::Any).await?;
    Ok(())
}

impl AuditEntry {
    /// The hash this entry must have at this place.
    fn hashed(&self, tenant: &Tenant, sequence: Sequence) -> Hash {
        #[derive(Serialize)]
        struct Hashed<'a> {
            tenant: &'a Tenant,
            sequence: Sequence,
            entry: &'a AuditEntry,
        }
        let entry = &Self { hash: Hash::NOTHING, ..self.clone() };
        // A struct of texts is the same JSON every time.
        Hash::of(&serde_json::to_vec(&Hashed { tenant, sequence, entry }).expect("texts and numbers are JSON"))
    }
}

/// What the trail of a tenant was at some time; exported to where nobody can change it, it holds the trail to its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Whose trail.
    pub tenant: Tenant,
    /// Its newest entry.
    pub sequence: Sequence,
    /// The hash of that.
    pub hash: Hash,
}

/// What is wrong with a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry says something else than when it was written, or cannot be read.
    #[error("entry {0} was changed")]
    Changed(u64),
    /// One or more entries are missing before this one.
    #[error("an entry before {0} was removed")]
    Removed(u64),
    /// The end is missing.
    #[error("entries up to {expected} were written, and those after {found} are missing")]
    Shortened {
        /// The newest that is there.
        found: u64,
        /// The newest that was written.
        expected: u64,
    },
    /// The chain is sound, and not the one whose root is known.
    #[error("entry {0} is another than the one that was written there")]
    Rewritten(u64),
}

/// Reads the whole trail of a tenant: its length if nothing was changed or removed, else the first thing that was.
pub(crate) async fn verify(
    records: &Records,
    tenant: &Tenant,
    exported: &[Root],
) -> Result<Result<u64, Broken>, Error> {
    // Read before the entries: those that are appended meanwhile are more than it knows, never fewer.
    let head = records.collection::<Head>().get(tenant, &head_id()).await?.map(|head| head.body);
    let exported = exported.iter().filter(|root| root.tenant == *tenant);
    let known = exported.map(|root| (root.sequence, root.hash)).chain(head.map(|head| (head.sequence, head.hash)));
    let mut roots: BTreeMap<Sequence, BTreeSet<Hash>> = BTreeMap::new();
    for (sequence, hash) in known {
        roots.entry(sequence).or_default().insert(hash);
    }
    let mut walk = Walk { tenant, roots, last: Sequence(0), previous: Hash::NOTHING };
    let log = records.log::<AuditEntry>();
    let mut limit = PAGE_MAX;
    loop {
        let page = match log.read(tenant, walk.last, limit).await {
            // One by one, to find out which it is.
            Err(RecordsError::Unreadable { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(RecordsError::Unreadable { .. }) => return Ok(Err(Broken::Changed(walk.last.0 + 1))),
            page => page?,
        };
        if page.is_empty() {
            return Ok(walk.end());
        }
        if let Some(broken) = page.into_iter().find_map(|entry| walk.step(entry.sequence, &entry.body).err()) {
            return Ok(Err(broken));
        }
    }
}

/// How far the chain has been followed.
struct Walk<'a> {
    tenant: &'a Tenant,
    /// Of some entries it is known what they must hash to; two hashes of one entry cannot both be right.
    roots: BTreeMap<Sequence, BTreeSet<Hash>>,
    last: Sequence,
    previous: Hash,
}

impl Walk<'_> {
    fn step(&mut self, sequence: Sequence, entry: &AuditEntry) -> Result<(), Broken> {
        if sequence.0 != self.last.0 + 1 {
            return Err(Broken::Removed(sequence.0));
        }
        if entry.hash != entry.hashed(self.tenant, sequence) || entry.previous != self.previous {
            return Err(Broken::Changed(sequence.0));
        }
        if self.roots.get(&sequence).is_some_and(|known| known.iter().any(|known| *known != entry.hash)) {
            return Err(Broken::Rewritten(sequence.0));
        }
        (self.last, self.previous) = (sequence, entry.hash);
        Ok(())
    }

    fn end(&self) -> Result<u64, Broken> {
        let expected = self.roots.keys().next_back().copied().unwrap_or_default();
        match expected > self.last {
            true => Err(Broken::Shortened { found: self.last.0, expected: expected.0 }),
            false => Ok(self.last.0),
        }
    }
}

/// The root of a tenant's trail now; `None` while nothing has happened.
pub(crate) async fn root(records: &Records, tenant: &Tenant) -> Result<Option<Root>, Error> {
    let last = records.log::<AuditEntry>().last(tenant).await?;
    Ok(last.map(|last| Root { tenant: tenant.clone(), sequence: last.sequence, hash: last.body.hash }))
}
