//! OTLP over HTTP, and the door for both protocols: which one a request speaks is told by its content type.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use plane::{Encoding, Payload};

use crate::body::{self, Compression};
use crate::decode::Refusals;
use crate::error::Refusal;
use crate::grpc;
use crate::receiver::{Export, Receiver};
use crate::status::Answer;
use crate::success;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Serves OTLP on any port: `/v1/{traces,logs,metrics}` over HTTP/1.1 and HTTP/2, and the gRPC services.
pub fn router(receiver: Arc<Receiver>) -> Router {
    Router::new().fallback(answer).with_state(receiver)
}

async fn answer(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    if media_type(request.headers()).is_some_and(|media| media.starts_with("application/grpc")) {
        return grpc::answer(&receiver, request).await;
    }
    // What cannot be answered in its own encoding is answered in JSON, which people read.
    let (head, mut body) = request.into_parts();
    let encoding = encoding_of(&head.headers);
    let spoken = *encoding.as_ref().unwrap_or(&Encoding::Json);
    match receive(&receiver, &head, &mut body, encoding).await {
        Ok((payload, refusals)) => accepted(payload, &refusals, spoken),
        Err(refusal) => {
            receiver.telemetry.refused(&refusal);
            body::drain(body, receiver.config.request_bytes_max).await;
            refused(&refusal, spoken)
        }
    }
}

async fn receive(
    receiver: &Receiver,
    head: &Parts,
    body: &mut Body,
    encoding: Result<Encoding, Refusal>,
) -> Result<(Payload, Refusals), Refusal> {
    let payload = match head.uri.path() {
        "/v1/traces" => Payload::Traces,
        "/v1/logs" => Payload::Logs,
        "/v1/metrics" => Payload::Metrics,
        path => return Err(Refusal::NotFound { path: path.to_owned() }),
    };
    if head.method != Method::POST {
        return Err(Refusal::Method { method: head.method.to_string() });
    }
    let tenant = receiver.tenant(head)?;
    let encoding = encoding?;
    let compression = Compression::named(head.headers.get(CONTENT_ENCODING))?;
    let body = receiver.body(body, receiver.config.request_bytes_max).await?;
    let refusals = receiver.export(tenant, Export { payload, encoding, compression }, body).await?;
    Ok((payload, refusals))
}

/// The media type without parameters, lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    match media_type(headers).as_deref() {
        Some(PROTOBUF) => Ok(Encoding::Protobuf),
        Some(JSON) => Ok(Encoding::Json),
        Some(other) => Err(Refusal::ContentType { got: format!("'{}'", other.chars().take(60).collect::<String>()) }),
        None => Err(Refusal::ContentType { got: "(none)".to_owned() }),
    }
}

fn accepted(payload: Payload, refusals: &Refusals, encoding: Encoding) -> Response {
    let body = match encoding {
        Encoding::Protobuf => success::protobuf(refusals),
        Encoding::Json => success::json(payload, refusals),
    };
    respond(StatusCode::OK, encoding, body)
}

fn refused(refusal: &Refusal, encoding: Encoding) -> Response {
    let answer = Answer::to(refusal);
    let body = match encoding {
        Encoding::Protobuf => answer.protobuf(),
        Encoding::Json => answer.json(),
    };
    let mut response = respond(answer.http, encoding, body);
    if let Some(delay) = answer.retry_after {
        // Whole seconds are all that the header can say.
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(delay.as_secs_f64().ceil() as u64));
    }
    if answer.http == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn respond(status: StatusCode, encoding: Encoding, body: Bytes) -> Response {
    let content_type = match encoding {
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
    };
    (status, [(CONTENT_TYPE, HeaderValue::from_static(content_type))], Body::from(body)).into_response()
}
