//! The manifest at one version, immutable.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Dataset, Rollup, Signal, Tenant, Timestamp};
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
    /// Time of the latest row that left the table without going into another file of it.
    pub(crate) gone: Option<Timestamp>,
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

/// Rows that expired: some at or before this time may no longer be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    tenant: Tenant,
    dataset: Dataset,
    through: Timestamp,
}

impl TableState {
    pub(crate) fn has(&self, origin: &Origin) -> bool {
        self.watermarks.get(&origin.writer).is_some_and(|through| origin.through <= *through)
    }

    fn raise(&mut self, writer: WriterId, through: u64) {
        let watermark = Arc::make_mut(&mut self.watermarks).entry(writer).or_default();
        *watermark = through.max(*watermark);
    }

    /// Takes files out, and gives them back.
    fn remove(&mut self, removed: &HashSet<SegmentId>) -> Vec<Arc<FileEntry>> {
        let (taken, kept) = std::mem::take(&mut self.files).into_iter().partition(|file| removed.contains(&file.id));
        self.files = kept;
        taken
    }
}

impl State {
    /// What a checkpoint says.
    pub(crate) fn restore(version: u64, files: &[Arc<FileEntry>], watermarks: &[Watermark], gone: &[Gone]) -> Self {
        let files = Commit { add: files.to_vec(), ..Commit::default() };
        let mut state = Self::default().with(version, &files);
        for watermark in watermarks {
            let table = state.tables.entry((watermark.tenant.clone(), watermark.dataset)).or_default();
            Arc::make_mut(table).raise(watermark.writer, watermark.through);
        }
        for gone in gone {
            let table = state.tables.entry((gone.tenant.clone(), gone.dataset)).or_default();
            Arc::make_mut(table).gone = Some(gone.through);
        }
        state
    }

    /// The same, with files that were taken out before and are still on the medium.
    pub(crate) fn with_tombstones(self, tombstones: Vec<Tombstone>) -> Self {
        let by_id = tombstones.into_iter().map(|tombstone| (tombstone.file.id, tombstone)).collect();
        Self { tombstones: Arc::new(by_id), ..self }
    }

    /// The next version.
    pub(crate) fn with(&self, version: u64, commit: &Commit) -> Self {
        let mut tables = self.tables.clone();
        let mut tombstones = Arc::clone(&self.tombstones);
        let removed: HashSet<SegmentId> = commit.remove.iter().copied().collect();
        for ((tenant, dataset), table) in tables.iter_mut().filter(|_| !removed.is_empty()) {
            if !table.files.iter().any(|file| removed.contains(&file.id)) {
                continue;
            }
            let table = Arc::make_mut(table);
            let taken = table.remove(&removed);
            let goes_on = commit.add.iter().any(|file| (&file.tenant, file.dataset) == (tenant, *dataset));
            if !goes_on {
                table.gone = table.gone.max(taken.iter().map(|file| file.times.max).max());
            }
            let buried = |file: Arc<FileEntry>| (file.id, Tombstone { file, since: commit.at, version });
            Arc::make_mut(&mut tombstones).extend(taken.into_iter().map(buried));
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

    /// From here on the rollup sums exactly the spans that are in the lake.
    pub(crate) fn same_from(&self, tenant: &Tenant, rollup: Rollup) -> Timestamp {
        let (spans, sums) = (self.table(tenant, Signal::Spans.into()), self.table(tenant, rollup.into()));
        let without = spans.files.iter().filter(|file| !file.rolled_up).map(|file| file.times.max.0);
        let gone_spans = spans.gone.map(|gone| gone.0);
        let gone_sums = sums.gone.map(|gone| gone.0.saturating_add(rollup.period_nanos() - 1));
        let latest = without.chain(gone_spans).chain(gone_sums).max();
        Timestamp(latest.map_or(i64::MIN, |latest| latest.saturating_add(1)))
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

    pub(crate) fn gone(&self) -> Vec<Gone> {
        let gone = self.tables().filter_map(|(tenant, dataset, table)| {
            table.gone.map(|through| Gone { tenant: tenant.clone(), dataset, through })
        });
        gone.collect()
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
