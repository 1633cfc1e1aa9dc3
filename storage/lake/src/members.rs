//! The members of a JSON object, one after the other, without building it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Calls `seen` with each key and its value as it is written.
///
/// # Errors
/// When the JSON cannot be read to its end, or is no object; what was seen before was there.
pub(crate) fn each<'a>(json: &'a str, seen: impl FnMut(&str, &'a str)) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(json).deserialize_map(Members(seen))
}

/// The text of a value: a string's content, anything else as it is written; NULL has none.
///
/// # Errors
/// When a string stands for no text.
pub(crate) fn text(written: &str) -> Result<Option<Cow<'_, str>>, serde_json::Error> {
    match written {
        "null" => Ok(None),
        string if string.starts_with('"') => serde_json::from_str(string).map(|Text(text)| Some(text)),
        written => Ok(Some(Cow::Borrowed(written))),
    }
}

struct Members<F>(F);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a, F: FnMut(&str, &'a str)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let value: &'a RawValue = map.next_value()?;
            (self.0)(&key, value.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[(&str, &str)]) -> bool {
        let mut members = Vec::new();
        let result = each(json, |key, written| members.push((key.to_owned(), written)));
        let members: Vec<_> = members.iter().map(|(key, written)| (key.as_str(), *written)).collect();
        assert_eq!(members, expected, "{json}");
        result.is_ok()
    }

    #[test]
    fn members_are_seen_as_they_are_written() {
        assert!(check(
            r#"{"a":"x","b":4711,"c":1.50,"d":true,"e":null,"f":["y", 1],"g":{"h":"z"},"a":"twice"}"#,
            &[
                ("a", r#""x""#),
                ("b", "4711"),
                ("c", "1.50"),
                ("d", "true"),
                ("e", "null"),
                ("f", r#"["y", 1]"#),
                ("g", r#"{"h":"z"}"#),
                ("a", r#""twice""#)
            ],
        ));
        assert!(check(r#"{"k\u00e9y":"line\n\"two\""}"#, &[("kéy", r#""line\n\"two\"""#)]));
        assert!(check("{}", &[]));
    }

    #[test]
    fn a_value_has_the_text_that_sql_takes_out() {
        for (written, expected) in [
            ("null", None),
            (r#""x""#, Some("x")),
            (r#""line\n\"two\"""#, Some("line\n\"two\"")),
            ("1.50", Some("1.50")),
            (r#"["y", 1]"#, Some(r#"["y", 1]"#)),
        ] {
            assert_eq!(text(written).expect("JSON").as_deref(), expected, "{written}");
        }
        assert!(text(r#""\ud800""#).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_after_what_could() {
        assert!(!check(r#"{"a":"x","b":"#, &[("a", r#""x""#)]));
        assert!(!check("[1]", &[]));
        assert!(!check("", &[]));
    }
}
