//! Who asks: a tenant, and which tables beside telemetry it may see.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use model::Tenant;

type Sees = dyn Fn(&str, &str) -> bool + Send + Sync;

/// The one who asks. Rows of other tenants, and tables that it may not see, do not exist for it.
#[derive(Clone)]
pub struct Asker {
    tenant: Tenant,
    sees: Arc<Sees>,
}

impl Asker {
    /// A tenant's, who may see every table.
    pub fn new(tenant: Tenant) -> Self {
        Self { tenant, sees: Arc::new(|_, _| true) }
    }

    /// The same, who sees a table beside telemetry only if this says so of its schema and name.
    #[must_use]
    pub fn seeing(self, sees: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self { sees: Arc::new(sees), ..self }
    }

    /// Whose rows it sees.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// What it sees of a schema.
    pub(crate) fn seen(&self, name: &str, schema: Arc<dyn SchemaProvider>) -> Arc<dyn SchemaProvider> {
        Arc::new(Seen { name: name.to_owned(), schema, asker: self.clone() })
    }
}

impl From<Tenant> for Asker {
    fn from(tenant: Tenant) -> Self {
        Self::new(tenant)
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The tables of a schema that somebody may see.
#[derive(Debug)]
struct Seen {
    name: String,
    schema: Arc<dyn SchemaProvider>,
    asker: Asker,
}

impl Seen {
    fn sees(&self, table: &str) -> bool {
        (self.asker.sees)(&self.name, table)
    }
}

#[async_trait]
impl SchemaProvider for Seen {
    fn table_names(&self) -> Vec<String> {
        self.schema.table_names().into_iter().filter(|table| self.sees(table)).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if self.sees(name) { self.schema.table(name).await } else { Ok(None) }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.sees(name) && self.schema.table_exist(name)
    }
}
