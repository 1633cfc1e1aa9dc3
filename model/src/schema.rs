//! The Arrow schema of each table.
//!
//! Names and types people can guess; time in nanoseconds UTC; ids as fixed binary. Every store keeps exactly
//! these columns, and every column that OTLP may leave out has a default, so a batch only holds what was said.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::conventions::{self, AttributeType, Convention};
use crate::{Dataset, Level, Rollup, Signal};

/// What a column holds in a row that says nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    /// Every row says it.
    Never,
    /// NULL.
    Null,
    /// Zero, as proto3 has it.
    Zero,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name in SQL and in files.
    pub name: &'static str,
    /// Arrow type.
    pub data_type: DataType,
    /// The attribute it was promoted from.
    pub convention: Option<&'static Convention>,
    absent: Absent,
}

impl Column {
    /// True when a batch may leave it out.
    pub fn has_default(&self) -> bool {
        self.absent != Absent::Never
    }

    /// True when NULL stands for what is left out.
    pub fn is_nullable(&self) -> bool {
        self.absent == Absent::Null
    }

    fn field(&self) -> Field {
        Field::new(self.name, self.data_type.clone(), self.is_nullable())
    }
}

/// The columns of one signal or rollup.
#[derive(Debug)]
pub struct Table {
    /// Columns in the order of the schema.
    pub columns: Vec<Column>,
    /// The same as Arrow has it.
    pub schema: SchemaRef,
}

impl Table {
    /// The table of a signal or rollup.
    pub fn of(dataset: impl Into<Dataset>) -> &'static Table {
        // Constant data that has no const constructor, not state.
        static SPANS: LazyLock<Table> = LazyLock::new(|| Table::of_signal(Signal::Spans, span_columns()));
        static LOGS: LazyLock<Table> = LazyLock::new(|| Table::of_signal(Signal::Logs, log_columns()));
        static METRICS: LazyLock<Table> = LazyLock::new(|| Table::of_signal(Signal::Metrics, number_columns()));
        static HISTOGRAMS: LazyLock<Table> =
            LazyLock::new(|| Table::of_signal(Signal::Histograms, histogram_columns()));
        static MINUTES: LazyLock<Table> = LazyLock::new(|| Table::new(service_columns(Rollup::ServiceMinutes)));
        static HOURS: LazyLock<Table> = LazyLock::new(|| Table::new(service_columns(Rollup::ServiceHours)));
        static EDGES: LazyLock<Table> = LazyLock::new(|| Table::new(edge_columns()));
        match dataset.into() {
            Dataset::Signal(Signal::Spans) => &SPANS,
            Dataset::Signal(Signal::Logs) => &LOGS,
            Dataset::Signal(Signal::Metrics) => &METRICS,
            Dataset::Signal(Signal::Histograms) => &HISTOGRAMS,
            Dataset::Rollup(Rollup::ServiceMinutes) => &MINUTES,
            Dataset::Rollup(Rollup::ServiceHours) => &HOURS,
            Dataset::Rollup(Rollup::ServiceEdges) => &EDGES,
        }
    }

    /// Place of a column.
    ///
    /// # Panics
    /// When the table has no such column: names are constants of this program.
    pub fn index(&self, name: &str) -> usize {
        self.schema.index_of(name).expect("the column is in the table")
    }

    fn of_signal(signal: Signal, own: Vec<Column>) -> Table {
        let promoted = |conventions: &'static [Convention]| conventions.iter().map(promoted_column);
        let columns = own
            .into_iter()
            .chain(promoted(conventions::of_resource()))
            .chain(promoted(conventions::of_item(signal)))
            .chain(envelope_columns());
        Table::new(columns.collect())
    }

    fn new(columns: Vec<Column>) -> Table {
        let schema = Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Fields>()));
        Table { columns, schema }
    }
}

fn promoted_column(convention: &'static Convention) -> Column {
    debug_assert!(matches!(convention.level, Level::Resource | Level::Item));
    let data_type = match convention.value {
        AttributeType::Text => DataType::Utf8View,
        AttributeType::Integer => DataType::Int64,
    };
    Column { name: convention.column, data_type, convention: Some(convention), absent: Absent::Null }
}

fn required(name: &'static str, data_type: DataType) -> Column {
    Column { name, data_type, convention: None, absent: Absent::Never }
}

fn optional(name: &'static str, data_type: DataType) -> Column {
    Column { name, data_type, convention: None, absent: Absent::Null }
}

fn zeroed(name: &'static str, data_type: DataType) -> Column {
    Column { name, data_type, convention: None, absent: Absent::Zero }
}

fn text(name: &'static str) -> Column {
    optional(name, DataType::Utf8View)
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

const TRACE_ID: DataType = DataType::FixedSizeBinary(16);
const SPAN_ID: DataType = DataType::FixedSizeBinary(8);

fn span_columns() -> Vec<Column> {
    vec![
        required("start_time", timestamp()),
        required("end_time", timestamp()),
        required("duration_ns", DataType::Int64),
        required("trace_id", TRACE_ID),
        required("span_id", SPAN_ID),
        optional("parent_span_id", SPAN_ID),
        text("trace_state"),
        zeroed("flags", DataType::UInt32),
        required("name", DataType::Utf8View),
        required("kind", DataType::Utf8View),
        required("status_code", DataType::Utf8View),
        text("status_message"),
        optional("events", list(DataType::Struct(event_fields()))),
        zeroed("dropped_events_count", DataType::UInt32),
        optional("links", list(DataType::Struct(link_fields()))),
        zeroed("dropped_links_count", DataType::UInt32),
        optional("observed_time", timestamp()),
    ]
}

fn log_columns() -> Vec<Column> {
    vec![
        required("time", timestamp()),
        optional("observed_time", timestamp()),
        zeroed("severity_number", DataType::Int32),
        text("severity_text"),
        text("body"),
        text("body_type"),
        text("event_name"),
        optional("trace_id", TRACE_ID),
        optional("span_id", SPAN_ID),
        zeroed("flags", DataType::UInt32),
    ]
}

fn point_columns() -> Vec<Column> {
    vec![
        required("time", timestamp()),
        optional("start_time", timestamp()),
        required("name", DataType::Utf8View),
        text("description"),
        text("unit"),
        required("type", DataType::Utf8View),
        text("temporality"),
        required("series_id", DataType::Int64),
        zeroed("flags", DataType::UInt32),
        optional("exemplars", list(DataType::Struct(exemplar_fields()))),
        text("metadata"),
        optional("observed_time", timestamp()),
    ]
}

fn number_columns() -> Vec<Column> {
    let mut columns = point_columns();
    columns.extend([
        optional("monotonic", DataType::Boolean),
        optional("value", DataType::Float64),
        optional("value_int", DataType::Int64),
    ]);
    columns
}

fn histogram_columns() -> Vec<Column> {
    let mut columns = point_columns();
    columns.extend([
        required("count", DataType::UInt64),
        optional("sum", DataType::Float64),
        optional("min", DataType::Float64),
        optional("max", DataType::Float64),
        optional("bucket_counts", list(DataType::UInt64)),
        optional("explicit_bounds", list(DataType::Float64)),
        optional("scale", DataType::Int32),
        optional("zero_count", DataType::UInt64),
        optional("zero_threshold", DataType::Float64),
        optional("positive_offset", DataType::Int32),
        optional("positive_counts", list(DataType::UInt64)),
        optional("negative_offset", DataType::Int32),
        optional("negative_counts", list(DataType::UInt64)),
        optional("quantiles", list(DataType::Struct(quantile_fields()))),
    ]);
    columns
}

/// What every signal says of itself, its scope and its resource.
fn envelope_columns() -> Vec<Column> {
    vec![
        text("attributes"),
        zeroed("dropped_attributes_count", DataType::UInt32),
        text("scope_name"),
        text("scope_version"),
        text("scope_attributes"),
        zeroed("scope_dropped_attributes_count", DataType::UInt32),
        text("scope_schema_url"),
        text("resource_attributes"),
        zeroed("resource_dropped_attributes_count", DataType::UInt32),
        text("resource_schema_url"),
        text("otlp_residue"),
    ]
}

/// Columns by which the rows of a rollup of services differ, then what is summed.
fn service_columns(rollup: Rollup) -> Vec<Column> {
    let mut columns = vec![
        required(rollup.time_column(), timestamp()),
        text("service_name"),
        text("service_namespace"),
        text("service_version"),
        text("deployment_environment_name"),
        required("name", DataType::Utf8View),
        required("kind", DataType::Utf8View),
        required("status_code", DataType::Utf8View),
        optional("http_response_status_code", DataType::Int64),
    ];
    columns.extend(sum_columns("requests"));
    columns
}

fn edge_columns() -> Vec<Column> {
    let mut columns = vec![
        required(Rollup::ServiceEdges.time_column(), timestamp()),
        text("source"),
        text("target"),
        required("target_kind", DataType::Utf8View),
        text("system"),
        required("kind", DataType::Utf8View),
        text("deployment_environment_name"),
        text("half"),
        optional("trace_id", TRACE_ID),
        optional("span_id", SPAN_ID),
    ];
    columns.extend(sum_columns("calls"));
    columns
}

/// What rollups sum: exact whatever is added, so durations have more digits than one span's.
fn sum_columns(count: &'static str) -> [Column; 6] {
    [
        required(count, DataType::Int64),
        required("errors", DataType::Int64),
        required("duration_sum_ns", DataType::Decimal128(38, 0)),
        optional("duration_min_ns", DataType::Int64),
        optional("duration_max_ns", DataType::Int64),
        required("duration_sketch", DataType::BinaryView),
    ]
}

/// Fields of one entry of `spans.events`.
pub fn event_fields() -> Fields {
    Fields::from(vec![
        Field::new("time", timestamp(), false),
        Field::new("name", DataType::Utf8View, false),
        Field::new("attributes", DataType::Utf8View, true),
        Field::new("dropped_attributes_count", DataType::UInt32, false),
    ])
}

/// Fields of one entry of `spans.links`.
pub fn link_fields() -> Fields {
    Fields::from(vec![
        Field::new("trace_id", TRACE_ID, true),
        Field::new("span_id", SPAN_ID, true),
        Field::new("trace_state", DataType::Utf8View, true),
        Field::new("attributes", DataType::Utf8View, true),
        Field::new("dropped_attributes_count", DataType::UInt32, false),
        Field::new("flags", DataType::UInt32, false),
    ])
}

/// Fields of one entry of `exemplars`.
pub fn exemplar_fields() -> Fields {
    Fields::from(vec![
        Field::new("time", timestamp(), false),
        Field::new("value", DataType::Float64, true),
        Field::new("value_int", DataType::Int64, true),
        Field::new("trace_id", TRACE_ID, true),
        Field::new("span_id", SPAN_ID, true),
        Field::new("attributes", DataType::Utf8View, true),
    ])
}

/// Fields of one entry of `histograms.quantiles`.
pub fn quantile_fields() -> Fields {
    Fields::from(vec![Field::new("quantile", DataType::Float64, false), Field::new("value", DataType::Float64, false)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_column_is_the_first_of_its_table() {
        for dataset in Dataset::all() {
            assert_eq!(Table::of(dataset).index(dataset.time_column()), 0);
        }
    }

    #[test]
    fn no_two_columns_of_a_table_share_a_name() {
        for dataset in Dataset::all() {
            let mut names: Vec<_> = Table::of(dataset).columns.iter().map(|column| column.name).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{dataset}");
        }
    }
}
