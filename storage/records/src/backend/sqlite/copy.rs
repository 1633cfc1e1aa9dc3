//! A copy of the file while others write to it.

use std::path::Path;

use rusqlite::OpenFlags;

use super::place::{Place, make_private};
use crate::config::Config;
use crate::error::Error;

/// Copies a SQLite file as it is at one moment, also while other processes write to it, into one file that is whole by
/// itself and its owner's alone. Nobody waits for it.
///
/// # Errors
/// `to` may be there when it is empty, and is refused otherwise.
pub fn snapshot(from: &Path, to: &Path) -> Result<(), Error> {
    let place = Place::file(from);
    let name = to.to_str().ok_or_else(|| Error::Invalid(format!("{} is not UTF-8", to.display())))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = place.connect(flags, &Config::default().limits())?;
    make_private(to).map_err(|cause| Place::file(to).unusable(cause))?;
    // By SQLite, in one transaction: the newest rows are in the log beside the file, and whoever opens and closes the file
    // without SQLite lets go of what this process has locked in it.
    connection.execute("VACUUM INTO ?1", [name]).map_err(|cause| place.error(cause))?;
    Ok(())
}
