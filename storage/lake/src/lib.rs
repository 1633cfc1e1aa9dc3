//! Segments as Parquet files on object storage: a local directory or S3.
//!
//! A file is part of the lake only when the manifest says so; what the manifest says is on the medium.
//! `docs/adr/0003-lake-manifest.md` tells why the manifest is our own.

mod config;
mod contents;
mod damage;
mod depot;
mod encodings;
mod hybrid;
mod index;
mod manifest;
mod members;
mod paged;
mod parquet_file;
mod promoted;
mod pruning;
mod readers;
mod rollup_file;
mod row_group;
mod run_column;
mod table;
mod telemetry;
mod upkeep;
mod watched;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use futures::future::try_join_all;
use model::{Dataset, Rollup, Signal, Tenant, Timestamp};
use object_store::ObjectStore;
use parking_lot::Mutex;
use store::rollup::{Folded, StoredRollup};
use store::{Maintained, Pace, Part, Segment, Store, StoreError, Stored, Unreadable, Work};

use crate::damage::Damage;
use crate::depot::Depot;
use crate::index::Indexes;
use crate::manifest::{Commit, FileEntry, Manifest, State};
use crate::parquet_file::Encoded;
use crate::readers::Readers;
use crate::table::{LakeTable, Reading};
use crate::upkeep::UpkeepObserver;

pub use crate::config::Config;
pub use crate::contents::Contents;
pub use crate::index::{IndexConfig, IndexScope};
pub use crate::upkeep::UpkeepStep;

/// A store of Parquet files.
pub struct Lake {
    config: Config,
    depot: Arc<Depot>,
    manifest: Manifest,
    indexes: Arc<Indexes>,
    index_at_flush: IndexScope,
    readers: Arc<Readers>,
    damage: Arc<Damage>,
    looked_for_orphans: Mutex<Option<Instant>>,
    /// Most memory that a merge has held, in bytes.
    most_merge_bytes: AtomicUsize,
    observe: Option<UpkeepObserver>,
}

impl Lake {
    /// Opens or begins the lake in a local directory.
    pub async fn on_disk(directory: &Path) -> Result<Self, StoreError> {
        Self::open(Depot::on_disk(directory)?).await
    }

    /// Opens or begins the lake under `prefix` of an object store that supports conditional writes, as S3 does.
    pub async fn on_objects(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, StoreError> {
        Self::open(Depot::on_objects(objects, prefix)).await
    }

    async fn open(depot: Depot) -> Result<Self, StoreError> {
        let depot = Arc::new(depot);
        let manifest = Manifest::open(Arc::clone(&depot)).await?;
        let IndexConfig { at_flush, cache_bytes_max } = IndexConfig::default();
        let indexes = Arc::new(Indexes::new(Arc::clone(&depot), cache_bytes_max));
        Ok(Self {
            config: Config::default(),
            depot,
            manifest,
            indexes,
            index_at_flush: at_flush,
            readers: Arc::default(),
            damage: Arc::default(),
            looked_for_orphans: Mutex::default(),
            most_merge_bytes: AtomicUsize::default(),
            observe: None,
        })
    }

    /// The same lake with other settings of its indexes.
    #[must_use]
    pub fn with_indexes(mut self, config: &IndexConfig) -> Self {
        self.indexes = Arc::new(Indexes::new(Arc::clone(&self.depot), config.cache_bytes_max));
        self.index_at_flush = config.at_flush;
        self
    }

    /// The same lake with other settings of its upkeep.
    #[must_use]
    pub fn configured(self, config: Config) -> Self {
        Self { config, ..self }
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

    /// Writes the segment's files, its rows and its rollups; they are not part of the lake yet.
    async fn write(&self, segment: &Segment) -> Result<Vec<Arc<FileEntry>>, StoreError> {
        let (segment, scope) = (segment.clone(), self.index_at_flush);
        let encoded = tokio::task::spawn_blocking(move || -> Result<Vec<Encoded>, StoreError> {
            let rows = parquet_file::encode(&segment, scope)?;
            Ok(std::iter::once(rows).chain(rollup_file::encode(&segment)?).collect())
        });
        let encoded = encoded.await.map_err(|cause| StoreError::unwritable("parquet", cause))??;
        try_join_all(encoded.into_iter().map(|file| self.put(file))).await
    }

    async fn put(&self, encoded: Encoded) -> Result<Arc<FileEntry>, StoreError> {
        let path = &encoded.entry.path;
        if let Some(index) = encoded.index {
            self.depot.put(&index::path_of(path), index.bytes).await?;
        }
        self.depot.put(path, encoded.file).await?;
        Ok(Arc::new(encoded.entry))
    }

    /// A table as of the state, and what is left out of it because it cannot be read.
    fn lake_table(
        &self,
        state: &State,
        tenant: &Tenant,
        dataset: Dataset,
        reading: Reading,
    ) -> (LakeTable, Vec<Unreadable>) {
        let mut files = state.table(tenant, dataset);
        let mut left_out = self.damage.of_table(tenant, dataset);
        left_out.retain(|(id, _)| files.files.iter().any(|file| file.id == *id));
        if !left_out.is_empty() {
            Arc::make_mut(&mut files).files.retain(|file| left_out.iter().all(|(id, _)| *id != file.id));
        }
        (LakeTable::new(dataset, files, reading), left_out.into_iter().map(|(_, unreadable)| unreadable).collect())
    }

    fn rollup(
        &self,
        state: &State,
        tenant: &Tenant,
        rollup: Rollup,
        reading: Reading,
        spans: &[Unreadable],
    ) -> StoredRollup {
        let files = state.table(tenant, rollup.into());
        let folded = files.files.iter().fold(Folded::NOTHING, |folded, file| folded.union(&file.folded));
        let (table, sums) = self.lake_table(state, tenant, rollup.into(), reading);
        // Up to what cannot be read, sums and spans are not of the same.
        let periods = sums.iter().map(|file| file.times.max.0.saturating_add(rollup.period_nanos() - 1));
        let differ = spans.iter().map(|file| file.times.max.0).chain(periods).max();
        let same_from = state.same_from(tenant, rollup);
        let same_from = differ.map_or(same_from, |differ| same_from.max(Timestamp(differ.saturating_add(1))));
        StoredRollup { rollup, table: Arc::new(table), same_from, folded }
    }
}

#[async_trait]
impl Store for Lake {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        if self.manifest.has(segment) {
            return Ok(());
        }
        let add = self.write(segment).await?;
        self.manifest.commit(&Commit { add, ..Commit::default() }).await.map(drop)
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let (state, pin) = self.manifest.pinned(&self.readers);
        let reading = Reading {
            depot: Arc::clone(&self.depot),
            indexes: Arc::clone(&self.indexes),
            damage: Arc::clone(&self.damage),
            pin: Arc::new(pin),
            opened: Arc::default(),
        };
        let examine = upkeep::examine(&reading);
        let watermarks = Arc::clone(&state.table(tenant, signal.into()).watermarks);
        let (table, unreadable) = self.lake_table(&state, tenant, signal.into(), reading.clone());
        let rollups = if signal == Signal::Spans { Rollup::ALL.as_slice() } else { &[] };
        let rollup = |rollup: &Rollup| self.rollup(&state, tenant, *rollup, reading.clone(), &unreadable);
        let rollups = rollups.iter().map(rollup).collect();
        Ok(Stored { table: Arc::new(table), watermarks, rollups, unreadable, examine })
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

        store::conformance::check(&Lake::on_disk(directory.path()).await.expect("a lake")).await;
    }

    #[tokio::test]
    async fn the_lake_on_an_object_store_conforms() {
        let objects = Arc::new(object_store::memory::InMemory::new());

        store::conformance::check(&Lake::on_objects(objects, "telemetry").await.expect("a lake")).await;
    }
}
