//! One member of a JSON object as text, as `->>` gives it: the first one of its name, without reading the others into anything.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text of the member; JSON for what is no text, and `None` for null and for what is not there.
pub(crate) fn member<'a>(object: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let value = Member(key).deserialize(&mut serde_json::Deserializer::from_str(object)).ok()??.get();
    match value.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(value).ok().map(Cow::Owned),
        b'n' => None,
        _ => Some(Cow::Borrowed(value)),
    }
}

struct Member<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_wanted) = members.next_key_seed(IsKey(self.0))? {
            match found {
                None if is_wanted => found = Some(members.next_value()?),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Compares a key without keeping it.
struct IsKey<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &str, key: &str, expected: Option<&str>) {
        assert_eq!(member(object, key).as_deref(), expected, "{key} of {object}");
    }

    #[test]
    fn a_member_is_told_as_its_text_or_its_json() {
        let object = r#"{"a":1.0,"b":"x\ny","c":{"a":2},"d":[1,"2"],"e":null,"f":true,"a":3,"g\"":"q"}"#;

        check(object, "a", Some("1.0"));
        check(object, "b", Some("x\ny"));
        check(object, "c", Some(r#"{"a":2}"#));
        check(object, "d", Some(r#"[1,"2"]"#));
        check(object, "e", None);
        check(object, "f", Some("true"));
        check(object, "g\"", Some("q"));
        check(object, "h", None);
        check("{}", "a", None);
        check("[1]", "a", None);
    }
}
