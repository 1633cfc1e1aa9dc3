//! Where Parquet files and backups lie: a directory or a bucket, by what the settings say.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use backup::{BackupError, Place};
use lake::Lake;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use store::StoreError;

use crate::config::StorageConfig;

/// A directory or a part of a bucket.
#[derive(Clone, Debug)]
pub(crate) enum LakePlace {
    Directory(PathBuf),
    Bucket { url: String, objects: Arc<dyn ObjectStore>, prefix: String },
}

impl LakePlace {
    /// Where the lake is.
    pub(crate) fn of(config: &StorageConfig, data_dir: &Path) -> anyhow::Result<Self> {
        match &config.lake_url {
            None => Ok(Self::Directory(data_dir.join("lake"))),
            Some(url) if url.starts_with("s3://") => Self::bucket(url),
            Some(url) => anyhow::bail!("wrong setting: storage.lake_url is '{url}', expected s3://bucket/prefix"),
        }
    }

    /// `s3://bucket/prefix` or a directory.
    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        if name.starts_with("s3://") { Self::bucket(name) } else { Ok(Self::Directory(PathBuf::from(name))) }
    }

    fn bucket(url: &str) -> anyhow::Result<Self> {
        let prefix = url.strip_prefix("s3://").and_then(|rest| Some(rest.split_once('/')?.1.trim_end_matches('/')));
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        let prefix = prefix.with_context(|| format!("'{url}' has no folder, expected s3://bucket/prefix"))?;
        let objects = AmazonS3Builder::from_env().with_url(url).with_retry(retries()).build();
        let objects = Arc::new(objects.with_context(|| format!("{url} cannot be used"))?);
        Ok(Self::Bucket { url: url.to_owned(), objects, prefix: prefix.to_owned() })
    }

    /// The lake there, begun if need be.
    pub(crate) async fn open(&self) -> Result<Lake, StoreError> {
        match self {
            Self::Directory(directory) => Lake::on_disk(directory).await,
            Self::Bucket { objects, prefix, .. } => Lake::on_objects(Arc::clone(objects), prefix).await,
        }
    }

    /// Asks whether it is still there.
    pub(crate) async fn look(&self) -> anyhow::Result<()> {
        match self {
            Self::Directory(directory) => {
                let entries = tokio::fs::read_dir(directory).await;
                entries.map(drop).with_context(|| directory.display().to_string())?;
            }
            Self::Bucket { url, objects, prefix } => {
                let never_there = object_store::path::Path::from(format!("{prefix}/_health"));
                match objects.head(&never_there).await {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(cause) => return Err(cause).context(url.clone()),
                }
            }
        }
        Ok(())
    }

    /// Its objects, for who writes a few.
    pub(crate) fn store(&self) -> anyhow::Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Directory(directory) => {
                std::fs::create_dir_all(directory)?;
                Ok(Arc::new(LocalFileSystem::new_with_prefix(directory)?))
            }
            Self::Bucket { objects, prefix, .. } => {
                Ok(Arc::new(PrefixStore::new(Arc::clone(objects), prefix.as_str())))
            }
        }
    }

    /// Its objects.
    pub(crate) fn objects(&self) -> Result<Place, BackupError> {
        match self {
            Self::Directory(directory) => Place::on_disk(directory),
            Self::Bucket { url, objects, prefix } => Ok(Place::on_objects(url, Arc::clone(objects), prefix)),
        }
    }
}

/// A request to object storage that fails is tried again with growing pauses, for less time than a query may take.
fn retries() -> RetryConfig {
    const RETRIES_MAX: usize = 8;
    const RETRY_TIME_MAX: Duration = Duration::from_secs(20);
    RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX, ..RetryConfig::default() }
}

impl fmt::Display for LakePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Bucket { url, .. } => f.write_str(url),
        }
    }
}
