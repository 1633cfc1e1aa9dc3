//! Requests as a broken or hostile client sends them, for row R3.
//! The same seed gives the same requests, so that a failure can be tried again.

use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::target::{Signal, Transport};
use super::wire::{put_bytes, varint};

const TRUNCATIONS: usize = 25;
const FLIPS: usize = 50;
const NOISES: usize = 15;
const DEPTHS: [usize; 4] = [90, 1_000, 10_000, 100_000];

/// One request, and what was done to it.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    pub(crate) what: String,
    pub(crate) body: Bytes,
}

impl Mutation {
    fn new(what: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { what: what.into(), body: body.into() }
    }
}

/// About a hundred ways to spoil a good request.
pub(crate) fn mutations(transport: Transport, signal: Signal, good: &[u8], seed: u64) -> Vec<Mutation> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::new();
    all.extend((0..TRUNCATIONS).map(|_| truncated(good, &mut random)));
    all.extend((0..FLIPS).map(|_| flipped(good, &mut random)));
    all.extend((0..NOISES).map(|_| noise(&mut random)));
    if transport == Transport::Json {
        all.extend(odd_json(signal));
    } else {
        all.extend(odd_protobuf());
    }
    all
}

fn truncated(good: &[u8], random: &mut ChaCha8Rng) -> Mutation {
    let kept = random.random_range(1..good.len());
    Mutation::new(format!("the first {kept} of {} bytes", good.len()), good[..kept].to_vec())
}

fn flipped(good: &[u8], random: &mut ChaCha8Rng) -> Mutation {
    let mut body = good.to_vec();
    let flips = random.random_range(1..=3);
    let bits: Vec<usize> = (0..flips).map(|_| random.random_range(0..body.len() * 8)).collect();
    for bit in &bits {
        body[bit / 8] ^= 1 << (bit % 8);
    }
    Mutation::new(format!("a request with the bits {bits:?} flipped"), body)
}

fn noise(random: &mut ChaCha8Rng) -> Mutation {
    let mut body = vec![0; random.random_range(1..2_000)];
    random.fill(body.as_mut_slice());
    Mutation::new(format!("{} random bytes", body.len()), body)
}

fn odd_protobuf() -> Vec<Mutation> {
    let after = |prefix: &[u8], rest: &[u8]| [prefix, rest].concat();
    let mut invalid_text = Vec::new();
    put_bytes(&mut invalid_text, 3, b"\xff\xfe");
    let mut all = vec![
        Mutation::new("a tag without an end", vec![0xff; 32]),
        Mutation::new("a length of 2^64-1", after(&[0x0a], &varint(u64::MAX))),
        Mutation::new("a length of 2^63", after(&[0x0a], &varint(1 << 63))),
        Mutation::new("a length of 2^31 with nothing behind it", after(&[0x0a], &varint(1 << 31))),
        Mutation::new("a varint of 11 bytes", after(&[0x08], &[[0xff; 10].as_slice(), &[1]].concat())),
        Mutation::new("field 0", vec![0x02, 0x00]),
        Mutation::new("a field number over 2^29", after(&varint(u64::from(u32::MAX)), &[0])),
        Mutation::new("resource groups as a varint", vec![0x08, 0x01]),
        Mutation::new("resource groups as fixed64", vec![0x09, 1, 2, 3, 4, 5, 6, 7, 8]),
        Mutation::new("resource groups as fixed32", vec![0x0d, 1, 2, 3, 4]),
        Mutation::new("a group without an end", vec![0x0b]),
        Mutation::new("the end of no group", vec![0x0c]),
        Mutation::new("1000 groups inside each other", vec![0x0b; 1_000]),
        Mutation::new("wire type 6", vec![0x0e, 0]),
        Mutation::new("wire type 7", vec![0x0f, 0]),
        Mutation::new("a schema URL that is not UTF-8", embedded(&[1], &invalid_text)),
        Mutation::new("gzip that is not declared", super::wire::Coding::Gzip.compress(b"hello")),
    ];
    all.extend(
        DEPTHS.map(|depth| Mutation::new(format!("an attribute value nested {depth} deep"), nested_protobuf(depth))),
    );
    all
}

fn embedded(path: &[u32], content: &[u8]) -> Vec<u8> {
    path.iter().rev().fold(content.to_vec(), |inner, field| {
        let mut outer = Vec::new();
        put_bytes(&mut outer, *field, &inner);
        outer
    })
}

/// A resource attribute whose value is a list of lists; resources have the same fields in all signals.
fn nested_protobuf(depth: usize) -> Vec<u8> {
    // Written from the inside out and backwards: wrapping copies would take quadratic time.
    let mut reversed = Vec::new();
    for level in 0..2 * depth {
        let tag = if level % 2 == 0 { 0x0a } else { 0x2a };
        let length = reversed.len() as u64;
        reversed.extend(varint(length).into_iter().rev());
        reversed.push(tag);
    }
    reversed.reverse();
    let mut attribute = Vec::new();
    put_bytes(&mut attribute, 1, b"deep");
    put_bytes(&mut attribute, 2, &reversed);
    embedded(&[1, 1, 1], &attribute)
}

fn odd_json(signal: Signal) -> Vec<Mutation> {
    let root = signal.root_key();
    let attribute =
        |value: &str| format!(r#"{{"{root}":[{{"resource":{{"attributes":[{{"key":"odd","value":{value}}}]}}}}]}}"#);
    let digits = "9".repeat(400);
    let mut all = vec![
        Mutation::new("a number over all bounds", attribute(r#"{"doubleValue":1e999}"#)),
        Mutation::new("400 digits", attribute(&format!(r#"{{"intValue":{digits}}}"#))),
        Mutation::new("400 digits in a string", attribute(&format!(r#"{{"intValue":"{digits}"}}"#))),
        Mutation::new("minus zero", attribute(r#"{"intValue":-0}"#)),
        Mutation::new("half an integer", attribute(r#"{"intValue":1.5}"#)),
        Mutation::new("half of a surrogate pair", attribute(r#"{"stringValue":"\ud800"}"#)),
        Mutation::new("a NUL in a string", attribute(r#"{"stringValue":"a\u0000b"}"#)),
        Mutation::new("a raw control character in a string", attribute("{\"stringValue\":\"a\u{1}b\"}")),
        Mutation::new("two values in one", attribute(r#"{"intValue":1,"stringValue":"2"}"#)),
        Mutation::new("the same key twice", format!(r#"{{"{root}":[],"{root}":[]}}"#)),
        Mutation::new("a byte order mark", format!("\u{feff}{{\"{root}\":[]}}")),
        Mutation::new("bytes that are not UTF-8", b"{\"\xff\xfe\":1}".to_vec()),
        Mutation::new("nothing but white space", "   \n"),
        Mutation::new("nothing", ""),
    ];
    for depth in DEPTHS {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        all.push(Mutation::new(
            format!("an unknown field nested {depth} deep"),
            format!(r#"{{"unknown":{nested},"{root}":[]}}"#),
        ));
        let value = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(depth), "]}}".repeat(depth));
        all.push(Mutation::new(format!("an attribute value nested {depth} deep"), attribute(&value)));
    }
    all
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use prost::Message;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_requests() {
        let of = |seed| mutations(Transport::Protobuf, Signal::Logs, &[7; 300], seed);
        let bodies = |all: Vec<Mutation>| all.into_iter().map(|mutation| mutation.body).collect::<Vec<_>>();

        assert_eq!(bodies(of(1)), bodies(of(1)));
        assert_ne!(bodies(of(1)), bodies(of(2)));
    }

    #[test]
    fn there_are_about_a_hundred_for_each_transport() {
        for transport in Transport::ALL {
            assert!(mutations(transport, Signal::Traces, &[7; 300], 1).len() > 100);
        }
    }

    #[test]
    fn a_nested_value_is_a_valid_list_of_lists() {
        let request = ExportTraceServiceRequest::decode(nested_protobuf(20).as_slice()).expect("it is protobuf");

        let resource = request.resource_spans[0].resource.as_ref().expect("it is set");
        let mut value = resource.attributes[0].value.clone();
        let mut depth = 0;
        while let Some(Value::ArrayValue(list)) = value.and_then(|value| value.value) {
            depth += 1;
            value = list.values.into_iter().next();
        }
        assert_eq!((resource.attributes[0].key.as_str(), depth), ("deep", 20));
    }

    #[test]
    fn nested_json_is_valid() {
        for mutation in odd_json(Signal::Logs).iter().filter(|mutation| mutation.what.contains("field nested 90")) {
            serde_json::from_slice::<serde_json::Value>(&mutation.body).expect("it is JSON");
        }
    }
}
