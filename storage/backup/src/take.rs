//! Takes a backup of a server, running or not.
//!
//! Rows are in the log, in the lake, or in both. Files of the log are opened first, then the lake's list of files is read, then the
//! log's new files are opened: a row that left the log in between is in the list, and one that is in both is told by its
//! position, as after a crash.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{StreamExt, TryStreamExt, iter};
use lake::{Contents, Lake};
use object_store::path::Path;
use tokio::io::AsyncReadExt;

use crate::log::LogFiles;
use crate::progress::Steps;
use crate::record::{FORMAT, Object, Part};
use crate::repository::{PARALLEL, new_id};
use crate::{BackupError, BackupId, Keep, Place, Record, Repository, StateFile, Watch};

/// Times that the log or the lake may have gone on too fast.
const TRIES: usize = 5;
/// Bytes of a file of the log that are read at a time.
const PART_BYTES: usize = 1 << 20;

/// Opens the lake as it is now.
pub type OpenLake = dyn Fn() -> BoxFuture<'static, Result<Lake, store::StoreError>> + Send + Sync;

/// What is backed up.
pub struct Source {
    /// The lake's objects.
    pub place: Place,
    /// The lake itself.
    pub open: Box<OpenLake>,
    /// Directory of the log.
    pub wal: PathBuf,
    /// What else there is.
    pub state: Vec<StateFile>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut source = f.debug_struct("Source");
        source.field("place", &self.place).field("wal", &self.wal).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Takes a backup, reads it again, and lets go of the ones that `keep` does not want; gives up when `stop` comes first.
///
/// # Errors
/// No backup was added; what was copied is used by the next one.
pub async fn take(
    source: &Source,
    repository: &Repository,
    keep: Keep,
    watch: &Watch,
    stop: impl Future<Output = ()>,
) -> Result<(Record, Vec<BackupId>), BackupError> {
    let id = new_id();
    repository.lock(id).await?;
    let taken = tokio::select! {
        taken = under_lock(id, source, repository, keep, watch) => taken,
        () = stop => Err(BackupError::Stopped),
    };
    repository.unlock().await;
    taken
}

async fn under_lock(
    id: BackupId,
    source: &Source,
    repository: &Repository,
    keep: Keep,
    watch: &Watch,
) -> Result<(Record, Vec<BackupId>), BackupError> {
    let known = known_files(repository).await?;
    let mut tries = 0;
    let objects = loop {
        let moment = Moment::of(source).await?;
        match copy(id, moment, &known, source, repository, watch).await? {
            Some(objects) => break objects,
            // Upkeep has deleted a file since it was listed: the next list has what it became.
            None if tries < TRIES => tries += 1,
            None => return Err(BackupError::TooFast { what: "the lake", tries }),
        }
    };
    let record = Record { format: FORMAT, id, version: env!("CARGO_PKG_VERSION").to_owned(), objects };
    let new = |object: &&Object| object.part != Part::Files || !known.contains_key(&object.path);
    crate::verify::check(repository, &record, new, watch).await?;
    repository.write_record(&record).await?;
    let expired = repository.prune(keep).await?;
    Ok((record, expired))
}

/// Files that the newest backup has, which need not be copied again.
async fn known_files(repository: &Repository) -> Result<HashMap<String, Object>, BackupError> {
    if repository.backups().await?.is_empty() {
        return Ok(HashMap::new());
    }
    let newest = repository.record(None).await?;
    let files = newest.objects.into_iter().filter(|object| object.part == Part::Files);
    Ok(files.map(|object| (object.path.clone(), object)).collect())
}

/// Log and lake at one moment.
struct Moment {
    log: LogFiles,
    lake: Contents,
}

impl Moment {
    async fn of(source: &Source) -> Result<Self, BackupError> {
        let broken = |cause| BackupError::unavailable(source.wal.display().to_string(), cause);
        for _ in 0..TRIES {
            let mut log = LogFiles::open(&source.wal).map_err(broken)?;
            let lake = (source.open)().await.and_then(|lake| lake.contents());
            let lake = lake.map_err(|cause| BackupError::unavailable(source.place.name(), cause))?;
            if log.open_new(&source.wal).map_err(broken)? {
                return Ok(Self { log, lake });
            }
        }
        Err(BackupError::TooFast { what: "the write-ahead log", tries: TRIES })
    }
}

/// Copies what is new. `None` when a file of the lake is gone.
async fn copy(
    id: BackupId,
    moment: Moment,
    known: &HashMap<String, Object>,
    source: &Source,
    repository: &Repository,
    watch: &Watch,
) -> Result<Option<Vec<Object>>, BackupError> {
    let Moment { log, lake } = moment;
    let unchanged = |path: &Path, bytes: u64| known.get(path.as_ref()).filter(|known| known.bytes == bytes).cloned();
    let mut objects: Vec<Object> = lake.files.iter().filter_map(|(path, bytes)| unchanged(path, *bytes)).collect();
    let new: Vec<_> = lake.files.into_iter().filter(|(path, bytes)| unchanged(path, *bytes).is_none()).collect();

    let steps = Steps::new("copying", new.iter().map(|(_, bytes)| *bytes), watch);
    let copy = async |(path, _): (Path, u64)| {
        let to = Object { part: Part::Files, path: path.to_string(), bytes: 0, sha256: String::new() };
        let Some(parts) = source.place.read(&path).await? else { return Ok(None) };
        let copied = repository.place.write(&to.stored(id), parts, |bytes| steps.bytes(bytes)).await?;
        steps.object();
        Ok::<_, BackupError>(Some(Object { bytes: copied.bytes, sha256: copied.sha256, ..to }))
    };
    let copied: Vec<Option<Object>> = iter(new).map(copy).buffer_unordered(PARALLEL).try_collect().await?;
    let Some(copied) = copied.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    objects.extend(copied);
    for (path, bytes) in lake.manifest {
        objects.push(put(id, Part::Manifest, path.to_string(), iter([Ok(bytes)]), repository).await?);
    }
    for (name, file) in log.into_files() {
        objects.push(put(id, Part::Wal, name, parts_of("a file of the write-ahead log", file), repository).await?);
    }
    objects.extend(copy_state(id, &source.state, repository).await?);
    Ok(Some(objects))
}

async fn copy_state(id: BackupId, state: &[StateFile], repository: &Repository) -> Result<Vec<Object>, BackupError> {
    if !state.is_empty() {
        repository.place.make_private(&Path::from(format!("{id}/{}", Part::State.folder())))?;
    }
    let mut objects = Vec::new();
    for file in state {
        let parts = parts_of(file.name, file.open()?);
        objects.push(put(id, Part::State, file.name.to_owned(), parts, repository).await?);
    }
    Ok(objects)
}

async fn put(
    id: BackupId,
    part: Part,
    path: String,
    parts: impl futures::Stream<Item = Result<Bytes, BackupError>>,
    repository: &Repository,
) -> Result<Object, BackupError> {
    let to = Object { part, path, bytes: 0, sha256: String::new() };
    let copied = repository.place.write(&to.stored(id), std::pin::pin!(parts), |_| {}).await?;
    Ok(Object { bytes: copied.bytes, sha256: copied.sha256, ..to })
}

/// The file to its end as of now.
fn parts_of(what: &'static str, file: File) -> impl futures::Stream<Item = Result<Bytes, BackupError>> {
    futures::stream::try_unfold(tokio::fs::File::from_std(file), move |mut file| async move {
        let mut part = Vec::with_capacity(PART_BYTES);
        let read = (&mut file).take(PART_BYTES as u64).read_to_end(&mut part).await;
        let read = read.map_err(|cause| BackupError::unavailable(what, cause))?;
        Ok((read > 0).then(|| (Bytes::from(part), file)))
    })
}
