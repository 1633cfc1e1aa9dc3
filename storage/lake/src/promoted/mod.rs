//! Columns of their own, in merged files, for attributes that many rows have.
//!
//! Such a column holds the JSON text of each row's value, beside the JSON that it was taken from and that stays whole: a file
//! without the column says the same, only slower. `docs/adr/0018-promoted-keys.md` tells why.

mod adapter;
mod assembled;
mod survey;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, StringViewBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use model::{Signal, Table};
use parquet::file::metadata::KeyValue;

pub(crate) use self::adapter::PromotedColumns;
pub(crate) use self::survey::{SPOT_ROWS, SPOTS, Survey};
use crate::members;

/// Footers of files whose promoted columns say all that the JSON says have this key.
const MARK: &str = "observatory.promoted";
/// Version of what promoted columns hold.
const MARK_VERSION: &str = "1";

/// Name of the column for a member of a JSON column, as in `attributes.cart.items`.
fn column_name(json: &str, key: &str) -> String {
    format!("{json}.{key}")
}

/// The promoted columns of a file on its way.
#[derive(Debug)]
pub(crate) struct Promoted {
    /// Of the table, and then of what is promoted.
    pub(crate) schema: SchemaRef,
    columns: Vec<JsonColumn>,
    /// False after JSON that cannot be read: what its end would have held is not known here.
    is_whole: bool,
}

/// A JSON column of the table, of which members are promoted.
#[derive(Debug)]
struct JsonColumn {
    place: usize,
    /// The place of each promoted key among the columns made of it.
    keys: HashMap<String, usize>,
}

impl Promoted {
    /// No columns but the table's.
    pub(crate) fn nothing(signal: Signal) -> Self {
        Self::of(signal, &[])
    }

    /// Columns for these members: column of JSON, and key.
    fn of(signal: Signal, members: &[(&str, &str)]) -> Self {
        let table = Table::of(signal);
        let (mut fields, mut columns): (Vec<FieldRef>, Vec<JsonColumn>) = (table.schema.fields().to_vec(), Vec::new());
        for json in model::json::COLUMNS {
            let keys = members.iter().filter(|member| member.0 == json).map(|member| member.1);
            let field = |key| Field::new(column_name(json, key), DataType::Utf8View, true);
            fields.extend(keys.clone().map(field).map(Arc::new));
            let keys: HashMap<String, usize> = keys.map(str::to_owned).zip(0..).collect();
            if !keys.is_empty() {
                columns.push(JsonColumn { place: table.index(json), keys });
            }
        }
        Self { schema: Arc::new(Schema::new(fields)), columns, is_whole: true }
    }

    /// The table's rows with what is promoted beside them.
    pub(crate) fn beside(&mut self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.columns.is_empty() {
            return Ok(rows.clone());
        }
        let mut arrays = rows.columns().to_vec();
        for json in &self.columns {
            let (taken, is_whole) = json.take_out(rows.column(json.place).as_string_view());
            arrays.extend(taken);
            self.is_whole &= is_whole;
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }

    /// What the footer says of the columns, once all rows are seen.
    pub(crate) fn mark(&self) -> Option<KeyValue> {
        let is_to_be_used = self.is_whole && !self.columns.is_empty();
        is_to_be_used.then(|| KeyValue::new(MARK.to_owned(), MARK_VERSION.to_owned()))
    }
}

impl JsonColumn {
    /// The first value of each key in each row, as it is written, and whether all JSON could be read to its end.
    fn take_out(&self, objects: &StringViewArray) -> (Vec<ArrayRef>, bool) {
        let columns = || (0..self.keys.len()).map(|_| StringViewBuilder::with_capacity(objects.len()));
        let (mut columns, mut is_whole): (Vec<_>, _) = (columns().collect(), true);
        let (mut values, mut before) = (vec![None; self.keys.len()], None);
        for (row, view) in objects.views().iter().enumerate() {
            // Equal views of one array are equal texts, and rows of a request have the same resource.
            let object = objects.is_valid(row).then_some(*view);
            if before.replace(object) != Some(object) {
                values.fill(None);
                is_whole &= object.is_none() || self.read(objects.value(row), &mut values);
            }
            for (column, value) in columns.iter_mut().zip(&values) {
                column.append_option(*value);
            }
        }
        (columns.into_iter().map(|mut column| Arc::new(column.finish()) as ArrayRef).collect(), is_whole)
    }

    fn read<'a>(&self, object: &'a str, values: &mut [Option<&'a str>]) -> bool {
        let read = members::each(object, |key, written| {
            if let Some(place) = self.keys.get(key) {
                values[*place].get_or_insert(written);
            }
        });
        read.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use model::{Batch, Defaults};

    use super::*;

    fn rows(attributes: &[Option<&str>]) -> RecordBatch {
        let table = Table::of(Signal::Metrics);
        let mut defaults = Defaults::new(Signal::Metrics);
        let zeros = |column: &model::Column| {
            arrow::compute::cast(&arrow::array::Int64Array::from(vec![0; attributes.len()]), &column.data_type)
        };
        let columns = table.columns.iter().map(|column| match column.name {
            "attributes" => Some(Arc::new(attributes.iter().copied().collect::<StringViewArray>()) as ArrayRef),
            _ if column.has_default() => None,
            _ => Some(zeros(column).expect("a type that numbers become")),
        });
        let batch = Batch::new(Signal::Metrics, attributes.len(), columns.collect()).expect("columns of the table");
        let columns = (0..table.columns.len()).map(|index| batch.column(index, &mut defaults)).collect();
        RecordBatch::try_new(Arc::clone(&table.schema), columns).expect("rows of the table")
    }

    fn promoted(attributes: &[Option<&str>]) -> (Vec<Option<String>>, bool) {
        let mut promoted = Promoted::of(Signal::Metrics, &[("attributes", "b"), ("attributes", "a.b")]);
        let rows = promoted.beside(&rows(attributes)).expect("rows with columns beside them");
        let column = rows.column_by_name("attributes.a.b").expect("a promoted column").as_string_view();
        (column.iter().map(|value| value.map(str::to_owned)).collect(), promoted.mark().is_some())
    }

    #[test]
    fn a_promoted_column_holds_values_as_they_are_written() {
        let objects = [
            Some(r#"{"a.b":"x\n","b":1}"#),
            None,
            Some(r#"{"b":2,"a.b":1.0}"#),
            Some(r#"{"a.b":null}"#),
            Some("{}"),
            Some(r#"{"a.b":{"c":[1]},"a.b":2}"#),
        ];

        let (values, is_marked) = promoted(&objects);

        let expected = [Some(r#""x\n""#), None, Some("1.0"), Some("null"), None, Some(r#"{"c":[1]}"#)];
        assert_eq!(values.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
        assert!(is_marked);
    }

    #[test]
    fn columns_beside_json_that_cannot_be_read_are_not_to_be_used() {
        let (_, is_marked) = promoted(&[Some(r#"{"a.b":1}"#), Some(r#"{"b":"#)]);

        assert!(!is_marked);
    }
}
