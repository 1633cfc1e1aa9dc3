//! Segments as Parquet files on object storage: a local directory or S3.
//!
//! A file is part of the lake only when the manifest says so; what the manifest says is on the medium.
//! `docs/adr/0003-lake-manifest.md` tells why the manifest is our own.

mod config;
mod damage;
mod depot;
mod encodings;
mod hybrid;
mod manifest;
mod parquet_file;
mod pruning;
mod readers;
mod row_group;
mod run_column;
mod table;
mod trace_filter;
mod upkeep;
mod watched;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use model::{Dataset, Signal, Tenant, Timestamp};
use object_store::ObjectStore;
use parking_lot::Mutex;
use store::{Maintained, Pace, Part, Segment, Store, StoreError, Stored, Work};

use crate::damage::Damage;
use crate::depot::Depot;
use crate::manifest::{Commit, FileEntry, Manifest};
use crate::readers::Readers;
use crate::table::{LakeTable, Reading};
use crate::trace_filter::TraceFilters;
use crate::upkeep::UpkeepObserver;

pub use crate::config::Config;
pub use crate::upkeep::UpkeepStep;

/// A store of Parquet files.
pub struct Lake {
    config: Config,
    depot: Arc<Depot>,
    manifest: Manifest,
    trace_filters: Arc<TraceFilters>,
    readers: Arc<Readers>,
    damage: Arc<Damage>,
    looked_for_orphans: Mutex<Option<Instant>>,
    /// Most memory that a merge has held, in bytes.
    most_merge_bytes: AtomicUsize,
    observe: Option<UpkeepObserver>,
}

impl Lake {
    /// Opens or begins the lake in a local directory.
    pub async fn on_disk(directory: &Path, config: Config) -> Result<Self, StoreError> {
        Self::open(Depot::on_disk(directory)?, config).await
    }

    /// Opens or begins the lake under `prefix` of an object store that supports conditional writes, as S3 does.
    pub async fn on_objects(objects: Arc<dyn ObjectStore>, prefix: &str, config: Config) -> Result<Self, StoreError> {
        Self::open(Depot::on_objects(objects, prefix), config).await
    }

    async fn open(depot: Depot, config: Config) -> Result<Self, StoreError> {
        let depot = Arc::new(depot);
        let manifest = Manifest::open(Arc::clone(&depot)).await?;
        let trace_filters = Arc::new(TraceFilters::new(Arc::clone(&depot)));
        Ok(Self {
            config,
            depot,
            manifest,
            trace_filters,
            readers: Arc::default(),
            damage: Arc::default(),
            looked_for_orphans: Mutex::default(),
            most_merge_bytes: AtomicUsize::default(),
            observe: None,
        })
    }

    /// Tells `observe` of each step of upkeep.
    #[must_use]
    pub fn observed(self, observe: Arc<dyn Fn(UpkeepStep) + Send + Sync>) -> Self {
        Self { observe: Some(observe), ..self }
    }

    /// Most memory that a merge has held since the lake was opened, in bytes, as far as it is counted: rows, keys, pages.
    pub fn merge_bytes_peak(&self) -> usize {
        self.most_merge_bytes.load(Ordering::Relaxed)
    }

    /// Writes the segment's files; they are not part of the lake yet.
    async fn write(&self, segment: &Segment) -> Result<FileEntry, StoreError> {
        let encoding = segment.clone();
        let encoded = tokio::task::spawn_blocking(move || parquet_file::encode(&encoding))
            .await
            .map_err(|cause| StoreError::unwritable("parquet", cause))??;
        let path = encoded.entry.path.clone();
        if let Some(filter) = encoded.trace_filter {
            self.depot.put(&trace_filter::path_of(&path), filter).await?;
        }
        self.depot.put(&path, encoded.file).await?;
        Ok(encoded.entry)
    }
}

#[async_trait]
impl Store for Lake {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        if self.manifest.has(segment) {
            return Ok(());
        }
        let entry = self.write(segment).await?;
        self.manifest.commit(&Commit { add: vec![Arc::new(entry)], ..Commit::default() }).await.map(drop)
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let (mut state, pin) = self.manifest.pinned(tenant, signal.into(), &self.readers);
        let mut left_out = self.damage.of_table(tenant, signal.into());
        left_out.retain(|(id, _)| state.files.iter().any(|file| file.id == *id));
        if !left_out.is_empty() {
            Arc::make_mut(&mut state).files.retain(|file| left_out.iter().all(|(id, _)| *id != file.id));
        }
        let watermarks = Arc::clone(&state.watermarks);
        let reading = Reading {
            depot: Arc::clone(&self.depot),
            trace_filters: Arc::clone(&self.trace_filters),
            damage: Arc::clone(&self.damage),
            pin: Arc::new(pin),
            opened: Arc::default(),
        };
        let examine = upkeep::examine(&reading);
        let unreadable = left_out.into_iter().map(|(_, unreadable)| unreadable).collect();
        let table = Arc::new(LakeTable::new(signal, state, reading));
        Ok(Stored { table, watermarks, unreadable, examine })
    }

    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError> {
        self.do_expire(tenant, dataset, horizon).await
    }

    async fn maintain(&self, pace: &Pace) -> Maintained {
        self.do_maintain(pace).await
    }

    async fn inventory(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError> {
        Ok(self.parts(tenant))
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake").field("depot", &self.depot).field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_lake_on_disk_conforms() {
        let directory = tempfile::tempdir().expect("a temporary directory");

        store::conformance::check(&Lake::on_disk(directory.path(), Config::default()).await.expect("a lake")).await;
    }

    #[tokio::test]
    async fn the_lake_on_an_object_store_conforms() {
        let objects = Arc::new(object_store::memory::InMemory::new());

        store::conformance::check(&Lake::on_objects(objects, "telemetry", Config::default()).await.expect("a lake"))
            .await;
    }
}
