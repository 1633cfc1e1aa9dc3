//! Tells when a service falls silent: all that a plugin can do, in about a hundred lines.
//!
//! A watch is a record; spans that arrive keep it awake; a job looks who is silent and publishes an event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::array::AsArray;
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use parking_lot::Mutex;
use plugin::hub::Caller;
use plugin::model::{Batch, Defaults, Signal, Table, Tenant};
use plugin::query::Event;
use plugin::records::{Document, Expected, Key, List, RecordId};
use plugin::{Job, Plugin, PluginContext, PluginError, PluginTable, Refusal, Schedule, Shutdown};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A service that somebody wants to hear of when it is silent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Watch {
    /// Name of the service.
    pub service: String,
    /// So long without a span is silence, in seconds.
    pub silent_after_seconds: u64,
    /// Whether it is silent now.
    #[serde(default)]
    pub is_silent: bool,
}

impl Document for Watch {
    const COLLECTION: &'static str = "example.watches";
    const KEYS: &'static [Key] = &[Key::unique("service")];
}

/// The plugin; remembers when each service was last heard of.
#[derive(Debug, Default)]
pub struct Example {
    heard: Mutex<HashMap<(Tenant, String), u64>>,
}
