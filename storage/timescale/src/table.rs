//! The rows of one tenant and dataset at one moment, for DataFusion.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use model::{Dataset, Table, Tenant};

use crate::database::Database;
use crate::ledger::Known;
use crate::predicate::{time_literal, translate};
use crate::rounds;
use crate::scan::TimescaleScan;
use crate::select::{Asked, Select};

/// Below this many rows a second connection costs more than it gains.
const ROWS_PER_CONNECTION: u64 = 100_000;

/// A table of the database; what is kept later does not show.
#[derive(Debug)]
pub(crate) struct TimescaleTable {
    tenant: Tenant,
    dataset: Dataset,
    known: Arc<Known>,
    database: Arc<Database>,
    connections_max: usize,
}

impl TimescaleTable {
    /// The rows up to the watermarks.
    pub(crate) fn new(
        (tenant, dataset): (Tenant, Dataset),
        known: Arc<Known>,
        database: Arc<Database>,
        read_connections_max: usize,
    ) -> Self {
        // A join reads two tables at once, and other people ask too.
        Self { tenant, dataset, known, database, connections_max: (read_connections_max / 4).max(1) }
    }

    /// The rows of this table, and nobody else's; of sums those that count as of the round that is known.
    fn own_rows(&self) -> String {
        let known = self.known.condition(&self.tenant);
        match self.dataset {
            Dataset::Signal(_) => known,
            Dataset::Rollup(_) => {
                format!("{known} AND {}", rounds::counts(&self.database.schema, &self.tenant, self.known.round))
            }
        }
    }

    /// Ranges of time that several connections read side by side; together they hold every time.
    fn ranges(&self, partitions: usize) -> Vec<Option<String>> {
        let wanted = usize::try_from(self.known.rows / ROWS_PER_CONNECTION).unwrap_or(usize::MAX);
        let count = wanted.clamp(1, partitions.min(self.connections_max).max(1));
        let is_worth_it = count > 1 && matches!(self.dataset, Dataset::Signal(_));
        let Some((first, last)) = self.known.times.filter(|_| is_worth_it) else { return vec![None] };
        let time = self.dataset.time_column();
        let step = (last - first) / i64::try_from(count).unwrap_or(i64::MAX) + 1;
        let bounds: Vec<String> =
            (1..count as i64).map(|number| time_literal((first + step * number).saturating_mul(1000))).collect();
        let part = |number: usize| {
            let from = number.checked_sub(1).map(|before| format!("\"{time}\" >= {}", bounds[before]));
            let to = bounds.get(number).map(|bound| format!("\"{time}\" < {bound}"));
            [from, to].into_iter().flatten().reduce(|from, to| format!("{from} AND {to}"))
        };
        (0..count).map(part).collect()
    }
}

#[async_trait]
impl TableProvider for TimescaleTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&Table::of(self.dataset).schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match translate(self.dataset, filter) {
            Some(condition) if condition.is_exact => TableProviderFilterPushDown::Exact,
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema().fields().len()).collect());
        let schema = Arc::new(self.schema().project(&places)?);
        if self.known.logs.is_empty() {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let conditions = filters.iter().filter_map(|filter| Some(translate(self.dataset, filter)?.sql));
        let conditions = std::iter::once(self.own_rows()).chain(conditions).collect();
        let select = Select {
            schema: self.database.schema.clone(),
            dataset: self.dataset,
            asked: Asked::Values(places),
            conditions,
            limit,
        };
        // Counting is one answer, whoever gives it.
        let ranges = if select.counts() { vec![None] } else { self.ranges(session.config().target_partitions()) };
        Ok(Arc::new(TimescaleScan::new(Arc::clone(&self.database), select, ranges, schema)))
    }
}
