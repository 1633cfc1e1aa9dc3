//! Requests of a hundred services, one of each operation a second.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use http::Uri;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::interval;
use tonic::transport::{Channel, Endpoint};

use crate::measure::history::again;

pub(super) const SERVICES: usize = 100;
pub(super) const OPERATIONS: usize = 10;
pub(super) const SPANS_PER_SECOND: usize = SERVICES * OPERATIONS;
/// What the windows of rules hold from the start, in seconds: with less they would grow while they are measured.
const PAST: u64 = 600;
const SECOND: u64 = 1_000_000_000;
/// Requests a second, each with a part of the services.
const PARTS: usize = 10;
/// One of so many fails.
const FAILS: u32 = 50;
const DURATION_MAX: u64 = 200_000_000;
const SEED: u64 = 42;

/// Sends what services report.
pub(super) struct Sender {
    client: TraceServiceClient<Channel>,
    rng: ChaCha8Rng,
}

impl Sender {
    pub(super) async fn connect(endpoint: Uri) -> anyhow::Result<Self> {
        let channel = Endpoint::from(endpoint).connect().await.context("the server does not answer")?;
        Ok(Self { client: TraceServiceClient::new(channel), rng: ChaCha8Rng::seed_from_u64(SEED) })
    }

    /// Sends the minutes up to now.
    pub(super) async fn send_past(&mut self) -> anyhow::Result<()> {
        let now = now();
        for seconds in (0..PAST).rev() {
            self.send_services(0..SERVICES, now - seconds * SECOND).await?;
        }
        Ok(())
    }

    /// Sends what happens from now on, until it fails.
    pub(super) async fn send_on(&mut self) -> anyhow::Error {
        let mut pace = interval(Duration::from_nanos(SECOND / PARTS as u64));
        for part in (0..PARTS).cycle() {
            pace.tick().await;
            let first = part * SERVICES / PARTS;
            if let Err(error) = self.send_services(first..first + SERVICES / PARTS, now()).await {
                return error;
            }
        }
        unreachable!("a cycle has no end")
    }

    async fn send_services(&mut self, services: Range<usize>, end: u64) -> anyhow::Result<()> {
        let of_service = |service| {
            let spans = (0..OPERATIONS).map(|operation| {
                let is_error = self.rng.random_range(0..FAILS) == 0;
                span(&operation_name(operation), end, is_error, &mut self.rng)
            });
            of_service(&service_name(service), spans.collect())
        };
        let resource_spans = services.map(of_service).collect();
        self.send(ExportTraceServiceRequest { resource_spans }).await
    }

    /// Sends one failed request of a service, which ends now.
    pub(super) async fn send_failed(&mut self, service: &str) -> anyhow::Result<()> {
        let span = span(&operation_name(0), now(), true, &mut self.rng);
        self.send(ExportTraceServiceRequest { resource_spans: vec![of_service(service, vec![span])] }).await
    }

    async fn send(&mut self, request: ExportTraceServiceRequest) -> anyhow::Result<()> {
        again(async || self.client.export(request.clone()).await.map(drop)).await
    }
}

pub(super) fn service_name(number: usize) -> String {
    format!("service-{number}")
}

pub(super) fn operation_name(number: usize) -> String {
    format!("GET /things/{number}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_nanos() as u64
}

fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let name = Some(AnyValue { value: Some(Value::StringValue(service.to_owned())) });
    let attributes = vec![KeyValue { key: "service.name".to_owned(), value: name, ..KeyValue::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
}

fn span(operation: &str, end: u64, is_error: bool, rng: &mut ChaCha8Rng) -> Span {
    let code = if is_error { StatusCode::Error } else { StatusCode::Unset };
    Span {
        trace_id: rng.random::<[u8; 16]>().to_vec(),
        span_id: rng.random::<[u8; 8]>().to_vec(),
        name: operation.to_owned(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: end - rng.random_range(0..DURATION_MAX),
        end_time_unix_nano: end,
        status: Some(Status { code: code.into(), ..Status::default() }),
        ..Span::default()
    }
}
