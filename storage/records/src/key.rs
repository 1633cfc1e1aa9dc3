//! Keys: the members of a document by which it is found.
//!
//! Each key of a collection has a column of the table of documents, by the order in which they are declared. A column holds
//! texts whose order is the order of the values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::Timestamp;
use serde_json::value::RawValue;

use crate::error::Error;

/// Unique keys a collection may have.
pub(crate) const UNIQUE_MAX: usize = 4;
/// Other keys a collection may have.
pub(crate) const LOOKUP_MAX: usize = 8;
/// Longest text of a key, in bytes: databases cannot index more than two or three thousand.
pub const KEY_BYTES_MAX: usize = 1024;

/// A member at the top of a document's JSON, by which documents are found: a text, an integer, a boolean, or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unique,
    Lookup,
    Due,
}

impl Key {
    /// No two documents of a tenant have the same value; any number may have none.
    pub const fn unique(name: &'static str) -> Self {
        Self { name, kind: Kind::Unique }
    }

    /// Documents are listed by it.
    pub const fn lookup(name: &'static str) -> Self {
        Self { name, kind: Kind::Lookup }
    }

    /// Nanoseconds since 1970, after which the document waits to be claimed; absent when it does not.
    pub const fn due(name: &'static str) -> Self {
        Self { name, kind: Kind::Due }
    }

    pub(crate) fn is_unique(&self) -> bool {
        self.kind == Kind::Unique
    }

    /// The member.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// The value of a key. Absent is before false, true, integers and texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    /// The document has no such member, or it is null.
    Absent,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A text of at most [`KEY_BYTES_MAX`] bytes.
    Text(String),
}

/// The column that holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) column: &'static str,
    is_unique: bool,
}

const UNIQUE_COLUMNS: [&str; UNIQUE_MAX] = ["unique1", "unique2", "unique3", "unique4"];
const LOOKUP_COLUMNS: [&str; LOOKUP_MAX] = ["key1", "key2", "key3", "key4", "key5", "key6", "key7", "key8"];

/// The columns of a document's keys, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) texts: [Option<String>; UNIQUE_MAX + LOOKUP_MAX],
    pub(crate) due: Option<i64>,
}

/// Where the key lies, if the collection has it.
pub(crate) fn slot(keys: &[Key], name: &str) -> Option<Slot> {
    let key = keys.iter().find(|key| key.name == name && key.kind != Kind::Due)?;
    let place = keys.iter().take_while(|other| *other != key).filter(|other| other.kind == key.kind).count();
    match key.kind {
        Kind::Unique => Some(Slot { column: UNIQUE_COLUMNS[place], is_unique: true }),
        _ => Some(Slot { column: LOOKUP_COLUMNS[place], is_unique: false }),
    }
}

/// The unique key that lies in the column.
pub(crate) fn unique_in(keys: &[Key], column: &str) -> Option<&'static str> {
    let place = UNIQUE_COLUMNS.iter().position(|unique| *unique == column)?;
    keys.iter().filter(|key| key.kind == Kind::Unique).nth(place).map(Key::name)
}

pub(crate) fn due(keys: &[Key]) -> Option<&'static str> {
    keys.iter().find(|key| key.kind == Kind::Due).map(Key::name)
}

/// How a collection's keys are told to the database, to see whether they have changed.
pub(crate) fn described(keys: &[Key]) -> String {
    let described: Vec<String> = keys
        .iter()
        .map(|key| match key.kind {
            Kind::Unique => format!("unique {}", key.name),
            Kind::Lookup => format!("lookup {}", key.name),
            Kind::Due => format!("due {}", key.name),
        })
        .collect();
    described.join(", ")
}

/// The columns of a document's keys, read from its JSON.
pub(crate) fn columns(keys: &[Key], id: &str, json: &str) -> Result<Columns, Error> {
    let mut columns = Columns::default();
    if keys.is_empty() {
        return Ok(columns);
    }
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json)
        .map_err(|cause| Error::Invalid(format!("a document with keys must be a JSON object: {cause}")))?;
    let (mut unique, mut lookup) = (0, UNIQUE_MAX);
    for key in keys {
        let value = value(key.name, members.get(key.name).copied())?;
        match key.kind {
            Kind::Unique => {
                columns.texts[unique] = Some(value.encoded_for(id)?);
                unique += 1;
            }
            Kind::Lookup => {
                columns.texts[lookup] = Some(value.encoded()?);
                lookup += 1;
            }
            Kind::Due => columns.due = due_time(key.name, &value)?,
        }
    }
    Ok(columns)
}

fn value(name: &str, json: Option<&RawValue>) -> Result<KeyValue, Error> {
    let wrong = || Error::Invalid(format!("the key '{name}' must be a text, an integer or a boolean"));
    let Some(json) = json else { return Ok(KeyValue::Absent) };
    match serde_json::from_str(json.get()).map_err(|_| wrong())? {
        serde_json::Value::Null => Ok(KeyValue::Absent),
        serde_json::Value::Bool(boolean) => Ok(KeyValue::Boolean(boolean)),
        serde_json::Value::Number(number) => number.as_i64().map(KeyValue::Integer).ok_or_else(wrong),
        serde_json::Value::String(text) => Ok(KeyValue::Text(text)),
        _ => Err(wrong()),
    }
}

fn due_time(name: &str, value: &KeyValue) -> Result<Option<i64>, Error> {
    match value {
        KeyValue::Absent => Ok(None),
        KeyValue::Integer(time) => Ok(Some(*time)),
        _ => Err(Error::Invalid(format!("the due time '{name}' must be an integer, nanoseconds since 1970"))),
    }
}

impl Slot {
    /// What the column holds for the value. Nobody can look for documents that lack a unique key.
    pub(crate) fn encoded(self, value: &KeyValue) -> Result<String, Error> {
        match value {
            KeyValue::Absent if self.is_unique => {
                Err(Error::Invalid("documents without a unique key cannot be looked for".to_owned()))
            }
            value => value.encoded(),
        }
    }
}

impl KeyValue {
    /// A text that sorts as the value does.
    fn encoded(&self) -> Result<String, Error> {
        match self {
            Self::Absent => Ok("-".to_owned()),
            Self::Boolean(boolean) => Ok(format!("b{}", u8::from(*boolean))),
            // With its sign turned around, a negative number is the smaller text.
            Self::Integer(integer) => Ok(format!("i{:016x}", integer.cast_unsigned() ^ (1 << 63))),
            Self::Text(text) if text.len() > KEY_BYTES_MAX => {
                Err(Error::TooLarge { what: "a key in bytes".into(), size: text.len(), limit: KEY_BYTES_MAX })
            }
            Self::Text(text) if text.contains('\0') => {
                Err(Error::Invalid("a key cannot hold the character U+0000".to_owned()))
            }
            Self::Text(text) => Ok(format!("t{text}")),
        }
    }

    /// For a unique key: documents that lack it do not collide.
    fn encoded_for(&self, id: &str) -> Result<String, Error> {
        match self {
            Self::Absent => Ok(format!("-{id}")),
            value => value.encoded(),
        }
    }
}

impl From<&str> for KeyValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for KeyValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for KeyValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for KeyValue {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<i64> for KeyValue {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<Timestamp> for KeyValue {
    fn from(time: Timestamp) -> Self {
        Self::Integer(time.0)
    }
}

/// Looked at while compiling.
pub(crate) const fn check(keys: &[Key]) {
    let (mut unique, mut lookup, mut due, mut place) = (0, 0, 0, 0);
    while place < keys.len() {
        match keys[place].kind {
            Kind::Unique => unique += 1,
            Kind::Lookup => lookup += 1,
            Kind::Due => due += 1,
        }
        place += 1;
    }
    assert!(unique <= UNIQUE_MAX, "a collection has at most 4 unique keys");
    assert!(lookup <= LOOKUP_MAX, "a collection has at most 8 lookup keys");
    assert!(due <= 1, "a collection has at most one due time");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_sort_as_values_do() {
        let ascending = [
            KeyValue::Absent,
            false.into(),
            true.into(),
            i64::MIN.into(),
            (-256).into(),
            (-1).into(),
            0.into(),
            255.into(),
            i64::MAX.into(),
            "".into(),
            "-".into(),
            "a".into(),
            "a\n".into(),
            "aa".into(),
            "é".into(),
        ];

        for pair in ascending.windows(2) {
            assert!(pair[0] < pair[1]);
            let columns = [&pair[0], &pair[1]].map(|value| value.encoded().expect("a column"));
            assert!(columns[0] < columns[1], "{columns:?}");
        }
    }

    #[test]
    fn members_at_the_top_are_keys() {
        let keys = [Key::lookup("b"), Key::unique("a"), Key::due("d"), Key::unique("c")];

        let read = columns(&keys, "1", r#"{"x": {"a": 1}, "b": true, "a": "A", "d": 7}"#).expect("columns");

        let texts = read.texts.iter().map(Option::as_deref);
        assert_eq!(texts.take(5).collect::<Vec<_>>(), [Some("tA"), Some("-1"), None, None, Some("b1")]);
        assert_eq!(read.due, Some(7));
        assert_eq!(
            (slot(&keys, "c").map(|slot| slot.column), unique_in(&keys, "unique2")),
            (Some("unique2"), Some("c"))
        );
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let keys = [Key::lookup("a"), Key::due("d")];

        for json in ["[]", r#""a""#, r#"{"a": 0.5}"#, r#"{"a": 18446744073709551615}"#, r#"{"a": []}"#, r#"{"d": "7"}"#]
        {
            assert!(columns(&keys, "1", json).is_err(), "{json}");
        }
    }
}
