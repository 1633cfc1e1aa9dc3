//! Rules in SQL: each row of the answer is something that is wrong.

use arrow::datatypes::{DataType, Schema};
use plugin::model::{Tenant, Timestamp};
use plugin::query::Statement;

use super::answer::Answer;
use super::{Evaluator, Unevaluated};
use crate::labels::Labels;
use crate::state::{Found, Outcome};

/// The column with the value, and the one with trace ids; all others are labels where their type is one of names.
const VALUE: &str = "value";
const TRACE: &str = "trace_id";

pub(super) async fn ask(
    evaluator: &Evaluator,
    tenant: &Tenant,
    sql: &str,
    at: Timestamp,
) -> Result<Outcome, Unevaluated> {
    let answer = evaluator.ask(tenant, Statement::new(sql), at).await?;
    Ok(Outcome::Rows { rows: found(&answer), saw_data: true })
}

fn found(answer: &Answer) -> Vec<Found> {
    let schema = answer.schema();
    let mut rows = vec![Found::default(); answer.len()];
    if let Some(place) = value_column(&schema) {
        rows.iter_mut().zip(answer.numbers(place)).for_each(|(row, value)| row.value = value);
    }
    for (place, field) in schema.fields().iter().enumerate() {
        if field.name() == TRACE {
            rows.iter_mut().zip(answer.texts(place)).for_each(|(row, trace)| row.traces.extend(trace));
        } else if field.name() != VALUE && is_name(field.data_type()) {
            rows.iter_mut().zip(answer.texts(place)).for_each(|(row, text)| set(&mut row.labels, field.name(), text));
        }
    }
    rows
}

fn set(labels: &mut Labels, name: &str, value: Option<String>) {
    if let Some(value) = value {
        labels.set(name, value);
    }
}

/// `value`, or else the only column of fractions: those are never labels, for they would make a new alert of every evaluation.
fn value_column(schema: &Schema) -> Option<usize> {
    let named = schema.fields().iter().position(|field| field.name() == VALUE);
    let is_fraction = |data_type: &DataType| data_type.is_floating() || matches!(data_type, DataType::Decimal128(..));
    let mut fractions =
        schema.fields().iter().enumerate().filter(|(_, field)| is_fraction(field.data_type())).map(|(place, _)| place);
    named.or_else(|| fractions.next().filter(|_| fractions.next().is_none()))
}

fn is_name(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_name(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => true,
        other => other.is_integer(),
    }
}
