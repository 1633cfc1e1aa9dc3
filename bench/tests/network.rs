//! The demo and the load generator against a real OTLP receiver in this process.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bench::demo::{self, DemoConfig, Protocol};
use bench::load::{self, Load, Signal};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

/// Counts what it gets; refuses every fourth trace request, and rejects one span of every other.
#[derive(Debug, Default)]
struct Receiver {
    trace_requests: AtomicU64,
    refused: AtomicU64,
    spans: AtomicU64,
    log_records: AtomicU64,
    metrics: AtomicU64,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.trace_requests.fetch_add(1, Ordering::Relaxed) % 4 == 3 {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Status::unavailable("busy"));
        }
        let resources = request.into_inner().resource_spans;
        let spans: usize = resources.iter().flat_map(|of| &of.scope_spans).map(|of| of.spans.len()).sum();
        self.spans.fetch_add(spans as u64 - 1, Ordering::Relaxed);
        let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "one is one too many".to_owned() };
        Ok(Response::new(ExportTraceServiceResponse { partial_success: Some(partial) }))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let resources = request.into_inner().resource_logs;
        let records: usize = resources.iter().flat_map(|of| &of.scope_logs).map(|of| of.log_records.len()).sum();
        self.log_records.fetch_add(records as u64, Ordering::Relaxed);
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics;
        let metrics: usize = resources.iter().flat_map(|of| &of.scope_metrics).map(|of| of.metrics.len()).sum();
        self.metrics.fetch_add(metrics as u64, Ordering::Relaxed);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// A receiver on a free port; it serves until the test ends.
async fn receiver() -> (Arc<Receiver>, SocketAddr) {
    let receiver = Arc::new(Receiver::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let gzip = CompressionEncoding::Gzip;
    let router = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::from_arc(Arc::clone(&receiver)).accept_compressed(gzip))
        .add_service(LogsServiceServer::from_arc(Arc::clone(&receiver)).accept_compressed(gzip))
        .add_service(MetricsServiceServer::from_arc(Arc::clone(&receiver)).accept_compressed(gzip));
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tokio::spawn(router.serve_with_incoming(incoming));
    (receiver, address)
}

fn endpoint(address: SocketAddr) -> http::Uri {
    format!("http://{address}").parse().expect("an address makes an endpoint")
}

#[tokio::test]
async fn the_demo_sends_its_past_by_grpc_and_repeats_what_was_postponed() {
    let (receiver, address) = receiver().await;
    let config = DemoConfig {
        endpoint: Some(endpoint(address)),
        backfill: Some(Duration::from_secs(60)),
        duration: Some(Duration::ZERO),
        ..DemoConfig::default()
    };

    demo::run(config, pending()).await.expect("the configuration is valid");

    assert!(receiver.refused.load(Ordering::Relaxed) > 0);
    let spans = receiver.spans.load(Ordering::Relaxed);
    // 60 seconds of 12 to 28 requests of about 16 spans.
    assert!((8_000..40_000).contains(&spans), "{spans}");
    assert!(receiver.log_records.load(Ordering::Relaxed) > 500);
    assert!(receiver.metrics.load(Ordering::Relaxed) > 500);
}

#[tokio::test]
async fn the_demo_waits_for_an_endpoint_that_is_away_until_told_to_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    drop(listener);
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let config = DemoConfig {
            endpoint: Some(endpoint(address)),
            protocol,
            backfill: Some(Duration::from_secs(10)),
            ..DemoConfig::default()
        };

        let ended = demo::run(config, tokio::time::sleep(Duration::from_millis(100))).await;

        assert!(ended.is_ok());
    }
}

#[tokio::test]
async fn a_demo_that_cannot_work_says_so_before_it_starts() {
    let config = DemoConfig { endpoint: Some(http::Uri::from_static("https://example.com")), ..DemoConfig::default() };

    let refused = demo::run(config, pending()).await.expect_err("there is no TLS here");

    assert!(refused.to_string().contains("does not begin with http://"), "{refused}");
}

#[tokio::test]
async fn a_load_counts_what_was_taken_rejected_and_refused() {
    let (receiver, address) = receiver().await;
    let load = Load {
        endpoint: endpoint(address),
        items_per_request: 50,
        bodies: 4,
        concurrency: 4,
        requests: Some(40),
        ..Load::default()
    };

    let report = load::run(&load).await.expect("the receiver is there");

    assert_eq!((report.requests, report.acknowledged_requests), (40, 30));
    assert_eq!((report.acknowledged_items, report.rejected_items), (30 * 49, 30));
    assert_eq!(report.refusals.get("Unavailable"), Some(&10));
    assert_eq!(receiver.spans.load(Ordering::Relaxed), 30 * 49);
    assert!(report.latency_p50 <= report.latency_p99 && report.latency_p99 <= report.latency_max);
}

#[tokio::test]
async fn logs_and_points_arrive_whole_at_a_fixed_rate() {
    let (receiver, address) = receiver().await;
    let load = |signal| Load {
        endpoint: endpoint(address),
        signal,
        items_per_request: 40,
        bodies: 4,
        requests: Some(20),
        rate: Some(1_000.0),
        ..Load::default()
    };

    let logs = load::run(&load(Signal::Logs)).await.expect("the receiver is there");
    let points = load::run(&load(Signal::Points)).await.expect("the receiver is there");

    assert_eq!((logs.acknowledged_items, points.acknowledged_items), (800, 800));
    assert_eq!(receiver.log_records.load(Ordering::Relaxed), 800);
    assert_eq!(receiver.metrics.load(Ordering::Relaxed), 20 * 2);
}

/// Answers over HTTP/1.1: the first of every two requests with 503 and no wait, the other with success.
async fn http_receiver() -> (Arc<AtomicU64>, SocketAddr) {
    let requests = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            let service = service_fn(move |request| answer(request, Arc::clone(&counted)));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (requests, address)
}

async fn answer(
    request: http::Request<Incoming>,
    counted: Arc<AtomicU64>,
) -> hyper::Result<http::Response<Empty<Bytes>>> {
    assert_eq!(request.headers()[http::header::CONTENT_TYPE], "application/x-protobuf");
    request.into_body().collect().await?;
    let mut response = http::Response::new(Empty::new());
    if counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("0"));
    }
    Ok(response)
}

#[tokio::test]
async fn the_demo_sends_by_http_and_comes_back_when_told() {
    let (requests, address) = http_receiver().await;
    let config = DemoConfig {
        endpoint: Some(endpoint(address)),
        protocol: Protocol::Http,
        backfill: Some(Duration::from_secs(60)),
        duration: Some(Duration::ZERO),
        ..DemoConfig::default()
    };

    demo::run(config, pending()).await.expect("the configuration is valid");

    // Six steps of ten seconds, three signals each, every one sent twice.
    assert_eq!(requests.load(Ordering::Relaxed), 36);
}

#[tokio::test]
async fn a_load_over_http_counts_refusals_by_their_status() {
    let (requests, address) = http_receiver().await;
    let load = Load {
        endpoint: endpoint(address),
        protocol: Protocol::Http,
        items_per_request: 10,
        bodies: 2,
        concurrency: 2,
        requests: Some(20),
        ..Load::default()
    };

    let report = load::run(&load).await.expect("the receiver is there");

    assert_eq!(requests.load(Ordering::Relaxed), 20);
    assert_eq!((report.requests, report.acknowledged_items), (20, 100));
    assert_eq!(report.refusals.get("503"), Some(&10));
}

#[tokio::test]
async fn a_load_without_an_endpoint_fails_at_the_start() {
    let load = Load { endpoint: http::Uri::from_static("http://127.0.0.1:1"), bodies: 1, ..Load::default() };

    let failed = load::run(&load).await.expect_err("nothing listens there");

    assert!(failed.to_string().contains("cannot reach http://127.0.0.1:1"), "{failed}");
}
