//! A place with backups: which there are, who writes, which go.

use std::collections::HashSet;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt, iter};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::record::{FORMAT, Part};
use crate::{BackupError, BackupId, Keep, Place, Record};

/// Says that a place is for backups.
const MARKER: &str = "observatory-backups.json";
const LOCK: &str = "lock.json";
/// A lock this old was left by a process that was killed.
const LOCK_AGE_MAX: Duration = Duration::hours(6);
const RECORD: &str = "backup.json";
/// Records read, and objects copied or deleted, at the same time.
pub(crate) const PARALLEL: usize = 4;

/// A place with backups.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) place: Place,
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Lock {
    id: BackupId,
}

impl Repository {
    /// A place that has backups already.
    pub async fn open(place: Place) -> Result<Self, BackupError> {
        match read::<Marker>(&place, &Path::from(MARKER)).await? {
            Some(marker) => {
                known(&place.name_of(&Path::from(MARKER)), marker.format)?;
                Ok(Self { place })
            }
            None => Err(BackupError::Foreign { place: place.name().to_owned() }),
        }
    }

    /// The same, or an empty place that becomes one.
    pub async fn open_or_begin(place: Place) -> Result<Self, BackupError> {
        if place.is_empty().await? {
            place.put(&Path::from(MARKER), json(&Marker { format: FORMAT })).await?;
        }
        Self::open(place).await
    }

    /// The backups that are there, oldest first.
    pub async fn backups(&self) -> Result<Vec<BackupId>, BackupError> {
        let objects = self.place.list(None).await?;
        let folder = |path: &Path| {
            let (folder, name) = path.as_ref().split_once('/')?;
            (name == RECORD).then(|| folder.parse::<BackupId>().ok())?
        };
        let mut ids: Vec<BackupId> = objects.iter().filter_map(|object| folder(&object.location)).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The record of a backup; of the newest one when none is named.
    pub async fn record(&self, wanted: Option<BackupId>) -> Result<Record, BackupError> {
        let known = self.backups().await?;
        let unknown = || BackupError::Unknown {
            place: self.place.name().to_owned(),
            wanted: wanted.map_or_else(|| "at all".to_owned(), |id| id.to_string()),
            known: known.iter().map(ToString::to_string).collect(),
        };
        let id = wanted.or(known.last().copied()).filter(|id| known.contains(id)).ok_or_else(unknown)?;
        self.read_record(id).await
    }

    async fn read_record(&self, id: BackupId) -> Result<Record, BackupError> {
        let path = record_path(id);
        let record = read::<Record>(&self.place, &path).await?;
        let record = record.ok_or_else(|| BackupError::unavailable(self.place.name_of(&path), "it is not there"))?;
        known(&self.place.name_of(&path), record.format)?;
        Ok(record)
    }

    pub(crate) async fn write_record(&self, record: &Record) -> Result<(), BackupError> {
        self.place.put(&record_path(record.id), json(record)).await.map(drop)
    }

    /// Lets nobody else write here until it is given back.
    pub(crate) async fn lock(&self, id: BackupId) -> Result<(), BackupError> {
        let path = Path::from(LOCK);
        for _ in 0..2 {
            if self.place.create(&path, json(&Lock { id })).await? {
                return Ok(());
            }
            let Some(held) = read::<Lock>(&self.place, &path).await? else { continue };
            if id.time() - held.id.time() < LOCK_AGE_MAX {
                let (place, since) = (self.place.name().to_owned(), held.id.to_string());
                return Err(BackupError::Locked { place, since, lock: self.place.name_of(&path) });
            }
            tracing::warn!(since = %held.id, "a backup that never ended has left its lock, which is taken over");
            self.place.delete(&path).await?;
        }
        Err(BackupError::unavailable(self.place.name_of(&path), "it comes and goes"))
    }

    pub(crate) async fn unlock(&self) {
        if let Err(cause) = self.place.delete(&Path::from(LOCK)).await {
            let cause: &dyn std::error::Error = &cause;
            tracing::warn!(
                cause,
                "the lock of the backups was not removed, the next backup may be refused for some hours"
            );
        }
    }

    /// Deletes backups that are no longer kept, and objects that no backup names. Only under the lock.
    pub(crate) async fn prune(&self, keep: Keep) -> Result<Vec<BackupId>, BackupError> {
        let all = self.backups().await?;
        let expired = keep.expired(all.clone());
        for id in &expired {
            // Without its record it is no backup any more, whatever happens to the rest.
            self.place.delete(&record_path(*id)).await?;
        }
        let kept: Vec<BackupId> = all.into_iter().filter(|id| !expired.contains(id)).collect();
        self.delete_unnamed(&kept).await?;
        Ok(expired)
    }

    async fn delete_unnamed(&self, kept: &[BackupId]) -> Result<(), BackupError> {
        let records: Vec<Record> =
            iter(kept).map(|id| self.read_record(*id)).buffer_unordered(PARALLEL).try_collect().await?;
        let shared = |record: &Record| {
            let files = record.objects.iter().filter(|object| object.part == Part::Files);
            files.map(|object| object.stored(record.id)).collect::<Vec<_>>()
        };
        let named: HashSet<Path> = records.iter().flat_map(shared).collect();
        let folders: HashSet<String> = kept.iter().map(ToString::to_string).collect();
        let is_unnamed = |path: &Path| match path.as_ref().split_once('/') {
            Some((folder, _)) if folder == Part::Files.folder() => !named.contains(path),
            Some((folder, _)) => folder.parse::<BackupId>().is_ok() && !folders.contains(folder),
            None => false,
        };
        let objects = self.place.list(None).await?;
        let unnamed = objects.into_iter().map(|object| object.location).filter(is_unnamed);
        iter(unnamed).map(Ok).try_for_each_concurrent(PARALLEL, async |path| self.place.delete(&path).await).await
    }
}

/// The backup that begins now.
pub(crate) fn new_id() -> BackupId {
    BackupId::at(OffsetDateTime::now_utc())
}

fn record_path(id: BackupId) -> Path {
    Path::from(format!("{id}/{RECORD}"))
}

fn known(what: &str, format: u32) -> Result<(), BackupError> {
    if format > FORMAT {
        return Err(BackupError::Newer { what: what.to_owned(), found: format, known: FORMAT });
    }
    Ok(())
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("records are plain data").into()
}

async fn read<T: for<'de> Deserialize<'de>>(place: &Place, path: &Path) -> Result<Option<T>, BackupError> {
    let Some(bytes) = place.get(path).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|cause| BackupError::unavailable(place.name_of(path), cause))
}
