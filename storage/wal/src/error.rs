//! What can go wrong, by what the caller can do about it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why a frame was not appended. It is not in the log and will not come back.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// No room until the log is cut.
    #[error("log holds {bytes} bytes, the frame would take it over its limit of {limit}")]
    Full {
        /// Bytes of the segments and of the frames that wait.
        bytes: u64,
        /// The limit they would exceed.
        limit: u64,
    },
    /// This frame can never be appended.
    #[error("frame is {bytes} bytes, over the limit of {limit}")]
    FrameTooLarge {
        /// Bytes of the frame's payload.
        bytes: u64,
        /// The largest payload allowed.
        limit: u64,
    },
    /// The disk refused; the caller may try again.
    #[error("log could not be written")]
    Io(#[source] Arc<io::Error>),
    /// The log has been closed.
    #[error("log is closed")]
    Closed,
}

/// Why the log as a whole could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// A setting needs a value.
    #[error("{setting} is 0, at least 1 is needed")]
    ZeroSetting {
        /// Name of the setting.
        setting: &'static str,
    },
    /// Another process, or another handle of this one, has the log open.
    #[error("log in {} is open elsewhere", path.display())]
    Locked {
        /// The log's directory.
        path: PathBuf,
    },
    /// The file with the log's identity is missing or damaged; with a new identity its frames would count as new.
    #[error("{} does not hold the identity of the log", path.display())]
    IdentityLost {
        /// The file to restore.
        path: PathBuf,
    },
    /// A newer program wrote this log.
    #[error("{} has format version {version}, at most {known} is known", path.display())]
    UnknownVersion {
        /// The segment.
        path: PathBuf,
        /// The version it has.
        version: u32,
        /// The version this program writes.
        known: u32,
    },
    /// The file system refused.
    #[error("{} could not be used", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The log has been closed.
    #[error("log is closed")]
    Closed,
    /// A callback or an observer panicked, which ended the writer.
    #[error("writer thread panicked")]
    WriterPanicked,
}

impl WalError {
    /// For `map_err`: the error with the path it happened at.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
