//! OTLP clients as SDKs have them: generated code over gRPC, POSTs of protobuf over HTTP. Nothing is sent twice.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

use crate::answer::{Outcome, Refused, Status};
use crate::sample::Request;
use crate::tls::{Authority, Connector};
use crate::web::{Http, Reply};

/// Longer than a server may think.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How OTLP travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP/1.1.
    Http,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Grpc, Self::Http];
}

/// One client with a connection of its own; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(Wire);

#[derive(Clone, Debug)]
enum Wire {
    Grpc { channel: Channel, key: Option<String> },
    Http(Box<Http>),
}

impl Client {
    /// A client that connects when it first sends.
    ///
    /// # Panics
    /// When the address is not one.
    pub fn new(protocol: Protocol, url: &str, key: Option<&str>) -> Self {
        Self::trusting(None, protocol, url, key)
    }

    /// The same to a server whose certificate is by this authority.
    ///
    /// # Panics
    /// When the address is not one.
    pub fn trusting(authority: Option<&Authority>, protocol: Protocol, url: &str, key: Option<&str>) -> Self {
        Self(match protocol {
            Protocol::Grpc => {
                let endpoint = Endpoint::from_shared(url.to_owned()).expect("an address").timeout(ANSWER_WITHIN);
                let channel = endpoint.connect_with_connector_lazy(Connector::new(authority, "h2"));
                Wire::Grpc { channel, key: key.map(str::to_owned) }
            }
            Protocol::Http => Wire::Http(Box::new(Http::trusting(authority, url).with_key(key))),
        })
    }

    /// Sends a request and says what became of it.
    pub async fn send(&self, request: &Request) -> Outcome {
        match &self.0 {
            Wire::Grpc { channel, key } => over_grpc(channel.clone(), key.as_deref(), request).await,
            Wire::Http(http) => over_http(http, request).await,
        }
    }

    /// Sends a request that must be taken in full.
    ///
    /// # Panics
    /// When it is not.
    pub async fn deliver(&self, request: &Request) {
        let outcome = self.send(request).await;
        assert!(outcome.is_acknowledged(), "{outcome:?}");
    }
}

async fn over_grpc(channel: Channel, key: Option<&str>, request: &Request) -> Outcome {
    let key = key.map(|key| format!("Bearer {key}").parse::<MetadataValue<_>>().expect("a key is ASCII"));
    let with_key = move |mut call: tonic::Request<()>| {
        if let Some(key) = &key {
            call.metadata_mut().insert("authorization", key.clone());
        }
        Ok(call)
    };
    let gzip = CompressionEncoding::Gzip;
    let answer = match request {
        Request::Traces(request) => {
            let mut client = TraceServiceClient::with_interceptor(channel, with_key).send_compressed(gzip);
            let answer = client.export(request.clone()).await;
            answer.map(|answer| answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_spans))
        }
        Request::Logs(request) => {
            let mut client = LogsServiceClient::with_interceptor(channel, with_key).send_compressed(gzip);
            let answer = client.export(request.clone()).await;
            answer.map(|answer| answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_log_records))
        }
        Request::Metrics(request) => {
            let mut client = MetricsServiceClient::with_interceptor(channel, with_key).send_compressed(gzip);
            let answer = client.export(request.clone()).await;
            answer.map(|answer| answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_data_points))
        }
    };
    match answer {
        Ok(rejected) => Outcome::Accepted { rejected },
        Err(status) if is_of_the_client(&status) => Outcome::Lost(status.to_string()),
        Err(status) => {
            let details = Status::decode(status.details()).unwrap_or_default();
            Outcome::Refused(Refused {
                code: status.code(),
                http: None,
                message: status.message().to_owned(),
                retry_after: details.retry_delay(),
            })
        }
    }
}

/// A broken connection is a status too, one that no server has sent.
fn is_of_the_client(status: &tonic::Status) -> bool {
    std::error::Error::source(status).is_some()
        || matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal)
}

async fn over_http(http: &Http, request: &Request) -> Outcome {
    let path = match request {
        Request::Traces(_) => "/v1/traces",
        Request::Logs(_) => "/v1/logs",
        Request::Metrics(_) => "/v1/metrics",
    };
    match http.post(path, &[("content-type", "application/x-protobuf")], request.encode()).await {
        Ok(reply) if reply.status == 200 => accepted(&reply),
        Ok(reply) => refused(&reply),
        Err(cause) => Outcome::Lost(format!("{cause:#}")),
    }
}

/// The answers of all three signals are the same on the wire.
fn accepted(reply: &Reply) -> Outcome {
    match ExportLogsServiceResponse::decode(reply.body.clone()) {
        Ok(ExportLogsServiceResponse { partial_success }) => {
            let ExportLogsPartialSuccess { rejected_log_records, .. } = partial_success.unwrap_or_default();
            Outcome::Accepted { rejected: rejected_log_records }
        }
        Err(cause) => panic!("an answer of success that is not one: {cause}"),
    }
}

fn refused(reply: &Reply) -> Outcome {
    let status = Status::decode(reply.body.clone());
    let status = status.unwrap_or_else(|cause| panic!("HTTP {} without a Status: {cause}", reply.status));
    let retry_after = reply.header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    Outcome::Refused(Refused {
        code: Code::from_i32(status.code),
        http: Some(reply.status),
        message: status.message,
        retry_after,
    })
}
