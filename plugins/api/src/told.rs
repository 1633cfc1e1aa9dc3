//! Times as answers tell them: RFC 3339 in UTC.
//!
//! Records keep nanoseconds since 1970; browsers round numbers of that size.

use hub::Moment;
use model::Timestamp;
use records::Document;
use serde::Serialize;
use serde_json::{Map, Value};

/// A time in nanoseconds since 1970, as people and programs read it.
pub fn rfc3339(nanos: i64) -> String {
    Moment(Timestamp(nanos)).to_string()
}

/// A document as answers tell it: as it is stored, but with [`Document::TIMES`] as RFC 3339.
///
/// The type of the document stands for it in the API's description: `#[schema(value_type = …)]` beside the member that is told, and
/// `#[schema(value_type = String, format = DateTime)]` beside each of its times.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Told(Map<String, Value>);

impl Told {
    /// The document, told.
    ///
    /// # Panics
    /// When it is no object in JSON, as every document is that can be stored.
    pub fn of<D: Document>(document: &D) -> Self {
        match serde_json::to_value(document) {
            Ok(Value::Object(mut members)) => {
                tell(&mut members, D::TIMES);
                Self(members)
            }
            other => panic!("a document of {} is no object: {other:?}", D::COLLECTION),
        }
    }

    /// The same, also with these times of each element of a list in it.
    #[must_use]
    pub fn with_times_of(mut self, list: &str, times: &[&str]) -> Self {
        let elements = self.0.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        elements.filter_map(Value::as_object_mut).for_each(|element| tell(element, times));
        self
    }
}

fn tell(members: &mut Map<String, Value>, times: &[&str]) {
    for time in times {
        let Some(member) = members.get_mut(*time) else { continue };
        if let Some(nanos) = member.as_i64() {
            *member = rfc3339(nanos).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Visit {
        began: i64,
        ended: Option<i64>,
        number: i64,
        steps: Vec<Step>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Step {
        at: i64,
    }

    impl Document for Visit {
        const COLLECTION: &'static str = "test.visits";
        const TIMES: &'static [&'static str] = &["began", "ended"];
    }

    #[test]
    fn times_of_a_document_are_told_to_the_nanosecond_and_its_numbers_stay_numbers() {
        let visit = Visit { began: 1_769_860_800_000_000_001, ended: None, number: 7, steps: vec![Step { at: 0 }] };

        let told = serde_json::to_value(Told::of(&visit).with_times_of("steps", &["at"])).expect("JSON");

        let steps = json!([{"at": "1970-01-01T00:00:00Z"}]);
        let expected = json!({"began": "2026-01-31T12:00:00.000000001Z", "ended": null, "number": 7, "steps": steps});
        assert_eq!(told, expected);
    }
}
