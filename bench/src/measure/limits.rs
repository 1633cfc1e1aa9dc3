//! What one core can do with the bytes of a request, so that other figures read as a share of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use model::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plane::Payload;
use prost::Message;

use crate::load::{Signal, sample_bodies};

const ITEMS: usize = 1000;
const BODIES: usize = 64;
/// How long each step is repeated; the first half warms up.
const REPEAT: Duration = Duration::from_secs(2);

pub(crate) fn print() -> anyhow::Result<()> {
    println!(
        "\n| one core, 1 000 items a request | bytes/item | copy Mitems/s | generated types, kitems/s | into Arrow, kitems/s |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (signal, payload) in
        [(Signal::Spans, Payload::Traces), (Signal::Logs, Payload::Logs), (Signal::Points, Payload::Metrics)]
    {
        let bodies = sample_bodies(signal, BODIES, ITEMS);
        let bytes: usize = bodies.iter().map(Bytes::len).sum();
        let mut target = Vec::with_capacity(bodies.iter().map(Bytes::len).max().unwrap_or(0));
        let copy = rate(&bodies, |body| {
            target.clear();
            target.extend_from_slice(black_box(body));
            black_box(&target);
            Ok(())
        })?;
        let generated = rate(&bodies, |body| decode_generated(payload, body))?;
        let arrow = rate(&bodies, |body| {
            black_box(ingest::decode(payload, body, Timestamp(0)).context("a body of our own decodes")?);
            Ok(())
        })?;
        println!(
            "| {} | {:.0} | {:.1} | {:.0} | {:.0} |",
            format!("{signal:?}").to_lowercase(),
            bytes as f64 / (BODIES * ITEMS) as f64,
            copy / 1e6,
            generated / 1e3,
            arrow / 1e3
        );
    }
    Ok(())
}

/// Items a second.
fn rate(bodies: &[Bytes], mut step: impl FnMut(&Bytes) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut timed = |time: Duration| {
        let (started, mut done) = (Instant::now(), 0);
        while started.elapsed() < time {
            for body in bodies {
                step(body)?;
            }
            done += bodies.len() * ITEMS;
        }
        anyhow::Ok(done as f64 / started.elapsed().as_secs_f64())
    };
    timed(REPEAT / 2)?;
    timed(REPEAT / 2)
}

fn decode_generated(payload: Payload, body: &[u8]) -> anyhow::Result<()> {
    match payload {
        Payload::Traces => drop(black_box(ExportTraceServiceRequest::decode(body)?)),
        Payload::Logs => drop(black_box(ExportLogsServiceRequest::decode(body)?)),
        Payload::Metrics => drop(black_box(ExportMetricsServiceRequest::decode(body)?)),
    }
    Ok(())
}
