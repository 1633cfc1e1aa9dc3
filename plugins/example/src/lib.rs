//! Tells when a service falls silent: all that a plugin can do, in about a hundred lines.
//!
//! A watch is a record; spans that arrive keep it awake; a job looks who is silent, and publishes an event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use async_trait::async_trait;
use axum::extract::State;
use axum::{Extension, Json};
use parking_lot::Mutex;
use plugin::hub::events::NewEvent;
use plugin::model::{Batch, Signal, Table, Tenant};
use plugin::query::Event;
use plugin::records::{Document, Expected, Key, List, RecordId, Records};
use plugin::{Failure, Job, Plugin, PluginContext, PluginError, PluginTable, Schedule, Shutdown};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A service, and how long it may be silent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Watch {
    /// Name of the service.
    service: String,
    /// So long without a span is silence, in seconds.
    silent_after_seconds: u64,
    /// Whether it is silent.
    #[serde(default)]
    is_silent: bool,
}

impl Document for Watch {
    const COLLECTION: &'static str = "example.watches";
    const KEYS: &'static [Key] = &[Key::unique("service")];
}

/// When each service was last heard of by this process.
type Heard = Arc<Mutex<HashMap<(Tenant, String), Instant>>>;

/// The plugin.
#[derive(Debug, Default)]
pub struct Example {
    heard: Heard,
}

#[async_trait]
impl Plugin for Example {
    fn name(&self) -> &'static str {
        "example"
    }

    fn tables(&self, records: &Records) -> Result<Vec<PluginTable>, PluginError> {
        Ok(vec![records.table::<Watch>()?.into()])
    }

    fn routes(&self, context: PluginContext) -> OpenApiRouter {
        OpenApiRouter::new().routes(routes!(list, watch)).with_state(context)
    }

    fn jobs(&self) -> Vec<Job> {
        let heard = Arc::clone(&self.heard);
        vec![Job::new("look", Schedule::Every(Duration::from_secs(5)), move |context| {
            look(Arc::clone(&heard), context)
        })]
    }

    async fn run(self: Arc<Self>, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
        let mut spans = context.subscribe(&[Signal::Spans]);
        loop {
            let event = tokio::select! {
                event = spans.next() => event,
                () = shutdown.cancelled() => None,
            };
            match event {
                Some(Event::Rows(committed)) => self.hear(&committed.tenant, &committed.batches),
                Some(Event::Missed(requests)) => tracing::warn!(requests, "spans went by unheard"),
                None => return Ok(()),
            }
        }
    }
}

impl Example {
    fn hear(&self, tenant: &Tenant, batches: &[Batch]) {
        let place = Table::of(Signal::Spans).index("service_name");
        let services =
            batches.iter().filter_map(|batch| batch.said(place)).flat_map(|names| names.as_string_view().iter());
        let mut heard = self.heard.lock();
        for service in services.flatten() {
            heard.insert((tenant.clone(), service.to_owned()), Instant::now());
        }
    }
}

/// The job: who is silent that was not before is told of once.
async fn look(heard: Heard, context: PluginContext) -> Result<(), PluginError> {
    let watches = context.records.collection::<Watch>();
    for record in watches.list_everywhere(&List::all()).await?.records {
        let last = heard.lock().get(&(record.tenant.clone(), record.body.service.clone())).copied();
        let limit = Duration::from_secs(record.body.silent_after_seconds);
        let is_silent = last.is_none_or(|last| last.elapsed() > limit);
        if is_silent == record.body.is_silent {
            continue;
        }
        let (changed, kind) = (Watch { is_silent, ..record.body.clone() }, if is_silent { "silent" } else { "heard" });
        let event = NewEvent::new(&format!("example.service.{kind}"), &changed)?;
        // Both or neither: an event never tells what the records do not say.
        let (record, changed, event) = (&record, &changed, &event);
        let write = context.records.transaction(|transaction| async move {
            let watches = transaction.collection::<Watch>();
            watches.put(&record.tenant, &record.id, changed, Expected::Version(record.version)).await?;
            event.publish(&transaction, &record.tenant).await?;
            Ok::<_, PluginError>(())
        });
        write.await?;
    }
    Ok(())
}

/// Services that are watched.
#[utoipa::path(get, path = "/watches", responses((status = 200, body = Vec<Watch>)), security(("caller" = ["example:watches:read"])))]
async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
) -> Result<Json<Vec<Watch>>, Failure> {
    let page = context.records.collection::<Watch>().list(&tenant, &List::all()).await?;
    Ok(Json(page.records.into_iter().map(|record| record.body).collect()))
}

/// Watches a service.
#[utoipa::path(post, path = "/watches", request_body = Watch, responses((status = 200, body = Watch)), security(("caller" = ["example:watches:write"])))]
async fn watch(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Json(watch): Json<Watch>,
) -> Result<Json<Watch>, Failure> {
    let (id, watches) = (RecordId::new(&watch.service)?, context.records.collection::<Watch>());
    watches.put(&tenant, &id, &watch, Expected::Any).await?;
    Ok(Json(watch))
}
