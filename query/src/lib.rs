//! SQL over telemetry: one session per query and tenant, within limits, streamed to the client.
//!
//! A query sees the rows of its tenant at one instant, each once; over a limit it ends with an error that
//! names the limit, and a client that goes away takes its query with it.

mod as_of;
mod asked_keys;
mod asker;
mod attributes;
mod catalog;
mod config;
mod engine;
mod error;
mod functions;
mod has_template;
pub mod http;
mod ids;
mod lineage;
mod matches;
mod only_keys;
mod rollups;
mod rows;
mod session;
mod size;
mod statement;
mod system;
mod table;
mod telemetry;
mod views;

pub use asker::Asker;
pub use catalog::ForeignSchema;
pub use config::Config;
pub use engine::{Class, QueryEngine, runtime};
pub use error::{Fault, FaultCode, Position, QueryError};
pub use plane::{Committed, Event, Subscription};
pub use rows::Rows;
pub use statement::Statement;
