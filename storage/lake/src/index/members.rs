//! The members of a JSON object, one after the other, without building it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Calls `seen` with each key and the text of its value: a string's content, anything else as it is written. NULLs are not members.
///
/// # Errors
/// When the JSON cannot be read to its end, or is no object; what was seen before was there.
pub(super) fn each(json: &str, seen: impl FnMut(&str, &str)) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(json).deserialize_map(Members(seen))
}

struct Members<F>(F);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a, F: FnMut(&str, &str)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            match value.get() {
                "null" => {}
                text if text.starts_with('"') => {
                    let Text(text) = serde_json::from_str(text).map_err(serde::de::Error::custom)?;
                    (self.0)(&key, &text);
                }
                written => (self.0)(&key, written),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[(&str, &str)]) -> bool {
        let mut members = Vec::new();
        let result = each(json, |key, value| members.push((key.to_owned(), value.to_owned())));
        let members: Vec<_> = members.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(members, expected, "{json}");
        result.is_ok()
    }

    #[test]
    fn members_are_seen_as_sql_takes_them_out() {
        assert!(check(
            r#"{"a":"x","b":4711,"c":1.50,"d":true,"e":null,"f":["y", 1],"g":{"h":"z"},"a":"twice"}"#,
            &[
                ("a", "x"),
                ("b", "4711"),
                ("c", "1.50"),
                ("d", "true"),
                ("f", r#"["y", 1]"#),
                ("g", r#"{"h":"z"}"#),
                ("a", "twice")
            ],
        ));
        assert!(check(r#"{"k\u00e9y":"line\n\"two\""}"#, &[("kéy", "line\n\"two\"")]));
        assert!(check("{}", &[]));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_after_what_could() {
        assert!(!check(r#"{"a":"x","b":"#, &[("a", "x")]));
        assert!(!check("[1]", &[]));
        assert!(!check("", &[]));
    }
}
