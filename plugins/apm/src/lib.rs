//! Application performance: services, their errors, who calls whom, traces and metrics, as the web app and others ask
//! for them.
//!
//! Nothing is kept here: every answer is SQL over spans, their rollups and points of metrics, for the tenant that asks.

mod conditions;
mod correlate;
mod edges;
mod errors;
mod map;
mod measures;
mod metrics;
mod near;
mod range;
mod rows;
mod search;
mod service;
mod services;
mod trace;

use async_trait::async_trait;
use plugin::{Plugin, PluginContext};
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

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        OpenApiRouter::new()
            .routes(routes!(services::list))
            .routes(routes!(service::show))
            .routes(routes!(errors::list))
            .routes(routes!(map::show))
            .routes(routes!(search::list))
            .routes(routes!(trace::show))
            .routes(routes!(metrics::list::list))
            .routes(routes!(metrics::labels::show))
            .routes(routes!(metrics::over_time::show))
            .routes(routes!(metrics::heatmap::show))
            .routes(routes!(metrics::exemplars::list))
            .routes(routes!(correlate::show))
            .with_state(context)
    }
}
