//! The manifest at one version, immutable.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Signal, Tenant};
use serde::{Deserialize, Serialize};
use store::{Origin, WriterId};

use super::FileEntry;

/// All tables at one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) version: u64,
    tables: HashMap<(Tenant, Signal), Arc<TableState>>,
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
    signal: Signal,
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
    pub(crate) fn restore(version: u64, files: &[Arc<FileEntry>], watermarks: &[Watermark]) -> Self {
        let mut state = Self { version, ..Self::default() }.with(version, files);
        for watermark in watermarks {
            let table = state.tables.entry((watermark.tenant.clone(), watermark.signal)).or_default();
            Arc::make_mut(table).raise(watermark.writer, watermark.through);
        }
        state
    }

    /// The next version, with these files.
    pub(crate) fn with(&self, version: u64, add: &[Arc<FileEntry>]) -> Self {
        let mut tables = self.tables.clone();
        for file in add {
            let table = Arc::make_mut(tables.entry((file.tenant.clone(), file.signal)).or_default());
            table.raise(file.origin.writer, file.origin.through);
            table.files.push(Arc::clone(file));
        }
        Self { version, tables }
    }

    pub(crate) fn table(&self, tenant: &Tenant, signal: Signal) -> Arc<TableState> {
        self.tables.get(&(tenant.clone(), signal)).cloned().unwrap_or_default()
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.tables.values().flat_map(|table| &table.files)
    }

    pub(crate) fn watermarks(&self) -> Vec<Watermark> {
        let of_table = |((tenant, signal), table): (&(Tenant, Signal), &Arc<TableState>)| {
            let marks = table.watermarks.iter().map(|(writer, through)| Watermark {
                tenant: tenant.clone(),
                signal: *signal,
                writer: *writer,
                through: *through,
            });
            marks.collect::<Vec<_>>()
        };
        self.tables.iter().flat_map(of_table).collect()
    }
}
