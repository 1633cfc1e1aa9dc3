//! Why the hub refuses or fails: one variant for each reaction of the one who asked.

use std::time::Duration;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody, or nobody who may.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The one-time password is right, and wants another in its place.
    #[error("this password was made for the first sign-in: choose another")]
    PasswordChangeNeeded,
    /// It is not there, or belongs to another tenant, which is the same.
    #[error("there is no {what} '{name}'")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id or name.
        name: String,
    },
    /// It collides with what is there.
    #[error("{0}")]
    Conflict(String),
    /// It is wrong; the same again is wrong again.
    #[error("{0}")]
    Invalid(String),
    /// More than the licence, or a server without one, allows.
    #[error("{0}")]
    NotLicensed(String),
    /// Too often: again after a while.
    #[error("{what}; again in {} s", .retry_after.as_secs().max(1))]
    TooOften {
        /// What was too often.
        what: String,
        /// When it is worth to ask again.
        retry_after: Duration,
    },
    /// More at once than this server takes: again in a moment.
    #[error("{0}")]
    Busy(String),
    /// An identity provider does not do what it should.
    #[error("the identity provider {name}: {reason}")]
    Provider {
        /// Its name here.
        name: String,
        /// What it does or lacks.
        reason: String,
    },
    /// A stored secret does not open.
    #[error("a stored secret cannot be used")]
    Sealed(#[from] crate::sealing::OpenError),
    /// The records could not be read or written.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// Why a request has no caller, or one who may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No key or token, or one that is not good (any more).
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
}

impl Error {
    pub(crate) fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { what, name: name.into() }
    }

    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Refusal::Forbidden(reason.into()).into()
    }

    pub(crate) fn unauthenticated(reason: impl Into<String>) -> Self {
        Refusal::Unauthenticated(reason.into()).into()
    }
}
