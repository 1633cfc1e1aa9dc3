//! Patterns of log records: learnt while records arrive, counted, and kept in the records of the platform.
//!
//! Every process learns what arrives at it, beginning with what all have learnt before, and adds what it has counted
//! to `apm.patterns` every few seconds and at its end. A crash loses the counts of the last seconds, never more.
//! Where room is short, patterns that are not seen any more leave the memory of the process; the records keep them.

mod counted;
mod list;
mod severities;
mod stored;
mod telemetry;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use plugin::model::patterns::{OTHER, PATTERNS_MAX, PatternId};
use plugin::model::{Signal, Tenant};
use plugin::query::{Committed, Event};
use plugin::records::Records;
use plugin::{Failure, Job, PluginContext, PluginError, Schedule, Shutdown};
use time::OffsetDateTime;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::counted::Learnt;
pub(crate) use self::stored::StoredPattern;
use self::stored::Wanted;
use crate::logs::filter::OfPattern;

/// What was counted is written so often.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// Requests that are still learnt when the process ends.
const LAST_REQUESTS_MAX: usize = 1024;
/// Tenants whose records one process learns.
const TENANTS_MAX: usize = 1000;
/// Services of a tenant with patterns of their own; the others are one service, `(other)`.
const SERVICES_MAX: usize = 100;
/// Longest name of a service with patterns of its own, in bytes.
const SERVICE_BYTES_MAX: usize = 256;
/// Patterns of a tenant that one process knows.
const PATTERNS_OF_TENANT_MAX: usize = 10_000;
/// Patterns that one process knows, of all tenants.
const PATTERNS_OF_PROCESS_MAX: usize = 100_000;
/// Patterns of a tenant that no others can take the room of.
const PATTERNS_OF_TENANT_MIN: usize = 100;
/// A pattern that was not seen for so long leaves the process where an eighth of its room is not free any more.
const UNSEEN_AFTER: Duration = Duration::from_secs(3600);
/// Patterns a service begins with, those that were seen last: some room is for new ones.
const PATTERNS_BEGUN_WITH_MAX: usize = PATTERNS_MAX / 4 * 3;
/// What is kept of an example, in characters.
const EXAMPLE_CHARACTERS_MAX: usize = 1000;
/// A pattern that was not seen for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 86_400);

const NANOS_A_SECOND: i64 = 1_000_000_000;

/// The routes below `/logs/patterns`.
pub(crate) fn routes(context: PluginContext) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list::list)).with_state(context)
}

/// What records of the pattern are like, or of what it has become part of.
///
/// # Errors
/// When there is none of that id, or it is that of all lines that fit none.
pub(crate) async fn of_id(records: &Records, tenant: &Tenant, id: &str) -> Result<OfPattern, Failure> {
    let id = id.parse::<PatternId>().map_err(|cause| Failure::invalid(format!("'pattern': {cause}")))?;
    let found = stored::find(records, tenant, id).await?.ok_or_else(|| {
        let failure = Failure::not_found(format!("there is no pattern '{id}'"));
        failure.hinting("ids are those of /logs/patterns; new ones can be asked for some seconds later")
    })?;
    if found.template == OTHER {
        let failure = Failure::invalid(format!("the pattern '{id}' is of all lines that fit no other"));
        return Err(failure.hinting("these have nothing in common that could be looked for"));
    }
    let service = Some(found.service).filter(|service| service != OTHER);
    Ok(OfPattern { service, template: found.template })
}

/// What is due at times of its own.
pub(crate) fn jobs() -> Vec<Job> {
    vec![Job::new("forget_patterns", Schedule::Every(Duration::from_secs(3600)), |context: PluginContext| async move {
        let before = OffsetDateTime::now_utc() - FORGOTTEN_AFTER;
        let before = i64::try_from(before.unix_timestamp_nanos())?;
        let forgotten = stored::forget(&context.records, before).await?;
        tracing::debug!(forgotten, "apm.forget_patterns");
        Ok(())
    })]
}

/// Learns log records as they arrive, until `shutdown`.
pub(crate) async fn run(context: &PluginContext, shutdown: &Shutdown) -> Result<(), PluginError> {
    let counters = telemetry::Counters::new(OffsetDateTime::now_utc());
    let (learnt, missed) = (Arc::default(), Mutex::default());
    let learner = Learner { records: context.records.clone(), learnt, missed, counters };
    let ended = shutdown.child_token();
    let learn = async {
        let learnt = learner.learn_all(context, &ended).await;
        ended.cancel();
        learnt
    };
    let write = async {
        while ended.run_until_cancelled(tokio::time::sleep(WRITE_EVERY)).await.is_some() {
            learner.write().await;
            learner.make_room();
            learner.counters.write(context, OffsetDateTime::now_utc()).await;
        }
    };
    let (learnt, ()) = futures::join!(learn, write);
    learner.write().await;
    learnt
}

/// Seconds since 1970.
fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn unseen_seconds() -> i64 {
    UNSEEN_AFTER.as_secs().cast_signed()
}

/// Learns in one place and writes in another.
#[derive(Debug)]
struct Learner {
    records: Records,
    learnt: Arc<Mutex<Learnt>>,
    missed: Mutex<Missed>,
    counters: telemetry::Counters,
}

/// What was not learnt since this was last told.
#[derive(Debug, Default)]
struct Missed {
    /// Requests that went by while others were learnt.
    requests: u64,
    /// Log records of tenants and services that there is no room for, or while the records did not answer.
    rows: u64,
}

impl Learner {
    async fn learn_all(&self, context: &PluginContext, ended: &Shutdown) -> Result<(), PluginError> {
        let mut logs = context.subscribe(&[Signal::Logs]);
        while let Some(Some(event)) = ended.run_until_cancelled(logs.next()).await {
            self.hear(event).await?;
        }
        // What was acknowledged before the end is learnt as well.
        for _ in 0..LAST_REQUESTS_MAX {
            let Some(Some(event)) = logs.next().now_or_never() else { break };
            self.hear(event).await?;
        }
        Ok(())
    }

    async fn hear(&self, event: Event) -> Result<(), PluginError> {
        match event {
            Event::Rows(committed) => self.learn(committed).await,
            Event::Missed(requests) => {
                self.missed.lock().requests += requests;
                Ok(())
            }
        }
    }

    async fn learn(&self, committed: Arc<Committed>) -> Result<(), PluginError> {
        let unheard = self.learnt.lock().unheard(&committed.tenant, &committed.batches);
        for service in unheard {
            // Its records are missed when this fails; the next ones try again.
            if let Err(cause) = self.begin(&committed.tenant, &service).await {
                tracing::warn!(cause = %cause, "patterns of a service cannot be read");
            }
        }
        let learnt = Arc::clone(&self.learnt);
        let learn = move || learnt.lock().learn(&committed.tenant, &committed.batches, now());
        let missed = tokio::task::spawn_blocking(learn).await?;
        self.missed.lock().rows += missed;
        Ok(())
    }

    /// Takes over what all processes know of a service.
    async fn begin(&self, tenant: &Tenant, service: &str) -> Result<(), PluginError> {
        // What was forgotten for want of room does not come back with what somebody else has found.
        let unseen = (now() - unseen_seconds()) * NANOS_A_SECOND;
        let since = self.learnt.lock().is_short(tenant, service).then_some(unseen);
        let wanted = Wanted { service: Some(service), since, patterns_max: PATTERNS_BEGUN_WITH_MAX };
        let patterns = stored::patterns(&self.records, tenant, wanted).await?;
        self.learnt.lock().know(tenant, service, patterns.iter().filter_map(stored::known), now());
        Ok(())
    }

    fn make_room(&self) {
        let mut learnt = self.learnt.lock();
        let forgotten = learnt.make_room(now() - unseen_seconds());
        if forgotten > 0 {
            tracing::info!(forgotten, "patterns that are not seen any more are forgotten, room for others was short");
        }
        self.counters.know(learnt.patterns(), forgotten);
    }

    /// Adds what was counted to the records; what fails is tried again the next time.
    async fn write(&self) {
        let Missed { requests, rows } = std::mem::take(&mut *self.missed.lock());
        if requests + rows > 0 {
            tracing::warn!(requests, rows, "log records went by, their patterns are not counted");
        }
        let changed = self.learnt.lock().changed();
        for (tenant, service, is_new) in changed {
            if let Err(cause) = self.write_one(&tenant, &service, is_new).await {
                tracing::warn!(%tenant, cause = %cause, "patterns cannot be written, they are kept and tried again");
            }
        }
    }

    async fn write_one(&self, tenant: &Tenant, service: &str, is_new: bool) -> Result<(), PluginError> {
        if is_new {
            // Somebody else may have found them, or more general ones.
            self.begin(tenant, service).await?;
        }
        let portion = self.learnt.lock().take(tenant, service);
        let Some(mut portion) = portion else { return Ok(()) };
        let ids: Vec<PatternId> = portion.counts.iter().map(|(id, _, _)| *id).collect();
        let written = stored::write(&self.records, &mut portion).await;
        self.learnt.lock().give_back(portion, &ids);
        written
    }
}
