//! Why an event was not published or passed on.

use super::event::EVENT_BYTES_MAX;
use crate::redis::Unavailable;

/// What the caller can react to.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// A type or a consumer has a name that is not one.
    #[error("'{name}' is no {what}: use 1 to {bytes_max} of a-z, 0-9, '.', '_' and '-'")]
    InvalidName {
        /// What it should name.
        what: &'static str,
        /// As it was given.
        name: String,
        /// The longest that is taken.
        bytes_max: usize,
    },
    /// What was to be published cannot be JSON.
    #[error("the data of an event cannot be JSON")]
    NotJson(#[source] serde_json::Error),
    /// What was to be published is too large.
    #[error(
        "an event '{kind}' has {bytes} bytes, over the limit of {EVENT_BYTES_MAX}: put the data into records, and its id into the event"
    )]
    TooLarge {
        /// Its type.
        kind: String,
        /// Its size as JSON.
        bytes: usize,
    },
    /// The records do not take or give it.
    #[error(transparent)]
    Records(#[from] records::Error),
    /// Redis does not take or give it; what is published waits in the outbox.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
