//! What can go wrong with a store.

use std::error::Error;

/// A store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The medium does not answer, is full or read-only. The same call may succeed later.
    #[error("{medium} is unavailable")]
    Unavailable {
        /// What was tried, with its address.
        medium: String,
        /// The cause.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// What is stored cannot be read; someone must look.
    #[error("{what} is damaged")]
    Damaged {
        /// The file or row.
        what: String,
        /// The cause.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The rows could not be brought into the store's form: a fault of this program.
    #[error("segment cannot be written as {form}")]
    Unwritable {
        /// The form, as in "parquet".
        form: &'static str,
        /// The cause.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Wraps the cause of an unavailable medium.
    pub fn unavailable(medium: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { medium: medium.into(), cause: cause.into() }
    }

    /// Wraps the cause of damage.
    pub fn damaged(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged { what: what.into(), cause: cause.into() }
    }

    /// Wraps the cause why rows cannot be written.
    pub fn unwritable(form: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unwritable { form, cause: cause.into() }
    }
}
