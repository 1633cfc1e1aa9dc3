//! What a resource and a scope say, once, of all the rows under them.

use model::{AttributeType, Signal, Table};

use super::DecodeError;
use super::attributes::{Promoted, Promotion, canonical_integer, write_object};
use super::columns::Columns;
use super::json_text::{Any, key_value, member_key, write_member, write_text};
use super::wire::fields;

/// Columns of the envelope of a signal.
#[derive(Debug)]
pub(crate) struct Envelope {
    promoted: Promoted,
    scope_name: usize,
    scope_version: usize,
    scope_attributes: usize,
    scope_dropped: usize,
    scope_schema_url: usize,
    resource_attributes: usize,
    resource_dropped: usize,
    resource_schema_url: usize,
    pub(crate) residue: usize,
}

impl Envelope {
    pub(crate) fn of(signal: Signal) -> Self {
        let place = |name| Table::of(signal).index(name);
        Self {
            promoted: Promoted::of_resource(signal),
            scope_name: place("scope_name"),
            scope_version: place("scope_version"),
            scope_attributes: place("scope_attributes"),
            scope_dropped: place("scope_dropped_attributes_count"),
            scope_schema_url: place("scope_schema_url"),
            resource_attributes: place("resource_attributes"),
            resource_dropped: place("resource_dropped_attributes_count"),
            resource_schema_url: place("resource_schema_url"),
            residue: place("otlp_residue"),
        }
    }
}

/// A resource, read.
#[derive(Debug, Default)]
pub(crate) struct Resource<'a> {
    texts: Vec<(usize, String)>,
    integers: Vec<(usize, i64)>,
    attributes: String,
    dropped: u32,
    schema_url: &'a str,
    /// Members of the residue object, without braces: what no column holds.
    pub(crate) residue: String,
    /// The `KeyValue` messages.
    pub(crate) key_values: Vec<&'a [u8]>,
}

impl<'a> Resource<'a> {
    /// Reads the `Resource` messages of one envelope: protobuf merges a message that comes in parts.
    pub(crate) fn read(envelope: &Envelope, parts: &[&'a [u8]], schema_url: &'a str) -> Result<Self, DecodeError> {
        let mut resource = Resource { schema_url, ..Resource::default() };
        let mut entities = Vec::new();
        for part in parts {
            for field in fields(part) {
                match field? {
                    (1, value) => resource.key_values.push(value.bytes()?),
                    (2, value) => resource.dropped = value.uint32()?,
                    (3, value) => entities.push(value.bytes()?),
                    _ => {}
                }
            }
        }
        resource.split(&envelope.promoted)?;
        if !entities.is_empty() {
            resource.residue = entity_refs(&entities)?;
        }
        Ok(resource)
    }

    /// Says it for the rows from `from` on.
    pub(crate) fn repeat(&self, envelope: &Envelope, columns: &mut Columns, from: usize) {
        for (place, text) in &self.texts {
            columns.repeat_text(*place, from, text);
        }
        for (place, integer) in &self.integers {
            columns.repeat_integer(*place, from, *integer);
        }
        repeat_said(columns, envelope.resource_attributes, from, &self.attributes);
        repeat_said(columns, envelope.resource_schema_url, from, self.schema_url);
        columns.repeat_count(envelope.resource_dropped, from, self.dropped);
    }

    fn split(&mut self, promoted: &Promoted) -> Result<(), DecodeError> {
        let mut said: Vec<(&str, Option<Any<'_>>)> = Vec::new();
        let mut json = String::from("{");
        for message in &self.key_values {
            let (key, value) = key_value(message)?;
            let Some(Promotion { place, value: column, .. }) = promoted.get(key) else {
                write_member(&mut json, key, value)?;
                continue;
            };
            if let Some((_, in_column_only)) = said.iter_mut().find(|(before, _)| *before == key) {
                // Said twice: all values belong in the JSON, the first too if it is not there yet.
                if let Some(first) = in_column_only.take() {
                    write_member(&mut json, key, first)?;
                }
                write_member(&mut json, key, value)?;
                continue;
            }
            said.push((key, is_plain(column, value).then_some(value)));
            match (column, value) {
                (AttributeType::Text, Any::Text(text)) => self.texts.push((place, text.to_owned())),
                (AttributeType::Text, Any::Empty) => {}
                (AttributeType::Text, value) => {
                    let mut text = String::new();
                    value.write(&mut text)?;
                    self.texts.push((place, text));
                }
                (AttributeType::Integer, Any::Int(integer)) => self.integers.push((place, integer)),
                (AttributeType::Integer, Any::Text(text)) => {
                    self.integers.extend(canonical_integer(text).map(|integer| (place, integer)));
                }
                (AttributeType::Integer, _) => {}
            }
            if !is_plain(column, value) {
                write_member(&mut json, key, value)?;
            }
        }
        if json.len() > 1 {
            json.push('}');
            self.attributes = json;
        }
        Ok(())
    }
}

/// The column alone tells the value.
fn is_plain(column: AttributeType, value: Any<'_>) -> bool {
    matches!((column, value), (AttributeType::Text, Any::Text(_)) | (AttributeType::Integer, Any::Int(_)))
}

fn repeat_said(columns: &mut Columns, place: usize, from: usize, text: &str) {
    if !text.is_empty() {
        columns.repeat_text(place, from, text);
    }
}

/// A scope, read.
#[derive(Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    attributes: String,
    dropped: u32,
    schema_url: &'a str,
    pub(crate) key_values: Vec<&'a [u8]>,
}

impl<'a> Scope<'a> {
    pub(crate) fn read(parts: &[&'a [u8]], schema_url: &'a str) -> Result<Self, DecodeError> {
        let mut scope = Scope { schema_url, ..Scope::default() };
        for part in parts {
            for field in fields(part) {
                match field? {
                    (1, value) => scope.name = value.text()?,
                    (2, value) => scope.version = value.text()?,
                    (3, value) => scope.key_values.push(value.bytes()?),
                    (4, value) => scope.dropped = value.uint32()?,
                    _ => {}
                }
            }
        }
        write_object(&mut scope.attributes, &scope.key_values)?;
        Ok(scope)
    }

    /// Says it for the rows from `from` on.
    pub(crate) fn repeat(&self, envelope: &Envelope, columns: &mut Columns, from: usize) {
        repeat_said(columns, envelope.scope_name, from, self.name);
        repeat_said(columns, envelope.scope_version, from, self.version);
        repeat_said(columns, envelope.scope_attributes, from, &self.attributes);
        repeat_said(columns, envelope.scope_schema_url, from, self.schema_url);
        columns.repeat_count(envelope.scope_dropped, from, self.dropped);
    }
}

/// An envelope of the three signals alike: `ResourceSpans` and `ScopeSpans` have the same fields.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Field 1: the resource or scope.
    pub(crate) head: Vec<&'a [u8]>,
    /// Field 2: what is under it.
    pub(crate) items: Vec<&'a [u8]>,
    /// Field 3.
    pub(crate) schema_url: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts::default();
        for field in fields(message) {
            match field? {
                (1, value) => parts.head.push(value.bytes()?),
                (2, value) => parts.items.push(value.bytes()?),
                (3, value) => parts.schema_url = value.text()?,
                _ => {}
            }
        }
        Ok(parts)
    }
}

/// What no column holds of one row: written as members of one object.
#[derive(Debug, Default)]
pub(crate) struct Residue {
    members: String,
}

impl Residue {
    /// A number that does not fit its column.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.member(name);
        self.members.push('"');
        self.members.push_str(&value.to_string());
        self.members.push('"');
    }

    fn member(&mut self, name: &str) {
        if self.members.is_empty() {
            self.members.push('{');
        }
        member_key(&mut self.members, name);
    }

    /// Writes the row's residue and the resource's together, and starts anew.
    #[inline]
    pub(crate) fn write(&mut self, columns: &mut Columns, place: usize, resource: &Resource<'_>) {
        if self.members.is_empty() && resource.residue.is_empty() {
            return;
        }
        if !resource.residue.is_empty() {
            self.member("entity_refs");
            self.members.push_str(&resource.residue);
        }
        self.members.push('}');
        columns.text(place, &self.members);
        self.members.clear();
    }
}

/// The entities a resource refers to, as a JSON array.
fn entity_refs(entities: &[&[u8]]) -> Result<String, DecodeError> {
    let mut json = String::from("[");
    for entity in entities {
        if json.len() > 1 {
            json.push(',');
        }
        let (mut schema_url, mut kind, mut id_keys, mut description_keys) = ("", "", Vec::new(), Vec::new());
        for field in fields(entity) {
            match field? {
                (1, value) => schema_url = value.text()?,
                (2, value) => kind = value.text()?,
                (3, value) => id_keys.push(value.text()?),
                (4, value) => description_keys.push(value.text()?),
                _ => {}
            }
        }
        json.push('{');
        for (name, text) in [("schema_url", schema_url), ("type", kind)] {
            member_key(&mut json, name);
            write_text(&mut json, text);
        }
        for (name, keys) in [("id_keys", id_keys), ("description_keys", description_keys)] {
            member_key(&mut json, name);
            write_texts(&mut json, &keys);
        }
        json.push('}');
    }
    json.push(']');
    Ok(json)
}

fn write_texts(out: &mut String, texts: &[&str]) {
    out.push('[');
    for text in texts {
        if !out.ends_with('[') {
            out.push(',');
        }
        write_text(out, text);
    }
    out.push(']');
}
