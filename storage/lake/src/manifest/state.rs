//! The manifest at one version, immutable.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Dataset, Tenant};
use serde::{Deserialize, Serialize};
use store::{Origin, SegmentId, WriterId};

use super::{Commit, FileEntry, Tombstone};

/// All tables at one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) version: u64,
    tables: HashMap<(Tenant, Dataset), Arc<TableState>>,
    tombstones: Arc<HashMap<SegmentId, Tombstone>>,
}

/// One table at one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableState {
    pub(crate) files: Vec<Arc<FileEntry>>,
    pub(crate) watermarks: Arc<HashMap<WriterId, u64>>,
}

/// How far a table reaches into a writer's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    tenant: Tenant,
    #[serde(rename = "signal")]
    dataset: Dataset,
    writer: WriterId,
    through: u64,
}

impl TableState {
    pub(crate) fn has(&self, origin: &Origin) -> bool {
        self.watermarks.get(&origin.writer).is_some_and(|through| origin.through <= *through)
    }

    fn raise(&mut self, writer: WriterId, through: u64) {
        let watermark = Arc::make_mut(&mut self.watermarks).entry(writer).or_default();
        *watermark = through.max(*watermark);
    }
}

impl State {
    /// What a checkpoint says.
    pub(crate) fn restore(
        version: u64,
        files: &[Arc<FileEntry>],
        watermarks: &[Watermark],
        tombstones: Vec<Tombstone>,
    ) -> Self {
        let mut state = Self::default().with(version, &Commit { add: files.to_vec(), ..Commit::default() });
        state.tombstones = Arc::new(tombstones.into_iter().map(|tombstone| (tombstone.file.id, tombstone)).collect());
        for watermark in watermarks {
            let table = state.tables.entry((watermark.tenant.clone(), watermark.dataset)).or_default();
            Arc::make_mut(table).raise(watermark.writer, watermark.through);
        }
        state
    }

    /// The next version.
    pub(crate) fn with(&self, version: u64, commit: &Commit) -> Self {
        let mut tables = self.tables.clone();
        let mut tombstones = Arc::clone(&self.tombstones);
        let removed: HashSet<SegmentId> = commit.remove.iter().copied().collect();
        for table in tables.values_mut().filter(|_| !removed.is_empty()) {
            if !table.files.iter().any(|file| removed.contains(&file.id)) {
                continue;
            }
            let (gone, kept) = table.files.iter().cloned().partition(|file| removed.contains(&file.id));
            Arc::make_mut(table).files = kept;
            let buried = |file: Arc<FileEntry>| (file.id, Tombstone { file, since: commit.at, version });
            Arc::make_mut(&mut tombstones).extend(Vec::into_iter(gone).map(buried));
        }
        if !commit.deleted.is_empty() {
            Arc::make_mut(&mut tombstones).retain(|id, _| !commit.deleted.contains(id));
        }
        for file in &commit.add {
            let table = Arc::make_mut(tables.entry((file.tenant.clone(), file.dataset)).or_default());
            if let Some(origin) = file.origin {
                table.raise(origin.writer, origin.through);
            }
            table.files.push(Arc::clone(file));
        }
        Self { version, tables, tombstones }
    }

    pub(crate) fn table(&self, tenant: &Tenant, dataset: Dataset) -> Arc<TableState> {
        self.tables.get(&(tenant.clone(), dataset)).cloned().unwrap_or_default()
    }

    /// Every table there is.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&Tenant, Dataset, &Arc<TableState>)> {
        self.tables.iter().map(|((tenant, dataset), table)| (tenant, *dataset, table))
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.tables.values().flat_map(|table| &table.files)
    }

    /// Files that are no longer part of the lake, but still on the medium.
    pub(crate) fn tombstones(&self) -> impl Iterator<Item = &Tombstone> {
        self.tombstones.values()
    }

    /// True when the file is part of the lake.
    pub(crate) fn holds(&self, file: &FileEntry) -> bool {
        let table = self.tables.get(&(file.tenant.clone(), file.dataset));
        table.is_some_and(|table| table.files.iter().any(|held| held.id == file.id))
    }

    pub(crate) fn watermarks(&self) -> Vec<Watermark> {
        let of_table = |tenant: &Tenant, dataset: Dataset, table: &Arc<TableState>| {
            let marks = table.watermarks.iter().map(|(writer, through)| Watermark {
                tenant: tenant.clone(),
                dataset,
                writer: *writer,
                through: *through,
            });
            marks.collect::<Vec<_>>()
        };
        self.tables().flat_map(|(tenant, dataset, table)| of_table(tenant, dataset, table)).collect()
    }
}
