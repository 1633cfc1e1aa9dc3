//! Why a request is not taken, one variant per reaction of the client.

use std::time::Duration;

use plane::AppendError;

use crate::decode::DecodeError;

/// A request was not taken. `status.rs` tells it in the client's protocol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Malformed(String),
    #[error(
        "content type {got} is not OTLP: send application/x-protobuf or application/json, or gRPC as application/grpc"
    )]
    ContentType { got: String },
    #[error("encoding {got} is not supported: send identity, gzip, zstd or deflate")]
    Encoding { got: String },
    #[error("the request is larger than the limit of {limit} bytes after decompression; send smaller batches")]
    TooLarge { limit: usize },
    #[error("there is nothing at {path}; OTLP is POSTed to /v1/traces, /v1/logs or /v1/metrics")]
    NotFound { path: String },
    #[error("method {method} is not allowed here: OTLP is sent with POST")]
    Method { method: String },
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Forbidden(String),
    #[error(
        "this tenant's quota of {limit} bytes a day is used up until midnight UTC: send less, or ask for a larger quota"
    )]
    Quota { limit: u64, retry_after: Duration },
    #[error("{reason}; try again in {} ms", retry_after.as_millis())]
    Busy { reason: String, retry_after: Duration },
}

impl Refusal {
    /// Name in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Refusal::Malformed(_) => "malformed",
            Refusal::ContentType { .. } => "content_type",
            Refusal::Encoding { .. } => "encoding",
            Refusal::TooLarge { .. } => "too_large",
            Refusal::NotFound { .. } => "not_found",
            Refusal::Method { .. } => "method",
            Refusal::Unauthenticated(_) => "unauthenticated",
            Refusal::Forbidden(_) => "forbidden",
            Refusal::Quota { .. } => "quota",
            Refusal::Busy { .. } => "busy",
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(cause: DecodeError) -> Self {
        Refusal::Malformed(cause.to_string())
    }
}

impl From<AppendError> for Refusal {
    fn from(cause: AppendError) -> Self {
        match &cause {
            AppendError::TooLarge { limit, .. } => Refusal::TooLarge { limit: *limit },
            AppendError::Overloaded { retry_after, .. } => {
                Refusal::Busy { reason: cause.to_string(), retry_after: *retry_after }
            }
            AppendError::Log { cause: log, retry_after } => {
                Refusal::Busy { reason: format!("{cause}: {log}"), retry_after: *retry_after }
            }
            AppendError::Closed => Refusal::Busy { reason: cause.to_string(), retry_after: Duration::from_secs(1) },
        }
    }
}
