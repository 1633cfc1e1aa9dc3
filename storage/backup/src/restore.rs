//! Brings a backup back into empty places.

use std::path::PathBuf;

use futures::stream::{StreamExt, TryStreamExt, iter};
use object_store::path::Path;

use crate::progress::Steps;
use crate::record::{Object, Part};
use crate::repository::PARALLEL;
use crate::{BackupError, Place, Record, Repository, StateFile, Watch};

/// Where a backup goes.
#[derive(Debug)]
pub struct Target {
    /// The lake's objects.
    pub lake: Place,
    /// Directory of the log.
    pub wal: PathBuf,
    /// What else there may be.
    pub state: Vec<StateFile>,
}

impl Target {
    /// Fails when something lies where the backup should go.
    pub async fn require_empty(&self) -> Result<(), BackupError> {
        for place in [&self.lake, &Place::on_disk(&self.wal)?] {
            if !place.is_empty().await? {
                return Err(BackupError::NotEmpty { place: place.name().to_owned() });
            }
        }
        self.state.iter().try_for_each(StateFile::require_absent)
    }

    fn state_file(&self, object: &Object) -> Result<&StateFile, BackupError> {
        let unknown = || BackupError::unavailable(object.path.as_str(), "this version does not know where it belongs");
        self.state.iter().find(|file| file.name == object.path).ok_or_else(unknown)
    }
}

/// Copies a backup, compares every object with its record, and makes the lake whole at the very end.
///
/// # Errors
/// The places must be emptied before the next try; a lake that is not whole looks empty.
pub async fn restore(
    repository: &Repository,
    record: &Record,
    target: &Target,
    watch: &Watch,
) -> Result<(), BackupError> {
    target.require_empty().await?;
    let wal = Place::on_disk(&target.wal)?;
    let steps = Steps::new("restoring", record.objects.iter().map(|object| object.bytes), watch);
    let copy = async |object: &Object| {
        let (from, to) = (object.stored(record.id), Path::from(object.path.as_str()));
        let damaged =
            || BackupError::Damaged { checked: record.objects.len(), damaged: vec![repository.place.name_of(&from)] };
        let parts = repository.place.read(&from).await?.ok_or_else(damaged)?;
        let each = |bytes: u64| steps.bytes(bytes);
        let copied = match object.part {
            Part::Files | Part::Manifest => target.lake.write(&to, parts, each).await?,
            Part::Wal => wal.write(&to, parts, each).await?,
            Part::State => target.state_file(object)?.write(parts, each).await?,
        };
        steps.object();
        if copied.bytes != object.bytes || copied.sha256 != object.sha256 {
            return Err(damaged());
        }
        Ok(())
    };
    let rows = record.objects.iter().filter(|object| object.part != Part::Manifest);
    iter(rows).map(Ok).try_for_each_concurrent(PARALLEL, copy).await?;
    // In the order of the record: the one that makes the files a lake is the last.
    iter(record.objects.iter().filter(|object| object.part == Part::Manifest)).map(Ok).try_for_each(copy).await
}
