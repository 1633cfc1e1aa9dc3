//! Reads rows as they stream out of the database, one connection a partition.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::TryStreamExt;
use model::Dataset;
use tokio::sync::mpsc;

use crate::database::Database;
use crate::decode::Decoder;
use crate::error::{Form, Reaction, Refusal};

/// A batch is handed on when it is this large, however few rows that are.
const BATCH_BYTES: usize = 4 << 20;
/// Batches the database may be ahead of the plan.
const BATCHES_AHEAD: usize = 1;

/// The answers to some statements, each a partition.
#[derive(Debug)]
pub(crate) struct TimescaleScan {
    database: Arc<Database>,
    dataset: Dataset,
    places: Vec<usize>,
    statements: Vec<String>,
    properties: Arc<PlanProperties>,
}

impl TimescaleScan {
    /// `schema` is the dataset's at these places, which are what the statements select; without any, they count.
    pub(crate) fn new(
        database: Arc<Database>,
        dataset: Dataset,
        places: Vec<usize>,
        schema: SchemaRef,
        statements: Vec<String>,
    ) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(statements.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { database, dataset, places, statements, properties }
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

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.properties.eq_properties.schema();
        let mut rows = RecordBatchReceiverStream::builder(Arc::clone(schema), BATCHES_AHEAD);
        let read = Read {
            database: Arc::clone(&self.database),
            select: self.statements[partition].clone(),
            decoder: Decoder::new(self.dataset, &self.places, Arc::clone(schema)),
            batch_rows: context.session_config().batch_size(),
            batches: rows.tx(),
        };
        let (database, counts) = (Arc::clone(&self.database), self.places.is_empty());
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
    select: String,
    decoder: Decoder,
    batch_rows: usize,
    batches: mpsc::Sender<Result<RecordBatch>>,
}

impl Read {
    async fn rows(mut self) -> Result<(), Refusal> {
        let connection = self.database.reader().await?;
        let stream = connection.copy_out(&format!("COPY ({}) TO STDOUT (FORMAT binary)", self.select)).await?;
        tokio::pin!(stream);
        while let Some(came) = stream.try_next().await? {
            self.decoder.push(&came).map_err(wrong)?;
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
        let batch = self.decoder.take().map_err(wrong)?;
        Ok(self.batches.send(Ok(batch)).await.is_ok())
    }

    /// Rows without columns, as many as the database counts.
    async fn count(self) -> Result<(), Refusal> {
        let connection = self.database.reader().await?;
        let count: i64 = connection.query_one(&self.select, &[]).await?.try_get(0)?;
        connection.give_back();
        let mut left = usize::try_from(count).unwrap_or(0);
        while left > 0 {
            let rows = left.min(1 << 20);
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let schema = Arc::new(arrow::datatypes::Schema::empty());
            let batch = RecordBatch::try_new_with_options(schema, Vec::new(), &options).map_err(wrong)?;
            if self.batches.send(Ok(batch)).await.is_err() {
                return Ok(());
            }
            left -= rows;
        }
        Ok(())
    }
}

fn wrong(cause: impl std::error::Error) -> Refusal {
    Refusal::new(Reaction::WrongData, format!("what was read is not what was kept: {cause}"))
}
