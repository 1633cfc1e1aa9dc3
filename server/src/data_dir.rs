//! The data directory, held by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A directory that this process holds until it ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Is there while a restore is not complete.
pub(crate) const RESTORING: &str = "RESTORING";

impl DataDir {
    /// Makes the directory if need be, and takes it.
    pub(crate) fn hold(path: &Path) -> anyhow::Result<Self> {
        let data = Self::lock(path)?;
        if data.path.join(RESTORING).exists() {
            bail!(
                "a restore into the data directory {} did not come to its end: empty the directory and restore again",
                data.path.display()
            );
        }
        Ok(data)
    }

    /// From now until `is_restored` nobody else may take it, not even after a crash.
    pub(crate) fn is_being_restored(&self) -> anyhow::Result<()> {
        let marker = self.path.join(RESTORING);
        let made = File::create(&marker).and_then(|marker| marker.sync_all());
        made.with_context(|| format!("{} cannot be written", marker.display()))
    }

    /// Everything is in its place.
    pub(crate) fn is_restored(&self) -> anyhow::Result<()> {
        let marker = self.path.join(RESTORING);
        std::fs::remove_file(&marker).with_context(|| format!("{} cannot be removed", marker.display()))
    }

    fn lock(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let path =
            path.canonicalize().with_context(|| format!("the data directory {} cannot be read", path.display()))?;
        let lock_path = path.join("LOCK");
        let mut lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock_path);
        let lock =
            lock.as_mut().map_err(|cause| anyhow::anyhow!("{} cannot be written: {cause}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                bail!(
                    "the data directory {} is held by process {}: stop it, or choose another with --data-dir",
                    path.display(),
                    holder.trim()
                );
            }
            Err(TryLockError::Error(cause)) => {
                return Err(cause).context(format!("{} cannot be locked", lock_path.display()));
            }
        }
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())?;
        let _lock = lock.try_clone()?;
        Ok(Self { path, _lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
