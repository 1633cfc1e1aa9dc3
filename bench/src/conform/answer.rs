//! Reads what a receiver answered, on any transport, as the OTLP specification means it.
//! Reading is strict: a body that merely happens to parse is not taken for a Status.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use prost::Message;
use serde_json::Value;
use tonic::Code;
use tonic::metadata::MetadataMap;

use super::target::{Signal, Transport};

/// What came back for one call, or why nothing did.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) transport: Transport,
    pub(crate) signal: Signal,
    /// The HTTP status; 0 if the connection ended before one came.
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
    pub(crate) took: Duration,
    /// Why there is no answer.
    pub(crate) lost: Option<String>,
}

/// The `partial_success` of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Partial {
    pub(crate) rejected: i64,
    pub(crate) message: String,
}

/// A `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Detail>,
}

/// A `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Detail {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// The three `Export…ServiceResponse` messages are the same on the wire.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<ExportPartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportPartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

/// Seconds and nanoseconds: the only field of `google.rpc.RetryInfo` is such a duration.
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

impl Answer {
    /// Whether the request was taken, in full or in part.
    pub(crate) fn is_success(&self) -> bool {
        match self.transport {
            Transport::Grpc => self.status == 200 && self.grpc_code() == Some(Code::Ok),
            Transport::Protobuf | Transport::Json => self.status == 200,
        }
    }

    /// Whether the request was taken and `partial_success` is unset: an empty message, `{}` in JSON.
    pub(crate) fn is_full_success(&self) -> bool {
        let is_empty = |message: Bytes| match self.transport {
            Transport::Grpc | Transport::Protobuf => message.is_empty(),
            Transport::Json => {
                serde_json::from_slice(&message).is_ok_and(|value: Value| value == serde_json::json!({}))
            }
        };
        self.is_success() && self.message().is_ok_and(is_empty)
    }

    /// The gRPC status, which comes with the headers if there is no message.
    pub(crate) fn grpc_code(&self) -> Option<Code> {
        let status = self.grpc_trailer(&HeaderName::from_static("grpc-status"))?;
        status.parse().ok().map(Code::from_i32)
    }

    pub(crate) fn grpc_message(&self) -> String {
        self.grpc_trailer(&HeaderName::from_static("grpc-message")).unwrap_or_default()
    }

    fn grpc_trailer(&self, name: &HeaderName) -> Option<String> {
        let value = self.trailers.get(name).or_else(|| self.headers.get(name))?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The response message: the body, or what the only gRPC frame in it holds.
    pub(crate) fn message(&self) -> Result<Bytes, String> {
        if self.transport != Transport::Grpc {
            return Ok(self.body.clone());
        }
        let [flag, a, b, c, d, ref message @ ..] = self.body[..] else {
            return Err(format!("a gRPC body of {} bytes holds no message", self.body.len()));
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if flag != 0 || length != message.len() {
            return Err(format!("a gRPC frame with flag {flag} and length {length} before {} bytes", message.len()));
        }
        Ok(self.body.slice(5..))
    }

    /// The partial success of a successful answer, if it is set.
    pub(crate) fn partial(&self) -> Result<Option<Partial>, String> {
        let message = self.message()?;
        if self.transport == Transport::Json {
            return self.partial_in_json(&message);
        }
        let response = ExportResponse::decode(message).map_err(|error| format!("not a response message: {error}"))?;
        Ok(response
            .partial_success
            .map(|partial| Partial { rejected: partial.rejected, message: partial.error_message }))
    }

    fn partial_in_json(&self, message: &[u8]) -> Result<Option<Partial>, String> {
        let value: Value = serde_json::from_slice(message).map_err(|error| format!("not JSON: {error}"))?;
        let response = value.as_object().ok_or("not a JSON object")?;
        if let Some(stranger) = response.keys().find(|key| *key != "partialSuccess") {
            return Err(format!("a response message has no {stranger:?}"));
        }
        let Some(partial) = response.get("partialSuccess").filter(|partial| !partial.is_null()) else {
            return Ok(None);
        };
        let rejected = match &partial[self.signal.rejected_key()] {
            Value::Null => 0,
            Value::String(text) => text.parse().map_err(|_| format!("a reject count of {text:?}"))?,
            number => number.as_i64().ok_or_else(|| format!("a reject count of {number}"))?,
        };
        let message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
        Ok(Some(Partial { rejected, message }))
    }

    /// The media type of the answer in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let value = value.unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The Status message in the body of an HTTP error, read as its Content-Type says.
    pub(crate) fn error_status(&self) -> Result<Status, String> {
        let status = match self.media_type().as_str() {
            "application/x-protobuf" => {
                Status::decode(self.body.clone()).map_err(|error| format!("not a Status: {error}"))?
            }
            "application/json" => status_in_json(&self.body)?,
            other => return Err(format!("a body of type {other:?} is not a Status")),
        };
        // Zero bytes and `{}` are a Status too, but one that helps nobody.
        if status.message.is_empty() { Err("a Status without a message".into()) } else { Ok(status) }
    }

    /// Whether a client may send the same again later (rows R3 and R4).
    pub(crate) fn is_retryable(&self) -> bool {
        if self.transport != Transport::Grpc {
            return matches!(self.status, 429 | 502 | 503 | 504);
        }
        match self.grpc_code() {
            Some(Code::ResourceExhausted) => self.retry_delay().is_some(),
            Some(code) => is_retryable_code(code),
            None => false,
        }
    }

    /// The pause the receiver asks for: `RetryInfo` on gRPC, `Retry-After` on HTTP.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        if self.transport != Transport::Grpc {
            let seconds = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
            return Some(Duration::from_secs(seconds));
        }
        let details = self.grpc_details()?.details;
        let detail = details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
        let delay = RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay?;
        Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
    }

    fn grpc_details(&self) -> Option<Status> {
        let metadata = MetadataMap::from_headers(if self.trailers.is_empty() {
            self.headers.clone()
        } else {
            self.trailers.clone()
        });
        let bytes = metadata.get_bin("grpc-status-details-bin")?.to_bytes().ok()?;
        Status::decode(bytes).ok()
    }
}

fn is_retryable_code(code: Code) -> bool {
    use Code::{Aborted, Cancelled, DataLoss, DeadlineExceeded, OutOfRange, Unavailable};
    matches!(code, Cancelled | DeadlineExceeded | Aborted | OutOfRange | Unavailable | DataLoss)
}

fn status_in_json(body: &[u8]) -> Result<Status, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let object = value.as_object().ok_or("not a JSON object")?;
    if let Some(stranger) = object.keys().find(|key| !["code", "message", "details"].contains(&key.as_str())) {
        return Err(format!("a Status has no {stranger:?}"));
    }
    let code = match object.get("code") {
        None => 0,
        Some(code) => code.as_i64().and_then(|code| i32::try_from(code).ok()).ok_or("a code that is no integer")?,
    };
    let message = object.get("message").and_then(Value::as_str).ok_or("a Status without a message")?.to_owned();
    let details = object.get("details").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let details = details
        .iter()
        .map(|detail| Detail { type_url: detail["@type"].as_str().unwrap_or_default().to_owned(), value: Vec::new() });
    Ok(Status { code, message, details: details.collect() })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.lost {
            return write!(f, "no answer: {reason}");
        }
        match (self.transport, self.grpc_code()) {
            (Transport::Grpc, Some(code)) => {
                write!(f, "gRPC {code:?} {:?}", shortened(&self.grpc_message()))?;
            }
            _ => write!(f, "HTTP {} {}", self.status, self.media_type())?,
        }
        if !self.body.is_empty() {
            write!(
                f,
                " {} bytes {:?}",
                self.body.len(),
                shortened(&String::from_utf8_lossy(&self.body[..self.body.len().min(400)]))
            )?;
        }
        Ok(())
    }
}

/// The first 200 characters, enough to recognise a text.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(transport: Transport, media_type: &'static str, body: &'static [u8]) -> Answer {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(media_type))]);
        let body = Bytes::from_static(body);
        let trailers = HeaderMap::new();
        Answer {
            transport,
            signal: Signal::Traces,
            status: 400,
            headers,
            body,
            trailers,
            took: Duration::ZERO,
            lost: None,
        }
    }

    #[test]
    fn plain_text_and_empty_bodies_are_no_status() {
        for (media_type, body) in [
            ("text/plain", &b"Not Found"[..]),
            ("application/x-protobuf", b"Not Found"),
            ("application/x-protobuf", b""),
            ("application/json", b"{}"),
            ("application/json", br#"{"error":"not found","message":"x"}"#),
        ] {
            assert!(answer(Transport::Json, media_type, body).error_status().is_err(), "{media_type} {body:?}");
        }
    }

    #[test]
    fn a_status_is_read_in_both_encodings() {
        let in_json = answer(Transport::Json, "application/json; charset=utf-8", br#"{"code":3,"message":"no"}"#);
        let in_protobuf = answer(Transport::Protobuf, "application/x-protobuf", b"\x08\x03\x12\x02no");

        assert_eq!(in_json.error_status(), in_protobuf.error_status());
    }

    #[test]
    fn a_reject_count_is_read_from_a_string_or_a_number() {
        for body in [
            &br#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}"#[..],
            br#"{"partialSuccess":{"rejectedSpans":2,"errorMessage":"no"}}"#,
        ] {
            let partial = answer(Transport::Json, "application/json", body).partial();

            assert_eq!(partial, Ok(Some(Partial { rejected: 2, message: "no".into() })));
        }
    }
}
