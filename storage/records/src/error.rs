//! Why records could not be read or written.

use std::error::Error as StdError;
use std::sync::Arc;

/// What the caller can react to, one variant for each reaction.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Somebody was faster: read again, then decide again.
    #[error("{collection} '{id}' {}", described(*.found))]
    Conflict {
        /// Whose document it is.
        collection: &'static str,
        /// The document.
        id: String,
        /// Its version now; `None` when it is not there.
        found: Option<u64>,
    },
    /// Another document of the tenant has the value of a unique key. The transaction it happens in cannot go on.
    #[error("another of {collection} has this {key}")]
    Taken {
        /// Where the value is unique.
        collection: &'static str,
        /// The key.
        key: &'static str,
    },
    /// Somebody else holds it now; whatever was done for it must not be written.
    #[error("{what} is held by somebody else since: fence {fence} is stale")]
    Stale {
        /// A claimed document or a lease.
        what: String,
        /// The fence that was shown.
        fence: u64,
    },
    /// Over a limit.
    #[error("{what} is {size}, over the limit of {limit}")]
    TooLarge {
        /// What has the size, with its unit.
        what: String,
        /// What it is.
        size: usize,
        /// What it may be.
        limit: usize,
    },
    /// Cannot be stored or looked for; trying again does not help.
    #[error("{0}")]
    Invalid(String),
    /// Other transactions came between every time; the same again later may work.
    #[error("other transactions came between, {attempts} times")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// More is asked than can be done at once, or it took too long; the same again later may work.
    #[error("{0}")]
    Busy(String),
    /// The database does not answer; the same again works when it does.
    #[error("{medium} is not available")]
    Unavailable {
        /// The file or the server, without its password.
        medium: String,
        /// What was seen of it.
        #[source]
        cause: Cause,
    },
    /// Somebody has to change something first; the text says what.
    #[error("{medium}: {advice}")]
    Refused {
        /// The file or the server, without its password.
        medium: String,
        /// What to change.
        advice: String,
        /// What the database said.
        #[source]
        cause: Option<Cause>,
    },
    /// What is stored is not what this version of the program would store.
    #[error("{what} cannot be read")]
    Unreadable {
        /// The document or entry.
        what: String,
        /// How it differs.
        #[source]
        cause: Cause,
    },
}

/// What a database or a decoder said.
pub type Cause = Arc<dyn StdError + Send + Sync>;

impl Error {
    pub(crate) fn unreadable(what: impl Into<String>, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::Unreadable { what: what.into(), cause: Arc::new(cause) }
    }

    pub(crate) fn stale(what: impl Into<String>, fence: u64) -> Self {
        Self::Stale { what: what.into(), fence }
    }
}

fn described(found: Option<u64>) -> String {
    found.map_or("is not there".to_owned(), |version| format!("is there, with version {version}"))
}
