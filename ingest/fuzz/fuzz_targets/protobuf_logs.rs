#![no_main]

mod shared;

use ingest::encode;
use libfuzzer_sys::fuzz_target;
use plane::Payload;

fuzz_target!(|body: &[u8]| shared::round_trip(Payload::Logs, body, encode::logs));
