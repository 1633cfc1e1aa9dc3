//! A directory or a bucket: objects by path, streamed, durable when written.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::BackupError;

/// Where backups are kept, taken from, or restored to.
#[derive(Clone, Debug)]
pub struct Place {
    name: String,
    objects: Arc<dyn ObjectStore>,
    /// Set for a directory, whose files have to be synced.
    directory: Option<PathBuf>,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) bytes: u64,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

impl Place {
    /// A directory, made if need be.
    pub fn on_disk(directory: &FilePath) -> Result<Self, BackupError> {
        let name = directory.display().to_string();
        let unavailable = |cause: std::io::Error| BackupError::unavailable(&name, cause);
        fs::create_dir_all(directory).map_err(unavailable)?;
        let directory = directory.canonicalize().map_err(unavailable)?;
        let objects = LocalFileSystem::new_with_prefix(&directory)
            .map_err(|cause| BackupError::unavailable(&name, cause))?
            .with_automatic_cleanup(true);
        Ok(Self { name, objects: Arc::new(objects), directory: Some(directory) })
    }

    /// What lies under `prefix` of an object store; `name` is what people call it.
    pub fn on_objects(name: &str, objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { name: name.to_owned(), objects: Arc::new(PrefixStore::new(objects, prefix)), directory: None }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn name_of(&self, path: &Path) -> String {
        format!("{}/{path}", self.name)
    }

    /// The whole of a small object; `None` when there is none.
    pub(crate) async fn get(&self, path: &Path) -> Result<Option<Bytes>, BackupError> {
        let unavailable = |cause| BackupError::unavailable(self.name_of(path), cause);
        match self.objects.get(path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(unavailable),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(unavailable(cause)),
        }
    }

    /// An object as it comes; `None` when there is none.
    pub(crate) async fn read(
        &self,
        path: &Path,
    ) -> Result<Option<impl Stream<Item = Result<Bytes, BackupError>> + Unpin + use<>>, BackupError> {
        let name = self.name_of(path);
        match self.objects.get(path).await {
            Ok(found) => {
                let parts = found.into_stream();
                Ok(Some(parts.map_err(move |cause| BackupError::unavailable(name.clone(), cause))))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(BackupError::unavailable(name, cause)),
        }
    }

    /// Size of an object in bytes, if it is there.
    pub(crate) async fn size(&self, path: &Path) -> Result<Option<u64>, BackupError> {
        match self.objects.head(path).await {
            Ok(object) => Ok(Some(object.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(BackupError::unavailable(self.name_of(path), cause)),
        }
    }

    /// Writes an object from a stream; durable when this returns.
    pub(crate) async fn write(
        &self,
        path: &Path,
        mut parts: impl Stream<Item = Result<Bytes, BackupError>> + Unpin,
        mut each: impl FnMut(u64),
    ) -> Result<Copied, BackupError> {
        let unavailable = |cause: std::io::Error| BackupError::unavailable(self.name_of(path), cause);
        let mut writer = BufWriter::new(Arc::clone(&self.objects), path.clone());
        let mut hash = Hash::default();
        while let Some(part) = parts.next().await {
            let part = part?;
            hash.update(&part);
            each(part.len() as u64);
            writer.put(part).await.map_err(|cause| BackupError::unavailable(self.name_of(path), cause))?;
        }
        writer.shutdown().await.map_err(unavailable)?;
        self.sync(path).await?;
        Ok(hash.finish())
    }

    /// Writes a small object; durable when this returns.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<Copied, BackupError> {
        self.write(path, futures::stream::iter([Ok(bytes)]), |_| {}).await
    }

    /// Writes a small object unless it is there; says whether it was not.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Result<bool, BackupError> {
        match self.objects.put_opts(path, bytes.into(), PutOptions::from(PutMode::Create)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(cause) => Err(BackupError::unavailable(self.name_of(path), cause)),
        }
    }

    /// Reads an object to its end; `None` when there is none.
    pub(crate) async fn hash(&self, path: &Path, mut each: impl FnMut(u64)) -> Result<Option<Copied>, BackupError> {
        let Some(mut parts) = self.read(path).await? else { return Ok(None) };
        let mut hash = Hash::default();
        while let Some(part) = parts.next().await {
            let part = part?;
            hash.update(&part);
            each(part.len() as u64);
        }
        Ok(Some(hash.finish()))
    }

    pub(crate) async fn list(&self, folder: Option<&Path>) -> Result<Vec<ObjectMeta>, BackupError> {
        let listed: Result<Vec<_>, _> = self.objects.list(folder).try_collect().await;
        listed.map_err(|cause| BackupError::unavailable(&self.name, cause))
    }

    pub(crate) async fn is_empty(&self) -> Result<bool, BackupError> {
        let first = self.objects.list(None).try_next().await;
        Ok(first.map_err(|cause| BackupError::unavailable(&self.name, cause))?.is_none())
    }

    pub(crate) async fn delete(&self, path: &Path) -> Result<(), BackupError> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(BackupError::unavailable(self.name_of(path), cause)),
        }
    }

    /// Makes a folder that its owner alone may enter; who may read a bucket is not ours to say.
    pub(crate) fn make_private(&self, folder: &Path) -> Result<(), BackupError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory.join(folder.as_ref()));
        made.map_err(|cause| BackupError::unavailable(self.name_of(folder), cause))
    }

    /// An object store answers when an object is durable; a file system has to be told.
    async fn sync(&self, path: &Path) -> Result<(), BackupError> {
        let Some(directory) = self.directory.clone() else { return Ok(()) };
        let file = directory.join(path.as_ref());
        let synced = tokio::task::spawn_blocking(move || sync_up_to(&directory, &file)).await;
        let synced = synced.map_err(|cause| BackupError::unavailable(self.name_of(path), cause))?;
        synced.map_err(|cause| BackupError::unavailable(self.name_of(path), cause))
    }
}

/// Syncs a file and the folders that lead to it.
fn sync_up_to(directory: &FilePath, file: &FilePath) -> std::io::Result<()> {
    for path in file.ancestors().take_while(|path| path.starts_with(directory)) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Counts and hashes what goes by.
#[derive(Default)]
pub(crate) struct Hash {
    sha256: Sha256,
    bytes: u64,
}

impl Hash {
    pub(crate) fn update(&mut self, part: &[u8]) {
        self.sha256.update(part);
        self.bytes += part.len() as u64;
    }

    pub(crate) fn finish(self) -> Copied {
        let sha256 = self.sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Copied { bytes: self.bytes, sha256 }
    }
}
