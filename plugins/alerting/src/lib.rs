//! Alerting: rules that watch telemetry, alerts they raise, who is told, and the incidents that people work through.
//!
//! An alert is raised once however many servers watch, and nobody who should be told of it is forgotten: what is to be sent is
//! written in the transaction in which the alert changes.

mod alert;
mod backtest;
mod config;
mod evaluate;
mod files;
mod incident;
mod labels;
mod notify;
mod promql;
mod routes;
mod rule;
mod rule_book;
mod state;
mod stored;
pub mod trial;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use plugin::records::Records;
use plugin::{Plugin, PluginContext, PluginError, PluginTable, Shutdown};
use utoipa_axum::router::OpenApiRouter;

pub use self::config::Config;
use self::routes::Desk;

/// The plugin.
#[derive(Clone, Debug, Default)]
pub struct Alerting {
    config: Config,
}

impl Alerting {
    /// With these settings, which were checked.
    pub fn new(config: Config) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Plugin for Alerting {
    fn name(&self) -> &'static str {
        "alerting"
    }

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        Ok(vec![
            records.table::<stored::StoredRule>()?.into(),
            records.table::<stored::RuleHealth>()?.into(),
            records.table::<files::RuleFile>()?.into(),
            records.table::<alert::Alert>()?.into(),
            records.log_table::<stored::Pause>()?.into(),
        ])
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        routes::routes(Desk::new(context, self.config.clone()))
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        watch::run(context, self.config.clone(), shutdown).await
    }
}
