//! Alerting: rules that watch telemetry, alerts they raise, who is told, and the incidents that people work through.
//!
//! An alert is raised once however many servers watch, and nobody who should be told of it is forgotten: what is to be sent is
//! written in the transaction in which the alert changes.

mod alert;
mod backtest;
mod config;
mod evaluate;
mod files;
mod forget;
mod incident;
mod labels;
mod notify;
mod pages;
mod pattern;
mod promql;
mod routes;
mod rule;
mod rule_book;
mod state;
mod stored;
mod telemetry;
pub mod trial;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plugin::hub::{Clock, system_clock};
use plugin::records::Records;
use plugin::{Job, Plugin, PluginContext, PluginError, PluginTable, Schedule, Shutdown, ending};
use utoipa_axum::router::OpenApiRouter;

pub use self::config::Config;
use self::routes::Desk;

/// How often it is looked for what has been over for too long.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// The plugin.
#[derive(Clone)]
pub struct Alerting {
    config: Config,
    policies: Arc<incident::Policies>,
    clock: Clock,
    counters: Arc<telemetry::Counters>,
}

impl Alerting {
    /// With these settings, which were checked.
    pub fn new(config: Config) -> Self {
        let policies = Arc::new(incident::Policies::new(config.directory.clone()));
        Self { config, policies, clock: system_clock(), counters: Arc::default() }
    }

    /// With a clock that a test can move.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn incidents(&self, context: &PluginContext) -> incident::Incidents {
        let (policies, clock) = (Arc::clone(&self.policies), Arc::clone(&self.clock));
        incident::Incidents::new(context.records.clone(), context.audit.clone(), policies, clock)
    }

    fn notifications(&self, context: &PluginContext) -> notify::Desk {
        notify::Desk::new(context, Arc::clone(&self.clock), Arc::clone(&self.counters))
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
        let mut tables: Vec<PluginTable> = vec![
            records.table::<stored::StoredRule>()?.into(),
            records.table::<stored::RuleHealth>()?.into(),
            records.table::<files::RuleFile>()?.into(),
            records.table::<alert::Alert>()?.into(),
            records.log_table::<stored::Pause>()?.into(),
        ];
        tables.extend(notify::tables(records)?.into_iter().map(PluginTable::from));
        tables.extend(incident::tables(records)?);
        Ok(tables)
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        let incidents = incident::Desk { incidents: self.incidents(&context), engine: context.engine.clone() };
        let notifications = self.notifications(&context);
        routes::routes(Desk::new(context, self.config.clone()))
            .merge(notify::routes().with_state(notifications))
            .merge(incident::routes().with_state(incidents))
    }

    fn jobs(&self) -> Vec<Job> {
        let days = self.config.history_days;
        vec![Job::new("forget", Schedule::Every(FORGET_EVERY), move |context| forget::forget(context, days))]
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        let (incidents, notifications) = (self.incidents(&context), self.notifications(&context));
        // When one ends, the others end well, and all are started again.
        let ended = shutdown.child_token();
        let watch = watch::run(context.clone(), self.config.clone(), notifications.clone(), ended.clone());
        let unmute = notify::unmute(notifications.clone(), Arc::clone(&context.process), ended.clone());
        let escalate = incident::escalate(incidents, Arc::clone(&self.counters), ended.clone());
        let (watch, escalate, unmute, (), ()) = tokio::join!(
            ending(&ended, watch),
            ending(&ended, escalate),
            ending(&ended, unmute),
            notify::deliver(notifications, ended.clone()),
            telemetry::report(&context, &self.counters, &ended),
        );
        watch.and(escalate).and(unmute)
    }
}
