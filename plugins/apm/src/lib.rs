//! Application performance: services, their errors, who calls whom, traces and metrics, as the web app and others ask
//! for them.
//!
//! Every answer is SQL over telemetry, for the tenant that asks. Patterns of logs and SLOs are kept here, with what was counted for them; logs can be
//! followed as they arrive.

mod attributes;
mod compare;
mod conditions;
mod correlate;
mod edges;
mod errors;
mod filter;
mod heatmap;
mod logs;
mod map;
mod measures;
mod metrics;
mod patterns;
mod range;
mod rows;
mod search;
mod service;
mod services;
mod slo;
mod trace;

use std::sync::Arc;

use async_trait::async_trait;
use plugin::records::Records;
use plugin::{Job, Plugin, PluginContext, PluginError, PluginTable, Shutdown, ending};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use slo::evaluate as evaluate_slos;

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

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        let mut tables = slo::tables(records)?;
        tables.push(records.table::<patterns::StoredPattern>()?.into());
        Ok(tables)
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
            .routes(routes!(metrics::list::list))
            .routes(routes!(metrics::labels::show))
            .routes(routes!(metrics::over_time::show))
            .routes(routes!(metrics::heatmap::show))
            .routes(routes!(metrics::exemplars::list))
            .routes(routes!(correlate::show))
            .merge(slo::routes())
            .with_state(context.clone())
            .merge(logs::routes(context.clone(), self.feeds.clone()))
            .merge(patterns::routes(context))
    }

    fn jobs(&self) -> Vec<Job> {
        let mut jobs = patterns::jobs();
        jobs.push(slo::job());
        jobs
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        // Each has a subscription of its own, so one may miss rows that the other has. When one ends, the other ends well.
        let ended = shutdown.child_token();
        let follow = logs::run(&self.feeds, context.clone(), ended.clone());
        let learn = patterns::run(&context, &ended);
        let (followed, learnt) = futures::join!(ending(&ended, follow), ending(&ended, learn));
        followed.and(learnt)
    }
}
