//! Attribute values as JSON text whose types survive.
//!
//! | OTLP value | JSON |
//! | --- | --- |
//! | string, bool, array | the same |
//! | int | a number without point or exponent |
//! | double | a number with one, or `{"$double":"NaN"}`, `"Infinity"`, `"-Infinity"` |
//! | bytes | `{"$bytes":"<base64>"}` |
//! | map | an object; one whose first key begins with `$` is wrapped as `{"$map":{…}}` |
//! | empty | `null` |
//!
//! `encode::json_text` reads it back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::DecodeError;
use super::wire::{fields, utf8};

/// Levels of arrays and maps inside one another.
pub(crate) const DEPTH_MAX: usize = 64;

/// An attribute value that was not looked into yet, or only at its outermost type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Any<'a> {
    Empty,
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(&'a [u8]),
    Map(&'a [u8]),
    Bytes(&'a [u8]),
}

impl<'a> Any<'a> {
    /// Reads an `AnyValue` message.
    #[inline]
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut any = Any::Empty;
        for field in fields(message) {
            any = match field? {
                (1, value) => Any::Text(value.text()?),
                (2, value) => Any::Bool(value.varint()? != 0),
                (3, value) => Any::Int(value.varint()? as i64),
                (4, value) => Any::Double(value.double()?),
                (5, value) => Any::Array(value.bytes()?),
                (6, value) => Any::Map(value.bytes()?),
                (7, value) => Any::Bytes(value.bytes()?),
                // The string table of profiles: specified to count as absent elsewhere.
                (8, _) => Any::Empty,
                _ => any,
            };
        }
        Ok(any)
    }

    /// Appends the value as JSON.
    pub(crate) fn write(self, out: &mut String) -> Result<(), DecodeError> {
        self.write_at(out, 0)
    }

    fn write_at(self, out: &mut String, depth: usize) -> Result<(), DecodeError> {
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        match self {
            Any::Empty => out.push_str("null"),
            Any::Text(text) => write_text(out, text),
            Any::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Any::Int(value) => write_display(out, value),
            Any::Double(value) => write_double(out, value),
            Any::Array(values) => write_array(out, values, depth)?,
            Any::Map(entries) => write_map(out, entries, depth)?,
            Any::Bytes(bytes) => {
                out.push_str("{\"$bytes\":\"");
                STANDARD.encode_string(bytes, out);
                out.push_str("\"}");
            }
        }
        Ok(())
    }
}

/// Reads a `KeyValue` message.
#[inline]
pub(crate) fn key_value(message: &[u8]) -> Result<(&str, Any<'_>), DecodeError> {
    let (key, any) = unchecked_key_value(message)?;
    Ok((utf8(key)?, any))
}

/// The same, with a key that may not be UTF-8.
#[inline]
pub(crate) fn unchecked_key_value(message: &[u8]) -> Result<(&[u8], Any<'_>), DecodeError> {
    let (mut key, mut any): (&[u8], _) = (&[], Any::Empty);
    for field in fields(message) {
        match field? {
            (1, value) => key = value.bytes()?,
            (2, value) => any = Any::read(value.bytes()?)?,
            _ => {}
        }
    }
    Ok((key, any))
}

/// Appends a member of an object that has been opened with `{`.
#[inline]
pub(crate) fn write_member(out: &mut String, key: &str, value: Any<'_>) -> Result<(), DecodeError> {
    member_key(out, key);
    value.write(out)
}

/// Appends the comma, if one is due, and the key of a member.
pub(crate) fn member_key(out: &mut String, key: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    write_text(out, key);
    out.push(':');
}

fn write_array(out: &mut String, array: &[u8], depth: usize) -> Result<(), DecodeError> {
    out.push('[');
    for field in fields(array) {
        if let (1, value) = field? {
            if !out.ends_with('[') {
                out.push(',');
            }
            Any::read(value.bytes()?)?.write_at(out, depth + 1)?;
        }
    }
    out.push(']');
    Ok(())
}

fn write_map(out: &mut String, map: &[u8], depth: usize) -> Result<(), DecodeError> {
    let mut wrapped = None;
    out.push('{');
    for field in fields(map) {
        if let (1, entry) = field? {
            let (key, value) = key_value(entry.bytes()?)?;
            if *wrapped.get_or_insert(key.starts_with('$')) && out.ends_with('{') {
                out.push_str("\"$map\":{");
            }
            member_key(out, key);
            value.write_at(out, depth + 1)?;
        }
    }
    out.push_str(if wrapped == Some(true) { "}}" } else { "}" });
    Ok(())
}

fn write_display(out: &mut String, value: impl std::fmt::Display) {
    use std::fmt::Write;
    write!(out, "{value}").expect("a String takes all that is written");
}

fn write_double(out: &mut String, value: f64) {
    if value.is_finite() {
        // Debug always writes a point or an exponent, and the shortest text that reads back the same.
        use std::fmt::Write;
        write!(out, "{value:?}").expect("a String takes all that is written");
    } else if value.is_nan() {
        out.push_str("{\"$double\":\"NaN\"}");
    } else if value > 0.0 {
        out.push_str("{\"$double\":\"Infinity\"}");
    } else {
        out.push_str("{\"$double\":\"-Infinity\"}");
    }
}

/// Appends the text in quotes, escaped as RFC 8259 asks.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    // Without a branch in it, this loop runs over many bytes at once; nearly all texts end here.
    let needs_escape = |found: bool, byte: u8| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if !text.bytes().fold(false, needs_escape) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut start = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..place]);
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("\\u00");
                out.push(HEX[usize::from(control >> 4)].into());
                out.push(HEX[usize::from(control & 15)].into());
            }
        }
        start = place + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}
