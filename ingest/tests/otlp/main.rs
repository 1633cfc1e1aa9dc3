//! OTLP into rows and back: what the decoder and the encoder promise, each side by the other and by prost.

#![allow(clippy::unwrap_used)]

mod generate;
mod normal;
mod oracle;
mod promises;
mod round_trip;
mod sample;

use ingest::{DecodeError, Rows, decode};
use model::Timestamp;
use plane::Payload;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;

/// When all requests of these tests were received.
const RECEIVED: Timestamp = Timestamp(1_790_000_000_000_000_000);

fn rows(payload: Payload, request: &impl Message) -> Result<Rows, DecodeError> {
    decode(payload, &request.encode_to_vec(), RECEIVED)
}

/// Runs so many random cases as `PROPTEST_CASES` says; a failure prints its smallest input.
fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    TestRunner::new(Config { cases: asked.unwrap_or(cases), failure_persistence: None, ..Config::default() })
}
