//! Runs jobs when they are due, each time in one process.
//!
//! A job is a record with the time it is next due, and a lease for the process that runs it. A process that dies meanwhile loses
//! the lease, and another runs the job again. Times that passed while nobody was up are made up for once.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use model::{Tenant, Timestamp};
use records::{Document, Expected, Key, Lease, Record, RecordId, Records};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::context::PluginContext;
use crate::job::Job;
use crate::plugin::{PluginError, Shutdown};

/// How often the records are asked whether a job is due, at least.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A process that dies holds its job up for so long.
const LEASE: Duration = Duration::from_secs(60);
/// The lease of a running job is taken again so often.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// A job as the records know it; `system.jobs` in SQL, in the tenant `system`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JobState {
    plugin: String,
    job: String,
    /// When it is due next, in nanoseconds since 1970.
    due: Option<i64>,
    runs: u64,
    failures: u64,
    last_started: Option<i64>,
    last_took_ms: Option<u64>,
    last_error: Option<String>,
}

impl Document for JobState {
    const COLLECTION: &'static str = "system.jobs";
    const KEYS: &'static [Key] = &[Key::lookup("plugin")];
}

/// Runs one job of a plugin at its times, until `shutdown`.
pub(crate) async fn run_at_its_times(
    plugin: &'static str,
    job: Job,
    context: PluginContext,
    shutdown: Shutdown,
) -> Result<(), PluginError> {
    let id = RecordId::new(format!("{plugin}.{}", job.name))?;
    let worker = Worker { id, plugin, job, context };
    loop {
        let pause = worker.look(&shutdown).await?;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Worker {
    id: RecordId,
    plugin: &'static str,
    job: Job,
    context: PluginContext,
}

impl Worker {
    /// Runs the job if it is due, and says when to look again.
    async fn look(&self, shutdown: &Shutdown) -> Result<Duration, PluginError> {
        let state = self.state().await?;
        let Some(due) = state.body.due else { return Ok(LOOK_EVERY) };
        let now = now();
        if due > now.0 {
            let until_due = Duration::from_nanos(due.abs_diff(now.0));
            return Ok(until_due.min(LOOK_EVERY));
        }
        if let Some(lease) = self.lease().await? {
            self.run_with(lease, shutdown).await?;
        }
        Ok(LOOK_EVERY)
    }

    /// What the records know of the job; known from now on if they did not.
    async fn state(&self) -> Result<Record<JobState>, PluginError> {
        let jobs = self.records().collection::<JobState>();
        if let Some(state) = jobs.get(&Tenant::system(), &self.id).await? {
            return Ok(state);
        }
        let new = JobState {
            plugin: self.plugin.to_owned(),
            job: self.job.name.to_owned(),
            due: self.next_due(),
            runs: 0,
            failures: 0,
            last_started: None,
            last_took_ms: None,
            last_error: None,
        };
        match jobs.put(&Tenant::system(), &self.id, &new, Expected::Absent).await {
            // Another process was faster.
            Ok(_) | Err(records::Error::Conflict { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
        let state = jobs.get(&Tenant::system(), &self.id).await?;
        state.ok_or_else(|| format!("the job {} is not in the records, though it was put there", self.id).into())
    }

    /// Runs the job, unless another process did so since it was looked at.
    async fn run_with(&self, lease: Lease, shutdown: &Shutdown) -> Result<(), PluginError> {
        let state = self.state().await?;
        let is_due = state.body.due.is_some_and(|due| due <= now().0);
        let ran = if is_due { Some(self.run(shutdown).await?) } else { None };
        if let Some(ran) = ran {
            self.write_down(&lease, state, ran).await?;
        }
        Ok(self.records().release(&lease).await?)
    }

    async fn run(&self, shutdown: &Shutdown) -> Result<Ran, PluginError> {
        let (started, began) = (now(), Instant::now());
        let running = AssertUnwindSafe(self.job.run(self.context.clone())).catch_unwind();
        tokio::pin!(running);
        let outcome = loop {
            tokio::select! {
                outcome = &mut running => break outcome,
                () = shutdown.cancelled() => return Err("it was stopped in the middle, and runs again".into()),
                () = tokio::time::sleep(RENEW_EVERY) => {
                    self.lease().await?.ok_or("its lease was lost to another process, which runs it again")?;
                }
            }
        };
        let error = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(cause)) => Some(cause.to_string()),
            Err(_) => Some("it panicked".to_owned()),
        };
        if let Some(error) = &error {
            tracing::error!(job = %self.id, error, "a job has failed, it is tried again at its next time");
        }
        Ok(Ran { started, took: began.elapsed(), error })
    }

    async fn write_down(&self, lease: &Lease, state: Record<JobState>, ran: Ran) -> Result<(), PluginError> {
        let mut body = state.body;
        body.runs += 1;
        body.failures += u64::from(ran.error.is_some());
        body.due = self.next_due();
        body.last_started = Some(ran.started.0);
        body.last_took_ms = u64::try_from(ran.took.as_millis()).ok();
        body.last_error = ran.error;
        let (body, expected) = (&body, Expected::Version(state.version));
        let written = self.records().transaction(|transaction| async move {
            transaction.hold(lease).await?;
            let jobs = transaction.collection::<JobState>();
            jobs.put(&Tenant::system(), &self.id, body, expected).await
        });
        written.await?;
        Ok(())
    }

    async fn lease(&self) -> Result<Option<Lease>, records::Error> {
        self.records().lease(&format!("job/{}", self.id), &self.context.process, LEASE, now()).await
    }

    fn next_due(&self) -> Option<i64> {
        let next = self.job.schedule.next_after(OffsetDateTime::now_utc())?;
        i64::try_from(next.unix_timestamp_nanos()).ok()
    }

    fn records(&self) -> &Records {
        &self.context.records
    }
}

/// How a job went.
struct Ran {
    started: Timestamp,
    took: Duration,
    error: Option<String>,
}

fn now() -> Timestamp {
    let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
    Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX))
}
