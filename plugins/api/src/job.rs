//! Work that is due at times of its own.
//!
//! Of all processes that share the records one does it: who takes the lease of the job and of the time it was due.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use time::OffsetDateTime;

use crate::context::PluginContext;
use crate::plugin::PluginError;

type Work = dyn Fn(PluginContext) -> Pin<Box<dyn Future<Output = Result<(), PluginError>> + Send>> + Send + Sync;

/// A job and when it is due.
#[derive(Clone)]
pub struct Job {
    pub(crate) name: &'static str,
    pub(crate) schedule: Schedule,
    work: Arc<Work>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("name", &self.name).field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Job {
    /// A job of this name, which is unique within its plugin.
    pub fn new<F>(
        name: &'static str,
        schedule: Schedule,
        work: impl Fn(PluginContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), PluginError>> + Send + 'static,
    {
        Self { name, schedule, work: Arc::new(move |context| Box::pin(work(context))) }
    }

    pub(crate) async fn run(&self, context: PluginContext) -> Result<(), PluginError> {
        (self.work)(context).await
    }
}

/// When a job is due.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// So often, counted from 1970: every process sees the same times.
    Every(Duration),
    /// At the times of a cron pattern of five fields, in UTC.
    Cron(Box<Cron>),
}

/// The pattern cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("'{pattern}' is not a cron pattern of five fields (minute hour day month weekday): {reason}")]
pub struct InvalidSchedule {
    pattern: String,
    reason: String,
}

impl Schedule {
    /// A pattern as in `30 2 * * 0`: Sundays at 02:30, UTC.
    pub fn cron(pattern: &str) -> Result<Self, InvalidSchedule> {
        let cron = Cron::from_str(pattern);
        let cron = cron.map_err(|cause| InvalidSchedule { pattern: pattern.to_owned(), reason: cause.to_string() })?;
        Ok(Self::Cron(Box::new(cron)))
    }

    /// The next time it is due after this one; `None` when it never is again.
    pub(crate) fn next_after(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Schedule::Every(every) => {
                let every = i128::try_from(every.as_nanos()).ok().filter(|nanos| *nanos > 0)?;
                let next = (now.unix_timestamp_nanos().div_euclid(every) + 1) * every;
                OffsetDateTime::from_unix_timestamp_nanos(next).ok()
            }
            Schedule::Cron(cron) => {
                let now = chrono::DateTime::from_timestamp(now.unix_timestamp(), now.nanosecond())?;
                let next = cron.find_next_occurrence(&now, false).ok()?;
                OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn check(schedule: &Schedule, now: OffsetDateTime, expected: OffsetDateTime) {
        assert_eq!(schedule.next_after(now), Some(expected), "{schedule:?} after {now}");
    }

    #[test]
    fn every_process_sees_the_same_times() {
        let every = Schedule::Every(Duration::from_secs(30));

        check(&every, datetime!(2026-11-25 10:00:01 UTC), datetime!(2026-11-25 10:00:30 UTC));
        check(&every, datetime!(2026-11-25 10:00:30 UTC), datetime!(2026-11-25 10:01:00 UTC));
    }

    #[test]
    fn a_cron_pattern_is_read_in_utc() {
        let sundays = Schedule::cron("30 2 * * 0").expect("a pattern");

        check(&sundays, datetime!(2026-11-25 10:00 UTC), datetime!(2026-11-29 02:30 UTC));
        check(&sundays, datetime!(2026-11-29 02:30 UTC), datetime!(2026-12-06 02:30 UTC));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let refused = Schedule::cron("at noon").expect_err("no pattern");

        assert!(refused.to_string().contains("'at noon'"), "{refused}");
    }
}
