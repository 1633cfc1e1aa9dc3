//! The face that plugins see: the `Plugin` trait, its context, and the host that runs them.
//!
//! A plugin that panics or fails takes nobody along: it is started again after a pause. `plugins/example` is one of about a
//! hundred lines, and `docs/plugins.md` walks through it.

mod asked;
mod asker;
mod context;
mod failure;
mod host;
mod job;
mod jobs;
mod near;
mod plugin;
mod supervise;
mod table;
mod told;
mod written;
pub mod yaml;

pub use {hub, model, query, records};

pub use asked::Asked;
pub use asker::asker;
pub use context::{PluginContext, Telemetry, TelemetryWriter};
pub use failure::Failure;
pub use host::{Host, InvalidName, Running};
pub use job::{InvalidSchedule, Job, Schedule};
pub use near::near;
pub use plugin::{Plugin, PluginError, Shutdown, ending};
pub use supervise::{Health, State};
pub use table::{PluginSchema, PluginTable, schemas};
pub use told::{Told, rfc3339};
pub use written::{TIME_HOW_TO, length, moment};
