//! Why a backup, a restore or a verification did not succeed.

use std::error::Error;

/// What went wrong, by what has to be done about it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A place does not answer, is full, or may not be written. Trying again may help.
    #[error("{what} cannot be read or written")]
    Unavailable {
        /// The object or folder.
        what: String,
        /// The cause.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// Something else lies where backups should go: another place has to be named.
    #[error("{place} holds other things and no backups: name an empty place or one with backups of this program")]
    Foreign {
        /// The place.
        place: String,
    },
    /// Written by a newer version of this program.
    #[error("{what} has format {found}, this version knows {known}: use a newer version of the program")]
    Newer {
        /// The object.
        what: String,
        /// Its format.
        found: u32,
        /// The newest format that is known.
        known: u32,
    },
    /// No such backup.
    #[error("{place} has no backup {wanted}; it has {}", list(.known))]
    Unknown {
        /// The place.
        place: String,
        /// What was asked for.
        wanted: String,
        /// Backups that are there.
        known: Vec<String>,
    },
    /// A restore would mix with what is there.
    #[error("{place} is not empty: a restore goes to an empty place only")]
    NotEmpty {
        /// The place.
        place: String,
    },
    /// Another backup writes there.
    #[error("another backup has been writing to {place} since {since}; if it no longer runs, delete {lock}")]
    Locked {
        /// The place.
        place: String,
        /// When it began.
        since: String,
        /// The object that says so.
        lock: String,
    },
    /// Objects of a backup are missing or have other contents.
    #[error("{} of {checked} objects are missing or damaged: {}", .damaged.len(), list(.damaged))]
    Damaged {
        /// Objects looked at.
        checked: usize,
        /// What is wrong, by name.
        damaged: Vec<String>,
    },
    /// Somebody asked to stop.
    #[error("stopped before the backup was complete; what was copied is used by the next one")]
    Stopped,
    /// The log or the lake went on faster than they could be copied.
    #[error("{what} changed {tries} times while it was copied: try again when the server has less to do")]
    TooFast {
        /// What was copied.
        what: &'static str,
        /// How often it was tried.
        tries: usize,
    },
}

impl BackupError {
    pub(crate) fn unavailable(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { what: what.into(), cause: cause.into() }
    }
}

/// At most ten of them.
fn list(names: &[String]) -> String {
    const SHOWN_MAX: usize = 10;
    let shown = names.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        all if all > SHOWN_MAX => format!("{shown} and {} more", all - SHOWN_MAX),
        _ => shown,
    }
}
