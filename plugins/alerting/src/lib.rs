//! Alerting: rules that watch telemetry, alerts they raise, who is told, and the incidents that people work through.
//!
//! An alert is raised once however many servers watch, and nobody who should be told of it is forgotten: what is to be sent is
//! written in the transaction in which the alert changes.

#![allow(dead_code, unused_imports)] // WIP: until the parts are joined

mod alert;
mod config;
mod incident;
mod labels;
mod notify;
mod promql;
mod rule;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use plugin::hub::{Clock, system_clock};
use plugin::records::Records;
use plugin::{Plugin, PluginContext, PluginError, PluginTable, Shutdown};
use utoipa_axum::router::OpenApiRouter;

pub use self::config::Config;

/// The plugin.
pub struct Alerting {
    config: Config,
    policies: Arc<incident::Policies>,
    clock: Clock,
}

impl Alerting {
    /// With these settings, which were checked.
    pub fn new(config: Config) -> Self {
        let policies = Arc::new(incident::Policies::new(config.directory.clone()));
        Self { config, policies, clock: system_clock() }
    }

    /// With a clock that a test can move.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn incidents(&self, context: &PluginContext) -> incident::Incidents {
        incident::Incidents::new(context.records.clone(), Arc::clone(&self.policies), Arc::clone(&self.clock))
    }
}

impl fmt::Debug for Alerting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerting").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Plugin for Alerting {
    fn name(&self) -> &'static str {
        "alerting"
    }

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        Ok(incident::tables(records)?)
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        let incidents = self.incidents(&context);
        incident::routes().with_state(incident::Desk { incidents, engine: context.engine })
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        incident::escalate(self.incidents(&context), shutdown).await
    }
}
