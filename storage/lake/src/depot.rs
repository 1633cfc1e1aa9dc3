//! Objects by path, durable when written.
//!
//! A local directory and an object store differ in what a write needs to survive a power cut; nobody else here knows.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use store::StoreError;
use uuid::Uuid;

/// Where the lake's objects are.
#[derive(Debug)]
pub(crate) struct Depot {
    objects: Arc<dyn ObjectStore>,
    /// Set for a local directory, whose writes go past the object store to be synced.
    directory: Option<PathBuf>,
    /// Names the depot to DataFusion; unique in the process.
    url: ObjectStoreUrl,
}

/// How a write of a new object went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    New,
    ExistedBefore,
}

impl Depot {
    pub(crate) fn on_disk(directory: &FilePath) -> Result<Self, StoreError> {
        let unavailable = |cause: io::Error| StoreError::unavailable(directory.display().to_string(), cause);
        fs::create_dir_all(directory).map_err(unavailable)?;
        let directory = directory.canonicalize().map_err(unavailable)?;
        let objects = LocalFileSystem::new_with_prefix(&directory)
            .map_err(|cause| StoreError::unavailable(directory.display().to_string(), cause))?;
        Ok(Self { objects: Arc::new(objects), directory: Some(directory), url: unique_url() })
    }

    pub(crate) fn on_objects(objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { objects: Arc::new(PrefixStore::new(objects, prefix)), directory: None, url: unique_url() }
    }

    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    pub(crate) fn url(&self) -> &ObjectStoreUrl {
        &self.url
    }

    /// Writes or replaces an object; durable when this returns.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        match &self.directory {
            Some(directory) => {
                let file = directory.join(path.as_ref());
                on_a_blocking_thread(path, move || write_file(&file, &bytes, |from, to| fs::rename(from, to))).await
            }
            None => {
                let put = self.objects.put(path, bytes.into()).await;
                put.map(drop).map_err(|cause| StoreError::unavailable(path.to_string(), cause))
            }
        }
    }

    /// Writes an object that must not exist yet; durable when this returns. Of two at once, one wins.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Result<Created, StoreError> {
        match &self.directory {
            Some(directory) => {
                let file = directory.join(path.as_ref());
                on_a_blocking_thread(path, move || {
                    match write_file(&file, &bytes, |from, to| fs::hard_link(from, to)) {
                        Ok(()) => Ok(Created::New),
                        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(Created::ExistedBefore),
                        Err(cause) => Err(cause),
                    }
                })
                .await
            }
            None => {
                let options = PutOptions::from(PutMode::Create);
                match self.objects.put_opts(path, bytes.into(), options).await {
                    Ok(_) => Ok(Created::New),
                    Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                        Ok(Created::ExistedBefore)
                    }
                    Err(cause) => Err(StoreError::unavailable(path.to_string(), cause)),
                }
            }
        }
    }

    /// The object, or `None` when there is none.
    pub(crate) async fn get(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let unavailable = |cause| StoreError::unavailable(path.to_string(), cause);
        match self.objects.get(path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(unavailable),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(unavailable(cause)),
        }
    }

    /// Parts of an object that is there.
    pub(crate) async fn get_parts(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let parts = self.objects.get_ranges(path, ranges).await;
        parts.map_err(|cause| StoreError::unavailable(path.to_string(), cause))
    }

    /// Objects under a folder, at any depth.
    pub(crate) async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        let listed: Result<Vec<_>, _> = self.objects.list(Some(folder)).try_collect().await;
        listed.map_err(|cause| StoreError::unavailable(folder.to_string(), cause))
    }

    /// Deletes an object, if it is there.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(StoreError::unavailable(path.to_string(), cause)),
        }
    }
}

fn unique_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse(format!("lake://{}", Uuid::new_v4().simple())).expect("a uuid is a host name")
}

async fn on_a_blocking_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|cause| StoreError::unavailable(path.to_string(), cause))?;
    done.map_err(|cause| StoreError::unavailable(path.to_string(), cause))
}

/// Writes beside the target, syncs, then gives it its name with `place`, and syncs the folders: a crash leaves the whole
/// file or none.
fn write_file(
    target: &FilePath,
    bytes: &[u8],
    place: impl FnOnce(&FilePath, &FilePath) -> io::Result<()>,
) -> io::Result<()> {
    let folder = target.parent().expect("an object lies in the depot's directory");
    make_folder(folder)?;
    // The object store's listing leaves out names with '#', as it uses them for its own half-written files.
    let beside = folder.join(format!("{}#{}", Uuid::new_v4().simple(), 0));
    let written = File::create_new(&beside)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| place(&beside, target));
    // After a rename there is nothing left to remove; after a link or a failure there is.
    let _ = fs::remove_file(&beside);
    written?;
    File::open(folder)?.sync_all()
}

/// Makes a folder with its parents, each durable in its own.
fn make_folder(folder: &FilePath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or(io::ErrorKind::NotFound)?;
    make_folder(parent)?;
    match fs::create_dir(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(cause),
        _ => File::open(parent)?.sync_all(),
    }
}
