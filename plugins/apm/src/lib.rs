//! Application performance: services, their errors, who calls whom, and traces, as the web app and others ask for them.
//!
//! Nothing is kept here but the patterns of log records: every answer is SQL over telemetry, for the tenant that asks.

mod conditions;
mod edges;
mod errors;
mod logs;
mod map;
mod measures;
mod near;
mod patterns;
mod range;
mod rows;
mod search;
mod service;
mod services;
mod trace;

use std::sync::Arc;

use async_trait::async_trait;
use plugin::records::Records;
use plugin::{Job, Plugin, PluginContext, PluginError, PluginTable, Shutdown};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apm;

#[async_trait]
impl Plugin for Apm {
    fn name(&self) -> &'static str {
        "apm"
    }

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        Ok(vec![records.table::<patterns::StoredPattern>()?.into()])
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        OpenApiRouter::new()
            .routes(routes!(services::list))
            .routes(routes!(service::show))
            .routes(routes!(errors::list))
            .routes(routes!(map::show))
            .routes(routes!(search::list))
            .routes(routes!(trace::show))
            .with_state(context.clone())
            .merge(patterns::routes(context))
    }

    fn jobs(&self) -> Vec<Job> {
        patterns::jobs()
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        patterns::run(&context, &shutdown).await
    }
}
