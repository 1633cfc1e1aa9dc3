//! The wire walk against prost: what prost can read means the same to us.
//!
//! Three exceptions. Groups, which OTLP does not have, are an error here and skipped there. A message field that is not
//! repeated but written in parts is merged there; here only resource, scope, status and buckets are, of others the last
//! part counts. And `series_id` hashes the bytes of attributes, so it is compared for canonical encodings only.

use std::cell::Cell;

use arrow::array::RecordBatch;
use ingest::{DecodeError, Rows, decode};
use model::Defaults;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plane::Payload;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

use super::{RECEIVED, generate, runner};

/// Cases of each signal in a normal run.
const CASES: u32 = 256;

#[test]
fn what_prost_can_read_means_the_same_to_us() {
    agree::<ExportTraceServiceRequest>(Payload::Traces, generate::traces());
    agree::<ExportLogsServiceRequest>(Payload::Logs, generate::logs());
    agree::<ExportMetricsServiceRequest>(Payload::Metrics, generate::metrics());
}

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Delete(Index, usize),
    Repeat(Index, usize),
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        6 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        1 => (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        1 => (any::<Index>(), 1_usize..12).prop_map(|(at, length)| Mutation::Delete(at, length)),
        1 => (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        1 => any::<Index>().prop_map(Mutation::Truncate),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: Mutation) {
    if bytes.is_empty() {
        return;
    }
    let until = |at: usize, length: usize, all: usize| at..all.min(at + length);
    match mutation {
        Mutation::Replace(at, byte) => *at.get_mut(bytes) = byte,
        Mutation::Insert(at, inserted) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, inserted);
        }
        Mutation::Delete(at, length) => {
            let range = until(at.index(bytes.len()), length, bytes.len());
            bytes.drain(range);
        }
        Mutation::Repeat(at, length) => bytes.extend_from_within(until(at.index(bytes.len()), length, bytes.len())),
        Mutation::Truncate(at) => bytes.truncate(at.index(bytes.len())),
    }
}

fn agree<R: Message + Default + std::fmt::Debug>(payload: Payload, requests: impl Strategy<Value = R>) {
    let compared = Cell::new(0_u32);
    let bytes = (requests, proptest::collection::vec(mutation(), 0..3)).prop_map(|(request, mutations)| {
        let mut bytes = request.encode_to_vec();
        mutations.into_iter().for_each(|mutation| mutate(&mut bytes, mutation));
        bytes
    });

    let outcome = runner(CASES).run(&bytes, |bytes| {
        let ours = decode(payload, &bytes, RECEIVED);
        let Ok(theirs) = R::decode(bytes.as_slice()) else { return Ok(()) };
        let mut shape = Shape::default();
        shape.walk(root(payload), &bytes);
        if shape.has_groups || shape.is_split {
            return Ok(());
        }
        compared.set(compared.get() + 1);
        let again = decode(payload, &theirs.encode_to_vec(), RECEIVED);
        assert_eq!(comparable(ours), comparable(again));
        Ok(())
    });

    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(compared.get() > 20, "only {} requests could be compared", compared.get());
}

/// Rows as Arrow compares them, bit by bit.
fn comparable(rows: Result<Rows, DecodeError>) -> Result<(Vec<RecordBatch>, String), DecodeError> {
    let rows = rows?;
    let batches = rows.batches.iter().map(|batch| {
        let mut rows = batch.to_record_batch(&mut Defaults::new(batch.signal())).unwrap();
        if let Ok(place) = rows.schema().index_of("series_id") {
            rows.remove_column(place);
        }
        rows
    });
    Ok((batches.collect(), format!("{:?}", rows.refusals)))
}

fn root(payload: Payload) -> &'static str {
    match payload {
        Payload::Traces => "traces",
        Payload::Logs => "logs",
        Payload::Metrics => "metrics",
    }
}

/// Message fields: the message, the number of the field, the message in it, and whether it is repeated.
const MESSAGES: &[(&str, u32, &str, bool)] = &[
    ("traces", 1, "resource_spans", true),
    ("resource_spans", 1, "resource", false),
    ("resource_spans", 2, "scope_spans", true),
    ("scope_spans", 1, "scope", false),
    ("scope_spans", 2, "span", true),
    ("span", 9, "key_value", true),
    ("span", 11, "event", true),
    ("span", 13, "link", true),
    ("span", 15, "status", false),
    ("event", 3, "key_value", true),
    ("link", 4, "key_value", true),
    ("logs", 1, "resource_logs", true),
    ("resource_logs", 1, "resource", false),
    ("resource_logs", 2, "scope_logs", true),
    ("scope_logs", 1, "scope", false),
    ("scope_logs", 2, "log_record", true),
    ("log_record", 5, "any", false),
    ("log_record", 6, "key_value", true),
    ("metrics", 1, "resource_metrics", true),
    ("resource_metrics", 1, "resource", false),
    ("resource_metrics", 2, "scope_metrics", true),
    ("scope_metrics", 1, "scope", false),
    ("scope_metrics", 2, "metric", true),
    ("metric", 5, "numbers", false),
    ("metric", 7, "numbers", false),
    ("metric", 9, "histograms", false),
    ("metric", 10, "exponentials", false),
    ("metric", 11, "summaries", false),
    ("metric", 12, "key_value", true),
    ("numbers", 1, "number", true),
    ("number", 5, "exemplar", true),
    ("number", 7, "key_value", true),
    ("histograms", 1, "histogram", true),
    ("histogram", 8, "exemplar", true),
    ("histogram", 9, "key_value", true),
    ("exponentials", 1, "exponential", true),
    ("exponential", 1, "key_value", true),
    ("exponential", 8, "buckets", false),
    ("exponential", 9, "buckets", false),
    ("exponential", 11, "exemplar", true),
    ("summaries", 1, "summary", true),
    ("summary", 6, "quantile", true),
    ("summary", 7, "key_value", true),
    ("exemplar", 7, "key_value", true),
    ("resource", 1, "key_value", true),
    ("resource", 3, "entity_ref", true),
    ("scope", 3, "key_value", true),
    ("key_value", 2, "any", false),
    ("any", 5, "array", false),
    ("any", 6, "map", false),
    ("array", 1, "any", true),
    ("map", 1, "key_value", true),
];

/// Looks for what is excepted, in bytes that prost could read.
#[derive(Debug, Default)]
struct Shape {
    has_groups: bool,
    is_split: bool,
}

impl Shape {
    fn walk(&mut self, message: &str, mut bytes: &[u8]) {
        let mut said = Vec::new();
        while !bytes.is_empty() {
            let key = prost::encoding::decode_varint(&mut bytes).unwrap();
            let number = (key >> 3) as u32;
            match key & 7 {
                0 => drop(prost::encoding::decode_varint(&mut bytes).unwrap()),
                1 => bytes = &bytes[8..],
                5 => bytes = &bytes[4..],
                2 => {
                    let length = prost::encoding::decode_varint(&mut bytes).unwrap() as usize;
                    let (field, rest) = bytes.split_at(length);
                    bytes = rest;
                    let found = MESSAGES.iter().find(|(outer, at, ..)| *outer == message && *at == number);
                    if let Some((_, _, inner, is_repeated)) = found {
                        self.is_split |= !is_repeated && said.contains(&number);
                        said.push(number);
                        self.walk(inner, field);
                    }
                }
                _ => {
                    self.has_groups = true;
                    return;
                }
            }
        }
    }
}
