//! What can be stored: documents by id, entries by sequence.

use std::fmt;

use model::{Tenant, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::key::{self, Key};

/// A type whose values are stored as documents, each with an id of its own within a tenant.
///
/// A change of the type reads what was stored before as serde reads it: new members want `#[serde(default)]`.
pub trait Document: Serialize + DeserializeOwned + Sized + Send + Sync + 'static {
    /// Product and collection, as in `hub.users`: 1 to 64 of `a-z 0-9 _ .`. It is also the name of the table in SQL.
    const COLLECTION: &'static str;
    /// Members of the document by which it is found, listed and ordered; at most 4 unique ones, 8 others and one due time.
    ///
    /// Old documents get new keys by themselves. Versions of a program that disagree about keys must not run side by side.
    const KEYS: &'static [Key] = &[];
    /// Members that are nanoseconds since 1970; in SQL they are times.
    const TIMES: &'static [&'static str] = &[];
    /// Members that SQL does not show: secrets and their hashes.
    const HIDDEN: &'static [&'static str] = &[];

    /// A document with every member filled in, from which the columns in SQL are told. Without one they are told from the type, which
    /// serde cannot do for types that check what they read, for maps, and for JSON of any form.
    fn example() -> Option<Self> {
        None
    }
}

/// A type whose values are appended to a log.
pub trait Entry: Serialize + DeserializeOwned + Sized + Send + Sync + 'static {
    /// Product and log, as in `hub.audit`: 1 to 64 of `a-z 0-9 _ .`. It is also the name of the table in SQL.
    const LOG: &'static str;
    /// As [`Document::TIMES`].
    const TIMES: &'static [&'static str] = &[];
    /// As [`Document::HIDDEN`].
    const HIDDEN: &'static [&'static str] = &[];

    /// As [`Document::example`].
    fn example() -> Option<Self> {
        None
    }
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<T> {
    /// Its name within tenant and collection.
    pub id: RecordId,
    /// Counts up from 1 with every change. A document that is deleted and made again begins at 1 again.
    pub version: u64,
    /// Whose it is.
    pub tenant: Tenant,
    /// When it was first put, by the clock of the process that did.
    pub created_at: Timestamp,
    /// When it was last put.
    pub updated_at: Timestamp,
    /// What was put.
    pub body: T,
}

/// Longest id of a document, name of a lease, its holder or a consumer, and topic of an event, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// Name of a document within its tenant and collection: 1 to [`NAME_BYTES_MAX`] bytes without control characters.
///
/// A slash is fine: ids are values in a table, never paths. A newline is not: ids stand in log lines and in addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

impl RecordId {
    /// Checks the id.
    pub fn new(id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        name("an id", &id)?;
        Ok(Self(id))
    }

    /// An id that nobody has; later ones sort behind earlier ones.
    pub fn unique() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RecordId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self, Error> {
        Self::new(id)
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.0
    }
}

/// The text, if it can be a name.
pub(crate) fn name<'a>(what: &str, text: &'a str) -> Result<&'a str, Error> {
    if text.len() > NAME_BYTES_MAX {
        return Err(Error::TooLarge { what: format!("{what} in bytes"), size: text.len(), limit: NAME_BYTES_MAX });
    }
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("{text:?} is not {what}: it needs characters, but no control characters")));
    }
    Ok(text)
}

/// Looked at while compiling: a collection that cannot be stored does not build.
pub(crate) const fn check_document<T: Document>() {
    check_name(T::COLLECTION);
    key::check(T::KEYS);
}

pub(crate) const fn check_name(name: &str) {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 64, "the name of a collection or log has 1 to 64 bytes");
    let mut place = 0;
    while place < bytes.len() {
        let allowed = matches!(bytes[place], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        assert!(allowed, "the name of a collection or log has only a-z, 0-9, '_' and '.'");
        place += 1;
    }
}

/// The JSON of a body, within the limit of bytes.
pub(crate) fn encode<T: Serialize>(what: &str, body: &T, bytes_max: usize) -> Result<String, Error> {
    let json =
        serde_json::to_string(body).map_err(|cause| Error::Invalid(format!("{what} cannot be JSON: {cause}")))?;
    if json.len() > bytes_max {
        return Err(Error::TooLarge { what: format!("{what} in bytes of JSON"), size: json.len(), limit: bytes_max });
    }
    Ok(json)
}

pub(crate) fn decode<T: DeserializeOwned>(what: impl FnOnce() -> String, json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|cause| Error::unreadable(what(), cause))
}
