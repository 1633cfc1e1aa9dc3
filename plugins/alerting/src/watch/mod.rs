//! Watches the rules of all tenants: evaluates each when it is due, and writes what becomes of its alerts.
//!
//! Of all processes that share the records one watches: who has the lease. Every change is written under that lease, so two that both
//! believe they have it never both fire an alert. What is pending or firing is in the records and outlives whoever watched.

mod change;
mod due;
mod keeper;
mod load;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Lease, RecordId};
use plugin::{PluginContext, PluginError, Shutdown};
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

pub(crate) use self::change::is_passing;
use self::due::{Due, MADE_UP_MAX, PAUSE_MIN};
use self::keeper::Keeper;
pub(crate) use self::load::{all_of, everywhere};
use crate::alert::{Alert, AlertState};
use crate::config::Config;
use crate::evaluate::{Evaluated, Evaluator};
use crate::files::Seen;
use crate::rule::{Condition, Rule};
use crate::telemetry::{self, Standing};
use crate::{notify, state};

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
    while !shutdown.is_cancelled() {
        if let Some(lease) = context.records.lease(LEASE_NAME, &context.process, LEASE, now()).await? {
            let led = Watch::begin(&context, &config, &notifications, lease).await?.lead(&shutdown).await;
            notifications.counters.watches(None);
            match led {
                Err(Error::Stale { .. }) => tracing::warn!("another process watches the rules now"),
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

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    (plugin::hub::system_clock())()
}

/// Evaluations that may wait for one another. A slow statement holds up statements, and never a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
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
    progress: i64,
}

/// What came of one round of one lane.
struct Round {
    tenant: Tenant,
    lane: Lane,
    at: i64,
    told: Vec<(Arc<Rule>, Evaluated)>,
    span: Span,
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

    /// Starts a round of every lane that is idle and has rules that are due: those that are due longest, together.
    fn start_rounds(&mut self, now: i64) {
        let tenants: Vec<Tenant> = self.tenants.keys().cloned().collect();
        for tenant in tenants {
            for lane in Lane::ALL {
                if !self.is_busy(&tenant, lane) {
                    self.start_round(tenant.clone(), lane, now);
                }
            }
        }
    }

    fn start_round(&mut self, tenant: Tenant, lane: Lane, now: i64) {
        let Some(of_tenant) = self.tenants.get_mut(&tenant) else { return };
        let mut due: BTreeMap<i64, Vec<&mut Watched>> = BTreeMap::new();
        let is_of_lane = |watched: &&mut Watched| watched.rule.enabled && Lane::of(&watched.rule) == lane;
        for watched in of_tenant.rules.values_mut().filter(is_of_lane) {
            watched.due = watched.due.within_reach(now);
            if watched.due.is_now(now) {
                due.entry(watched.due.at).or_default().push(watched);
            }
        }
        let Some((at, watched)) = due.into_iter().next() else { return };
        self.notifications.counters.began_late(now - at);
        let mut rules = Vec::with_capacity(watched.len());
        for watched in watched {
            watched.due = watched.due.next(now, of_tenant.made_up_until);
            rules.push(Arc::clone(&watched.rule));
        }
        self.busy.push((tenant.clone(), lane));
        let evaluator = self.evaluators[&lane].clone();
        let span = telemetry::evaluate(&tenant, lane.name(), rules.len());
        let of_round = span.clone();
        let round = async move {
            let began = Instant::now();
            let evaluated = evaluator.evaluate(&tenant, &rules, Timestamp(at)).await;
            telemetry::evaluated(&of_round, began.elapsed());
            Round { tenant, lane, at, told: rules.into_iter().zip(evaluated).collect(), span: of_round }
        };
        self.running.spawn(round.instrument(span));
    }

    /// Writes what a round came to.
    async fn finish(&mut self, round: Round) -> Result<(), Error> {
        let Round { tenant, lane, at, told, span } = round;
        self.busy.retain(|busy| *busy != (tenant.clone(), lane));
        let failed = told.iter().filter(|(_, evaluated)| evaluated.error.is_some()).count();
        self.notifications.counters.evaluated(told.len(), failed);
        let mut changes = Vec::new();
        let Some(of_tenant) = self.tenants.get_mut(&tenant) else { return Ok(()) };
        let mut health = Vec::new();
        for (rule, evaluated) in told {
            // It may have been changed or removed while it was evaluated.
            let Some(watched) = of_tenant.rules.get_mut(&rule.name).filter(|watched| Arc::ptr_eq(&watched.rule, &rule))
            else {
                continue;
            };
            let error = evaluated.error.map(|error| error.to_string());
            if error.is_some() != watched.error.is_some() {
                health.push((rule.name.clone(), error.clone()));
            }
            watched.error = error;
            let outcome = watched.with_history(evaluated.outcome);
            let active: Vec<Alert> = watched.alerts.iter().map(|kept| kept.alert.clone()).collect();
            for (alert, change) in state::step(&rule, self.config.alerts_per_rule_max, &active, &outcome, at) {
                changes.push((Arc::clone(&rule), alert, change));
            }
        }
        of_tenant.progress = of_tenant.progress.max(at);
        telemetry::changed(&span, changes.len(), failed);
        let write = async {
            self.write_health(&tenant, health, at).await?;
            self.write_changes(&tenant, lane, changes, at).await
        };
        write.instrument(span).await
    }
}

impl Watched {
    /// What never had anything to look at is not missing anything.
    fn with_history(&mut self, outcome: state::Outcome) -> state::Outcome {
        match outcome {
            state::Outcome::Rows { rows, saw_data } => {
                let had_data = self.had_data;
                self.had_data |= saw_data;
                state::Outcome::Rows { rows, saw_data: saw_data || !had_data }
            }
            failed => failed,
        }
    }
}
