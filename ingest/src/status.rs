//! Refusals in the words of HTTP and gRPC. Nothing else here knows status codes.
//!
//! No refusal is ever INTERNAL, UNKNOWN or 500: to an OTLP client those mean "drop the data".

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use prost::Message;
use rand::Rng;

use crate::error::Refusal;

/// Codes of `google.rpc.Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// A refusal, ready to be written.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: StatusCode,
    pub(crate) grpc: Code,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    bad_request: bool,
}

/// `google.rpc.Status`, the body of every HTTP error.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo` with its `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// `google.rpc.BadRequest`.
#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
/// Longest message in an answer, in bytes: what it quotes comes from the client.
const MESSAGE_BYTES_MAX: usize = 1024;

impl Answer {
    pub(crate) fn to(refusal: &Refusal) -> Self {
        let (http, grpc) = match refusal {
            Refusal::Malformed(_) => (StatusCode::BAD_REQUEST, Code::InvalidArgument),
            Refusal::ContentType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument),
            Refusal::Encoding { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Unimplemented),
            Refusal::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted),
            Refusal::NotFound { .. } => (StatusCode::NOT_FOUND, Code::Unimplemented),
            Refusal::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented),
            Refusal::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
            Refusal::Forbidden(_) => (StatusCode::FORBIDDEN, Code::PermissionDenied),
            Refusal::Quota { .. } => (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted),
            Refusal::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        };
        let retry_after = match refusal {
            Refusal::Busy { retry_after, .. } | Refusal::Quota { retry_after, .. } => Some(spread(*retry_after)),
            _ => None,
        };
        let mut message = refusal.to_string();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        Self { http, grpc, message, retry_after, bad_request: matches!(refusal, Refusal::Malformed(_)) }
    }

    /// The body as protobuf.
    pub(crate) fn protobuf(&self) -> Bytes {
        let retry = self
            .retry_after
            .map(|delay| Any { type_url: RETRY_INFO.to_owned(), value: retry_info(delay).encode_to_vec() });
        let bad =
            self.bad_request.then(|| Any { type_url: BAD_REQUEST.to_owned(), value: self.violation().encode_to_vec() });
        let details = retry.into_iter().chain(bad).collect();
        let code = self.http_code() as i32;
        Status { code, message: self.message.clone(), details }.encode_to_vec().into()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Bytes {
        let mut details = Vec::new();
        if let Some(delay) = self.retry_after {
            details.push(serde_json::json!({"@type": RETRY_INFO, "retryDelay": format!("{}s", delay.as_secs_f64())}));
        }
        if self.bad_request {
            let violation = serde_json::json!({"field": "body", "description": self.message});
            details.push(serde_json::json!({"@type": BAD_REQUEST, "fieldViolations": [violation]}));
        }
        let status = serde_json::json!({"code": self.http_code() as i32, "message": self.message, "details": details});
        status.to_string().into()
    }

    /// `grpc-status-details-bin`.
    pub(crate) fn grpc_details(&self) -> Option<String> {
        (self.retry_after.is_some() || self.bad_request).then(|| STANDARD_NO_PAD.encode(self.protobuf()))
    }

    /// Over HTTP a wrong path is "not found", over gRPC it is "unimplemented".
    fn http_code(&self) -> Code {
        if self.http == StatusCode::NOT_FOUND { Code::NotFound } else { self.grpc }
    }

    fn violation(&self) -> BadRequest {
        let violation = FieldViolation { field: "body".to_owned(), description: self.message.clone() };
        BadRequest { field_violations: vec![violation] }
    }
}

fn retry_info(delay: Duration) -> RetryInfo {
    let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(delay.subsec_nanos()).expect("less than a second");
    RetryInfo { retry_delay: Some(RetryDelay { seconds, nanos }) }
}

/// Up to half longer, so that refused clients do not all come back at once.
fn spread(delay: Duration) -> Duration {
    delay.mul_f64(rand::rng().random_range(1.0..1.5))
}
