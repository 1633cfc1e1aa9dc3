//! The platform's own state as tables: `system.segments`, `system.files`, `system.maintenance`.
//!
//! A tenant sees what is its own; the tenant `system` sees everything.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result};
use model::Tenant;
use plane::{Condition, DataPlane, Done, Part, SegmentStatus, Task};

use crate::error::QueryError;

/// Name of the schema.
pub(crate) const SCHEMA: &str = "system";

const SEGMENTS: &str = "segments";
const FILES: &str = "files";
const MAINTENANCE: &str = "maintenance";

/// The tables, each as of its use.
pub(crate) struct SystemTables {
    plane: Arc<DataPlane>,
    /// Whose rows; `None` for everybody's.
    tenant: Option<Tenant>,
}

impl SystemTables {
    pub(crate) fn new(plane: Arc<DataPlane>, tenant: Tenant) -> Self {
        let sees_all = tenant == Tenant::system();
        Self { plane, tenant: (!sees_all).then_some(tenant) }
    }

    async fn files(&self) -> Result<RecordBatch> {
        let parts = self.plane.parts(self.tenant.as_ref()).await;
        let parts = parts.map_err(|cause| QueryError::Unavailable(Box::new(cause)))?;
        files(&parts)
    }

    fn maintenance(&self) -> Result<RecordBatch> {
        let upkeep = self.plane.upkeep();
        let done = upkeep.done.iter().map(|done| (&done.task, Some(done)));
        let waiting = upkeep.waiting.iter().map(|task| (task, None));
        let seen = done.chain(waiting).filter(|(task, _)| self.tenant.is_none() || task.tenant == self.tenant);
        maintenance(&seen.collect::<Vec<_>>())
    }
}

impl fmt::Debug for SystemTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemTables").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

#[async_trait]
impl SchemaProvider for SystemTables {
    fn table_names(&self) -> Vec<String> {
        [SEGMENTS, FILES, MAINTENANCE].map(str::to_owned).to_vec()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let rows = match name {
            SEGMENTS => segments(&self.plane.segments(self.tenant.as_ref()))?,
            FILES => self.files().await?,
            MAINTENANCE => self.maintenance()?,
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        [SEGMENTS, FILES, MAINTENANCE].contains(&name)
    }
}

fn segments(segments: &[SegmentStatus]) -> Result<RecordBatch> {
    let state = |segment: &SegmentStatus| if segment.is_sealed { "sealed" } else { "open" };
    let each = || segments.iter();
    table([
        text("tenant", each().map(|segment| Some(segment.tenant.to_string()))),
        text("table_name", each().map(|segment| Some(segment.signal.to_string()))),
        text("state", each().map(|segment| Some(state(segment).to_owned()))),
        count("rows", each().map(|segment| Some(segment.rows as u64))),
        count("bytes", each().map(|segment| Some(segment.bytes as u64))),
        count("age_ms", each().map(|segment| Some(millis(segment.age)))),
    ])
}

fn files(parts: &[Part]) -> Result<RecordBatch> {
    let reason = |part: &Part| match &part.condition {
        Condition::Unreadable(reason) => Some(reason.clone()),
        Condition::Kept | Condition::Removed => None,
    };
    let made = |part: &Part| i64::try_from(part.created_millis).ok().map(|millis| millis.saturating_mul(1_000_000));
    let each = || parts.iter();
    table([
        text("tenant", each().map(|part| Some(part.tenant.to_string()))),
        text("table_name", each().map(|part| Some(part.dataset.to_string()))),
        text("path", each().map(|part| Some(part.name.clone()))),
        count("rows", each().map(|part| Some(part.rows))),
        count("bytes", each().map(|part| Some(part.bytes))),
        time("min_time", each().map(|part| Some(part.times.min.0))),
        time("max_time", each().map(|part| Some(part.times.max.0))),
        integer("level", each().map(|part| Some(i64::from(part.level)))),
        time("created", each().map(made)),
        text("condition", each().map(|part| Some(part.condition.name().to_owned()))),
        text("reason", each().map(reason)),
    ])
}

fn maintenance(tasks: &[(&Task, Option<&Done>)]) -> Result<RecordBatch> {
    let each = || tasks.iter().map(|(task, _)| *task);
    let done = || tasks.iter().map(|(_, done)| *done);
    table([
        text("tenant", each().map(|task| task.tenant.as_ref().map(ToString::to_string))),
        text("table_name", each().map(|task| task.dataset.map(|dataset| dataset.to_string()))),
        text("job", each().map(|task| Some(task.job.name().to_owned()))),
        text("target", each().map(|task| Some(task.target.clone()))),
        text("outcome", done().map(|done| Some(done.map_or("waiting", |done| done.outcome).to_owned()))),
        time("started", done().map(|done| done.map(|done| done.started.0))),
        count("took_ms", done().map(|done| done.map(|done| millis(done.took)))),
        count("files_in", done().map(|done| done.map(|done| done.read.parts))),
        count("rows_in", done().map(|done| done.map(|done| done.read.rows))),
        count("bytes_in", done().map(|done| done.map(|done| done.read.bytes))),
        count("files_out", done().map(|done| done.map(|done| done.written.parts))),
        count("rows_out", done().map(|done| done.map(|done| done.written.rows))),
        count("bytes_out", done().map(|done| done.map(|done| done.written.bytes))),
        text("error", done().map(|done| done.and_then(|done| done.error.clone()))),
    ])
}

/// A column with its name.
type Column = (&'static str, ArrayRef);

fn table<const COLUMNS: usize>(columns: [Column; COLUMNS]) -> Result<RecordBatch> {
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.map(|(_, array)| array).to_vec())?)
}

fn text(name: &'static str, values: impl Iterator<Item = Option<String>>) -> Column {
    (name, Arc::new(values.collect::<StringViewArray>()))
}

fn integer(name: &'static str, values: impl Iterator<Item = Option<i64>>) -> Column {
    (name, Arc::new(values.collect::<Int64Array>()))
}

fn count(name: &'static str, values: impl Iterator<Item = Option<u64>>) -> Column {
    integer(name, values.map(|count| count.map(|count| i64::try_from(count).unwrap_or(i64::MAX))))
}

fn time(name: &'static str, values: impl Iterator<Item = Option<i64>>) -> Column {
    let times: TimestampNanosecondArray = values.collect();
    (name, Arc::new(times.with_timezone("UTC")))
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
