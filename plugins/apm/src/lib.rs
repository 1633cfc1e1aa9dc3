//! Application performance: services, their errors, who calls whom, and traces, as the web app and others ask for them.
//!
//! Nothing is kept here: every answer is SQL over spans and their rollups, for the tenant that asks.

mod attributes;
mod compare;
mod conditions;
mod edges;
mod errors;
mod filter;
mod heatmap;
mod map;
mod measures;
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
            .routes(routes!(heatmap::show))
            .routes(routes!(compare::show))
            .merge(trace::routes())
            .with_state(context)
    }
}
