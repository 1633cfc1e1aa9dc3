//! The client's side of one connection, as cheap as it can be: bytes in, an answer out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::{Buf, Bytes};
use http::header::{CONTENT_TYPE, HOST, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bodies::Framing;
use super::{Load, Protocol, Signal};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// What the endpoint said to one request.
#[derive(Debug)]
pub(super) enum Answer {
    Acknowledged {
        rejected: u64,
    },
    /// By the name of its status code, or by what broke.
    Refused(String),
}

/// Where requests go, and what their heads say.
#[derive(Debug)]
pub(super) struct Target {
    address: String,
    protocol: Protocol,
    uri: Uri,
    headers: HeaderMap,
}

impl Target {
    pub(super) fn new(load: &Load) -> anyhow::Result<Self> {
        let authority = load.endpoint.authority().context("the endpoint has no host")?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let mut headers: HeaderMap = load.headers.iter().cloned().collect();
        let content_type = match load.protocol {
            Protocol::Grpc => "application/grpc",
            Protocol::Http => "application/x-protobuf",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let path = path(load.protocol, load.signal);
        let uri = match load.protocol {
            Protocol::Grpc => {
                headers.insert(TE, HeaderValue::from_static("trailers"));
                format!("http://{authority}{path}")
            }
            Protocol::Http => {
                headers.insert(HOST, authority.as_str().parse().context("the endpoint's host is no header value")?);
                path.to_owned()
            }
        };
        Ok(Self { address, protocol: load.protocol, uri: uri.parse()?, headers })
    }

    /// One connection for each worker; with gRPC several workers have the same.
    pub(super) async fn connect_all(self: &Arc<Self>, load: &Load) -> anyhow::Result<Vec<Connection>> {
        let unreachable = || format!("cannot reach {}; is the server running?", load.endpoint);
        let distinct = match load.protocol {
            Protocol::Grpc => load.connections,
            Protocol::Http => load.concurrency,
        };
        let mut connections = Vec::with_capacity(load.concurrency);
        for worker in 0..load.concurrency {
            let sender = match connections.get(worker % distinct) {
                Some(Connection { sender: Sender::Grpc(shared), .. }) => Sender::Grpc(shared.clone()),
                _ => self.connect().await.with_context(unreachable)?,
            };
            connections.push(Connection { target: Arc::clone(self), sender });
        }
        Ok(connections)
    }

    async fn connect(&self) -> anyhow::Result<Sender> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        // The driving tasks end by themselves when the last sender of their connection is dropped.
        match self.protocol {
            Protocol::Grpc => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                Ok(Sender::Grpc(sender))
            }
            Protocol::Http => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Ok(Sender::Http(sender))
            }
        }
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn path(protocol: Protocol, signal: Signal) -> &'static str {
    match (protocol, signal) {
        (Protocol::Grpc, Signal::Spans) => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        (Protocol::Grpc, Signal::Logs) => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        (Protocol::Grpc, Signal::Points) => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        (Protocol::Http, Signal::Spans) => "/v1/traces",
        (Protocol::Http, Signal::Logs) => "/v1/logs",
        (Protocol::Http, Signal::Points) => "/v1/metrics",
    }
}

#[derive(Debug)]
enum Sender {
    Grpc(http2::SendRequest<Full<Bytes>>),
    Http(http1::SendRequest<Full<Bytes>>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::Grpc(sender) => sender.is_closed(),
            Self::Http(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Grpc(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// One worker's way to the endpoint.
#[derive(Debug)]
pub(super) struct Connection {
    target: Arc<Target>,
    sender: Sender,
}

impl Connection {
    pub(super) fn framing(&self) -> Framing {
        match self.target.protocol {
            Protocol::Grpc => Framing::Grpc,
            Protocol::Http => Framing::None,
        }
    }

    /// Sends once. A closed connection is opened again first; a broken one costs this request.
    pub(super) async fn send(&mut self, body: Bytes) -> Answer {
        match timeout(ANSWER_TIMEOUT, self.exchange(body)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(refused)) => Answer::Refused(refused.to_owned()),
            Err(_) => Answer::Refused("timeout".to_owned()),
        }
    }

    async fn exchange(&mut self, body: Bytes) -> Result<Answer, &'static str> {
        if self.sender.is_closed() {
            self.sender = self.target.connect().await.map_err(|_| "not connected")?;
        }
        let request = self.target.request(body);
        let response = self.sender.send(request).await.map_err(|_| "connection broken")?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| "answer broken")?;
        if !head.status.is_success() {
            return Ok(Answer::Refused(head.status.as_u16().to_string()));
        }
        let trailers = body.trailers().cloned().unwrap_or_default();
        let message = body.to_bytes();
        Ok(match self.target.protocol {
            Protocol::Grpc => grpc_answer(&head.headers, &trailers, message),
            Protocol::Http => acknowledged(message),
        })
    }
}

/// An error without a message comes in the head, everything else in the trailers.
fn grpc_answer(head: &HeaderMap, trailers: &HeaderMap, mut message: Bytes) -> Answer {
    let status = trailers.get("grpc-status").or_else(|| head.get("grpc-status"));
    match status.map(HeaderValue::as_bytes) {
        Some(b"0") => {
            message.advance(message.len().min(5));
            acknowledged(message)
        }
        Some(code) => Answer::Refused(format!("{:?}", tonic::Code::from_bytes(code))),
        None => Answer::Refused("no grpc-status".to_owned()),
    }
}

fn acknowledged(message: Bytes) -> Answer {
    // The three responses have the same shape on the wire.
    let response = ExportTraceServiceResponse::decode(message).unwrap_or_default();
    let rejected = response.partial_success.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0));
    Answer::Acknowledged { rejected }
}
