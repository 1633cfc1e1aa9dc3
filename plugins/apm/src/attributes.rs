//! Attributes as they were said: from their columns, and from the JSON beside those.
//!
//! What the JSON says of a key is the whole truth about it; keys that are only in a column come behind. A key that was
//! said twice is there twice, and types are as the JSON writes them.

use std::borrow::Cow;
use std::fmt;

use plugin::model::{AttributeType, Convention};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::rows::Row;

/// One attribute.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Attribute {
    key: String,
    /// Any JSON: bytes are `{"$bytes": "<base64>"}`, numbers that JSON has not are `{"$double": "NaN"}`.
    #[schema(value_type = Object)]
    value: Box<RawValue>,
}

/// The columns of these attributes, as a statement selects them.
pub(crate) fn columns(conventions: &[Convention]) -> String {
    conventions.iter().map(|convention| convention.column).collect::<Vec<_>>().join(", ")
}

/// All attributes of one level of a row: those in the JSON at one place, and in columns from another place on.
pub(crate) fn all(row: Row<'_>, json: usize, first: usize, conventions: &[Convention]) -> Vec<Attribute> {
    let mut attributes = in_json(row.text(json));
    let in_json = attributes.len();
    for (place, convention) in (first..).zip(conventions) {
        let value = match convention.value {
            AttributeType::Text => row.text(place).map(raw),
            AttributeType::Integer => row.integer(place).map(raw),
        };
        if let Some(value) = value.filter(|_| attributes[..in_json].iter().all(|said| said.key != convention.key)) {
            attributes.push(Attribute { key: convention.key.to_owned(), value });
        }
    }
    attributes
}

/// Attributes of which none has a column.
pub(crate) fn in_json(json: Option<&str>) -> Vec<Attribute> {
    let Some(json) = json else { return Vec::new() };
    match serde_json::from_str::<Members<'_>>(json) {
        Ok(Members(members)) => members
            .into_iter()
            .map(|(key, value)| Attribute { key: key.into_owned(), value: value.to_owned() })
            .collect(),
        // The store holds something else, which is shown as it is.
        Err(_) => vec![Attribute { key: String::new(), value: raw(json) }],
    }
}

/// A value of ours as JSON text.
pub(crate) fn raw(value: impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(&value).expect("texts and numbers are JSON")
}

/// The members of a JSON object in their order, those with the same key as well.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_told_as_they_were_said() {
        let json = r#"{"a":1.0,"b":{"$bytes":"AQI="},"a":18446744073709551616,"\"":[1,null]}"#;

        let told = serde_json::to_string(&in_json(Some(json))).expect("JSON");

        let expected = r#"[{"key":"a","value":1.0},{"key":"b","value":{"$bytes":"AQI="}},{"key":"a","value":18446744073709551616},{"key":"\"","value":[1,null]}]"#;
        assert_eq!(told, expected);
        assert!(in_json(None).is_empty());
    }

    #[test]
    fn what_is_no_object_is_shown_as_it_is() {
        let told = serde_json::to_string(&in_json(Some("[1]"))).expect("JSON");

        assert_eq!(told, r#"[{"key":"","value":"[1]"}]"#);
    }
}
