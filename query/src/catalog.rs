//! The tables and views one query of one tenant can name.
//!
//! Another tenant's tables are not hidden here, they do not exist; and a table named twice in a statement is
//! the same snapshot.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableType;
use model::{Dataset, Signal, Tenant};
use plane::{DataPlane, Examine, Unreadable};

use crate::asker::Asker;
use crate::error::QueryError;
use crate::rollups::Answers;
use crate::system::{self, SystemTables};
use crate::table::SnapshotTable;
use crate::views::{self, View};

/// Name of the only catalog.
pub(crate) const CATALOG: &str = "observatory";
/// Name of the schema with the telemetry.
pub(crate) const SCHEMA: &str = "public";

/// Tables that are not telemetry, in a schema of their own, as `hub.users`.
pub trait ForeignSchema: fmt::Debug + Send + Sync {
    /// Name of the schema; `public` and `system` are taken.
    fn name(&self) -> &str;

    /// The tables as one tenant sees them, with that tenant's rows and nobody else's.
    fn of(&self, tenant: &Tenant) -> Arc<dyn SchemaProvider>;
}

/// A list of one catalog.
#[derive(Debug)]
struct OnlyCatalog {
    catalog: Arc<dyn CatalogProvider>,
}

/// The telemetry, what the platform knows of itself, and what others bring.
#[derive(Debug)]
struct Schemas {
    telemetry: Arc<dyn SchemaProvider>,
    /// By name. Not for views, which are over telemetry.
    others: Vec<(String, Arc<dyn SchemaProvider>)>,
}

/// What the query of this tenant can name; `base` plans the views.
pub(crate) fn of_tenant(tables: &Arc<Tables>, base: Arc<SessionState>) -> Arc<dyn CatalogProviderList> {
    let system: Arc<dyn SchemaProvider> =
        Arc::new(SystemTables::new(Arc::clone(&tables.plane), tables.asker.tenant().clone()));
    let foreign = tables
        .foreign
        .iter()
        .map(|schema| (schema.name().to_owned(), tables.asker.seen(schema.name(), schema.of(tables.asker.tenant()))));
    let others = std::iter::once((system::SCHEMA.to_owned(), system)).chain(foreign).collect();
    let telemetry = TenantSchema { tables: Arc::clone(tables), base };
    catalog_list(Schemas { telemetry: Arc::new(telemetry), others })
}

fn catalog_list(schemas: Schemas) -> Arc<dyn CatalogProviderList> {
    Arc::new(OnlyCatalog { catalog: Arc::new(schemas) })
}

impl CatalogProviderList for OnlyCatalog {
    fn register_catalog(&self, _name: String, _catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::clone(&self.catalog))
    }
}

impl CatalogProvider for Schemas {
    fn schema_names(&self) -> Vec<String> {
        std::iter::once(SCHEMA.to_owned()).chain(self.others.iter().map(|(name, _)| name.clone())).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            SCHEMA => Some(Arc::clone(&self.telemetry)),
            name => self.others.iter().find(|(known, _)| known == name).map(|(_, schema)| Arc::clone(schema)),
        }
    }
}

/// The telemetry tables of one tenant, each as of its first use.
pub(crate) struct Tables {
    plane: Arc<DataPlane>,
    foreign: Arc<[Arc<dyn ForeignSchema>]>,
    asker: Asker,
    answers: Answers,
    snapshots: Mutex<HashMap<Signal, Used>>,
}

/// A table that the statement names.
struct Used {
    table: Arc<SnapshotTable>,
    unreadable: Vec<Unreadable>,
    examine: Examine,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("asker", &self.asker).finish_non_exhaustive()
    }
}

impl Tables {
    pub(crate) fn new(
        plane: Arc<DataPlane>,
        foreign: Arc<[Arc<dyn ForeignSchema>]>,
        asker: Asker,
        answers: Answers,
    ) -> Arc<Self> {
        Arc::new(Self { plane, foreign, asker, answers, snapshots: Mutex::default() })
    }

    fn get(&self, signal: Signal) -> Result<Arc<SnapshotTable>, QueryError> {
        let mut snapshots = self.used();
        if let Some(used) = snapshots.get(&signal) {
            return Ok(Arc::clone(&used.table));
        }
        let snapshot = self.plane.snapshot(self.asker.tenant(), signal);
        let mut snapshot = snapshot.map_err(|cause| QueryError::Unavailable(Box::new(cause)))?;
        let (unreadable, examine) = (std::mem::take(&mut snapshot.unreadable), snapshot.examine.clone());
        let table = Arc::new(SnapshotTable::new(snapshot, self.answers));
        snapshots.insert(signal, Used { table: Arc::clone(&table), unreadable, examine });
        Ok(table)
    }

    fn used(&self) -> MutexGuard<'_, HashMap<Signal, Used>> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is missing from the answer, a sentence for each table.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let used = self.used();
        used.iter()
            .filter(|(_, used)| !used.unreadable.is_empty())
            .map(|(signal, used)| missing(*signal, used))
            .collect()
    }

    /// The stored files that are to blame for an error while reading.
    pub(crate) async fn examine(&self) -> Vec<Unreadable> {
        let tables: Vec<Examine> = self.used().values().map(|used| used.examine.clone()).collect();
        let mut unreadable = Vec::new();
        for table in tables {
            unreadable.append(&mut table.look().await);
        }
        unreadable
    }
}

fn missing(signal: Signal, used: &Used) -> String {
    let rows: u64 = used.unreadable.iter().map(|file| file.rows).sum();
    let first = &used.unreadable[0];
    let others = match used.unreadable.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    format!(
        "{rows} rows of {signal} are missing: {} cannot be read ({}){others}; system.files lists them",
        first.name, first.reason
    )
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        Signal::ALL.iter().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(match Dataset::from_str(name) {
            Ok(Dataset::Signal(signal)) => Some(self.get(signal)?),
            Ok(Dataset::Rollup(rollup)) => {
                self.get(Signal::Spans)?.rollup(rollup).map(|table| Arc::clone(table) as Arc<dyn TableProvider>)
            }
            Err(_) => None,
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        Dataset::from_str(name).is_ok()
    }
}

/// The tables, and the views over them.
#[derive(Debug)]
struct TenantSchema {
    tables: Arc<Tables>,
    base: Arc<SessionState>,
}

impl TenantSchema {
    /// Views see the tables but no other view.
    async fn plan(&self, view: &View) -> Result<Arc<dyn TableProvider>> {
        let mut state = SessionState::clone(&self.base);
        let telemetry = Arc::clone(&self.tables) as Arc<dyn SchemaProvider>;
        state.register_catalog_list(catalog_list(Schemas { telemetry, others: Vec::new() }));
        let plan = state.create_logical_plan(view.sql).await?;
        Ok(Arc::new(ViewTable::new(plan, Some(view.sql.trim().to_owned()))))
    }
}

#[async_trait]
impl SchemaProvider for TenantSchema {
    fn table_names(&self) -> Vec<String> {
        let views = views::ALL.iter().map(|view| view.name.to_owned());
        self.tables.table_names().into_iter().chain(views).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        match views::ALL.iter().find(|view| view.name == name) {
            Some(view) => Ok(Some(self.plan(view).await?)),
            None => self.tables.table(name).await,
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        let is_view = views::ALL.iter().any(|view| view.name == name);
        Ok(match is_view {
            true => Some(TableType::View),
            false => self.tables.table_exist(name).then_some(TableType::Base),
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}
