//! OTLP over gRPC: one message in, one message out.
//!
//! Unary gRPC is a length before the message and a status in the trailers. Reading it here gives both protocols one path,
//! one port and one limit after decompression; `docs/adr/0005-grpc-by-hand.md` weighs it against tonic.
//! Protocol: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Frame;
use http_body_util::StreamBody;
use plane::{Encoding, Payload};

use crate::body::{Compression, Received};
use crate::decode::Refusals;
use crate::error::Refusal;
use crate::receiver::{Export, Receiver};
use crate::status::Answer;
use crate::success;

/// A flag that says whether the message is compressed, and its length.
const PREFIX_BYTES: usize = 5;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

pub(crate) async fn answer(receiver: &Arc<Receiver>, request: Request) -> Response {
    let mut response = match receive(receiver, request).await {
        Ok(refusals) => accepted(&refusals),
        Err(refusal) => {
            receiver.telemetry.refused(&refusal);
            refused(&Answer::to(&refusal))
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd,deflate"));
    response
}

async fn receive(receiver: &Arc<Receiver>, request: Request) -> Result<Refusals, Refusal> {
    let (head, mut body) = request.into_parts();
    let payload = match head.uri.path() {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Payload::Traces,
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Payload::Logs,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Payload::Metrics,
        path => return Err(Refusal::NotFound { path: path.to_owned() }),
    };
    if head.method != Method::POST {
        return Err(Refusal::Method { method: head.method.to_string() });
    }
    let tenant = receiver.tenant(&head)?;
    let encoding = Compression::named(head.headers.get(&GRPC_ENCODING))?;
    let limit = receiver.config.request_bytes_max;
    let body = receiver.body(&mut body, limit.saturating_add(PREFIX_BYTES)).await?;
    let (body, compression) = message(body, encoding)?;
    receiver.export(tenant, Export { payload, encoding: Encoding::Protobuf, compression }, body).await
}

/// The message in the body, and how it is compressed.
fn message(body: Received, encoding: Compression) -> Result<(Received, Compression), Refusal> {
    let Received { bytes, room } = body;
    let malformed = |what: &str| Refusal::Malformed(format!("the gRPC message {what}"));
    let [flag, length @ ..] = *bytes.first_chunk::<PREFIX_BYTES>().ok_or_else(|| malformed("is cut short"))?;
    let length = u32::from_be_bytes(length) as usize;
    if bytes.len() - PREFIX_BYTES != length {
        return Err(malformed("has another length than its prefix says, or is not the only one"));
    }
    let compression = match (flag, encoding) {
        (0, _) => Compression::Identity,
        (1, Compression::Identity) => return Err(malformed("is marked as compressed, but grpc-encoding is not set")),
        (1, encoding) => encoding,
        _ => return Err(malformed("has an unknown flag")),
    };
    Ok((Received { bytes: bytes.slice(PREFIX_BYTES..), room }, compression))
}

fn accepted(refusals: &Refusals) -> Response {
    let message = success::protobuf(refusals);
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("an answer is a few hundred bytes"));
    framed.put_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    let frames: [Result<Frame<Bytes>, std::convert::Infallible>; 2] =
        [Ok(Frame::data(framed.freeze())), Ok(Frame::trailers(trailers))];
    Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))))
}

/// Errors have no message: the status is in the headers.
fn refused(answer: &Answer) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(answer.grpc as i32));
    if let Ok(message) = HeaderValue::try_from(percent_encoded(&answer.message)) {
        headers.insert(GRPC_MESSAGE, message);
    }
    if let Some(details) = answer.grpc_details().and_then(|details| HeaderValue::try_from(details).ok()) {
        headers.insert(GRPC_DETAILS, details);
    }
    response
}

/// Printable ASCII as it is, all else and `%` as `%XX`.
fn percent_encoded(message: &str) -> String {
    use std::fmt::Write;
    message.bytes().fold(String::with_capacity(message.len()), |mut encoded, byte| {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(byte.into()),
            _ => write!(encoded, "%{byte:02X}").expect("a String takes all that is written"),
        }
        encoded
    })
}
