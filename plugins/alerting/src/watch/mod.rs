//! Watches the rules of all tenants: evaluates each when it is due, and writes what becomes of its alerts.
//!
//! Of all processes that share the records one watches: who has the lease. Every change is written under that lease, so two that both
//! believe they have it never both fire an alert. What is pending or firing is in the records and outlives whoever watched.

mod change;
mod due;
mod keeper;
mod load;
mod progress;
mod round;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Lease, RecordId};
use plugin::{PluginContext, PluginError, Shutdown};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

pub(crate) use self::change::is_passing;
use self::due::{Due, MADE_UP_MAX, PAUSE_MIN};
use self::keeper::Keeper;
use self::round::Round;
use crate::alert::{Alert, AlertState};
use crate::config::Config;
use crate::evaluate::Evaluator;
use crate::files::Seen;
use crate::notify;
use crate::rule::{Condition, Rule};
use crate::stored::Progress;
use crate::telemetry::Standing;

const LEASE_NAME: &str = "alerting.watch";
/// A watcher that dies is followed by another after so long.
const LEASE: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// How often it is looked whether rules were changed, and whether the lease is free.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is written how far rules were evaluated.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Watches until `shutdown`, whenever no other process does.
pub(crate) async fn run(
    context: PluginContext,
    config: Config,
    notifications: notify::Desk,
    shutdown: Shutdown,
) -> Result<(), PluginError> {
    // The fence of the lease that was lost, until it is known who has it.
    let mut lost = None;
    while !shutdown.is_cancelled() {
        // While records are away others tell so, and the plugin is well.
        let leased = match context.records.lease(LEASE_NAME, &context.process, LEASE, now()).await {
            Err(cause) if is_passing(&cause) => None,
            leased => {
                if leased.as_ref().is_ok_and(Option::is_none) && lost.take().is_some() {
                    tracing::warn!("another process watches the rules now");
                }
                leased?
            }
        };
        if let Some(lease) = leased {
            let fence = lease.fence;
            if let Some(lost) = lost.take() {
                tracing::info!("this process has the lease to watch the rules again{}", meanwhile(lost, fence));
            }
            let led = match Watch::begin(&context, &config, &notifications, lease).await {
                Ok(watch) => watch.lead(&shutdown).await,
                Err(cause) => Err(cause),
            };
            notifications.counters.watches(None);
            match led {
                Err(Error::Stale { .. }) => {
                    tracing::warn!("the lease to watch the rules ran out, or another process has taken it");
                    lost = Some(fence);
                }
                Err(cause) if is_passing(&cause) => {
                    tracing::warn!(%cause, "rules are not watched until the records can be written again");
                    lost = Some(fence);
                }
                ended => ended?,
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    Ok(())
}

/// Each time the lease is taken its fence is one greater.
fn meanwhile(lost: u64, fence: u64) -> &'static str {
    if fence == lost + 1 { "; no other had it meanwhile" } else { "" }
}

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    (plugin::hub::system_clock())()
}

/// Evaluations that may wait for one another. A slow statement holds up statements, and never a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lane {
    Measures,
    Statements,
}

impl Lane {
    const ALL: [Self; 2] = [Self::Measures, Self::Statements];

    const fn name(self) -> &'static str {
        match self {
            Self::Measures => "measures",
            Self::Statements => "statements",
        }
    }

    fn of(rule: &Rule) -> Self {
        match rule.condition {
            Condition::Measure(_) => Self::Measures,
            Condition::Sql(_) | Condition::Promql(_) | Condition::SloBurn(_) => Self::Statements,
        }
    }
}

/// An alert with its place in the records.
#[derive(Clone, Debug)]
struct Kept {
    id: RecordId,
    alert: Alert,
}

/// A rule that is watched.
#[derive(Debug)]
struct Watched {
    rule: Arc<Rule>,
    due: Due,
    /// As of when it is being evaluated; none when that is done and written.
    under_way: Option<i64>,
    /// Pending or firing.
    alerts: Vec<Kept>,
    /// Whether there has ever been something to look at.
    had_data: bool,
    error: Option<String>,
}

/// The rules of one tenant.
#[derive(Debug, Default)]
struct OfTenant {
    revision: u64,
    rules: BTreeMap<String, Watched>,
    /// Up to here a pause is made up for.
    made_up_until: i64,
    /// How far its rules are evaluated, as the records have it.
    written: Progress,
}

/// The process that watches.
struct Watch<'a> {
    context: &'a PluginContext,
    config: &'a Config,
    notifications: &'a notify::Desk,
    evaluators: HashMap<Lane, Evaluator>,
    lease: Lease,
    keeper: Keeper,
    tenants: BTreeMap<Tenant, OfTenant>,
    running: JoinSet<Round>,
    busy: Vec<(Tenant, Lane)>,
    seen: Seen,
    /// Why the directory cannot be read; told once.
    unreadable: Option<String>,
}

impl<'a> Watch<'a> {
    async fn begin(
        context: &'a PluginContext,
        config: &'a Config,
        notifications: &'a notify::Desk,
        lease: Lease,
    ) -> Result<Self, Error> {
        let evaluators = Lane::ALL.map(|lane| (lane, Evaluator::new(&context.engine, config))).into();
        let mut watch = Self {
            context,
            config,
            notifications,
            evaluators,
            keeper: Keeper::of(context, &lease),
            lease,
            tenants: BTreeMap::new(),
            running: JoinSet::new(),
            busy: Vec::new(),
            seen: Seen::default(),
            unreadable: None,
        };
        watch.read_files().await?;
        watch.load(now().0).await?;
        tracing::info!(tenants = watch.tenants.len(), "this process watches the rules");
        Ok(watch)
    }

    /// Evaluates what is due until `shutdown`, or until the lease is lost.
    async fn lead(mut self, shutdown: &Shutdown) -> Result<(), Error> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut progress = tokio::time::interval(PROGRESS_EVERY);
        while !shutdown.is_cancelled() {
            self.start_rounds(now().0);
            let until_next_due = self.until_next_due(now().0);
            tokio::select! {
                Some(round) = self.running.join_next() => self.finish(round.expect("an evaluation does not panic")).await?,
                () = self.keeper.lost.cancelled() => {
                    return Err(Error::Stale { what: LEASE_NAME.to_owned(), fence: self.lease.fence });
                }
                _ = look.tick() => {
                    self.read_files().await?;
                    self.load(now().0).await?;
                }
                _ = progress.tick() => {
                    self.write_progress().await?;
                    self.notifications.counters.watches(Some(self.standing()));
                }
                () = tokio::time::sleep(until_next_due) => {}
                () = shutdown.cancelled() => {}
            }
        }
        self.write_progress().await?;
        // Or it would be taken again behind the release.
        drop(self.keeper);
        self.context.records.release(&self.lease).await
    }

    /// What is watched now.
    fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        for watched in self.tenants.values().flat_map(|of| of.rules.values()) {
            standing.rules += 1;
            let firing = watched.alerts.iter().filter(|kept| kept.alert.state == AlertState::Firing).count();
            standing.firing += firing;
            standing.pending += watched.alerts.len() - firing;
        }
        standing
    }

    /// How long nothing is due; lanes that are busy are looked at again when they are done.
    fn until_next_due(&self, now: i64) -> Duration {
        let idle = self.tenants.iter().flat_map(|(tenant, of)| {
            let is_idle = |watched: &&Watched| watched.rule.enabled && !self.is_busy(tenant, Lane::of(&watched.rule));
            of.rules.values().filter(is_idle).map(|watched| watched.due.at)
        });
        let next = idle.min().unwrap_or(i64::MAX).saturating_sub(now);
        Duration::from_nanos(u64::try_from(next).unwrap_or(0)).min(LOOK_EVERY)
    }

    fn is_busy(&self, tenant: &Tenant, lane: Lane) -> bool {
        self.busy.iter().any(|(busy, of)| busy == tenant && *of == lane)
    }
}
