//! Lists of structs (events, links, exemplars, quantiles) as JSON arrays, and back, without loss.
//!
//! Times are nanoseconds since 1970, ids hex, attributes the JSON they are; a field that is NULL is left out. Doubles that JSON has no number
//! for are text: `"NaN"`, `"Infinity"`, `"-Infinity"`, and the bits in hex where a NaN has other ones.

use std::collections::HashMap;
use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType, UInt32Type};
use serde_json::value::RawValue;

use crate::columns::Kind;

/// Appends the structs as an array of objects.
pub(crate) fn write_structs(structs: &StructArray, out: &mut Vec<u8>) {
    let fields: Vec<(&str, Kind, &ArrayRef)> = structs
        .fields()
        .iter()
        .zip(structs.columns())
        .map(|(field, values)| (field.name().as_str(), Kind::of_scalar(field.name(), field.data_type()), values))
        .collect();
    out.push(b'[');
    for row in 0..structs.len() {
        if row > 0 {
            out.push(b',');
        }
        match structs.is_null(row) {
            true => out.extend_from_slice(b"null"),
            false => write_object(&fields, row, out),
        }
    }
    out.push(b']');
}

fn write_object(fields: &[(&str, Kind, &ArrayRef)], row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut separator = "";
    for (name, kind, values) in fields.iter().filter(|(_, _, values)| values.is_valid(row)) {
        written(write!(out, "{separator}\"{name}\":"));
        write_value(*kind, values, row, out);
        separator = ",";
    }
    out.push(b'}');
}

fn write_value(kind: Kind, values: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match kind {
        Kind::Time => written(write!(out, "{}", values.as_primitive::<TimestampNanosecondType>().value(row))),
        Kind::Bigint => written(write!(out, "{}", values.as_primitive::<Int64Type>().value(row))),
        Kind::Unsigned => written(write!(out, "{}", values.as_primitive::<UInt32Type>().value(row))),
        Kind::Double => write_double(values.as_primitive::<Float64Type>().value(row), out),
        Kind::Text => serde_json::to_writer(out, values.as_string_view().value(row)).expect("memory takes all bytes"),
        Kind::Json => out.extend_from_slice(values.as_string_view().value(row).as_bytes()),
        Kind::Bytes(_) => {
            let hex = |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
            out.push(b'"');
            out.extend(values.as_fixed_size_binary().value(row).iter().flat_map(hex));
            out.push(b'"');
        }
        other => unreachable!("no struct of the model has a field that is {other:?}"),
    }
}

fn write_double(value: f64, out: &mut Vec<u8>) {
    match value {
        value if value.is_finite() => written(write!(out, "{value:?}")),
        value if value.to_bits() == f64::NAN.to_bits() => out.extend_from_slice(b"\"NaN\""),
        value if value.is_nan() => written(write!(out, "\"{:016x}\"", value.to_bits())),
        value => out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" }),
    }
}

fn written(outcome: std::io::Result<()>) {
    outcome.expect("memory takes all bytes");
}

/// One object, each field as it is written.
pub(crate) type Object<'a> = HashMap<&'a str, &'a RawValue>;

/// The objects of an array as written above.
pub(crate) fn read_structs(json: &str) -> Result<Vec<Option<Object<'_>>>, serde_json::Error> {
    serde_json::from_str(json)
}

/// The double that the JSON stands for.
pub(crate) fn read_double(json: &str) -> Option<f64> {
    match json.trim_matches('"') {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        bits if json.starts_with('"') => u64::from_str_radix(bits, 16).ok().map(f64::from_bits),
        // Not serde_json's number: that is not exact to the last bit.
        number => number.parse().ok(),
    }
}

/// The bytes that the JSON text stands for.
pub(crate) fn read_bytes(json: &str) -> Option<Vec<u8>> {
    let digits = json.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
