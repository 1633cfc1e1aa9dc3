//! A product's tables in SQL: `<plugin>.<table>`, with the rows of the tenant that asks.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use futures::stream::BoxStream;
use model::Tenant;
use query::ForeignSchema;
use records::Records;

use crate::plugin::{Plugin, PluginError};

type Rows = dyn Fn(&Tenant) -> BoxStream<'static, Result<RecordBatch, PluginError>> + Send + Sync;

/// A table and where its rows come from; read anew by every query.
#[derive(Clone)]
pub struct PluginTable {
    name: String,
    schema: SchemaRef,
    rows: Arc<Rows>,
}

impl PluginTable {
    /// A table whose rows are computed when it is asked: those of this tenant, each batch with all columns.
    pub fn new(
        name: impl Into<String>,
        schema: SchemaRef,
        rows: impl Fn(&Tenant) -> BoxStream<'static, Result<RecordBatch, PluginError>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), schema, rows: Arc::new(rows) }
    }
}

impl From<records::Table> for PluginTable {
    /// The documents of a collection; what is before the dot in its name is the plugin's.
    fn from(table: records::Table) -> Self {
        let name = table.name().split_once('.').map_or(table.name(), |(_, name)| name);
        Self::new(name, table.schema(), move |tenant| table.rows(tenant).map(|rows| Ok(rows?)).boxed())
    }
}

impl fmt::Debug for PluginTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginTable").field("name", &self.name).field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The tables of one plugin.
#[derive(Clone, Debug)]
pub struct PluginSchema {
    name: &'static str,
    tables: Arc<[PluginTable]>,
}

impl PluginSchema {
    /// Tables in a schema of this name.
    pub fn new(name: &'static str, tables: Vec<PluginTable>) -> Self {
        Self { name, tables: tables.into() }
    }
}

/// The schemas of all plugins that have tables.
///
/// # Errors
/// When a collection cannot be a table.
pub fn schemas(plugins: &[Arc<dyn Plugin>], records: &Records) -> Result<Vec<Arc<dyn ForeignSchema>>, PluginError> {
    let mut schemas: Vec<Arc<dyn ForeignSchema>> = Vec::new();
    for plugin in plugins {
        let tables = plugin.tables(records)?;
        if !tables.is_empty() {
            schemas.push(Arc::new(PluginSchema::new(plugin.name(), tables)));
        }
    }
    Ok(schemas)
}

impl ForeignSchema for PluginSchema {
    fn name(&self) -> &str {
        self.name
    }

    fn of(&self, tenant: &Tenant) -> Arc<dyn SchemaProvider> {
        Arc::new(TenantTables { tables: Arc::clone(&self.tables), tenant: tenant.clone() })
    }
}

/// The tables as one tenant sees them.
#[derive(Debug)]
struct TenantTables {
    tables: Arc<[PluginTable]>,
    tenant: Tenant,
}

impl TenantTables {
    fn find(&self, name: &str) -> Option<&PluginTable> {
        self.tables.iter().find(|table| table.name == name)
    }
}

#[async_trait]
impl SchemaProvider for TenantTables {
    fn table_names(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(table) = self.find(name) else { return Ok(None) };
        let rows = TenantRows { table: table.clone(), tenant: self.tenant.clone() };
        let streaming = StreamingTable::try_new(Arc::clone(&table.schema), vec![Arc::new(rows)])?;
        Ok(Some(Arc::new(streaming)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// The rows of one tenant in a table.
#[derive(Debug)]
struct TenantRows {
    table: PluginTable,
    tenant: Tenant,
}

impl PartitionStream for TenantRows {
    fn schema(&self) -> &SchemaRef {
        &self.table.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = (self.table.rows)(&self.tenant).map(|rows| rows.map_err(DataFusionError::External));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.table.schema), rows))
    }
}
