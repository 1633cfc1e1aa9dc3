//! Attributes from their columns and their JSON: what the JSON says of a promoted key is the whole truth about it.

use arrow::array::{Int64Array, StringViewArray};
use model::{AttributeType, Batch, Convention, Level, conventions};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use super::EncodeError;
use super::columns::Column;
use super::json_text;

/// The attributes of one level.
#[derive(Debug)]
pub(super) struct Attributes<'b> {
    json_column: &'static str,
    json: Column<'b, StringViewArray>,
    promoted: Vec<(&'static str, Promoted<'b>)>,
}

#[derive(Debug)]
enum Promoted<'b> {
    Text(Column<'b, StringViewArray>),
    Integer(Column<'b, Int64Array>),
}

impl<'b> Attributes<'b> {
    pub(super) fn of(batch: &'b Batch, level: Level) -> Self {
        let (json_column, conventions) = match level {
            Level::Resource => ("resource_attributes", conventions::of_resource()),
            Level::Item => ("attributes", conventions::of_item(batch.signal())),
        };
        let promoted = |convention: &Convention| {
            let column = match convention.value {
                AttributeType::Text => Promoted::Text(Column::of(batch, convention.column)),
                AttributeType::Integer => Promoted::Integer(Column::of(batch, convention.column)),
            };
            column.is_said().then_some((convention.key, column))
        };
        let promoted = conventions.iter().filter_map(promoted).collect();
        Self { json_column, json: Column::of(batch, json_column), promoted }
    }

    pub(super) fn at(&self, row: usize) -> Result<Vec<KeyValue>, EncodeError> {
        let mut attributes = read(self.json_column, self.json.at(row))?;
        let in_json = attributes.len();
        for (key, column) in &self.promoted {
            if let Some(value) = column.at(row)
                && attributes[..in_json].iter().all(|attribute| attribute.key != *key)
            {
                let value = Some(AnyValue { value: Some(value) });
                attributes.push(KeyValue { key: (*key).to_owned(), value, ..KeyValue::default() });
            }
        }
        Ok(attributes)
    }
}

impl Promoted<'_> {
    fn is_said(&self) -> bool {
        match self {
            Promoted::Text(texts) => texts.is_said(),
            Promoted::Integer(integers) => integers.is_said(),
        }
    }

    fn at(&self, row: usize) -> Option<Value> {
        match self {
            Promoted::Text(texts) => texts.at(row).map(|text| Value::StringValue(text.to_owned())),
            Promoted::Integer(integers) => integers.at(row).map(Value::IntValue),
        }
    }
}

/// Attributes that have no columns of their own.
pub(super) fn read(column: &'static str, json: Option<&str>) -> Result<Vec<KeyValue>, EncodeError> {
    match json {
        None => Ok(Vec::new()),
        Some(json) => json_text::attributes(json).map_err(|problem| EncodeError::value(column, json, problem)),
    }
}
