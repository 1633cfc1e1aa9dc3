//! Objects by path, durable when written.
//!
//! A local directory and an object store differ in what a write needs to survive a power cut; nobody else here knows.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use model::Timestamp;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use parking_lot::Mutex;
use store::{Amount, StoreError};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// Parts of this size are sent to an object store while a large object is written, in bytes.
const UPLOAD_BYTES: usize = 8 << 20;
/// The object whose age is asked for to know the time.
const CLOCK: &str = "_upkeep/clock";

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

    /// Begins to write a new object of any size.
    pub(crate) fn upload(&self, path: &Path) -> Upload {
        let target = match &self.directory {
            Some(directory) => Target::File { target: directory.join(path.as_ref()), beside: None },
            None => Target::Object(BufWriter::with_capacity(Arc::clone(&self.objects), path.clone(), UPLOAD_BYTES)),
        };
        Upload { path: path.clone(), target, bytes: 0 }
    }

    /// The time by the medium's own clock, which is the same for all processes that share it.
    pub(crate) async fn now(&self) -> Result<Timestamp, StoreError> {
        let path = Path::from(CLOCK);
        self.put(&path, Bytes::from_static(b"its age is zero")).await?;
        let told = self.objects.head(&path).await;
        let told = told.map_err(|cause| StoreError::unavailable(path.to_string(), cause))?;
        Ok(Timestamp(told.last_modified.timestamp_nanos_opt().unwrap_or(0)))
    }

    /// Removes what writes that were cut off in the middle have left beside their targets; says how much it was.
    pub(crate) async fn remove_leftovers(&self, older_than: Duration) -> Result<Amount, StoreError> {
        let Some(directory) = self.directory.clone() else { return Ok(Amount::default()) };
        on_a_blocking_thread(&Path::from("the lake's directory"), move || remove_leftovers(&directory, older_than))
            .await
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

/// An object on its way. What is not finished leaves nothing that anybody sees.
pub(crate) struct Upload {
    path: Path,
    target: Target,
    pub(crate) bytes: u64,
}

enum Target {
    File { target: PathBuf, beside: Option<(PathBuf, Arc<Mutex<File>>)> },
    Object(BufWriter),
}

impl Upload {
    /// Adds bytes at the end.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.bytes += bytes.len() as u64;
        match &mut self.target {
            Target::File { target, beside } => {
                let (target, begun) = (target.clone(), beside.clone());
                let written = on_a_blocking_thread(&self.path, move || {
                    let (name, file) = begun.map_or_else(|| begin_beside(&target), Ok)?;
                    file.lock().write_all(&bytes)?;
                    Ok((name, file))
                });
                *beside = Some(written.await?);
                Ok(())
            }
            Target::Object(writer) => {
                let put = writer.put(bytes).await;
                put.map_err(|cause| StoreError::unavailable(self.path.to_string(), cause))
            }
        }
    }

    /// Gives the object its name; durable when this returns.
    pub(crate) async fn finish(self) -> Result<(), StoreError> {
        match self.target {
            Target::File { target, beside } => {
                let (name, file) = beside.expect("an object has bytes");
                on_a_blocking_thread(&self.path, move || {
                    file.lock().sync_all()?;
                    fs::rename(name, &target)?;
                    File::open(folder_of(&target))?.sync_all()
                })
                .await
            }
            Target::Object(mut writer) => {
                let shut = writer.shutdown().await;
                shut.map_err(|cause| StoreError::unavailable(self.path.to_string(), cause))
            }
        }
    }

    /// Takes back what was written so far. What cannot be taken back now is swept later.
    pub(crate) async fn abandon(self) {
        match self.target {
            Target::File { beside: Some((name, _)), .. } => drop(tokio::fs::remove_file(name).await),
            Target::File { beside: None, .. } => {}
            Target::Object(mut writer) => drop(writer.abort().await),
        }
    }
}

fn begin_beside(target: &FilePath) -> io::Result<(PathBuf, Arc<Mutex<File>>)> {
    make_folder(folder_of(target))?;
    let beside = beside(target);
    let file = File::create_new(&beside)?;
    Ok((beside, Arc::new(Mutex::new(file))))
}

/// A name in the target's folder for what is not whole yet.
fn beside(target: &FilePath) -> PathBuf {
    // The object store's listing leaves out names with '#', as it uses them for its own half-written files.
    folder_of(target).join(format!("{}#{}", Uuid::new_v4().simple(), 0))
}

fn folder_of(target: &FilePath) -> &FilePath {
    target.parent().expect("an object lies in the depot's directory")
}

fn remove_leftovers(folder: &FilePath, older_than: Duration) -> io::Result<Amount> {
    let mut removed = Amount::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        if kind.is_dir() {
            let below = remove_leftovers(&entry.path(), older_than)?;
            removed.parts += below.parts;
            removed.bytes += below.bytes;
        } else if entry.file_name().to_string_lossy().contains('#')
            && kind.modified()?.elapsed().is_ok_and(|age| age > older_than)
        {
            fs::remove_file(entry.path())?;
            removed.parts += 1;
            removed.bytes += kind.len();
        }
    }
    Ok(removed)
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
    let folder = folder_of(target);
    make_folder(folder)?;
    let beside = beside(target);
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
