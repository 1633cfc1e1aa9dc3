//! One telemetry table as DataFusion scans it: the live rows and the stored rows of one snapshot.
//!
//! Both sides come from the same instant, so that every scan of this table shows the same rows, each once.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampNanosecondArray, UInt64Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;
use model::{Batch, Defaults, Rollup, Signal, Table, Timestamp};
use plane::Snapshot;

use crate::only_keys;
use crate::rollups::{Answers, RollupTable};

/// The rows of one tenant and signal as of one instant.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotTable {
    signal: Signal,
    live: Vec<Batch>,
    stored: Arc<dyn TableProvider>,
    rollups: Vec<Arc<RollupTable>>,
    answers: Answers,
    asked: AskedMembers,
}

/// The keys that a statement looks up in columns of JSON, by column; columns that it looks at as a whole are not here.
pub(crate) type AskedMembers = BTreeMap<String, Vec<String>>;

impl SnapshotTable {
    /// Takes the rows of the snapshot; they are shared, not copied.
    pub(crate) fn new(snapshot: Snapshot, answers: Answers) -> Self {
        let Snapshot { signal, live, stored, rollups, .. } = snapshot;
        let rollups = rollups.into_iter().map(|rollup| Arc::new(RollupTable(rollup))).collect();
        Self { signal, live, stored, rollups, answers, asked: AskedMembers::new() }
    }

    /// The same rows for a statement that looks at no other members of JSON; they may or may not be there.
    pub(crate) fn asked_for(self, asked: AskedMembers) -> Self {
        Self { asked, ..self }
    }

    /// What the statement is known to look at.
    pub(crate) fn asked(&self) -> &AskedMembers {
        &self.asked
    }

    /// True when rollups may answer what is asked of these rows.
    pub(crate) fn is_rolled_up(&self) -> bool {
        self.answers == Answers::FromRollups && !self.rollups.is_empty()
    }

    /// Sums of exactly these rows, if they are spans.
    pub(crate) fn rollup(&self, rollup: Rollup) -> Option<&Arc<RollupTable>> {
        self.rollups.iter().find(|table| table.rollup() == rollup)
    }

    /// Which table it is.
    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&Table::of(self.signal).schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        if self.live.is_empty() {
            return self.stored.supports_filters_pushdown(filters);
        }
        // Live batches are skipped by their times only, so every filter has to be applied again.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let live = self.prune(session, filters)?;
        let live_rows: usize = live.iter().map(|batch| batch.rows()).sum();
        if limit.is_some_and(|limit| live_rows >= limit) {
            return self.scan_live(session, &live, projection);
        }
        let stored = self.stored.scan(session, projection, &self.for_stored(filters)?, limit).await?;
        let stored = self.with_asked_members(stored)?;
        if live.is_empty() {
            return Ok(stored);
        }
        UnionExec::try_new(vec![self.scan_live(session, &live, projection)?, stored])
    }
}

impl SnapshotTable {
    /// The live batches in which some row may pass the filters.
    fn prune(&self, session: &dyn Session, filters: &[Expr]) -> Result<Vec<&Batch>> {
        let Some(filter) = conjunction(filters.iter().cloned()).filter(|_| !self.live.is_empty()) else {
            return Ok(self.live.iter().collect());
        };
        let schema = DFSchema::try_from(self.schema())?;
        let filter = session.create_physical_expr(filter, &schema)?;
        let kept = PruningPredicateBuilder::new()
            .with_file_schema(self.schema())
            .try_build(filter)?
            .prune(&LiveTimes(self))?;
        Ok(self.live.iter().zip(kept).filter(|(_, keep)| *keep).map(|(batch, _)| batch).collect())
    }

    /// The filters that the stored side can use.
    fn for_stored(&self, filters: &[Expr]) -> Result<Vec<Expr>> {
        let supported = self.stored.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>())?;
        let usable = filters.iter().zip(supported).filter(|(_, how)| *how != TableProviderFilterPushDown::Unsupported);
        Ok(usable.map(|(filter, _)| filter.clone()).collect())
    }

    /// Tells the scan of stored rows what is asked, if it takes that.
    fn with_asked_members(&self, stored: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if self.asked.is_empty() {
            return Ok(stored);
        }
        let schema = stored.schema();
        let exprs = schema.fields().iter().enumerate().map(|(place, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(field.name(), place));
            let expr = match self.asked.get(field.name()) {
                Some(keys) => only_keys::call(column, Arc::clone(field), keys),
                None => column,
            };
            ProjectionExpr::new(expr, field.name())
        });
        let projection = ProjectionExec::try_new(exprs.collect::<Vec<_>>(), Arc::clone(&stored))?;
        Ok(stored.try_swapping_with_projection(&projection)?.unwrap_or(stored))
    }

    fn scan_live(
        &self,
        session: &dyn Session,
        live: &[&Batch],
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..Table::of(self.signal).columns.len()).collect();
        let places: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.schema().project(&places)?);
        let mut defaults = Defaults::new(self.signal);
        let partitions: Vec<Vec<RecordBatch>> = spread(live, session)
            .map(|part| part.iter().map(|batch| Ok(batch.project(&schema, &places, &mut defaults)?)).collect())
            .collect::<Result<_>>()?;
        let source = MemorySourceConfig::try_new(&partitions, schema, None)?;
        Ok(DataSourceExec::from_data_source(source))
    }
}

/// Neighbouring batches in as many parts as the session wants, but no part so small that it costs more than it gains.
fn spread<'a, 'b>(live: &'a [&'b Batch], session: &dyn Session) -> impl Iterator<Item = &'a [&'b Batch]> {
    let rows: usize = live.iter().map(|batch| batch.rows()).sum();
    let config = session.config();
    let parts = rows.div_ceil(config.batch_size()).clamp(1, config.target_partitions());
    live.chunks(live.len().div_ceil(parts).max(1))
}

/// What is known of live batches without looking at their rows.
struct LiveTimes<'a>(&'a SnapshotTable);

impl LiveTimes<'_> {
    fn times(&self, column: &Column, end: fn(&Batch) -> Timestamp) -> Option<ArrayRef> {
        let Self(table) = self;
        (column.name == table.signal.time_column()).then(|| {
            let times = table.live.iter().map(|batch| end(batch).0);
            Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC")) as ArrayRef
        })
    }
}

impl PruningStatistics for LiveTimes<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.times(column, |batch| batch.times().min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.times(column, |batch| batch.times().max)
    }

    fn num_containers(&self) -> usize {
        self.0.live.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.0.live.iter().map(|batch| batch.rows() as u64);
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
