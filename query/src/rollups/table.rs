//! A rollup as DataFusion scans it: partial rows, of which several may have one key.
//!
//! It comes from the same instant as the spans of the statement. People see it through views that add the rows up.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use model::{Rollup, Table};
use plane::SnapshotRollup;

/// The partial rows of one rollup of one tenant.
#[derive(Debug)]
pub(crate) struct RollupTable(pub(crate) SnapshotRollup);

impl RollupTable {
    /// Which rollup.
    pub(crate) fn rollup(&self) -> Rollup {
        self.0.rollup()
    }
}

#[async_trait]
impl TableProvider for RollupTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&Table::of(self.rollup()).schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Self(rollup) = self;
        let stored = rollup.stored().table.scan(session, projection, filters, limit).await?;
        let live: Vec<_> = rollup.live().into_iter().filter(|rows| rows.num_rows() > 0).collect();
        if live.is_empty() {
            return Ok(stored);
        }
        let live = MemorySourceConfig::try_new(&[live], self.schema(), projection.cloned())?;
        UnionExec::try_new(vec![DataSourceExec::from_data_source(live), stored])
    }
}
