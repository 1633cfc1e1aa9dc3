#![no_main]

mod shared;

use ingest::{encode, otlp_json};
use libfuzzer_sys::fuzz_target;
use plane::Payload;

// The first byte chooses the signal.
fuzz_target!(|input: &[u8]| {
    let [first, body @ ..] = input else { return };
    let payload = [Payload::Traces, Payload::Logs, Payload::Metrics][usize::from(*first) % 3];
    let Ok(protobuf) = otlp_json::to_protobuf(payload, body) else { return };
    match payload {
        Payload::Traces => shared::round_trip(payload, &protobuf, encode::traces),
        Payload::Logs => shared::round_trip(payload, &protobuf, encode::logs),
        Payload::Metrics => shared::round_trip(payload, &protobuf, encode::metrics),
    }
});
