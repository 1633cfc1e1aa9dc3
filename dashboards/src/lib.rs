//! Dashboards as code: YAML files of panels, checked with line and column, read again as they change, and written in the app as well.
//!
//! What people choose is a parameter of a statement and never part of its text, and a panel is asked as the one who looks at it.

mod app;
mod ask;
mod built_in;
mod choices;
mod config;
mod files;
mod library;
mod metric;
mod model;
mod plan;
mod queries;
mod read;
mod routes;
mod statement;
mod times;
mod written;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plugin::model::Tenant;
use plugin::query::QueryEngine;
use plugin::records::Records;
use plugin::{Job, Plugin, PluginContext, PluginError, PluginTable, Schedule, Shutdown};
use utoipa_axum::router::OpenApiRouter;

pub use self::app::app;
pub use self::config::Config;
use self::files::Shelf;
use self::routes::Desk;

/// How often it is looked for what is remembered for too long.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// The plugin.
#[derive(Debug)]
pub struct Dashboards {
    config: Config,
    shelf: Arc<Shelf>,
}

impl Dashboards {
    /// With these settings, which were checked.
    pub fn new(config: Config) -> Self {
        Self { config, shelf: Arc::default() }
    }
}

#[async_trait]
impl Plugin for Dashboards {
    fn name(&self) -> &'static str {
        "dashboards"
    }

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        Ok(vec![records.table::<library::StoredDashboard>()?.into(), records.table::<queries::SavedQuery>()?.into()])
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        routes::routes(Desk::new(context, &self.config, Arc::clone(&self.shelf)))
    }

    fn jobs(&self) -> Vec<Job> {
        vec![Job::new("forget", Schedule::Every(FORGET_EVERY), queries::forget)]
    }

    async fn run(self: Arc<Self>, _context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        match &self.config.directory {
            Some(directory) => self.shelf.follow(directory, &shutdown).await,
            None => shutdown.cancelled().await,
        }
        Ok(())
    }
}

/// What a file of a dashboard says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Its name, when it can be read.
    pub name: Option<String>,
    /// How many panels it has.
    pub panels: usize,
    /// What is wrong, with line and column.
    pub faults: Vec<String>,
}

/// Reads a dashboard, and asks the engine whether its statements could be asked; nothing is read for that.
pub async fn check(engine: &QueryEngine, text: &str) -> Checked {
    let (read, faults) = match read::read(text) {
        Err(faults) => (None, faults),
        Ok(read) => {
            let faults = plan::faults(engine, &Tenant::default_tenant(), text, &read).await;
            (Some(read), faults)
        }
    };
    Checked {
        panels: read.as_ref().map_or(0, |read| read.panels.len()),
        name: read.map(|read| read.dashboard.name),
        faults: faults.iter().map(ToString::to_string).collect(),
    }
}
