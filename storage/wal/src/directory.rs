//! The directory of a log: locked by one process, and holding the log's identity.
//! A name made in it is durable only after [`Directory::sync`].

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::WalError;

const ID_FILE: &str = "id";

#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    handle: File,
}

impl Directory {
    /// Makes the directory if need be and locks it until [`Directory::unlock`] or drop.
    pub(crate) fn open(path: &Path) -> Result<Self, WalError> {
        create_durably(path).map_err(WalError::at(path))?;
        let handle = File::open(path).map_err(WalError::at(path))?;
        match handle.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), handle }),
            Err(TryLockError::WouldBlock) => Err(WalError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(WalError::at(path)(source)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        self.handle.unlock()
    }

    /// The identity kept here; a new one if this log `is_new`.
    pub(crate) fn id(&self, is_new: bool) -> Result<Uuid, WalError> {
        let path = self.path.join(ID_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| WalError::IdentityLost { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_new => {
                self.make_id().map_err(WalError::at(&path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(WalError::IdentityLost { path }),
            Err(error) => Err(WalError::at(&path)(error)),
        }
    }

    /// Renames a synced file into place: a crash leaves the whole id or none.
    fn make_id(&self) -> io::Result<Uuid> {
        let id = Uuid::new_v4();
        let unfinished = self.path.join("id.unfinished");
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path.join(ID_FILE))?;
        self.sync()?;
        Ok(id)
    }
}

/// `create_dir_all`, with each new name synced in its parent.
fn create_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_durably(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(parent)?.sync_all(),
    }
}
