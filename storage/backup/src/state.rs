//! Files of a server that are neither its lake nor its log, and hold secrets: they are their owner's alone, also in a
//! directory of backups.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::io::AsyncWriteExt;

use crate::BackupError;
use crate::place::{Copied, Hash};

/// A file that does not change while it is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFile {
    /// What backups call it.
    pub name: &'static str,
    /// Where it is, or belongs.
    pub path: PathBuf,
}

impl StateFile {
    pub(crate) fn open(&self) -> Result<File, BackupError> {
        File::open(&self.path).map_err(|cause| self.unavailable(cause))
    }

    /// Fails when it is there, or a file whose name begins with its name: a database would take that for a part of itself.
    pub(crate) fn require_absent(&self) -> Result<(), BackupError> {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Ok(()) };
        let entries = match fs::read_dir(folder) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|cause| self.unavailable(cause))?,
        };
        for entry in entries {
            let entry = entry.map_err(|cause| self.unavailable(cause))?;
            if entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes()) {
                return Err(BackupError::NotEmpty { place: entry.path().display().to_string() });
            }
        }
        Ok(())
    }

    /// Makes the file; durable when this returns.
    pub(crate) async fn write(
        &self,
        mut parts: impl Stream<Item = Result<Bytes, BackupError>> + Unpin,
        mut each: impl FnMut(u64),
    ) -> Result<Copied, BackupError> {
        let mut options = tokio::fs::OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(&self.path).await;
        let mut file = made.map_err(|cause| self.unavailable(cause))?;
        let mut hash = Hash::default();
        while let Some(part) = parts.next().await {
            let part = part?;
            hash.update(&part);
            each(part.len() as u64);
            file.write_all(&part).await.map_err(|cause| self.unavailable(cause))?;
        }
        self.sync(file).await.map_err(|cause| self.unavailable(cause))?;
        Ok(hash.finish())
    }

    async fn sync(&self, mut file: tokio::fs::File) -> io::Result<()> {
        file.flush().await?;
        file.sync_all().await?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        tokio::fs::File::open(folder).await?.sync_all().await
    }

    fn unavailable(&self, cause: io::Error) -> BackupError {
        BackupError::unavailable(self.path.display().to_string(), cause)
    }
}
