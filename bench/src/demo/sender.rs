//! One export over the network, by the generated gRPC clients or as protobuf over HTTP.
//! Every answer becomes one of four: taken, come back later, not reachable, refused for good.

use std::error::Error as _;
use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::Protocol;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// One request of one signal.
#[derive(Debug, Clone)]
pub(super) enum Export {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Export {
    /// Spans, log records or points in it.
    pub(super) fn items(&self) -> u64 {
        let items: usize = match self {
            Self::Traces(request) => {
                request.resource_spans.iter().flat_map(|of| &of.scope_spans).map(|of| of.spans.len()).sum()
            }
            Self::Logs(request) => {
                request.resource_logs.iter().flat_map(|of| &of.scope_logs).map(|of| of.log_records.len()).sum()
            }
            Self::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|of| &of.scope_metrics);
                scopes.flat_map(|of| &of.metrics).map(points_of).sum()
            }
        };
        items as u64
    }

    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Traces(_) => "spans",
            Self::Logs(_) => "log records",
            Self::Metrics(_) => "points",
        }
    }

    fn path(&self) -> &'static str {
        match self {
            Self::Traces(_) => "/v1/traces",
            Self::Logs(_) => "/v1/logs",
            Self::Metrics(_) => "/v1/metrics",
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
        }
    }
}

fn points_of(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    }
}

/// The endpoint took the request, perhaps not all of it.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) rejected: u64,
    /// Why some was rejected, or a warning.
    pub(super) message: String,
}

/// Why the endpoint did not take the request.
#[derive(Debug)]
pub(super) enum Refusal {
    Unreachable(String),
    Later { reason: String, after: Option<Duration> },
    Final(String),
}

#[derive(Debug)]
pub(super) enum Sender {
    Grpc(Box<GrpcSender>),
    Http(Box<HttpSender>),
}

impl Sender {
    /// Connects with the first request, so the endpoint may still be away.
    pub(super) fn new(protocol: Protocol, endpoint: &Uri, headers: HeaderMap) -> anyhow::Result<Self> {
        match protocol {
            Protocol::Grpc => Ok(Self::Grpc(Box::new(GrpcSender::new(endpoint, headers)))),
            Protocol::Http => Ok(Self::Http(Box::new(HttpSender::new(endpoint, headers)?))),
        }
    }

    pub(super) async fn send(&mut self, export: &Export) -> Result<Accepted, Refusal> {
        match self {
            Self::Grpc(sender) => sender.send(export).await.map_err(|status| refusal_of_status(&status)),
            Self::Http(sender) => sender.send(export).await,
        }
    }
}

#[derive(Debug)]
pub(super) struct GrpcSender {
    traces: TraceServiceClient<Channel>,
    logs: LogsServiceClient<Channel>,
    metrics: MetricsServiceClient<Channel>,
    headers: HeaderMap,
}

impl GrpcSender {
    fn new(endpoint: &Uri, headers: HeaderMap) -> Self {
        let endpoint = Endpoint::from(endpoint.clone()).connect_timeout(CONNECT_TIMEOUT).timeout(REQUEST_TIMEOUT);
        let channel = endpoint.connect_lazy();
        Self {
            traces: TraceServiceClient::new(channel.clone()).send_compressed(CompressionEncoding::Gzip),
            logs: LogsServiceClient::new(channel.clone()).send_compressed(CompressionEncoding::Gzip),
            metrics: MetricsServiceClient::new(channel).send_compressed(CompressionEncoding::Gzip),
            headers,
        }
    }

    async fn send(&mut self, export: &Export) -> Result<Accepted, Status> {
        let partial = match export {
            Export::Traces(request) => {
                let answer = self.traces.export(with_headers(request.clone(), &self.headers)).await?;
                answer.into_inner().partial_success.map(|partial| (partial.rejected_spans, partial.error_message))
            }
            Export::Logs(request) => {
                let answer = self.logs.export(with_headers(request.clone(), &self.headers)).await?;
                answer.into_inner().partial_success.map(|partial| (partial.rejected_log_records, partial.error_message))
            }
            Export::Metrics(request) => {
                let answer = self.metrics.export(with_headers(request.clone(), &self.headers)).await?;
                answer.into_inner().partial_success.map(|partial| (partial.rejected_data_points, partial.error_message))
            }
        };
        let (rejected, message) = partial.unwrap_or_default();
        Ok(Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message })
    }
}

fn with_headers<T>(request: T, headers: &HeaderMap) -> tonic::Request<T> {
    let mut request = tonic::Request::new(request);
    *request.metadata_mut() = MetadataMap::from_headers(headers.clone());
    request
}

fn refusal_of_status(status: &Status) -> Refusal {
    let reason = format!("{:?}: {}", status.code(), status.message());
    // Only failures of the own side have a source; what the server says comes as code and text.
    if let (Code::Unavailable, Some(source)) = (status.code(), status.source()) {
        return Refusal::Unreachable(innermost(source).to_string());
    }
    let after = retry_delay(status.details());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Refusal::Later { reason, after },
        Code::ResourceExhausted if after.is_some() => Refusal::Later { reason, after },
        _ => Refusal::Final(reason),
    }
}

fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

#[derive(Debug)]
pub(super) struct HttpSender {
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    headers: HeaderMap,
}

impl HttpSender {
    fn new(endpoint: &Uri, mut headers: HeaderMap) -> anyhow::Result<Self> {
        endpoint.authority().with_context(|| format!("endpoint {endpoint} has no host"))?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, endpoint: endpoint.to_string().trim_end_matches('/').to_owned(), headers })
    }

    async fn send(&self, export: &Export) -> Result<Accepted, Refusal> {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(export)).await;
        let no_answer = || Refusal::Later { reason: "no answer in time".to_owned(), after: None };
        let (status, retry_after, body) = answer.map_err(|_| no_answer())??;
        if status.is_success() {
            // The three responses have the same shape on the wire.
            let response = ExportTraceServiceResponse::decode(body).unwrap_or_default();
            let partial = response.partial_success.unwrap_or_default();
            let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
            return Ok(Accepted { rejected, message: partial.error_message });
        }
        let detail = RpcStatus::decode(body).map(|status| status.message).unwrap_or_default();
        let reason = format!("{status}: {detail}");
        match status.as_u16() {
            429 | 502 | 503 | 504 => Err(Refusal::Later { reason, after: retry_after }),
            _ => Err(Refusal::Final(reason)),
        }
    }

    async fn exchange(&self, export: &Export) -> Result<(StatusCode, Option<Duration>, Bytes), Refusal> {
        let mut request = http::Request::new(Full::new(gzip(&export.encode())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("{}{}", self.endpoint, export.path())
            .parse()
            .expect("a checked endpoint with a constant path is an address");
        *request.headers_mut() = self.headers.clone();
        let response =
            self.client.request(request).await.map_err(|error| Refusal::Unreachable(innermost(&error).to_string()))?;
        let status = response.status();
        // A date in this header is as good as no answer: the usual pause follows.
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), RESPONSE_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Refusal::Later { reason: format!("the answer broke off: {error}"), after: None })?;
        Ok((status, retry_after.map(Duration::from_secs), body.to_bytes()))
    }
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory cannot fail").into()
}

/// `google.rpc.Status`, as far as it is read here.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// How long the server asks to wait, from the details of a gRPC status.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let detail = status.details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(detail.value.clone()).ok()?.retry_delay?;
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overloaded(delay: Option<Delay>) -> Status {
        let info = RetryInfo { retry_delay: delay }.encode_to_vec().into();
        let detail = Detail { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info };
        let details = RpcStatus { message: String::new(), details: vec![detail] }.encode_to_vec();
        Status::with_details(Code::ResourceExhausted, "full", details.into())
    }

    #[test]
    fn an_exhausted_server_that_names_a_delay_is_asked_again_after_it() {
        let refusal = refusal_of_status(&overloaded(Some(Delay { seconds: 1, nanos: 500_000_000 })));

        assert!(matches!(refusal, Refusal::Later { after: Some(after), .. } if after == Duration::from_millis(1_500)));
    }

    #[test]
    fn an_exhausted_server_without_a_delay_means_the_request_is_too_large() {
        assert!(matches!(refusal_of_status(&overloaded(None)), Refusal::Final(_)));
    }

    #[test]
    fn internal_errors_are_final_as_the_protocol_says() {
        assert!(matches!(refusal_of_status(&Status::internal("oops")), Refusal::Final(_)));
        assert!(matches!(refusal_of_status(&Status::unavailable("busy")), Refusal::Later { .. }));
    }
}
