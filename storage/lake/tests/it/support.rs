//! Segments to keep, and what a lake shows of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::json::ReaderBuilder;
use arrow::row::{RowConverter, SortField};
use datafusion::prelude::SessionContext;
use lake::{Config, Lake};
use model::{Batch, Signal, Table, Tenant};
use serde_json::{Value, json};
use store::{Origin, Outcome, Pace, Segment, SegmentId, Store, Work, WriterId};
use uuid::Uuid;

/// Everything is merged at once, with columns for attributes, and what is taken out is deleted at once.
pub(crate) fn eager() -> Config {
    Config { settled_seconds: 0, deletion_grace_seconds: 0, promote_rows_min: 1, ..Config::default() }
}

pub(crate) fn tenant() -> Tenant {
    Tenant::default_tenant()
}

/// Makes segments, one after the other.
pub(crate) struct Segments {
    tenant: Tenant,
    writer: WriterId,
    position: u64,
}

impl Segments {
    pub(crate) fn new() -> Self {
        Self::of(tenant())
    }

    pub(crate) fn of(tenant: Tenant) -> Self {
        Self { tenant, writer: WriterId(Uuid::new_v4()), position: 0 }
    }

    /// A segment of rows given as JSON; what a row leaves out has a default.
    pub(crate) fn next(&mut self, signal: Signal, rows: &[Value]) -> Segment {
        self.position += 1;
        let origin = Origin { writer: self.writer, first: self.position, through: self.position };
        let batches = vec![batch(signal, rows)];
        Segment { id: SegmentId::new(), tenant: self.tenant.clone(), signal, origin, batches }
    }
}

fn batch(signal: Signal, rows: &[Value]) -> Batch {
    let table = Table::of(signal);
    let rows: Vec<Value> = rows.iter().map(|row| complete(signal, row.clone())).collect();
    let mut decoder = ReaderBuilder::new(Arc::clone(&table.schema)).build_decoder().expect("a readable schema");
    decoder.serialize(&rows).expect("rows that fit the schema");
    let rows = decoder.flush().expect("rows that fit the schema").expect("at least one row");
    Batch::from_record_batch(signal, &rows).expect("rows that fit the schema")
}

fn complete(signal: Signal, mut row: Value) -> Value {
    for column in Table::of(signal).columns.iter().filter(|column| !column.is_nullable()) {
        if row.get(column.name).is_none_or(Value::is_null) {
            row[column.name] = match &column.data_type {
                DataType::FixedSizeBinary(bytes) => json!("ab".repeat(usize::try_from(*bytes).expect("a size"))),
                DataType::Utf8View => json!("some"),
                _ => json!(0),
            };
        }
    }
    row
}

/// Spans that start at these times, of services in turn.
pub(crate) fn spans(times: impl IntoIterator<Item = i64>) -> Vec<Value> {
    let span = |(number, time)| json!({"start_time": time, "end_time": time, "service_name": format!("service-{}", number % 3), "name": format!("work {}", number % 7), "trace_id": format!("{time:032x}")});
    times.into_iter().enumerate().map(span).collect()
}

/// The rows of a table, as bytes that compare as the rows do, in order of these.
pub(crate) async fn rows(lake: &Lake, tenant: &Tenant, signal: Signal) -> Vec<Vec<u8>> {
    let table = lake.table(tenant, signal).expect("a table").table;
    let batches = SessionContext::new().read_table(table).expect("a readable table").collect().await;
    multiset(&batches.expect("readable rows"))
}

pub(crate) fn multiset(batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let Some(first) = batches.first() else { return Vec::new() };
    let fields = first.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let converter = RowConverter::new(fields).expect("types with an order");
    let rows = |batch: &RecordBatch| {
        let rows = converter.convert_columns(batch.columns()).expect("columns of these types");
        rows.iter().map(|row| row.as_ref().to_vec()).collect::<Vec<_>>()
    };
    let mut rows: Vec<Vec<u8>> = batches.iter().flat_map(rows).collect();
    rows.sort_unstable();
    rows
}

/// Does all upkeep there is now, and gives it back.
pub(crate) async fn maintain_all(lake: &Lake) -> Vec<Work> {
    let mut done = Vec::new();
    while let Some(work) = lake.maintain(&Pace::full()).await.done {
        if let Outcome::Failed(cause) = &work.outcome {
            panic!("{:?}: {cause:?}", work.task);
        }
        done.push(work);
        assert!(done.len() < 10_000, "upkeep comes to an end");
    }
    done
}

/// The objects of a lake on disk whose names end so, without the manifest's.
pub(crate) fn objects(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(directory, end, &mut found);
    found
}

fn collect(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("_manifest") && !path.ends_with("_upkeep") {
                collect(&path, end, found);
            }
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}
