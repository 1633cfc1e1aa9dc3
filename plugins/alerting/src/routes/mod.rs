//! What alerting answers, below `/api/v1/alerting`.

mod alerts;
mod backtest;
mod evidence;
mod rules;

use std::sync::Arc;

use plugin::PluginContext;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::evidence::{AlertDetail, rule_of};
use crate::config::Config;
use crate::evaluate::Evaluator;
use crate::rule_book::RuleBook;

/// What the routes of rules and alerts work with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    context: PluginContext,
    config: Arc<Config>,
    evaluator: Evaluator,
}

impl Desk {
    pub(crate) fn new(context: PluginContext, config: Config) -> Self {
        let evaluator = Evaluator::new(&context.engine, &config);
        Self { context, config: Arc::new(config), evaluator }
    }

    fn book(&self) -> RuleBook<'_> {
        let rules_max = self.config.rules_max;
        RuleBook { records: &self.context.records, audit: &self.context.audit, rules_max }
    }
}

/// The routes of rules and alerts.
pub(crate) fn routes(desk: Desk) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(rules::list, rules::put))
        .routes(routes!(rules::show, rules::remove))
        .routes(routes!(rules::export))
        .routes(routes!(rules::check))
        .routes(routes!(backtest::run))
        .routes(routes!(alerts::list))
        .routes(routes!(evidence::show))
        .routes(routes!(evidence::rows))
        .with_state(desk)
}
