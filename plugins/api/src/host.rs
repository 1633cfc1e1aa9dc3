//! Runs the plugins of this process: started in order, kept running, stopped in reverse.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;

use crate::context::PluginContext;
use crate::jobs::run_at_its_times;
use crate::plugin::{Plugin, Shutdown};
use crate::supervise::{Health, PAUSES, Watched, keep_running};

/// A plugin gets so long to end; then it is left where it is, as a crash would leave it.
const STOP_MAX: Duration = Duration::from_secs(10);

/// The plugins of this process.
#[derive(Debug)]
pub struct Host {
    plugins: Vec<Hosted>,
}

#[derive(Debug)]
struct Hosted {
    plugin: Arc<dyn Plugin>,
    context: PluginContext,
    watched: Watched,
}

/// Two plugins have one name, or a name is not one.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' cannot be the name of a plugin: it is taken, or not 1 to 32 of a-z, 0-9 and '_'")]
pub struct InvalidName(&'static str);

impl Host {
    /// Nothing runs yet.
    ///
    /// # Errors
    /// When a name is taken, or is not one.
    pub fn new(plugins: Vec<Arc<dyn Plugin>>, context: &PluginContext) -> Result<Self, InvalidName> {
        let mut hosted: Vec<Hosted> = Vec::with_capacity(plugins.len());
        for plugin in plugins {
            let name = plugin.name();
            if !is_name(name) || hosted.iter().any(|other| other.plugin.name() == name) {
                return Err(InvalidName(name));
            }
            hosted.push(Hosted { plugin, context: context.clone(), watched: Watched::new() });
        }
        Ok(Self { plugins: hosted })
    }

    /// The routes of all plugins, each below `/api/v1/<name>`.
    pub fn routes(&self) -> OpenApiRouter {
        self.plugins.iter().fold(OpenApiRouter::new(), |all, hosted| all.merge(hosted.routes()))
    }

    /// The routes of one plugin, below `/api/v1/<name>`.
    pub fn routes_of(&self, name: &str) -> Option<OpenApiRouter> {
        self.plugins.iter().find(|hosted| hosted.plugin.name() == name).map(Hosted::routes)
    }

    /// How each plugin is, by name.
    pub fn health(&self) -> Vec<(&'static str, Health)> {
        self.plugins.iter().map(|hosted| (hosted.plugin.name(), hosted.watched.health())).collect()
    }

    /// Starts all of them, and the jobs of each.
    pub fn start(&self) -> Running {
        Running(self.plugins.iter().map(Hosted::start).collect())
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

impl Hosted {
    fn routes(&self) -> OpenApiRouter {
        let routes = self.plugin.routes(self.context.clone());
        OpenApiRouter::new().nest(&format!("/api/v1/{}", self.plugin.name()), routes)
    }

    fn start(&self) -> RunningPlugin {
        let (name, shutdown) = (self.plugin.name(), Shutdown::new());
        let (plugin, context) = (Arc::clone(&self.plugin), self.context.clone());
        let run = move |shutdown| Arc::clone(&plugin).run(context.clone(), shutdown);
        let mut tasks = vec![tokio::spawn(keep_running(name, self.watched.clone(), shutdown.clone(), PAUSES, run))];
        for job in self.plugin.jobs() {
            let context = self.context.clone();
            let run = move |shutdown| run_at_its_times(name, job.clone(), context.clone(), shutdown);
            // How jobs are stands in their records.
            tasks.push(tokio::spawn(keep_running(name, Watched::new(), shutdown.clone(), PAUSES, run)));
        }
        RunningPlugin { name, shutdown, tasks }
    }
}

/// Plugins that run.
#[derive(Debug)]
#[must_use = "plugins that are not stopped are cut off"]
pub struct Running(Vec<RunningPlugin>);

#[derive(Debug)]
struct RunningPlugin {
    name: &'static str,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops the plugins one after the other, the last one first, and waits for the end of each.
    pub async fn stop(self) {
        for RunningPlugin { name, shutdown, tasks } in self.0.into_iter().rev() {
            shutdown.cancel();
            for task in tasks {
                let abort = task.abort_handle();
                if timeout(STOP_MAX, task).await.is_err() {
                    tracing::warn!(
                        plugin = name,
                        seconds = STOP_MAX.as_secs(),
                        "a plugin did not end in time and is cut off"
                    );
                    abort.abort();
                }
            }
        }
    }
}
