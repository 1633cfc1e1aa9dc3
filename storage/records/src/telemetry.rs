//! What the records say of themselves. What the caller is told in an error is the caller's to log.

use crate::error::Error;

pub(crate) fn waiting(error: &Error) {
    let cause: &dyn std::error::Error = error;
    tracing::warn!(cause, "the database of the records does not answer, trying again");
}

pub(crate) fn tried_again(attempt: u32) {
    tracing::debug!(attempt, "another transaction came between, trying again");
}

pub(crate) fn laid_out(collection: &str, documents: usize) {
    tracing::info!(collection, documents, "documents were given the keys of this version");
}

pub(crate) fn claimed_unreadable(error: &Error) {
    let cause: &dyn std::error::Error = error;
    tracing::error!(cause, "due work cannot be read and is not done");
}
