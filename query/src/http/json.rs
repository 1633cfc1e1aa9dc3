//! Rows as JSON: one document, or an object a line.
//!
//! Numbers are exact in text, also beyond 2^53; times are RFC 3339 in UTC with nine digits, also where the type
//! names no zone; NaN and infinities are text; ids and other bytes are lower-case hex; JSON columns are JSON.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Writer;
use super::status::ErrorBody;
use crate::error::QueryError;

/// RFC 3339; all our times are UTC.
pub(super) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.9fZ";

/// `{"columns": […], "warnings": […], "rows": [[…], …], "elapsed_ms": …}`; without `warnings` when there are none.
#[derive(Debug)]
pub(super) struct Json {
    schema: SchemaRef,
    warnings: Vec<String>,
    rows: RowText,
    started: Instant,
    is_first: bool,
}

impl Json {
    pub(super) fn new(schema: &SchemaRef, warnings: &[String], started: Instant) -> Self {
        let rows = RowText::list(schema.fields().len());
        Self { schema: Arc::clone(schema), warnings: warnings.to_vec(), rows, started, is_first: true }
    }
}

impl Writer for Json {
    fn start(&mut self) -> Result<Vec<u8>, QueryError> {
        let columns = text(&columns(&self.schema))?;
        let warnings = match self.warnings.is_empty() {
            true => String::new(),
            false => format!("\"warnings\":{},", text(&self.warnings)?),
        };
        Ok(format!("{{\"columns\":{columns},{warnings}\"rows\":[").into_bytes())
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        let mut encoders = self.rows.encoders(rows)?;
        for row in 0..rows.num_rows() {
            out.extend_from_slice(if std::mem::take(&mut self.is_first) { b"\n" } else { b",\n" });
            self.rows.write(&mut encoders, row, &mut out);
        }
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<u8>, QueryError> {
        Ok(format!("\n],\"elapsed_ms\":{}}}\n", self.started.elapsed().as_millis()).into_bytes())
    }

    fn failed(&mut self, error: &QueryError) -> Option<Vec<u8>> {
        let error = text(&ErrorBody::of(error)).ok()?;
        Some(format!("\n],\"error\":{error}}}\n").into_bytes())
    }
}

/// `{"name": value, …}` a line.
#[derive(Debug)]
pub(super) struct Lines {
    rows: RowText,
}

impl Lines {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let before = schema.fields().iter().enumerate().map(|(index, field)| {
            let comma = if index == 0 { "" } else { "," };
            format!("{comma}{}:", serde_json::Value::from(field.name().as_str())).into_bytes()
        });
        Self { rows: RowText::new(b"{", before.collect(), b"}\n") }
    }
}

impl Writer for Lines {
    fn start(&mut self) -> Result<Vec<u8>, QueryError> {
        Ok(Vec::new())
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        let mut encoders = self.rows.encoders(rows)?;
        for row in 0..rows.num_rows() {
            self.rows.write(&mut encoders, row, &mut out);
        }
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<u8>, QueryError> {
        Ok(Vec::new())
    }

    fn failed(&mut self, error: &QueryError) -> Option<Vec<u8>> {
        let error = text(&ErrorBody::of(error)).ok()?;
        Some(format!("{{\"error\":{error}}}\n").into_bytes())
    }
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerColumn)]
pub struct Column {
    /// As the statement names it.
    pub name: String,
    /// Its type as people know it from SQL.
    pub r#type: String,
}

/// The columns of an answer.
pub fn columns(schema: &SchemaRef) -> Vec<Column> {
    let column = |field: &FieldRef| Column { name: field.name().clone(), r#type: column_type(field) };
    schema.fields().iter().map(column).collect()
}

/// The rows, each a JSON array; for who answers with more than rows.
///
/// # Errors
/// When a column has a type that JSON has no form for.
pub fn row_texts(rows: &RecordBatch) -> Result<Vec<String>, QueryError> {
    let row_text = RowText::list(rows.num_columns());
    let mut encoders = row_text.encoders(rows)?;
    let text = |row| {
        let mut out = Vec::new();
        row_text.write(&mut encoders, row, &mut out);
        String::from_utf8(out).map_err(|cause| QueryError::Internal(cause.into()))
    };
    (0..rows.num_rows()).map(text).collect()
}

/// How a row is put together around its values.
#[derive(Debug)]
struct RowText {
    options: EncoderOptions,
    open: &'static [u8],
    /// What stands before each value.
    before: Vec<Vec<u8>>,
    close: &'static [u8],
}

impl RowText {
    fn new(open: &'static [u8], before: Vec<Vec<u8>>, close: &'static [u8]) -> Self {
        Self { options: options(), open, before, close }
    }

    /// A row as a JSON array.
    fn list(columns: usize) -> Self {
        let before = (0..columns).map(|index| if index == 0 { vec![] } else { vec![b','] });
        Self::new(b"[", before.collect(), b"]")
    }

    fn encoders<'a>(&'a self, rows: &'a RecordBatch) -> Result<Vec<NullableEncoder<'a>>, QueryError> {
        let fields = rows.schema_ref().fields();
        let encoders = fields.iter().zip(rows.columns());
        let encoders = encoders.map(|(field, array)| make_encoder(field, array, &self.options));
        encoders.collect::<Result<_, ArrowError>>().map_err(unwritable)
    }

    fn write(&self, values: &mut [NullableEncoder<'_>], row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.open);
        for (before, value) in self.before.iter().zip(values) {
            out.extend_from_slice(before);
            match value.is_null(row) {
                true => out.extend_from_slice(b"null"),
                false => value.encode(row, out),
            }
        }
        out.extend_from_slice(self.close);
    }
}

/// One value a row as JSON text, for formats that have no nested values.
pub(super) fn value_texts(field: &FieldRef, array: &ArrayRef) -> Result<Vec<Option<String>>, QueryError> {
    let options = options();
    let mut encoder = make_encoder(field, array, &options).map_err(unwritable)?;
    let mut text = |row| {
        let mut out = Vec::new();
        encoder.encode(row, &mut out);
        String::from_utf8(out).map_err(|cause| QueryError::Internal(cause.into()))
    };
    (0..array.len()).map(|row| array.is_valid(row).then(|| text(row)).transpose()).collect()
}

fn options() -> EncoderOptions {
    EncoderOptions::default()
        .with_explicit_nulls(true)
        .with_timestamp_format(TIME_FORMAT.to_owned())
        .with_timestamp_tz_format(TIME_FORMAT.to_owned())
        .with_encoder_factory(Arc::new(OurValues))
}

pub(super) fn unwritable(cause: ArrowError) -> QueryError {
    QueryError::Internal(Box::new(cause))
}

fn text(value: &impl Serialize) -> Result<String, QueryError> {
    serde_json::to_string(value).map_err(|cause| QueryError::Internal(Box::new(cause)))
}

/// What arrow's writer does differently or not at all.
#[derive(Debug)]
struct OurValues;

impl EncoderFactory for OurValues {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Float64 => Box::new(FloatText(array.as_primitive::<Float64Type>().values())),
            DataType::Float32 => Box::new(FloatText(array.as_primitive::<Float32Type>().values())),
            DataType::Utf8View if is_json(field) => Box::new(JsonText(array.as_string_view())),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

/// Finite numbers as they are; the others, which JSON does not have, as text.
struct FloatText<'a, T>(&'a [T]);

impl<T: Copy + Into<f64> + Debug> Encoder for FloatText<'_, T> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0[row];
        let wide: f64 = value.into();
        let text = if wide.is_finite() {
            // Unlike `Display`, this keeps ".0" and the exponent.
            format!("{value:?}")
        } else if wide.is_nan() {
            "\"NaN\"".to_owned()
        } else if wide.is_sign_positive() {
            "\"Infinity\"".to_owned()
        } else {
            "\"-Infinity\"".to_owned()
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Text that is JSON already.
struct JsonText<'a>(&'a StringViewArray);

impl Encoder for JsonText<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.value(row).as_bytes());
    }
}

fn is_json(field: &FieldRef) -> bool {
    let marks = datafusion_functions_json::json_field_metadata();
    marks.iter().all(|(key, value)| field.metadata().get(key) == Some(value))
}

fn column_type(field: &FieldRef) -> String {
    if is_json(field) { "json".to_owned() } else { type_name(field.data_type()) }
}

/// Name of a type as people know it from SQL.
fn type_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Null => "null",
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        DataType::Int64 => "bigint",
        DataType::UInt8 => "utinyint",
        DataType::UInt16 => "usmallint",
        DataType::UInt32 => "uinteger",
        DataType::UInt64 => "ubigint",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "binary",
        DataType::Timestamp(..) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Duration(_) | DataType::Interval(_) => "interval",
        DataType::Dictionary(_, values) => return type_name(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("{}[]", type_name(item.data_type()));
        }
        DataType::Struct(fields) => {
            let mut name = String::from("struct(");
            for (index, field) in fields.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(name, "{comma}{} {}", field.name(), type_name(field.data_type()));
            }
            return name + ")";
        }
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return format!("decimal({precision},{scale})");
        }
        other => return other.to_string(),
    };
    name.to_owned()
}
