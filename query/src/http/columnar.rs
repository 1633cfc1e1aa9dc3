//! Rows as CSV and as an Arrow IPC stream.
//!
//! Neither can say that it is incomplete: after an error the connection breaks off.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::StreamWriter;

use super::answer::Writer;
use super::json::{TIME_FORMAT, unwritable, value_texts};
use crate::error::QueryError;

/// CSV with a line of names first; NULL is an empty field, a nested value its JSON text.
#[derive(Debug)]
pub(super) struct Csv {
    schema: SchemaRef,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let fields: Vec<FieldRef> = schema
            .fields()
            .iter()
            .map(|field| match has_text(field) {
                true => Arc::clone(field),
                false => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
            })
            .collect();
        Self { schema: Arc::new(Schema::new(fields)) }
    }

    fn write(&self, rows: &RecordBatch, with_names: bool) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        let mut writer = WriterBuilder::new()
            .with_header(with_names)
            .with_timestamp_format(TIME_FORMAT.to_owned())
            .with_timestamp_tz_format(TIME_FORMAT.to_owned())
            .build(&mut out);
        writer.write(rows).map_err(unwritable)?;
        drop(writer);
        Ok(out)
    }
}

impl Writer for Csv {
    fn start(&mut self) -> Result<Vec<u8>, QueryError> {
        self.write(&RecordBatch::new_empty(Arc::clone(&self.schema)), true)
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let fields = rows.schema_ref().fields().iter();
        let columns = fields.zip(rows.columns()).map(|(field, array)| -> Result<ArrayRef, QueryError> {
            match has_text(field) {
                true => Ok(Arc::clone(array)),
                false => Ok(Arc::new(StringArray::from(value_texts(field, array)?))),
            }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        self.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(unwritable)?, false)
    }

    fn end(&mut self) -> Result<Vec<u8>, QueryError> {
        Ok(Vec::new())
    }

    fn failed(&mut self, _error: &QueryError) -> Option<Vec<u8>> {
        None
    }
}

fn has_text(field: &FieldRef) -> bool {
    !field.data_type().is_nested()
}

/// Arrow IPC stream, types as they are.
pub(super) struct Ipc {
    writer: StreamWriter<Vec<u8>>,
}

impl Ipc {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        Ok(Self { writer: StreamWriter::try_new(Vec::new(), schema).map_err(unwritable)? })
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }
}

impl Writer for Ipc {
    fn start(&mut self) -> Result<Vec<u8>, QueryError> {
        Ok(self.take())
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        self.writer.write(rows).map_err(unwritable)?;
        Ok(self.take())
    }

    fn end(&mut self) -> Result<Vec<u8>, QueryError> {
        self.writer.finish().map_err(unwritable)?;
        Ok(self.take())
    }

    fn failed(&mut self, _error: &QueryError) -> Option<Vec<u8>> {
        None
    }
}
