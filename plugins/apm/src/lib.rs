//! Application performance: services, their errors, who calls whom, and traces, as the web app and others ask for them.
//!
//! Every answer is SQL over spans and their rollups, for the tenant that asks. Only SLOs are kept here, with what was counted for them.

mod conditions;
mod edges;
mod errors;
mod map;
mod measures;
mod near;
mod range;
mod rows;
mod search;
mod service;
mod services;
mod slo;
mod trace;

use async_trait::async_trait;
use plugin::records::Records;
use plugin::{Job, Plugin, PluginContext, PluginError, PluginTable};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use slo::evaluate as evaluate_slos;

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apm;

#[async_trait]
impl Plugin for Apm {
    fn name(&self) -> &'static str {
        "apm"
    }

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        slo::tables(records)
    }

    fn jobs(&self) -> Vec<Job> {
        vec![slo::job()]
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        OpenApiRouter::new()
            .routes(routes!(services::list))
            .routes(routes!(service::show))
            .routes(routes!(errors::list))
            .routes(routes!(map::show))
            .routes(routes!(search::list))
            .routes(routes!(trace::show))
            .merge(slo::routes())
            .with_state(context)
    }
}
