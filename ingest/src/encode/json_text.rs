//! Reads attribute values from their JSON text; `decode::json_text` has the table of forms.
//!
//! Types are told apart by the text alone, and a key that comes twice stays twice, in order: so no map between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};

use crate::decode::DEPTH_MAX;

/// What is wrong with the text.
type Problem = &'static str;

/// Reads an object whose members are attributes: here a key that begins with `$` means nothing special.
pub(super) fn attributes(text: &str) -> Result<Vec<KeyValue>, Problem> {
    let mut reader = Reader { rest: text };
    let members = reader.members(0)?;
    reader.end()?;
    Ok(members)
}

/// Reads one value.
pub(super) fn value(text: &str) -> Result<AnyValue, Problem> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<AnyValue, Problem> {
        if depth > DEPTH_MAX {
            return Err("is nested too deep");
        }
        let value = match self.peek() {
            Some(b'{') => Some(self.object(depth)?),
            Some(b'[') => Some(Value::ArrayValue(self.array(depth)?)),
            Some(b'"') => Some(Value::StringValue(self.text()?)),
            Some(b'-' | b'0'..=b'9') => Some(self.number()?),
            _ => self.word()?,
        };
        Ok(AnyValue { value })
    }

    /// A map, or one of the forms that begin with `$`.
    fn object(&mut self, depth: usize) -> Result<Value, Problem> {
        if let Some(map) = self.wrapped_map(depth)? {
            return Ok(map);
        }
        let members = self.members(depth + 1)?;
        if let [KeyValue { key, value: Some(AnyValue { value: Some(Value::StringValue(text)) }), .. }] =
            members.as_slice()
        {
            match key.as_str() {
                "$double" => {
                    return text.parse().map(Value::DoubleValue).map_err(|_| "has a $double that is no number");
                }
                "$bytes" => {
                    return STANDARD.decode(text).map(Value::BytesValue).map_err(|_| "has $bytes that are not base64");
                }
                _ => {}
            }
        }
        Ok(Value::KvlistValue(KeyValueList { values: members }))
    }

    /// `{"$map":{…}}`, whose members are what they seem.
    fn wrapped_map(&mut self, depth: usize) -> Result<Option<Value>, Problem> {
        let mut ahead = Reader { rest: self.rest };
        ahead.expect(b'{', "has no object where one should be")?;
        if ahead.peek() != Some(b'"') || ahead.text()? != "$map" {
            return Ok(None);
        }
        ahead.expect(b':', "has a member without ':'")?;
        if ahead.peek() != Some(b'{') {
            return Ok(None);
        }
        let values = ahead.members(depth + 1)?;
        ahead.expect(b'}', "has more than a map in $map")?;
        self.rest = ahead.rest;
        Ok(Some(Value::KvlistValue(KeyValueList { values })))
    }

    /// An object whose values lie at `depth`.
    fn members(&mut self, depth: usize) -> Result<Vec<KeyValue>, Problem> {
        let mut members = Vec::new();
        self.expect(b'{', "has no object where one should be")?;
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            let key = self.text()?;
            self.expect(b':', "has a member without ':'")?;
            let value = Some(self.value(depth)?);
            members.push(KeyValue { key, value, ..KeyValue::default() });
            if !self.take(b',') {
                self.expect(b'}', "has an object without end")?;
                return Ok(members);
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<ArrayValue, Problem> {
        let mut values = Vec::new();
        self.expect(b'[', "has no array where one should be")?;
        if self.take(b']') {
            return Ok(ArrayValue { values });
        }
        loop {
            values.push(self.value(depth + 1)?);
            if !self.take(b',') {
                self.expect(b']', "has an array without end")?;
                return Ok(ArrayValue { values });
            }
        }
    }

    /// A point or exponent makes it a double, and so does a size that no integer has.
    fn number(&mut self) -> Result<Value, Problem> {
        let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.bytes().position(|byte| !is_number(byte)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(length);
        self.rest = rest;
        if !number.contains(['.', 'e', 'E'])
            && let Ok(integer) = number.parse()
        {
            return Ok(Value::IntValue(integer));
        }
        number.parse().map(Value::DoubleValue).map_err(|_| "has a number that is none")
    }

    fn word(&mut self) -> Result<Option<Value>, Problem> {
        let words = [("null", None), ("true", Some(Value::BoolValue(true))), ("false", Some(Value::BoolValue(false)))];
        for (word, value) in words {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("is not JSON")
    }

    fn text(&mut self) -> Result<String, Problem> {
        self.expect(b'"', "has no text where one should be")?;
        let mut text = String::new();
        loop {
            let stop = self.rest.find(['"', '\\']).ok_or("has a text without end")?;
            text.push_str(&self.rest[..stop]);
            let is_end = self.rest.as_bytes()[stop] == b'"';
            self.rest = &self.rest[stop + 1..];
            if is_end {
                return Ok(text);
            }
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char, Problem> {
        let mut rest = self.rest.chars();
        let escaped = rest.next();
        self.rest = rest.as_str();
        Ok(match escaped {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => self.unicode()?,
            _ => return Err("has an unknown escape"),
        })
    }

    /// The four digits after `\u`; above the basic plane two such escapes make one character.
    fn unicode(&mut self) -> Result<char, Problem> {
        const PROBLEM: Problem = "has a \\u escape that is no character";
        let mut units = vec![self.unit()?];
        if matches!(units[0], 0xd800..0xdc00) {
            self.rest = self.rest.strip_prefix("\\u").ok_or(PROBLEM)?;
            units.push(self.unit()?);
        }
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(PROBLEM),
        }
    }

    fn unit(&mut self) -> Result<u16, Problem> {
        let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let unit =
            digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or("has a \\u escape without digits")?;
        self.rest = &self.rest[4..];
        Ok(unit)
    }

    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
        self.rest.bytes().next()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8, problem: Problem) -> Result<(), Problem> {
        if self.take(byte) { Ok(()) } else { Err(problem) }
    }

    fn end(&mut self) -> Result<(), Problem> {
        if self.peek().is_none() { Ok(()) } else { Err("goes on after its end") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Value) {
        assert_eq!(value(text), Ok(AnyValue { value: Some(expected) }), "{text}");
    }

    #[test]
    fn a_point_or_an_exponent_makes_a_double() {
        check("1", Value::IntValue(1));
        check("1.0", Value::DoubleValue(1.0));
        check("1e300", Value::DoubleValue(1e300));
        check("-9223372036854775808", Value::IntValue(i64::MIN));
        check("9223372036854775808", Value::DoubleValue(9_223_372_036_854_775_808.0));
    }

    #[test]
    fn json_that_others_wrote_is_read_too() {
        check(" \"\\u00e9\\ud83d\\ude00\\/\\b\" ", Value::StringValue("é😀/\u{8}".into()));
        check("{ \"$bytes\" : \"AQI=\" }", Value::BytesValue(vec![1, 2]));
        check("[ ]", Value::ArrayValue(ArrayValue::default()));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in [
            "",
            "{",
            "[1",
            "\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "nul",
            "1 2",
            "{\"a\"}",
            "-",
            "1e",
            "{\"$bytes\":\"?\"}",
        ] {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(value(&"[".repeat(100_000)).is_err());
        assert!(value(&"{\"$map\":{\"a\":".repeat(100_000)).is_err());
    }
}
