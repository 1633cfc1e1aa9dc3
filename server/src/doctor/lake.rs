//! The bucket of the lake, if it is in one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::time::timeout;

use super::finding::Finding;
use crate::config::{Config, Rest};
use crate::lake_place::LakePlace;

const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Whether objects can be made there, and made only once: two processes must not commit the same.
pub(super) async fn finding(config: &Config) -> Option<Finding> {
    if config.storage.rest() != Rest::Lake {
        return None;
    }
    let (url, objects, prefix) = match LakePlace::of(&config.storage, &config.server.data_dir) {
        Ok(LakePlace::Directory(_)) => return None,
        Ok(LakePlace::Bucket { url, objects, prefix }) => (url, objects, prefix),
        Err(wrong) => return Some(Finding::fail("lake", format!("{wrong:#}"), "correct storage.lake_url and AWS_*")),
    };
    let (name, began) = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), Instant::now());
    let path = Path::from(format!("{prefix}/_doctor/{}-{}", std::process::id(), name.as_nanos()));
    let tried = timeout(ANSWERED_WITHIN, write_twice(&*objects, &path)).await;
    let tried = tried.unwrap_or_else(|_| bail!("no answer within {ANSWERED_WITHIN:?}"));
    Some(match tried {
        Ok(()) => {
            let millis = began.elapsed().as_secs_f64() * 1e3;
            Finding::ok("lake", format!("{url} takes objects, and each only once; three requests took {millis:.0} ms"))
        }
        Err(cause) => {
            let next = "check bucket, region, endpoint and credentials (AWS_*); the role needs to list, get, put and delete, \
                        and the storage to honour If-None-Match";
            Finding::fail("lake", format!("{url}: {cause:#}"), next)
        }
    })
}

async fn write_twice(objects: &dyn ObjectStore, path: &Path) -> anyhow::Result<()> {
    let once = || objects.put_opts(path, PutPayload::from_static(b"doctor"), PutOptions::from(PutMode::Create));
    once().await.context("an object cannot be made")?;
    let again = once().await;
    objects.delete(path).await.context("an object cannot be deleted")?;
    match again {
        Err(Error::AlreadyExists { .. }) => Ok(()),
        Err(cause) => Err(cause).context("an object that is there already is refused for another reason"),
        Ok(_) => bail!("an object that was there already was replaced"),
    }
}
