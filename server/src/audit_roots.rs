//! Keeps the roots of the audit trails where nobody who can write to the records can write: a small object every hour.
//!
//! Whoever could write the whole trail anew cannot change what was exported before; `observatory audit verify` compares.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use backup::BackupId;
use futures::TryStreamExt;
use hub::Hub;
use hub::audit::Root;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::config::AuditConfig;
use crate::lake_place::LakePlace;

/// Objects that are read to compare with: some eleven years of hours.
const OBJECTS_MAX: usize = 100_000;

/// Exports at the start and then every so often, until told to stop. Ends at once without `audit.roots_to`.
pub(crate) async fn run(hub: Arc<Hub>, config: AuditConfig, stop: CancellationToken) {
    let Some(to) = &config.roots_to else { return };
    let mut told = Vec::new();
    loop {
        if let Err(cause) = export(&hub, to, &mut told).await {
            tracing::error!(to, cause = format!("{cause:#}"), "the roots of the audit trails were not exported");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(config.roots_minutes.saturating_mul(60))) => {}
        }
    }
}

/// What was told the last time is not told again.
async fn export(hub: &Hub, to: &str, told: &mut Vec<Root>) -> anyhow::Result<()> {
    let roots = hub.audit_roots().await?;
    if roots == *told {
        return Ok(());
    }
    let name = Path::from(format!("roots-{}.json", BackupId::at(OffsetDateTime::now_utc())));
    let text = serde_json::to_vec(&roots)?;
    match store(to)?.put_opts(&name, text.into(), PutMode::Create.into()).await {
        // Another process of these records was there in the same second; what is there is never overwritten.
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => *told = roots,
        Err(cause) => return Err(cause).with_context(|| format!("{name} cannot be written")),
    }
    Ok(())
}

/// Everything that was exported there.
pub(crate) async fn known(to: &str) -> anyhow::Result<Vec<Root>> {
    let store = store(to)?;
    let objects: Vec<_> = store.list(None).try_collect().await.with_context(|| format!("{to} cannot be listed"))?;
    ensure!(objects.len() <= OBJECTS_MAX, "{to} has {} objects, over the limit of {OBJECTS_MAX}", objects.len());
    let mut roots = Vec::new();
    for object in objects {
        let read = store.get(&object.location).await.with_context(|| format!("{} cannot be read", object.location))?;
        let of_object: Vec<Root> = serde_json::from_slice(&read.bytes().await?)
            .with_context(|| format!("{} is not what this server writes", object.location))?;
        roots.extend(of_object);
    }
    Ok(roots)
}

fn store(to: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    LakePlace::named(to)?.store().with_context(|| format!("wrong setting: audit.roots_to is '{to}'"))
}
