//! Receivers to try the checks on: one that keeps the rules, and two that break them all.
//! It shows that no check passes or fails whatever it meets.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Read;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::answer::{Detail, ExportPartialSuccess, ExportResponse, Status};
use super::sample::Export;
use super::target::{Signal, Transport};

pub(super) const LIMIT_BYTES: usize = 1 << 20;
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// How a receiver treats what it gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    Careful,
    AcceptsAll,
    RefusesAll,
    /// Refuses with more words than anybody can take.
    Talkative,
}

/// How many rows of a table have a service name.
type Rows = Arc<Mutex<HashMap<(&'static str, String), u64>>>;

/// A receiver on a port of its own, for gRPC, HTTP and SQL alike.
#[derive(Debug)]
pub(super) struct Stub {
    pub(super) url: String,
    serving: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(super) async fn start(manner: Manner) -> Stub {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let rows = Rows::default();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let rows = Arc::clone(&rows);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let rows = Arc::clone(&rows);
                    async move { Ok::<_, Infallible>(answer(manner, &rows, request).await) }
                });
                // A client that hangs up is none of the stub's business.
                drop(auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    Stub { url, serving }
}

/// What the stub decides, before it is written in the words of a transport.
enum Reply {
    Accepted { rejected: i64, message: String },
    Refused { http: u16, grpc: u8, message: String },
}

fn accepted() -> Reply {
    Reply::Accepted { rejected: 0, message: String::new() }
}

fn refused(http: u16, grpc: u8, message: impl Into<String>) -> Reply {
    Reply::Refused { http, grpc, message: message.into() }
}

async fn answer(manner: Manner, rows: &Rows, request: Request<Incoming>) -> Response<BoxBody<Bytes, Infallible>> {
    let (head, body) = request.into_parts();
    let transport = transport(&head.headers);
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if head.uri.path() == "/api/v1/sql" {
        return write_count(rows, &body);
    }
    let reply = match manner {
        Manner::Careful => receive(rows, transport, &head, &body),
        Manner::AcceptsAll => accepted(),
        Manner::RefusesAll => refused(500, 13, "no"),
        Manner::Talkative => refused(400, 3, "no ".repeat(2 << 20)),
    };
    match transport {
        Some(Transport::Grpc) => write_grpc(&reply),
        Some(Transport::Protobuf) => write_http(&reply, Transport::Protobuf, signal(head.uri.path())),
        Some(Transport::Json) | None => write_http(&reply, Transport::Json, signal(head.uri.path())),
    }
}

fn transport(headers: &HeaderMap) -> Option<Transport> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    match value.split(';').next()?.trim() {
        "application/grpc" | "application/grpc+proto" => Some(Transport::Grpc),
        "application/x-protobuf" => Some(Transport::Protobuf),
        "application/json" => Some(Transport::Json),
        _ => None,
    }
}

fn signal(path: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| path == signal.path(Transport::Grpc) || path == signal.path(Transport::Json))
}

/// The answer to the one query it understands: a count of the rows with a service name.
fn write_count(rows: &Rows, query: &[u8]) -> Response<BoxBody<Bytes, Infallible>> {
    let query: Value = serde_json::from_slice(query).expect("the client writes JSON");
    let words: Vec<_> = query["sql"].as_str().unwrap_or_default().split([' ', '\'']).collect();
    let [_, "count(*)", _, table, _, "service_name", _, "", service, ""] = words[..] else {
        panic!("the stub does not understand {words:?}");
    };
    let rows = rows.lock().expect("nobody has panicked");
    let count: u64 =
        rows.iter().filter(|((in_table, of), _)| *in_table == table && of == service).map(|(_, count)| count).sum();
    let body = json!({ "columns": [{ "name": "count(*)", "type": "Int64" }], "rows": [[count]] }).to_string();
    let body = StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from(body)))])).boxed();
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).expect("the head is valid")
}

fn receive(rows: &Rows, transport: Option<Transport>, head: &http::request::Parts, body: &Bytes) -> Reply {
    let Some(signal) = signal(head.uri.path()) else {
        return refused(404, 12, "there is no such path");
    };
    if head.method != Method::POST {
        return refused(405, 12, "POST only");
    }
    let Some(transport) = transport else {
        return refused(415, 12, "send application/x-protobuf or application/json");
    };
    let flagged = body.first() == Some(&1);
    let (coding, message) = match transport {
        Transport::Grpc => (head.headers.get("grpc-encoding").filter(|_| flagged), &body[5.min(body.len())..]),
        _ => (head.headers.get(header::CONTENT_ENCODING), &body[..]),
    };
    if transport == Transport::Grpc && flagged && coding.is_none() {
        return refused(400, 13, "compressed how?");
    }
    match inflate(coding.map(http::HeaderValue::as_bytes), message) {
        Ok(message) => keep(rows, signal, parse(transport, signal, &message)),
        Err(reply) => reply,
    }
}

fn inflate(coding: Option<&[u8]>, message: &[u8]) -> Result<Vec<u8>, Reply> {
    let mut inflated = Vec::new();
    let limit = LIMIT_BYTES as u64 + 1;
    let outcome = match coding {
        None | Some(b"identity") => message.take(limit).read_to_end(&mut inflated),
        Some(b"gzip") => flate2::read::MultiGzDecoder::new(message).take(limit).read_to_end(&mut inflated),
        Some(b"deflate") => flate2::read::ZlibDecoder::new(message).take(limit).read_to_end(&mut inflated),
        Some(b"zstd") => zstd::Decoder::new(message).and_then(|decoder| decoder.take(limit).read_to_end(&mut inflated)),
        Some(_) => return Err(refused(415, 12, "send gzip, zstd or deflate")),
    };
    outcome.map_err(|error| refused(400, 3, error.to_string()))?;
    if inflated.len() > LIMIT_BYTES { Err(refused(413, 8, "too large")) } else { Ok(inflated) }
}

/// Keeps what was understood, without the spans that nobody could find.
fn keep(rows: &Rows, signal: Signal, parsed: Result<Export, String>) -> Reply {
    let mut export = match parsed {
        Ok(export) => export,
        Err(error) => return refused(400, 3, error.chars().take(1_000).collect::<String>()),
    };
    let rejected = drop_invalid_spans(&mut export);
    if let Some(service) = service_name(&export) {
        let mut rows = rows.lock().expect("nobody has panicked");
        *rows.entry((signal.tables()[0], service)).or_default() += export.items() as u64;
    }
    let message = if rejected > 0 { format!("{rejected} spans: invalid trace id or span id") } else { String::new() };
    Reply::Accepted { rejected, message }
}

fn parse(transport: Transport, signal: Signal, message: &[u8]) -> Result<Export, String> {
    Ok(match signal {
        Signal::Traces => Export::Traces(parse_as(transport, message)?),
        Signal::Logs => Export::Logs(parse_as(transport, message)?),
        Signal::Metrics => Export::Metrics(parse_as(transport, message)?),
    })
}

fn parse_as<T: Message + Default + DeserializeOwned>(transport: Transport, message: &[u8]) -> Result<T, String> {
    match transport {
        Transport::Grpc | Transport::Protobuf => T::decode(message).map_err(|error| error.to_string()),
        // The derived types demand the root key, which an empty request lacks.
        Transport::Json if message == b"{}" => Ok(T::default()),
        Transport::Json => serde_json::from_slice(message).map_err(|error| error.to_string()),
    }
}

fn drop_invalid_spans(export: &mut Export) -> i64 {
    let before = export.items();
    if let Export::Traces(request) = export {
        let is_valid = |id: &[u8], length| id.len() == length && id.iter().any(|byte| *byte != 0);
        for scope in request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans) {
            scope.spans.retain(|span| is_valid(&span.trace_id, 16) && is_valid(&span.span_id, 8));
        }
    }
    (before - export.items()) as i64
}

/// That of the first resource: the samples have one.
fn service_name(export: &Export) -> Option<String> {
    let resource = match export {
        Export::Traces(request) => request.resource_spans.first()?.resource.as_ref()?,
        Export::Logs(request) => request.resource_logs.first()?.resource.as_ref()?,
        Export::Metrics(request) => request.resource_metrics.first()?.resource.as_ref()?,
    };
    let name = resource.attributes.iter().find(|attribute| attribute.key == "service.name")?;
    match name.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

fn write_http(reply: &Reply, transport: Transport, signal: Option<Signal>) -> Response<BoxBody<Bytes, Infallible>> {
    let (status, body) = match (reply, transport) {
        (Reply::Accepted { rejected: 0, .. }, Transport::Json) => (200, b"{}".to_vec()),
        (Reply::Accepted { rejected, message }, Transport::Json) => {
            let key = signal.map_or("rejected", Signal::rejected_key);
            (
                200,
                json!({ "partialSuccess": { key: rejected.to_string(), "errorMessage": message } })
                    .to_string()
                    .into_bytes(),
            )
        }
        (Reply::Accepted { rejected, message }, _) => (200, response(*rejected, message)),
        (Reply::Refused { http, message, .. }, Transport::Json) => {
            (*http, json!({ "message": message, "details": [{ "@type": BAD_REQUEST }] }).to_string().into_bytes())
        }
        (Reply::Refused { http, grpc, message }, _) => {
            let details = vec![Detail { type_url: BAD_REQUEST.into(), value: Vec::new() }];
            let status = Status { code: i32::from(*grpc), message: message.clone(), details };
            (*http, status.encode_to_vec())
        }
    };
    let body = StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from(body)))])).boxed();
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, transport.content_type()).body(body);
    response.expect("the head is valid")
}

fn response(rejected: i64, message: &str) -> Vec<u8> {
    let partial_success = (rejected > 0).then(|| ExportPartialSuccess { rejected, error_message: message.into() });
    ExportResponse { partial_success }.encode_to_vec()
}

fn write_grpc(reply: &Reply) -> Response<BoxBody<Bytes, Infallible>> {
    let mut frames = Vec::new();
    let mut trailers = HeaderMap::new();
    match reply {
        Reply::Accepted { rejected, message } => {
            let message = response(*rejected, message);
            let mut frame = BytesMut::new();
            frame.put_u8(0);
            frame.put_u32(message.len() as u32);
            frame.put_slice(&message);
            frames.push(Ok(Frame::data(frame.freeze())));
            trailers.insert("grpc-status", 0.into());
        }
        Reply::Refused { grpc, message, .. } => {
            trailers.insert("grpc-status", u16::from(*grpc).into());
            let message: String = message.chars().filter(char::is_ascii_graphic).collect();
            trailers.insert("grpc-message", message.parse().expect("it is ASCII"));
            trailers.insert("grpc-accept-encoding", header::HeaderValue::from_static("identity,gzip,zstd"));
        }
    }
    frames.push(Ok(Frame::trailers(trailers)));
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/grpc")
        .body(StreamBody::new(stream::iter(frames)).boxed());
    response.expect("the head is valid")
}
