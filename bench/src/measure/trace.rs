//! A trace of 200 000 spans, page by page: the first page reads all of it, the next one finds its tree in memory.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use http::Uri;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;
use tonic::transport::Endpoint;

use super::Measure;
use super::api::Client;
use super::history::again;
use super::process::{Server, Settings};
use super::queries::millis;
use crate::load::{Protocol, Signal, sample_bodies};

const REQUESTS: usize = 200;
const SPANS_A_REQUEST: usize = 1000;
/// Each is read once: after that its tree is in memory.
const TRACES: u8 = 6;

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let (data, program) = (tempfile::tempdir()?, measure.server()?);
    let first = Server::start(&program, data.path(), &Settings::default()).await?;
    let requests = whole_trace()?;
    for number in 1..=TRACES {
        send(first.endpoint(Protocol::Grpc), &requests, number).await?;
    }
    println!(
        "\n| a page of 500 of {} spans, {TRACES} such traces | first page, first time ms | best ms | worst ms | next page, best ms |\n| --- | ---: | ---: | ---: | ---: |",
        REQUESTS * SPANS_A_REQUEST
    );
    row("just received", first.api()).await?;
    first.stop().await?;
    let server = Server::start(&program, data.path(), &Settings::default()).await?;
    row("at rest", server.api()).await?;
    server.stop().await?;
    Ok(())
}

async fn row(name: &str, api: SocketAddr) -> anyhow::Result<()> {
    let client = Client::new(api);
    let (mut first, mut next) = (Vec::new(), Duration::MAX);
    for number in 1..=TRACES {
        first.push(page(&client, number, 0).await?);
        for offset in [500, 1000, 1500] {
            next = next.min(page(&client, number, offset).await?);
        }
    }
    let cold = first.remove(0);
    let best = first.iter().min().copied().unwrap_or_default();
    let worst = first.iter().max().copied().unwrap_or_default();
    println!("| {name} | {:.1} | {:.1} | {:.1} | {:.1} |", millis(cold), millis(best), millis(worst), millis(next));
    Ok(())
}

/// How long the answer takes, which is looked at afterwards.
async fn page(client: &Client, number: u8, offset: usize) -> anyhow::Result<Duration> {
    let id = format!("{number:02x}").repeat(16);
    let started = Instant::now();
    let (status, body) = client.get(&format!("/api/v1/apm/traces/{id}?offset={offset}")).await?;
    let took = started.elapsed();
    ensure!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body));
    let told: Value = serde_json::from_slice(&body)?;
    ensure!(told["spans"] == REQUESTS * SPANS_A_REQUEST, "the trace has {} spans", told["spans"]);
    ensure!(told["nodes"].as_array().is_some_and(|nodes| nodes.len() == 500), "a page has 500 nodes");
    Ok(took)
}

/// Requests of the simulated shop as one trace that ends now: what was a root is below the first span.
fn whole_trace() -> anyhow::Result<Vec<ExportTraceServiceRequest>> {
    let bodies = sample_bodies(Signal::Spans, REQUESTS, SPANS_A_REQUEST);
    let requests = bodies.into_iter().map(ExportTraceServiceRequest::decode);
    let mut requests: Vec<ExportTraceServiceRequest> =
        requests.collect::<Result<_, _>>().context("a body of our own decodes")?;
    let ids: HashSet<Vec<u8>> = spans(&mut requests).map(|span| span.span_id.clone()).collect();
    let latest = spans(&mut requests).map(|span| span.end_time_unix_nano).max().context("there are spans")?;
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let shift = now.saturating_sub(latest);
    let mut root = None;
    for span in spans(&mut requests) {
        span.start_time_unix_nano += shift;
        span.end_time_unix_nano += shift;
        let root = root.get_or_insert_with(|| span.span_id.clone());
        if *root == span.span_id {
            span.parent_span_id = Vec::new();
        } else if !ids.contains(&span.parent_span_id) {
            span.parent_span_id.clone_from(root);
        }
    }
    Ok(requests)
}

fn spans(requests: &mut [ExportTraceServiceRequest]) -> impl Iterator<Item = &mut Span> {
    let scopes = requests.iter_mut().flat_map(|request| &mut request.resource_spans).flat_map(|of| &mut of.scope_spans);
    scopes.flat_map(|of| &mut of.spans)
}

/// Sends it as the trace of this number.
async fn send(endpoint: Uri, requests: &[ExportTraceServiceRequest], number: u8) -> anyhow::Result<()> {
    let channel = Endpoint::from(endpoint).connect().await.context("the server does not answer")?;
    let mut client = TraceServiceClient::new(channel);
    for request in requests {
        let mut request = request.clone();
        spans(std::slice::from_mut(&mut request)).for_each(|span| span.trace_id = vec![number; 16]);
        again(async || client.export(request.clone()).await.map(drop)).await?;
    }
    Ok(())
}
