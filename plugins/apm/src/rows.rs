//! Asks SQL and reads typed values out of the columns of the answer.
//!
//! Columns are read by their place in the statement, which stands beside its reader; NULL is `None`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt32Type, UInt64Type,
};
use futures::TryStreamExt;
use parking_lot::Mutex;
use plugin::model::{Sketch, Tenant};
use plugin::query::{Asker, QueryEngine, QueryError, Statement};
use plugin::{Failure, PluginContext};
use serde_json::Value;

/// Where answers come from: the rows of one tenant.
#[derive(Debug)]
pub(crate) struct Source {
    engine: QueryEngine,
    asker: Asker,
    /// What any of the answers said is missing from it.
    warnings: Mutex<BTreeSet<String>>,
}

impl Source {
    pub(crate) fn new(context: &PluginContext, tenant: Tenant) -> Self {
        let warnings = Mutex::default();
        Self { engine: context.engine.clone(), asker: Asker::new(tenant), warnings }
    }

    /// The same for statements that users have left behind: they see telemetry and no product's tables.
    pub(crate) fn of_telemetry(engine: &QueryEngine, tenant: Tenant) -> Self {
        let (engine, asker) = (engine.clone(), Asker::new(tenant).seeing(|_, _| false));
        Self { engine, asker, warnings: Mutex::default() }
    }

    /// All rows of the answer.
    pub(crate) async fn ask(&self, sql: String, params: Vec<Value>) -> Result<Answer, Failure> {
        Ok(self.try_ask(sql, params).await?)
    }

    /// All rows of the answer, or what the engine says, with the place in the statement.
    pub(crate) async fn try_ask(&self, sql: String, params: Vec<Value>) -> Result<Answer, QueryError> {
        let rows = self.engine.sql(&self.asker, Statement { params, ..Statement::new(sql) }).await?;
        self.warnings.lock().extend(rows.warnings().iter().cloned());
        let schema = Arc::clone(rows.schema());
        let mut batches: Vec<RecordBatch> = rows.try_collect().await?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(Answer(batches))
    }

    /// Most rows that an answer may have.
    pub(crate) fn rows_max(&self) -> usize {
        self.engine.config().rows_max
    }

    /// What is missing from the answers so far, a sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().iter().cloned().collect()
    }
}

/// The rows of an answer.
#[derive(Debug)]
pub(crate) struct Answer(Vec<RecordBatch>);

impl Answer {
    /// The rows as columns, for statements whose columns are found by name; there is always a batch to find them in.
    pub(crate) fn batches(&self) -> &[RecordBatch] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(RecordBatch::num_rows).sum()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
    }
}

/// One row of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    /// A row that is no answer's.
    pub(crate) fn of(batch: &'a RecordBatch, row: usize) -> Self {
        Self { batch, row }
    }

    /// The column of this place, unless this row has NULL there.
    fn column(self, place: usize) -> Option<&'a dyn Array> {
        let column: &'a dyn Array = self.batch.column(place).as_ref();
        let is_null = column.is_null(self.row) || *column.data_type() == DataType::Null;
        (!is_null).then_some(column)
    }

    /// False when it is NULL.
    pub(crate) fn is_said(self, place: usize) -> bool {
        self.column(place).is_some()
    }

    /// A text.
    ///
    /// # Panics
    /// As all readers do, when the statement selects something else here.
    pub(crate) fn text(self, place: usize) -> Option<&'a str> {
        self.column(place).map(|column| text_at(column, self.row))
    }

    /// A text of the row's own.
    pub(crate) fn owned(self, place: usize) -> Option<String> {
        self.text(place).map(str::to_owned)
    }

    /// An integer, or a time in nanoseconds.
    pub(crate) fn integer(self, place: usize) -> Option<i64> {
        let column = self.column(place)?;
        Some(match column.data_type() {
            DataType::Int64 => column.as_primitive::<Int64Type>().value(self.row),
            DataType::Int32 => column.as_primitive::<Int32Type>().value(self.row).into(),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                column.as_primitive::<TimestampNanosecondType>().value(self.row)
            }
            DataType::UInt32 => column.as_primitive::<UInt32Type>().value(self.row).into(),
            DataType::UInt64 => i64::try_from(column.as_primitive::<UInt64Type>().value(self.row)).unwrap_or(i64::MAX),
            other => unreachable!("the statement selects an integer here, not {other}"),
        })
    }

    /// A number of things, none when it is NULL.
    pub(crate) fn count(self, place: usize) -> u64 {
        self.integer(place).and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
    }

    /// A number with a fraction.
    pub(crate) fn double(self, place: usize) -> Option<f64> {
        self.column(place).map(|column| column.as_primitive::<Float64Type>().value(self.row))
    }

    /// A list of numbers with fractions; empty when it is NULL.
    pub(crate) fn doubles(self, place: usize) -> Vec<f64> {
        let list = self.column(place).map(|column| column.as_list::<i32>().value(self.row));
        list.map_or_else(Vec::new, |list| list.as_primitive::<Float64Type>().values().to_vec())
    }

    /// A list of numbers of things; empty when it is NULL.
    pub(crate) fn counts(self, place: usize) -> Vec<u64> {
        let list = self.column(place).map(|column| column.as_list::<i32>().value(self.row));
        list.map_or_else(Vec::new, |list| list.as_primitive::<UInt64Type>().values().to_vec())
    }

    /// An id.
    pub(crate) fn id<const N: usize>(self, place: usize) -> Option<[u8; N]> {
        self.column(place)?.as_fixed_size_binary().value(self.row).try_into().ok()
    }

    /// A sketch; of nothing when it is NULL.
    pub(crate) fn sketch(self, place: usize) -> Sketch {
        let bytes = self.column(place).map(|column| column.as_binary_view().value(self.row));
        bytes.map_or_else(Sketch::default, |bytes| Sketch::decode(bytes).expect("the engine writes whole sketches"))
    }

    /// A list of texts, without NULLs; empty when it is NULL.
    pub(crate) fn texts(self, place: usize) -> Vec<String> {
        let Some(column) = self.column(place) else { return Vec::new() };
        let list = column.as_list::<i32>().value(self.row);
        let known = (0..list.len()).filter(|row| list.is_valid(*row));
        known.map(|row| text_at(list.as_ref(), row).to_owned()).collect()
    }

    /// A list of structs, as rows whose columns are their fields; empty when it is NULL.
    pub(crate) fn structs(self, place: usize) -> Answer {
        let list = self.column(place).map(|column| column.as_list::<i32>().value(self.row));
        Answer(list.iter().map(|list| RecordBatch::from(list.as_struct())).collect())
    }
}

fn text_at(column: &dyn Array, row: usize) -> &str {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().value(row),
        DataType::Utf8 => column.as_string::<i32>().value(row),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row),
        other => unreachable!("the statement selects a text here, not {other}"),
    }
}

/// An id as people see it.
pub(crate) fn hex(id: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    id.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// True for an id of so many bytes in hex.
pub(crate) fn is_id(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let written = hex(&[0x4b, 0xf9, 0x00, 0xff]);

        assert_eq!(written, "4bf900ff");
        assert!(is_id(&written, 4));
        assert!(!is_id(&written, 8) && !is_id("4bf900fg", 4) && !is_id("", 4));
    }
}
