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
mod row_group;
mod run_column;
mod table;
mod telemetry;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Signal, Tenant};
use object_store::ObjectStore;
use store::{Segment, Store, StoreError, Stored};

pub use crate::contents::Contents;
use crate::depot::Depot;
use crate::index::Indexes;
pub use crate::index::{IndexConfig, IndexScope};
use crate::manifest::{Commit, FileEntry, Manifest};
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

    /// Writes the segment's files; they are not part of the lake yet.
    async fn write(&self, segment: &Segment) -> Result<FileEntry, StoreError> {
        let (encoding, scope) = (segment.clone(), self.index_at_flush);
        let encoded = tokio::task::spawn_blocking(move || parquet_file::encode(&encoding, scope))
            .await
            .map_err(|cause| StoreError::unwritable("parquet", cause))??;
        let path = encoded.entry.path.clone();
        if let Some(index) = encoded.index {
            self.depot.put(&index::path_of(&path), index.bytes).await?;
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
        self.manifest.commit(&Commit { add: vec![Arc::new(entry)], remove: Vec::new() }).await.map(drop)
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let state = self.manifest.table(tenant, signal.into());
        let watermarks = Arc::clone(&state.watermarks);
        let table = LakeTable::new(signal, state, Arc::clone(&self.depot), Arc::clone(&self.indexes));
        Ok(Stored { table: Arc::new(table), watermarks })
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
