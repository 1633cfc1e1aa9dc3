//! Reads rows as they stream out of the database, one connection a partition.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::TryStreamExt;
use tokio::sync::mpsc;

use crate::database::Database;
use crate::decode::Decoder;
use crate::error::{Form, Refusal};
use crate::physical::Columns;
use crate::select::Select;

/// A batch is handed on when it is this large, however few rows that are.
const BATCH_BYTES: usize = 4 << 20;
/// Batches the database may be ahead of the plan.
const BATCHES_AHEAD: usize = 1;

/// The answers to a question about some ranges of time, each a partition.
#[derive(Debug)]
pub(crate) struct TimescaleScan {
    database: Arc<Database>,
    select: Select,
    ranges: Vec<Option<String>>,
    statements: Vec<String>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TimescaleScan {
    /// `schema` has the columns that are asked for; when rows are counted, there are none.
    pub(crate) fn new(database: Arc<Database>, select: Select, ranges: Vec<Option<String>>, schema: SchemaRef) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(ranges.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let statements = ranges.iter().map(|range| select.sql(range.as_deref())).collect();
        Self { database, select, ranges, statements, properties, metrics: ExecutionPlanMetricsSet::new() }
    }

    /// What is asked.
    pub(crate) fn select(&self) -> &Select {
        &self.select
    }

    /// Asks something else of the same ranges.
    pub(crate) fn asking(&self, select: Select, schema: SchemaRef) -> Self {
        Self::new(Arc::clone(&self.database), select, self.ranges.clone(), schema)
    }
}

impl DisplayAs for TimescaleScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimescaleScan: partitions={}, sql={}", self.statements.len(), self.statements.join("; "))
    }
}

impl ExecutionPlan for TimescaleScan {
    fn name(&self) -> &str {
        "TimescaleScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("TimescaleScan has no children"),
        }
    }

    /// Takes the filters that mean the same in the database, so that nobody looks at its rows again.
    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        ChildPushdownResult { parent_filters, .. }: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let columns = Columns::of(&self.select);
        let conditions: Vec<Option<String>> =
            parent_filters.iter().map(|filter| columns?.condition(&filter.filter)).collect();
        let taken = conditions.iter().map(|known| if known.is_some() { PushedDown::Yes } else { PushedDown::No });
        let taken = FilterPushdownPropagation::with_parent_pushdown_result(taken.collect());
        let mut select = self.select.clone();
        for condition in conditions.into_iter().flatten() {
            // Most are there already: the table was asked for rows that meet them.
            if !select.conditions.contains(&condition) {
                select.conditions.push(condition);
            }
        }
        Ok(taken.with_updated_node(Arc::new(self.asking(select, self.schema()))))
    }

    /// How many rows came.
    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.properties.eq_properties.schema();
        let mut rows = RecordBatchReceiverStream::builder(Arc::clone(schema), BATCHES_AHEAD);
        let read = Read {
            database: Arc::clone(&self.database),
            statement: self.statements[partition].clone(),
            decoder: Decoder::new(&self.select.kinds(), Arc::clone(schema)),
            output_rows: MetricBuilder::new(&self.metrics).output_rows(partition),
            batch_rows: context.session_config().batch_size(),
            batches: rows.tx(),
        };
        let (database, counts) = (Arc::clone(&self.database), self.select.counts());
        rows.spawn(async move {
            let outcome = if counts { read.count().await } else { read.rows().await };
            outcome.map_err(|cause| DataFusionError::External(Box::new(database.error(Form::Read, cause))))
        });
        Ok(rows.build())
    }
}

/// One statement on its way. Dropped in the middle, it closes its connection, and the database stops.
struct Read {
    database: Arc<Database>,
    statement: String,
    decoder: Decoder,
    output_rows: Count,
    batch_rows: usize,
    batches: mpsc::Sender<Result<RecordBatch>>,
}

impl Read {
    async fn rows(mut self) -> Result<(), Refusal> {
        let connection = self.database.reader().await?;
        let stream = connection.copy_out(&format!("COPY ({}) TO STDOUT (FORMAT binary)", self.statement)).await?;
        tokio::pin!(stream);
        while let Some(came) = stream.try_next().await? {
            self.decoder.push(&came).map_err(Refusal::misread)?;
            if (self.decoder.rows() >= self.batch_rows || self.decoder.bytes() >= BATCH_BYTES)
                && !self.hand_on().await?
            {
                return Ok(());
            }
        }
        if self.decoder.rows() > 0 {
            self.hand_on().await?;
        }
        connection.give_back();
        Ok(())
    }

    /// False when nobody wants more.
    async fn hand_on(&mut self) -> Result<bool, Refusal> {
        let batch = self.decoder.take().map_err(Refusal::misread)?;
        self.output_rows.add(batch.num_rows());
        Ok(self.batches.send(Ok(batch)).await.is_ok())
    }

    /// Rows without columns, as many as the database counts.
    async fn count(self) -> Result<(), Refusal> {
        let connection = self.database.reader().await?;
        let count: i64 = connection.query_one(&self.statement, &[]).await?.try_get(0)?;
        connection.give_back();
        let mut left = usize::try_from(count).unwrap_or(0);
        while left > 0 {
            let rows = left.min(1 << 20);
            self.output_rows.add(rows);
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let schema = Arc::new(arrow::datatypes::Schema::empty());
            let batch = RecordBatch::try_new_with_options(schema, Vec::new(), &options).map_err(Refusal::misread)?;
            if self.batches.send(Ok(batch)).await.is_err() {
                return Ok(());
            }
            left -= rows;
        }
        Ok(())
    }
}
