//! The tables and views one query of one tenant can name.
//!
//! Another tenant's tables are not hidden here, they do not exist; and a table named twice in a statement is
//! the same snapshot.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableType;
use model::{Dataset, Signal, Tenant};
use plane::DataPlane;

use crate::error::QueryError;
use crate::rollups::Answers;
use crate::table::SnapshotTable;
use crate::views::{self, View};

/// Name of the only catalog.
pub(crate) const CATALOG: &str = "observatory";
/// Name of the schema with the telemetry.
pub(crate) const SCHEMA: &str = "public";

/// A fixed set of one: the names of a catalog list, a catalog and a schema lead to the same provider.
#[derive(Debug)]
struct Only<T: ?Sized> {
    name: &'static str,
    provider: Arc<T>,
}

/// What the query of this tenant can name; `base` plans the views.
pub(crate) fn of_tenant(
    plane: Arc<DataPlane>,
    tenant: Tenant,
    answers: Answers,
    base: Arc<SessionState>,
) -> Arc<dyn CatalogProviderList> {
    let tables = Arc::new(Tables { plane, tenant, answers, snapshots: Mutex::default() });
    catalog_list(Arc::new(TenantSchema { tables, base }))
}

fn catalog_list(schema: Arc<dyn SchemaProvider>) -> Arc<dyn CatalogProviderList> {
    let catalog: Arc<dyn CatalogProvider> = Arc::new(Only { name: SCHEMA, provider: schema });
    Arc::new(Only { name: CATALOG, provider: catalog })
}

impl CatalogProviderList for Only<dyn CatalogProvider> {
    fn register_catalog(&self, _name: String, _catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![self.name.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == self.name).then(|| Arc::clone(&self.provider))
    }
}

impl CatalogProvider for Only<dyn SchemaProvider> {
    fn schema_names(&self) -> Vec<String> {
        vec![self.name.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        (name == self.name).then(|| Arc::clone(&self.provider))
    }
}

/// The telemetry tables of one tenant, each as of its first use.
struct Tables {
    plane: Arc<DataPlane>,
    tenant: Tenant,
    answers: Answers,
    snapshots: Mutex<HashMap<Signal, Arc<SnapshotTable>>>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Tables {
    fn get(&self, signal: Signal) -> Result<Arc<SnapshotTable>, QueryError> {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = snapshots.get(&signal) {
            return Ok(Arc::clone(table));
        }
        let snapshot = self.plane.snapshot(&self.tenant, signal);
        let snapshot = snapshot.map_err(|cause| QueryError::Unavailable(Box::new(cause)))?;
        let table = Arc::new(SnapshotTable::new(snapshot, self.answers));
        snapshots.insert(signal, Arc::clone(&table));
        Ok(table)
    }
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
        state.register_catalog_list(catalog_list(Arc::clone(&self.tables) as Arc<dyn SchemaProvider>));
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
