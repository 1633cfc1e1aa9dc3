//! Answers to requests that were taken, whole or in part.
//!
//! Full success leaves `partial_success` out, as the specification demands.

use bytes::Bytes;
use plane::Payload;
use prost::Message;
use serde_json::json;

use crate::decode::Refusals;

/// `ExportTraceServiceResponse` and its siblings: the same fields under other names.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

pub(crate) fn protobuf(refusals: &Refusals) -> Bytes {
    let partial_success = (!refusals.is_empty())
        .then(|| PartialSuccess { rejected: rejected(refusals), error_message: refusals.to_string() });
    Response { partial_success }.encode_to_vec().into()
}

pub(crate) fn json(payload: Payload, refusals: &Refusals) -> Bytes {
    if refusals.is_empty() {
        return Bytes::from_static(b"{}");
    }
    let name = match payload {
        Payload::Traces => "rejectedSpans",
        Payload::Logs => "rejectedLogRecords",
        Payload::Metrics => "rejectedDataPoints",
    };
    let partial = json!({name: rejected(refusals).to_string(), "errorMessage": refusals.to_string()});
    json!({"partialSuccess": partial}).to_string().into()
}

fn rejected(refusals: &Refusals) -> i64 {
    i64::try_from(refusals.rejected()).unwrap_or(i64::MAX)
}
