//! Takes OTLP over gRPC and HTTP, decodes it into batches, gives them to the data plane.
//!
//! An answer of success means that the data plane has it on disk; any other answer tells an OTLP client truly whether to
//! send again.

mod body;
mod config;
mod decode;
pub mod encode;
mod error;
mod grpc;
mod http;
pub mod otlp_json;
mod quota;
mod receiver;
mod status;
mod success;
mod telemetry;

pub use config::Config;
pub use decode::{DecodeError, Reason, Refusals, Rows, decode};
pub use http::router;
pub use quota::{DayUsage, Limits, QuotaConfig, Quotas, Usage};
pub use receiver::{Authorize, Receiver, Unauthorized, replay};
pub use telemetry::Telemetry;
