//! A log record as it is told, whether its row comes from an answer or has just arrived.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray, RecordBatch};
use plugin::model::{AttributeType, Batch, Convention, Signal, Table, conventions};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::severity;
use crate::range::rfc3339;
use crate::rows::{Row, hex};

/// A log record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LogLine {
    pub(crate) time: String,
    /// When a collector saw it, where that was said.
    pub(crate) observed_time: Option<String>,
    /// `trace`, `debug`, `info`, `warn`, `error` or `fatal`; null when the record does not say.
    severity: Option<&'static str>,
    severity_number: i64,
    /// As the program calls it.
    severity_text: Option<String>,
    body: Option<String>,
    /// `json` where the body is no text, and stands here as JSON.
    body_type: Option<String>,
    event_name: Option<String>,
    service: Option<String>,
    /// The instance of the service (`service.instance.id`).
    instance: Option<String>,
    host: Option<String>,
    environment: Option<String>,
    trace_id: Option<String>,
    span_id: Option<String>,
    /// The scope (mostly the logger) it comes from.
    scope: Option<String>,
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    #[schema(value_type = Object)]
    resource_attributes: Map<String, Value>,
}

/// Columns of a line that are no attributes.
const OWN: [&str; 12] = [
    "time",
    "observed_time",
    "severity_number",
    "severity_text",
    "body",
    "body_type",
    "event_name",
    "trace_id",
    "span_id",
    "scope_name",
    "attributes",
    "resource_attributes",
];

/// The columns that [`LogLine::of`] reads, in its order.
pub(crate) fn columns() -> impl Iterator<Item = &'static str> {
    let promoted = conventions::of_resource().iter().chain(conventions::of_item(Signal::Logs));
    OWN.into_iter().chain(promoted.map(|convention| convention.column))
}

impl LogLine {
    /// The record of a row that begins with [`columns`].
    pub(crate) fn of(row: Row<'_>) -> Self {
        let (of_resource, of_item) = (conventions::of_resource(), conventions::of_item(Signal::Logs));
        let resource = |column: &str| {
            let place = of_resource.iter().position(|convention| convention.column == column);
            place.and_then(|place| row.owned(OWN.len() + place))
        };
        let number = row.integer(2).unwrap_or_default();
        Self {
            time: row.integer(0).map(rfc3339).unwrap_or_default(),
            observed_time: row.integer(1).map(rfc3339),
            severity: severity::name(number),
            severity_number: number,
            severity_text: row.owned(3),
            body: row.owned(4),
            body_type: row.owned(5),
            event_name: row.owned(6),
            service: resource("service_name"),
            instance: resource("service_instance_id"),
            host: resource("host_name"),
            environment: resource("deployment_environment_name"),
            trace_id: row.id::<16>(7).map(|id| hex(&id)),
            span_id: row.id::<8>(8).map(|id| hex(&id)),
            scope: row.owned(9),
            attributes: attributes(row, 10, of_item, OWN.len() + of_resource.len()),
            resource_attributes: attributes(row, 11, of_resource, OWN.len()),
        }
    }
}

/// What has a column of its own, from `first` on, and what is in the JSON, which is the whole truth about what it names.
fn attributes(row: Row<'_>, json: usize, promoted: &[Convention], first: usize) -> Map<String, Value> {
    let json = row.text(json).and_then(|json| serde_json::from_str(json).ok());
    let mut attributes: Map<String, Value> = json.unwrap_or_default();
    for (place, convention) in (first..).zip(promoted) {
        let value = match convention.value {
            AttributeType::Text => row.text(place).map(Value::from),
            AttributeType::Integer => row.integer(place).map(Value::from),
        };
        if let Some(value) = value {
            attributes.entry(convention.key).or_insert(value);
        }
    }
    attributes
}

/// Rows of a batch of logs as lines in JSON, each written when it is first asked for and never again.
#[derive(Debug)]
pub(crate) struct Written {
    rows: RecordBatch,
    lines: HashMap<usize, String>,
}

impl Written {
    /// Writes nothing yet.
    pub(crate) fn of(logs: &Batch) -> Self {
        let table = Table::of(Signal::Logs);
        let column = |name: &str| logs.said(table.index(name)).map(Arc::clone);
        let nothing = || Arc::new(NullArray::new(logs.rows())) as ArrayRef;
        let columns = columns().map(|name| (name, column(name).unwrap_or_else(nothing), true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of a batch have as many rows");
        Self { rows, lines: HashMap::new() }
    }

    /// The line of a row.
    pub(crate) fn line(&mut self, row: usize) -> &str {
        let line = || LogLine::of(Row::of(&self.rows, row));
        let written = self.lines.entry(row);
        written.or_insert_with(|| serde_json::to_string(&line()).expect("a line can be written as JSON"))
    }
}
