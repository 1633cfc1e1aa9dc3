//! What can go wrong with the data plane.

use std::time::Duration;

use store::StoreError;
use wal::WalError;

/// A request was not taken. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Memory is full until the store has caught up.
    #[error("{used} bytes are in memory and {wanted} more were asked for, over the limit of {limit}")]
    Overloaded {
        /// Bytes held.
        used: usize,
        /// Bytes of this request.
        wanted: usize,
        /// `plane.memory_bytes_max`.
        limit: usize,
        /// When there should be room, from the measured rate of the store.
        retry_after: Duration,
    },
    /// The request alone is larger than memory allows; sending it again cannot help.
    #[error("the request needs {wanted} bytes of memory, over the limit of {limit}; send smaller batches")]
    TooLarge {
        /// Bytes of this request.
        wanted: usize,
        /// `plane.memory_bytes_max`.
        limit: usize,
    },
    /// The log does not take it now: full, or its disk is.
    #[error("the write-ahead log does not take the request")]
    Log {
        /// The cause.
        #[source]
        cause: wal::AppendError,
        /// When to try again.
        retry_after: Duration,
    },
    /// The plane is closing; another process may take over.
    #[error("the data plane is closed")]
    Closed,
}

/// The plane could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log cannot be read or written.
    #[error("the write-ahead log cannot be opened")]
    Log(#[from] WalError),
    /// The store does not keep or show what it should.
    #[error("the store does not take replayed rows")]
    Store(#[from] StoreError),
}

/// The plane closed, but not all rows reached the store; they are in the log.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The log's last frames may not be on disk.
    #[error("the write-ahead log did not close")]
    Log(#[from] WalError),
    /// Rows stay in the log and come back at the next start.
    #[error("the store did not take the last rows, the log keeps them")]
    Store(#[from] StoreError),
}
