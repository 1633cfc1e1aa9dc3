//! Some hours of the simulated shop, sent as fast as the server takes them; and a server that has them at rest.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use http::Uri;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::Measure;
use super::process::{Server, Settings};
use super::queries::ask;
use crate::load::Protocol;
use crate::simulator::{Shop, Telemetry};

const STEP: Duration = Duration::from_secs(10);
const SEED: u64 = 42;
const IN_FLIGHT: usize = 4;
const RETRY: Duration = Duration::from_millis(500);

/// A server over this directory, with so many hours of spans in files, as many as the settings of the measurement say. They are sent when
/// there are none yet.
pub(super) async fn at_rest(measure: &Measure, data: &Path, hours: u64) -> anyhow::Result<Server> {
    let mut settings = Settings::default();
    if let Some(bytes) = measure.segment_bytes {
        settings.environment.push(("OBSERVATORY_PLANE__SEGMENT_BYTES", bytes.to_string()));
    }
    let program = measure.server()?;
    let first = Server::start(&program, data, &settings).await?;
    if ask(first.api(), "select count(*) from spans").await?[0][0].as_u64() == Some(0) {
        send(first.endpoint(Protocol::Grpc), measure.query_spans, hours).await?;
    }
    first.stop().await?;
    Server::start(&program, data, &settings).await
}

/// Sends spans of so many hours up to now, about as many as asked for, and the log lines that go with them.
pub(super) async fn send(endpoint: Uri, spans: u64, hours: u64) -> anyhow::Result<()> {
    let channel = Endpoint::from(endpoint).connect().await.context("the server does not answer")?;
    let period = Duration::from_secs(hours * 3600);
    let steps = period.as_secs() / STEP.as_secs();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let begin = now.saturating_sub(period).as_nanos() as u64;
    let visits_per_second = spans as f64 / spans_per_visit_per_second(begin, period);
    let mut shop = Shop::new(SEED, &[]);
    let reports = (0..steps).map(|step| shop.step(begin + step * STEP.as_nanos() as u64, STEP, visits_per_second));
    stream::iter(reports)
        .map(|report| export(channel.clone(), report))
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<()>()
        .await
}

/// Spans of the whole period if one visitor came a second: what a minute in each of its parts has, times their length.
fn spans_per_visit_per_second(begin: u64, period: Duration) -> f64 {
    const PARTS: u64 = 24;
    const SAMPLE: Duration = Duration::from_secs(60);
    const VISITS_PER_SECOND: f64 = 20.0;
    let part = period.as_nanos() as u64 / PARTS;
    let spans: usize = (0..PARTS)
        .map(|number| {
            let report = Shop::new(SEED, &[]).step(begin + number * part, SAMPLE, VISITS_PER_SECOND);
            report.traces.resource_spans.iter().flat_map(|of| &of.scope_spans).map(|of| of.spans.len()).sum::<usize>()
        })
        .sum();
    spans as f64 / (PARTS as f64 * SAMPLE.as_secs_f64() * VISITS_PER_SECOND) * period.as_secs_f64()
}

async fn export(channel: Channel, report: Telemetry) -> anyhow::Result<()> {
    let Telemetry { traces, logs, .. } = report;
    let mut client = TraceServiceClient::new(channel.clone());
    again(async || client.export(traces.clone()).await.map(drop)).await?;
    let mut client = LogsServiceClient::new(channel);
    again(async || client.export(logs.clone()).await.map(drop)).await
}

/// Until the server has room.
pub(super) async fn again(mut export: impl AsyncFnMut() -> Result<(), Status>) -> anyhow::Result<()> {
    loop {
        match export().await {
            Ok(()) => return Ok(()),
            Err(status) if status.code() == Code::Unavailable => tokio::time::sleep(RETRY).await,
            Err(status) => bail!("the server refused: {status}"),
        }
    }
}
