//! OTLP's JSON mapping, turned into the protobuf it stands for.
//!
//! One table says what each message looks like; one reader walks any of them. So JSON takes the same way into the
//! store as protobuf, and every rule of the mapping is in one place:
//! ids are hex, enums are integers only, 64-bit integers are strings or numbers, keys are lowerCamelCase, what is unknown is ignored.
//! Specification: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use plane::Payload;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};

use crate::decode::DecodeError;

/// How a field is written in JSON and in protobuf.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Base64 in JSON.
    Bytes,
    /// Hex in JSON.
    Id,
    Bool,
    /// `int64` as a varint.
    Int64,
    /// `uint64` as a varint.
    Uint64,
    Fixed64,
    Sfixed64,
    Double,
    Uint32,
    Fixed32,
    Sint32,
    Enum,
    Message(&'static Message),
}

struct Field {
    json: &'static str,
    number: u32,
    kind: Kind,
    repeated: bool,
}

struct Message {
    fields: &'static [Field],
}

const fn one(json: &'static str, number: u32, kind: Kind) -> Field {
    Field { json, number, kind, repeated: false }
}

const fn many(json: &'static str, number: u32, kind: Kind) -> Field {
    Field { json, number, kind, repeated: true }
}

use Kind::{Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int64, Sfixed64, Sint32, Text, Uint32, Uint64};

static ANY_VALUE: Message = Message {
    fields: &[
        one("stringValue", 1, Text),
        one("boolValue", 2, Bool),
        one("intValue", 3, Int64),
        one("doubleValue", 4, Double),
        one("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        one("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        one("bytesValue", 7, Bytes),
    ],
};
static ARRAY_VALUE: Message = Message { fields: &[many("values", 1, Kind::Message(&ANY_VALUE))] };
static KEY_VALUE_LIST: Message = Message { fields: &[many("values", 1, Kind::Message(&KEY_VALUE))] };
static KEY_VALUE: Message = Message { fields: &[one("key", 1, Text), one("value", 2, Kind::Message(&ANY_VALUE))] };
static SCOPE: Message = Message {
    fields: &[
        one("name", 1, Text),
        one("version", 2, Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Uint32),
    ],
};
static ENTITY_REF: Message = Message {
    fields: &[
        one("schemaUrl", 1, Text),
        one("type", 2, Text),
        many("idKeys", 3, Text),
        many("descriptionKeys", 4, Text),
    ],
};
static RESOURCE: Message = Message {
    fields: &[
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 2, Uint32),
        many("entityRefs", 3, Kind::Message(&ENTITY_REF)),
    ],
};

static TRACES: Message = Message { fields: &[many("resourceSpans", 1, Kind::Message(&RESOURCE_SPANS))] };
static RESOURCE_SPANS: Message = Message {
    fields: &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeSpans", 2, Kind::Message(&SCOPE_SPANS)),
        one("schemaUrl", 3, Text),
    ],
};
static SCOPE_SPANS: Message = Message {
    fields: &[
        one("scope", 1, Kind::Message(&SCOPE)),
        many("spans", 2, Kind::Message(&SPAN)),
        one("schemaUrl", 3, Text),
    ],
};
static SPAN: Message = Message {
    fields: &[
        one("traceId", 1, Id),
        one("spanId", 2, Id),
        one("traceState", 3, Text),
        one("parentSpanId", 4, Id),
        one("name", 5, Text),
        one("kind", 6, Enum),
        one("startTimeUnixNano", 7, Fixed64),
        one("endTimeUnixNano", 8, Fixed64),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 10, Uint32),
        many("events", 11, Kind::Message(&EVENT)),
        one("droppedEventsCount", 12, Uint32),
        many("links", 13, Kind::Message(&LINK)),
        one("droppedLinksCount", 14, Uint32),
        one("status", 15, Kind::Message(&STATUS)),
        one("flags", 16, Fixed32),
    ],
};
static EVENT: Message = Message {
    fields: &[
        one("timeUnixNano", 1, Fixed64),
        one("name", 2, Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 4, Uint32),
    ],
};
static LINK: Message = Message {
    fields: &[
        one("traceId", 1, Id),
        one("spanId", 2, Id),
        one("traceState", 3, Text),
        many("attributes", 4, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 5, Uint32),
        one("flags", 6, Fixed32),
    ],
};
static STATUS: Message = Message { fields: &[one("message", 2, Text), one("code", 3, Enum)] };

static LOGS: Message = Message { fields: &[many("resourceLogs", 1, Kind::Message(&RESOURCE_LOGS))] };
static RESOURCE_LOGS: Message = Message {
    fields: &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeLogs", 2, Kind::Message(&SCOPE_LOGS)),
        one("schemaUrl", 3, Text),
    ],
};
static SCOPE_LOGS: Message = Message {
    fields: &[
        one("scope", 1, Kind::Message(&SCOPE)),
        many("logRecords", 2, Kind::Message(&LOG_RECORD)),
        one("schemaUrl", 3, Text),
    ],
};
static LOG_RECORD: Message = Message {
    fields: &[
        one("timeUnixNano", 1, Fixed64),
        one("severityNumber", 2, Enum),
        one("severityText", 3, Text),
        one("body", 5, Kind::Message(&ANY_VALUE)),
        many("attributes", 6, Kind::Message(&KEY_VALUE)),
        one("droppedAttributesCount", 7, Uint32),
        one("flags", 8, Fixed32),
        one("traceId", 9, Id),
        one("spanId", 10, Id),
        one("observedTimeUnixNano", 11, Fixed64),
        one("eventName", 12, Text),
    ],
};

static METRICS: Message = Message { fields: &[many("resourceMetrics", 1, Kind::Message(&RESOURCE_METRICS))] };
static RESOURCE_METRICS: Message = Message {
    fields: &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeMetrics", 2, Kind::Message(&SCOPE_METRICS)),
        one("schemaUrl", 3, Text),
    ],
};
static SCOPE_METRICS: Message = Message {
    fields: &[
        one("scope", 1, Kind::Message(&SCOPE)),
        many("metrics", 2, Kind::Message(&METRIC)),
        one("schemaUrl", 3, Text),
    ],
};
static METRIC: Message = Message {
    fields: &[
        one("name", 1, Text),
        one("description", 2, Text),
        one("unit", 3, Text),
        one("gauge", 5, Kind::Message(&GAUGE)),
        one("sum", 7, Kind::Message(&SUM)),
        one("histogram", 9, Kind::Message(&HISTOGRAM)),
        one("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        one("summary", 11, Kind::Message(&SUMMARY)),
        many("metadata", 12, Kind::Message(&KEY_VALUE)),
    ],
};
static GAUGE: Message = Message { fields: &[many("dataPoints", 1, Kind::Message(&NUMBER_POINT))] };
static SUM: Message = Message {
    fields: &[
        many("dataPoints", 1, Kind::Message(&NUMBER_POINT)),
        one("aggregationTemporality", 2, Enum),
        one("isMonotonic", 3, Bool),
    ],
};
static HISTOGRAM: Message = Message {
    fields: &[many("dataPoints", 1, Kind::Message(&HISTOGRAM_POINT)), one("aggregationTemporality", 2, Enum)],
};
static EXPONENTIAL_HISTOGRAM: Message = Message {
    fields: &[many("dataPoints", 1, Kind::Message(&EXPONENTIAL_POINT)), one("aggregationTemporality", 2, Enum)],
};
static SUMMARY: Message = Message { fields: &[many("dataPoints", 1, Kind::Message(&SUMMARY_POINT))] };
static NUMBER_POINT: Message = Message {
    fields: &[
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("asDouble", 4, Double),
        many("exemplars", 5, Kind::Message(&EXEMPLAR)),
        one("asInt", 6, Sfixed64),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Uint32),
    ],
};
static HISTOGRAM_POINT: Message = Message {
    fields: &[
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("bucketCounts", 6, Fixed64),
        many("explicitBounds", 7, Double),
        many("exemplars", 8, Kind::Message(&EXEMPLAR)),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("flags", 10, Uint32),
        one("min", 11, Double),
        one("max", 12, Double),
    ],
};
static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        one("scale", 6, Sint32),
        one("zeroCount", 7, Fixed64),
        one("positive", 8, Kind::Message(&BUCKETS)),
        one("negative", 9, Kind::Message(&BUCKETS)),
        one("flags", 10, Uint32),
        many("exemplars", 11, Kind::Message(&EXEMPLAR)),
        one("min", 12, Double),
        one("max", 13, Double),
        one("zeroThreshold", 14, Double),
    ],
};
static BUCKETS: Message = Message { fields: &[one("offset", 1, Sint32), many("bucketCounts", 2, Uint64)] };
static SUMMARY_POINT: Message = Message {
    fields: &[
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("quantileValues", 6, Kind::Message(&QUANTILE)),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Uint32),
    ],
};
static QUANTILE: Message = Message { fields: &[one("quantile", 1, Double), one("value", 2, Double)] };
static EXEMPLAR: Message = Message {
    fields: &[
        one("timeUnixNano", 2, Fixed64),
        one("asDouble", 3, Double),
        one("spanId", 4, Id),
        one("traceId", 5, Id),
        one("asInt", 6, Sfixed64),
        many("filteredAttributes", 7, Kind::Message(&KEY_VALUE)),
    ],
};

/// The protobuf of an export request in JSON.
///
/// # Errors
/// `DecodeError::Json`, with the line and column.
pub fn to_protobuf(payload: Payload, json: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let message = match payload {
        Payload::Traces => &TRACES,
        Payload::Logs => &LOGS,
        Payload::Metrics => &METRICS,
    };
    let mut protobuf = Vec::with_capacity(json.len() / 2);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = MessageReader { message, out: &mut protobuf }.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|cause| DecodeError::Json(cause.to_string()))?;
    Ok(protobuf)
}

/// Reads one object as a message and appends its protobuf.
struct MessageReader<'o> {
    message: &'static Message,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for MessageReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.message.fields.iter().find(|field| field.json == key) {
                Some(field) => map.next_value_seed(FieldReader { field, repeated: field.repeated, out: self.out })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads the value of a field, which may be `null` for "not said", and appends it with its key.
struct FieldReader<'o> {
    field: &'static Field,
    /// An array is expected.
    repeated: bool,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for FieldReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl FieldReader<'_> {
    fn wrong<E: Error>(&self, got: de::Unexpected<'_>) -> E {
        E::invalid_type(got, self)
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let Field { json, kind, .. } = self.field;
        let bad = |what: &str| E::custom(format_args!("{json} is {text:.80?}, expected {what}"));
        match kind {
            Text => self.put_bytes(text.as_bytes()),
            Bytes => {
                let bytes = any_base64(text).ok_or_else(|| bad("base64"))?;
                self.put_bytes(&bytes);
            }
            Id => {
                let bytes = hex(text).ok_or_else(|| bad("hex digits, two a byte"))?;
                self.put_bytes(&bytes);
            }
            Double => {
                let value = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    // Rust reads more spellings of infinity than JSON's mapping has.
                    _ if text.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E')) => {
                        return Err(bad("a number, \"NaN\", \"Infinity\" or \"-Infinity\""));
                    }
                    _ => text.parse().map_err(|_| bad("a number, \"NaN\", \"Infinity\" or \"-Infinity\""))?,
                };
                self.put_fixed64(value.to_bits());
            }
            Enum => return Err(bad("an integer: names of enum values are not part of OTLP/JSON")),
            Bool | Kind::Message(_) => return Err(self.wrong(de::Unexpected::Str(text))),
            _ => {
                let integer: i128 = text.parse().map_err(|_| bad("an integer"))?;
                self.integer(integer)?;
            }
        }
        Ok(())
    }

    fn integer<E: Error>(&mut self, value: i128) -> Result<(), E> {
        let json = self.field.json;
        let bad = |what: &str| E::custom(format_args!("{json} is {value}, expected {what}"));
        match self.field.kind {
            Double => self.put_fixed64((value as f64).to_bits()),
            Int64 => self.put_varint(i64::try_from(value).map_err(|_| bad("a signed 64-bit integer"))? as u64),
            Sfixed64 => self.put_fixed64(i64::try_from(value).map_err(|_| bad("a signed 64-bit integer"))? as u64),
            Uint64 => self.put_varint(u64::try_from(value).map_err(|_| bad("an unsigned 64-bit integer"))?),
            Fixed64 => self.put_fixed64(u64::try_from(value).map_err(|_| bad("an unsigned 64-bit integer"))?),
            Uint32 => self.put_varint(u32::try_from(value).map_err(|_| bad("an unsigned 32-bit integer"))?.into()),
            Fixed32 => {
                let value = u32::try_from(value).map_err(|_| bad("an unsigned 32-bit integer"))?;
                self.put_key(5);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Sint32 => {
                let value = i32::try_from(value).map_err(|_| bad("a signed 32-bit integer"))?;
                self.put_varint((((value << 1) ^ (value >> 31)) as u32).into());
            }
            // Negative enum values are sign-extended to 64 bits, as protobuf has it.
            Enum => self.put_varint(i64::from(i32::try_from(value).map_err(|_| bad("a 32-bit integer"))?) as u64),
            Text | Bytes | Id | Bool | Kind::Message(_) => {
                return Err(self.wrong(de::Unexpected::Other("a number")));
            }
        }
        Ok(())
    }

    fn put_key(&mut self, wire_type: u32) {
        put_varint(self.out, (self.field.number << 3 | wire_type).into());
    }

    fn put_varint(&mut self, value: u64) {
        self.put_key(0);
        put_varint(self.out, value);
    }

    fn put_fixed64(&mut self, bits: u64) {
        self.put_key(1);
        self.out.extend_from_slice(&bits.to_le_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_key(2);
        put_varint(self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }
}

impl<'de> Visitor<'de> for FieldReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.repeated, self.field.kind) {
            (true, _) => "an array",
            (_, Kind::Message(_)) => "an object",
            (_, Text) => "a string",
            (_, Bytes) => "a base64 string",
            (_, Id) => "a hex string",
            (_, Bool) => "true or false",
            (_, Double) => "a number",
            (_, Enum) => "an integer",
            _ => "an integer or its decimal string",
        };
        write!(f, "{what} for {}", self.field.json)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(mut self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Bool if !self.repeated => {
                self.put_varint(value.into());
                Ok(())
            }
            _ => Err(self.wrong(de::Unexpected::Bool(value))),
        }
    }

    fn visit_u64<E: Error>(mut self, value: u64) -> Result<(), E> {
        if self.repeated {
            return Err(self.wrong(de::Unexpected::Unsigned(value)));
        }
        self.integer(value.into())
    }

    fn visit_i64<E: Error>(mut self, value: i64) -> Result<(), E> {
        if self.repeated {
            return Err(self.wrong(de::Unexpected::Signed(value)));
        }
        self.integer(value.into())
    }

    fn visit_f64<E: Error>(mut self, value: f64) -> Result<(), E> {
        match self.field.kind {
            _ if self.repeated => Err(self.wrong(de::Unexpected::Float(value))),
            Double => {
                self.put_fixed64(value.to_bits());
                Ok(())
            }
            // JSON has one kind of number: 5.0 and 5e3 are integers.
            _ if value.fract() == 0.0 && value.abs() < 2_f64.powi(64) => self.integer(value as i128),
            _ => Err(self.wrong(de::Unexpected::Float(value))),
        }
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        if self.repeated {
            return Err(self.wrong(de::Unexpected::Str(text)));
        }
        self.text(text)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        let Kind::Message(message) = self.field.kind else { return Err(self.wrong(de::Unexpected::Map)) };
        if self.repeated {
            return Err(self.wrong(de::Unexpected::Map));
        }
        let mut inner = Vec::new();
        MessageReader { message, out: &mut inner }.visit_map(map)?;
        self.put_bytes(&inner);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        if !self.repeated {
            return Err(self.wrong(de::Unexpected::Seq));
        }
        loop {
            let before = self.out.len();
            let element = FieldReader { field: self.field, repeated: false, out: self.out };
            if values.next_element_seed(element)?.is_none() {
                return Ok(());
            }
            if self.out.len() == before {
                return Err(A::Error::custom(format_args!("an element of {} is null", self.field.json)));
            }
        }
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Base64 of the standard or the URL alphabet, padded or not: proto3's JSON mapping accepts them all.
fn any_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(text).ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()).collect()
}
