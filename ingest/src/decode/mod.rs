//! OTLP requests into Arrow, in one pass over the bytes.
//!
//! No generated structs between: a request of 64 MiB can claim tens of millions of nested values, and what it claims
//! must not become memory before it becomes rows. `docs/adr/0004-wire-walk.md` has the measurements.

mod attributes;
mod columns;
mod context;
mod ids;
mod json_text;
mod logs;
mod metrics;
pub(crate) mod names;
mod nested;
mod refusals;
mod spans;
mod wire;

use model::{Batch, Timestamp};
use plane::Payload;

pub(crate) use json_text::DEPTH_MAX;
pub use refusals::{Reason, Refusals};

/// Why a request as a whole cannot be decoded. Sending it again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not the protobuf it claims to be.
    #[error("the request is not valid protobuf: {0}")]
    Wire(&'static str),
    /// Arrays and maps inside one another beyond the limit.
    #[error("an attribute value is nested deeper than {} levels", json_text::DEPTH_MAX)]
    TooDeep,
    /// Not the JSON it claims to be.
    #[error("the request is not valid OTLP/JSON: {0}")]
    Json(String),
}

/// The rows of a request, and what was wrong with the items that are not among them.
#[derive(Debug)]
pub struct Rows {
    /// At most one batch a signal.
    pub batches: Vec<Batch>,
    /// Items left out or mended, by reason.
    pub refusals: Refusals,
}

/// Decodes the protobuf body of an export request that was received at `received`.
pub fn decode(payload: Payload, body: &[u8], received: Timestamp) -> Result<Rows, DecodeError> {
    match payload {
        Payload::Traces => spans::decode(body, received),
        Payload::Logs => logs::decode(body, received),
        Payload::Metrics => metrics::decode(body, received),
    }
}
