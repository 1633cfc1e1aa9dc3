//! Reads backups again and compares.

use futures::stream::{StreamExt, TryStreamExt, iter};

use crate::progress::Steps;
use crate::record::Object;
use crate::repository::PARALLEL;
use crate::{BackupError, Record, Repository, Watch};

/// Reads every object of a backup and compares it with its record.
///
/// # Errors
/// Names the objects that are missing or have other contents.
pub async fn verify(repository: &Repository, record: &Record, watch: &Watch) -> Result<(), BackupError> {
    check(repository, record, |_| true, watch).await
}

/// Reads the `chosen` objects whole; of the others, looks that they are there and as long as they should be.
pub(crate) async fn check(
    repository: &Repository,
    record: &Record,
    chosen: impl Fn(&&Object) -> bool,
    watch: &Watch,
) -> Result<(), BackupError> {
    let steps = Steps::new("verifying", record.objects.iter().filter(&chosen).map(|object| object.bytes), watch);
    let look = async |object: &Object| {
        let path = object.stored(record.id);
        let is_whole = if chosen(&object) {
            let found = repository.place.hash(&path, |bytes| steps.bytes(bytes)).await?;
            steps.object();
            found.is_some_and(|found| found.bytes == object.bytes && found.sha256 == object.sha256)
        } else {
            repository.place.size(&path).await? == Some(object.bytes)
        };
        Ok::<_, BackupError>((!is_whole).then(|| repository.place.name_of(&path)))
    };
    let damaged: Vec<Option<String>> = iter(&record.objects).map(look).buffer_unordered(PARALLEL).try_collect().await?;
    let mut damaged: Vec<String> = damaged.into_iter().flatten().collect();
    if damaged.is_empty() {
        return Ok(());
    }
    damaged.sort_unstable();
    Err(BackupError::Damaged { checked: record.objects.len(), damaged })
}
