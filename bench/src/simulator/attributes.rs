//! Short spellings for OTLP key-values; nothing here knows the shop.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

pub(super) fn int(key: &str, value: impl Into<i64>) -> KeyValue {
    pair(key, Value::IntValue(value.into()))
}

pub(super) fn double(key: &str, value: f64) -> KeyValue {
    pair(key, Value::DoubleValue(value))
}

pub(super) fn truth(key: &str, value: bool) -> KeyValue {
    pair(key, Value::BoolValue(value))
}

pub(super) fn texts(key: &str, values: &[&str]) -> KeyValue {
    let values = values.iter().map(|&value| any(Value::StringValue(value.to_owned()))).collect();
    pair(key, Value::ArrayValue(ArrayValue { values }))
}

pub(super) fn map(key: &str, values: Vec<KeyValue>) -> KeyValue {
    pair(key, Value::KvlistValue(KeyValueList { values }))
}

pub(super) fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}
