//! Bodies that no generated type writes: compressed, padded to a size, exploding, with fields of the future.
//! Every one of them is valid, so that a refusal can only have the reason the case is after.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::target::{Signal, Transport};

const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED_32: u32 = 5;

/// Numbers no OTLP message uses.
const UNKNOWN_FIELD: u32 = 1000;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Zstd,
    /// With the zlib header, as HTTP means it.
    Deflate,
}

impl Coding {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    pub(crate) fn compress(self, plain: &[u8]) -> Bytes {
        self.compress_stream(plain).expect("compressing in memory does not fail")
    }

    fn compress_stream(self, mut plain: impl Read) -> io::Result<Bytes> {
        let mut compressed = Vec::new();
        match self {
            Self::Identity => {
                plain.read_to_end(&mut compressed)?;
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut compressed, Compression::default());
                io::copy(&mut plain, &mut encoder)?;
                encoder.finish()?;
            }
            Self::Zstd => zstd::stream::copy_encode(plain, &mut compressed, 3)?,
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(&mut compressed, Compression::default());
                io::copy(&mut plain, &mut encoder)?;
                encoder.finish()?;
            }
        }
        Ok(Bytes::from(compressed))
    }
}

/// One gzip stream of two members, which RFC 1952 makes one text.
pub(crate) fn gzip_in_two_members(plain: &[u8]) -> Bytes {
    let (first, second) = plain.split_at(plain.len() / 2);
    Bytes::from([Coding::Gzip.compress(first), Coding::Gzip.compress(second)].concat())
}

/// The same message with exactly `size` bytes, by an unknown field or by white space.
pub(crate) fn padded(transport: Transport, message: &[u8], size: usize) -> Bytes {
    let missing = size.checked_sub(message.len()).expect("a message is padded to more than it is");
    let mut padded = Vec::with_capacity(size);
    padded.extend_from_slice(message);
    if transport == Transport::Json {
        padded.resize(size, b' ');
        return Bytes::from(padded);
    }
    let header = (1..=5).map(|width| (width, tag_length() + width)).find(|(width, header)| {
        missing.checked_sub(*header).is_some_and(|content| varint(content as u64).len() == *width)
    });
    let (_, header) = header.expect("there is room for an unknown field");
    put_tag(&mut padded, UNKNOWN_FIELD, LENGTH);
    padded.extend(varint((missing - header) as u64));
    padded.resize(size, 0);
    Bytes::from(padded)
}

fn tag_length() -> usize {
    varint(u64::from(UNKNOWN_FIELD << 3)).len()
}

/// A small body that inflates to a valid request of `inflated_bytes` and a few: one unknown field, or white space.
pub(crate) fn bomb(transport: Transport, coding: Coding, inflated_bytes: u64) -> Bytes {
    let (head, filler, tail): (Vec<u8>, u8, &[u8]) = if transport == Transport::Json {
        (b"{".to_vec(), b' ', b"}")
    } else {
        let mut head = Vec::new();
        put_tag(&mut head, UNKNOWN_FIELD, LENGTH);
        head.extend(varint(inflated_bytes));
        (head, 0, b"")
    };
    let plain = head.as_slice().chain(io::repeat(filler).take(inflated_bytes)).chain(tail);
    coding.compress_stream(plain).expect("compressing in memory does not fail")
}

/// Which fields of a message are messages themselves.
#[derive(Debug)]
pub(crate) struct Shape(&'static [(u32, &'static Shape)]);

static LEAF: Shape = Shape(&[]);
static ANY_VALUE: Shape = Shape(&[(5, &ARRAY_VALUE), (6, &ATTRIBUTES_IN_1)]);
static ARRAY_VALUE: Shape = Shape(&[(1, &ANY_VALUE)]);
static KEY_VALUE: Shape = Shape(&[(2, &ANY_VALUE)]);
/// A resource, and a list of key and value pairs.
static ATTRIBUTES_IN_1: Shape = Shape(&[(1, &KEY_VALUE)]);
/// A scope, and an event.
static ATTRIBUTES_IN_3: Shape = Shape(&[(3, &KEY_VALUE)]);
static LINK: Shape = Shape(&[(4, &KEY_VALUE)]);
static SPAN: Shape = Shape(&[(9, &KEY_VALUE), (11, &ATTRIBUTES_IN_3), (13, &LINK), (15, &LEAF)]);
static SCOPE_SPANS: Shape = Shape(&[(1, &ATTRIBUTES_IN_3), (2, &SPAN)]);
static RESOURCE_SPANS: Shape = Shape(&[(1, &ATTRIBUTES_IN_1), (2, &SCOPE_SPANS)]);
static TRACES: Shape = Shape(&[(1, &RESOURCE_SPANS)]);
static LOG_RECORD: Shape = Shape(&[(5, &ANY_VALUE), (6, &KEY_VALUE)]);
static SCOPE_LOGS: Shape = Shape(&[(1, &ATTRIBUTES_IN_3), (2, &LOG_RECORD)]);
static RESOURCE_LOGS: Shape = Shape(&[(1, &ATTRIBUTES_IN_1), (2, &SCOPE_LOGS)]);
static LOGS: Shape = Shape(&[(1, &RESOURCE_LOGS)]);
static EXEMPLAR: Shape = Shape(&[(7, &KEY_VALUE)]);
static NUMBER_POINT: Shape = Shape(&[(5, &EXEMPLAR), (7, &KEY_VALUE)]);
static HISTOGRAM_POINT: Shape = Shape(&[(8, &EXEMPLAR), (9, &KEY_VALUE)]);
static EXPONENTIAL_POINT: Shape = Shape(&[(1, &KEY_VALUE), (8, &LEAF), (9, &LEAF), (11, &EXEMPLAR)]);
static SUMMARY_POINT: Shape = Shape(&[(6, &LEAF), (7, &KEY_VALUE)]);
static NUMBERS: Shape = Shape(&[(1, &NUMBER_POINT)]);
static HISTOGRAM: Shape = Shape(&[(1, &HISTOGRAM_POINT)]);
static EXPONENTIAL: Shape = Shape(&[(1, &EXPONENTIAL_POINT)]);
static SUMMARY: Shape = Shape(&[(1, &SUMMARY_POINT)]);
static METRIC: Shape =
    Shape(&[(5, &NUMBERS), (7, &NUMBERS), (9, &HISTOGRAM), (10, &EXPONENTIAL), (11, &SUMMARY), (12, &KEY_VALUE)]);
static SCOPE_METRICS: Shape = Shape(&[(1, &ATTRIBUTES_IN_3), (2, &METRIC)]);
static RESOURCE_METRICS: Shape = Shape(&[(1, &ATTRIBUTES_IN_1), (2, &SCOPE_METRICS)]);
static METRICS: Shape = Shape(&[(1, &RESOURCE_METRICS)]);

/// The request with fields of a later protocol version in front of and behind those of every message in it.
pub(crate) fn with_unknown_fields(signal: Signal, message: &[u8]) -> Bytes {
    let shape = match signal {
        Signal::Traces => &TRACES,
        Signal::Logs => &LOGS,
        Signal::Metrics => &METRICS,
    };
    Bytes::from(enriched(message, shape))
}

fn enriched(mut message: &[u8], shape: &Shape) -> Vec<u8> {
    let mut enriched = Vec::new();
    put_unknown_fields(&mut enriched);
    while !message.is_empty() {
        let field = take_field(&mut message);
        match shape.0.iter().find(|(number, _)| *number == field.number && field.wire_type == LENGTH) {
            Some((_, inner)) => put_bytes(&mut enriched, field.number, &self::enriched(field.content, inner)),
            None => enriched.extend_from_slice(field.whole),
        }
    }
    put_unknown_fields(&mut enriched);
    enriched
}

fn put_unknown_fields(out: &mut Vec<u8>) {
    put_tag(out, UNKNOWN_FIELD, VARINT);
    out.extend(varint(u64::MAX));
    put_tag(out, UNKNOWN_FIELD + 1, FIXED_64);
    out.extend([0xff; 8]);
    put_bytes(out, UNKNOWN_FIELD + 2, b"\xff\xfe is not UTF-8");
    put_tag(out, UNKNOWN_FIELD + 3, FIXED_32);
    out.extend([0xff; 4]);
}

struct Field<'a> {
    number: u32,
    wire_type: u32,
    content: &'a [u8],
    whole: &'a [u8],
}

/// Takes one field from a message that a generated type has written.
fn take_field<'a>(message: &mut &'a [u8]) -> Field<'a> {
    let all = *message;
    let tag = u32::try_from(take_varint(message)).expect("tags have 32 bits");
    let wire_type = tag & 7;
    let length = match wire_type {
        VARINT => {
            take_varint(message);
            0
        }
        FIXED_64 => 8,
        FIXED_32 => 4,
        LENGTH => usize::try_from(take_varint(message)).expect("it is in memory"),
        other => unreachable!("generated types do not write wire type {other}"),
    };
    let (content, rest) = message.split_at(length);
    *message = rest;
    Field { number: tag >> 3, wire_type, content, whole: &all[..all.len() - rest.len()] }
}

fn take_varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    loop {
        let (byte, rest) = message.split_first().expect("generated types end their numbers");
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
        shift += 7;
    }
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u32, content: &[u8]) {
    put_tag(out, field, LENGTH);
    out.extend(varint(content.len() as u64));
    out.extend_from_slice(content);
}

fn put_tag(out: &mut Vec<u8>, field: u32, wire_type: u32) {
    out.extend(varint(u64::from(field << 3 | wire_type)));
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10);
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use flate2::read::{GzDecoder, MultiGzDecoder};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message;

    use super::super::sample::{Export, Marker};
    use super::*;

    fn sample(signal: Signal) -> Export {
        Export::sample(signal, &Marker::new(1, 2, 1_700_000_000_000_000_000), 2)
    }

    #[test]
    fn unknown_fields_change_nothing_for_a_decoder_that_skips_them() {
        let Export::Traces(request) = sample(Signal::Traces) else { unreachable!("it was asked for traces") };
        let plain = request.encode_to_vec();

        let enriched = with_unknown_fields(Signal::Traces, &plain);

        assert_eq!(ExportTraceServiceRequest::decode(enriched.clone()), Ok(request));
        let added = enriched.len() - plain.len();
        assert!(added > 2 * 49 * 40, "{added} bytes for some 60 messages");
    }

    #[test]
    fn every_signal_has_a_shape_that_fits_its_messages() {
        for signal in Signal::ALL {
            let plain = sample(signal).encode(Transport::Protobuf);

            assert!(with_unknown_fields(signal, &plain).len() > plain.len());
        }
    }

    #[test]
    fn padding_hits_every_size() {
        let plain = sample(Signal::Traces).encode(Transport::Protobuf);
        for more in (20..120).chain([129 + 3, 20_000, 3 << 20]) {
            let padded = padded(Transport::Protobuf, &plain, plain.len() + more);

            assert_eq!(padded.len(), plain.len() + more);
            ExportTraceServiceRequest::decode(padded).expect("the padding is skipped");
        }
    }

    #[test]
    fn a_bomb_is_small_and_holds_a_valid_request() {
        let bomb = bomb(Transport::Protobuf, Coding::Gzip, 8 << 20);
        let mut inflated = Vec::new();
        GzDecoder::new(&bomb[..]).read_to_end(&mut inflated).expect("it is gzip");

        assert!(bomb.len() < 16 << 10, "{}", bomb.len());
        assert!(inflated.len() > 8 << 20);
        assert_eq!(ExportTraceServiceRequest::decode(inflated.as_slice()), Ok(ExportTraceServiceRequest::default()));
    }

    #[test]
    fn two_members_are_one_text() {
        let mut text = String::new();

        MultiGzDecoder::new(&gzip_in_two_members(b"abcdef")[..]).read_to_string(&mut text).expect("it is gzip");

        assert_eq!(text, "abcdef");
    }
}
