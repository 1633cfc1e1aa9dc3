//! Application performance: services, their errors, who calls whom, and traces, as the web app and others ask for them.
//!
//! Nothing is kept here: every answer is SQL over telemetry, for the tenant that asks. Logs can be followed as they arrive.

mod conditions;
mod edges;
mod errors;
mod logs;
mod map;
mod measures;
mod near;
mod range;
mod rows;
mod search;
mod service;
mod services;
mod trace;

use std::sync::Arc;

use async_trait::async_trait;
use plugin::{Plugin, PluginContext, PluginError, Shutdown};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The plugin.
#[derive(Debug, Default)]
pub struct Apm {
    feeds: logs::Feeds,
}

#[async_trait]
impl Plugin for Apm {
    fn name(&self) -> &'static str {
        "apm"
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
            .merge(logs::routes(context, self.feeds.clone()))
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        logs::run(&self.feeds, context, shutdown).await
    }
}
