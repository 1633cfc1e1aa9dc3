//! What a product is to the platform.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use records::Records;
use utoipa_axum::router::OpenApiRouter;

use crate::context::PluginContext;
use crate::job::Job;
use crate::table::PluginTable;

/// Cancelled when the plugin is to stop: `shutdown.cancelled().await`.
pub type Shutdown = tokio_util::sync::CancellationToken;

/// Why a plugin cannot go on; it is started again after a pause.
pub type PluginError = Box<dyn std::error::Error + Send + Sync>;

/// A product on the platform's data plane.
///
/// Everything but the name has a default, so a plugin says only what it has. Plugins do not know each other: they meet
/// through rows, SQL and events.
#[async_trait]
pub trait Plugin: Debug + Send + Sync {
    /// Of its routes (`/api/v1/<name>`), its schema in SQL and its spans: 1 to 32 of `a-z 0-9 _`.
    fn name(&self) -> &'static str;

    /// What others can ask of it in SQL, as `<name>.<table>`.
    fn tables(&self, _records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        Ok(Vec::new())
    }

    /// What it answers, below `/api/v1/<name>`; documented, so that it stands in `/api/openapi.json`.
    fn routes(&self, _context: PluginContext) -> OpenApiRouter {
        OpenApiRouter::new()
    }

    /// Work that is due at times of its own, in one process at a time though several are up.
    fn jobs(&self) -> Vec<Job> {
        Vec::new()
    }

    /// What it does all the time, until `shutdown`. A panic or an error ends only this call; it is made again after a pause.
    async fn run(self: Arc<Self>, _context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        shutdown.cancelled().await;
        Ok(())
    }
}

/// Does one part of what a plugin does all the time, and tells the other parts when it has ended: who waits for all of them would
/// otherwise wait for ever, and the plugin would not be started again.
pub async fn ending(ended: &Shutdown, part: impl Future<Output = Result<(), PluginError>>) -> Result<(), PluginError> {
    let done = part.await;
    ended.cancel();
    done
}
