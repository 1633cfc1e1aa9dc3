//! Segments as Parquet files on object storage: a local directory or S3.
//!
//! A file is part of the lake only when the manifest says so; what the manifest says is on the medium.
//! `docs/adr/0003-lake-manifest.md` tells why the manifest is our own.

mod contents;
mod depot;
mod encodings;
mod hybrid;
mod index;
mod manifest;
mod paged;
mod parquet_file;
mod pruning;
mod rollup_file;
mod row_group;
mod run_column;
mod table;
mod telemetry;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use model::{Dataset, Rollup, Signal, Tenant};
use object_store::ObjectStore;
use store::rollup::{Folded, StoredRollup};
use store::{Segment, Store, StoreError, Stored};

pub use crate::contents::Contents;
use crate::depot::Depot;
use crate::index::Indexes;
pub use crate::index::{IndexConfig, IndexScope};
use crate::manifest::{Commit, FileEntry, Manifest, State};
use crate::parquet_file::Encoded;
use crate::table::LakeTable;

/// A store of Parquet files.
#[derive(Debug)]
pub struct Lake {
    depot: Arc<Depot>,
    manifest: Manifest,
    indexes: Arc<Indexes>,
    index_at_flush: IndexScope,
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
        Ok(Self { depot, manifest, indexes, index_at_flush: at_flush })
    }

    /// The same lake with other settings of its indexes.
    #[must_use]
    pub fn with_indexes(mut self, config: &IndexConfig) -> Self {
        self.indexes = Arc::new(Indexes::new(Arc::clone(&self.depot), config.cache_bytes_max));
        self.index_at_flush = config.at_flush;
        self
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

    fn lake_table(&self, state: &State, tenant: &Tenant, dataset: Dataset) -> LakeTable {
        let files = state.table(tenant, dataset);
        LakeTable::new(dataset, files, Arc::clone(&self.depot), Arc::clone(&self.indexes))
    }

    fn rollup(&self, state: &State, tenant: &Tenant, rollup: Rollup) -> StoredRollup {
        let files = state.table(tenant, rollup.into());
        let folded = files.files.iter().fold(Folded::NOTHING, |folded, file| folded.union(&file.folded));
        let table = Arc::new(self.lake_table(state, tenant, rollup.into()));
        StoredRollup { rollup, table, same_from: state.same_from(tenant, rollup), folded }
    }
}

#[async_trait]
impl Store for Lake {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        if self.manifest.has(segment) {
            return Ok(());
        }
        let add = self.write(segment).await?;
        self.manifest.commit(&Commit { add, remove: Vec::new() }).await.map(drop)
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let state = self.manifest.state();
        let watermarks = Arc::clone(&state.table(tenant, signal.into()).watermarks);
        let table = Arc::new(self.lake_table(&state, tenant, signal.into()));
        let rollups = if signal == Signal::Spans { Rollup::ALL.as_slice() } else { &[] };
        let rollups = rollups.iter().map(|rollup| self.rollup(&state, tenant, *rollup)).collect();
        Ok(Stored { table, watermarks, rollups })
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
