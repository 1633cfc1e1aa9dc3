//! The accidents the shop can have, and what each does to the numbers.
//! All of it follows from the time alone, so a fault looks the same however the time is cut into steps.

use std::str::FromStr;
use std::time::Duration;

use anyhow::anyhow;
use clap::ValueEnum;

use super::topology::{Cause, Service, Store};
use super::traffic::{MILLISECOND, SECOND};

/// How long the shop is well before its faults set in unless it is said, so that the data holds something to compare with.
pub const HEALTHY_FOR: Duration = Duration::from_secs(60);

/// How long the leak takes to fill the memory limit of a fresh process.
const LEAK_FILLS_IN: u64 = 240 * SECOND;
/// How long a process killed for its memory is away.
const RESTART_TAKES: u64 = 25 * SECOND;
/// Processes of one service leak at different speeds at first, so they do not all die at once.
const LEAK_STAGGER: u64 = 90 * SECOND;
/// Time between two pods of a rolling deploy.
const DEPLOY_STAGGER: u64 = 20 * SECOND;

/// Something that goes wrong in the shop, some time after it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// PostgreSQL answers many times slower; statements time out and callers wait.
    SlowDatabase,
    /// The card processor fails most charges; orders fail up to the visitor.
    FailingPayment,
    /// A new version of the catalog is rolled out: slower, and it fails one call in four.
    BadDeploy,
    /// The recommendation service leaks memory until it is killed, again and again.
    MemoryLeak,
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        <Self as ValueEnum>::from_str(name, false).map_err(|_| anyhow!("unknown fault {name:?}"))
    }
}

/// One life of a process: from its start until it is killed, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) generation: u16,
    pub(super) since: u64,
    pub(super) killed_at: Option<u64>,
}

/// The faults of one shop, with the moment they set in.
#[derive(Debug)]
pub(super) struct Faults {
    active: Vec<Fault>,
    opened: u64,
    begin: u64,
}

impl Faults {
    pub(super) fn new(active: &[Fault], opened: u64, healthy_for: Duration) -> Self {
        Self { active: active.to_vec(), opened, begin: opened + healthy_for.as_nanos() as u64 }
    }

    fn on(&self, fault: Fault, at: u64) -> bool {
        at >= self.begin && self.active.contains(&fault)
    }

    /// How many times slower a statement is than on a good day.
    pub(super) fn statement_factor(&self, store: Store, at: u64) -> f64 {
        if store == Store::Postgresql && self.on(Fault::SlowDatabase, at) { 25.0 } else { 1.0 }
    }

    /// How likely the card processor fails, and how many times slower it answers.
    pub(super) fn third_party(&self, at: u64) -> (f64, f64) {
        if self.on(Fault::FailingPayment, at) { (0.65, 3.0) } else { (0.004, 1.0) }
    }

    /// How many times slower a service's own code runs in this life.
    pub(super) fn own_factor(&self, service: Service, life: Life, at: u64) -> f64 {
        if self.runs_bad_version(service, life) {
            return 4.0;
        }
        // Collecting garbage takes ever more of the time as memory runs out.
        1.0 + 3.0 * self.leaked_share(life, at).powi(4)
    }

    /// What a service's own defects do to one operation on top of the usual.
    pub(super) fn extra_failure(&self, service: Service, life: Life) -> Option<(f64, Cause)> {
        self.runs_bad_version(service, life).then_some((0.25, Cause::Bug))
    }

    /// The version a process of this service runs, where the fault changes it.
    pub(super) fn runs_bad_version(&self, service: Service, life: Life) -> bool {
        service == Service::Catalog && life.generation > 0 && self.active.contains(&Fault::BadDeploy)
    }

    /// The part of its memory limit a process has lost to the leak, 0 to 1.
    pub(super) fn leaked_share(&self, life: Life, at: u64) -> f64 {
        let Some(killed_at) = life.killed_at else { return 0.0 };
        let leaking_since = life.since.max(self.begin);
        let leaked = at.saturating_sub(leaking_since) as f64 / (killed_at - leaking_since) as f64;
        leaked.min(1.0)
    }

    /// The life of the `ordinal`th process of a service at this time; nothing while it is down.
    pub(super) fn life(&self, service: Service, ordinal: u16, at: u64) -> Option<Life> {
        match service {
            Service::Catalog if self.active.contains(&Fault::BadDeploy) => Some(self.deployed_life(ordinal, at)),
            Service::Recommendation if self.active.contains(&Fault::MemoryLeak) => self.leaking_life(ordinal, at),
            _ => Some(Life { generation: 0, since: self.opened, killed_at: None }),
        }
    }

    fn deployed_life(&self, ordinal: u16, at: u64) -> Life {
        let deployed_at = self.begin + u64::from(ordinal) * DEPLOY_STAGGER;
        let (generation, since) = if at < deployed_at { (0, self.opened) } else { (1, deployed_at) };
        Life { generation, since, killed_at: None }
    }

    fn leaking_life(&self, ordinal: u16, at: u64) -> Option<Life> {
        let first_death = self.begin + LEAK_FILLS_IN + u64::from(ordinal) * LEAK_STAGGER;
        if at < first_death {
            return Some(Life { generation: 0, since: self.opened, killed_at: Some(first_death) });
        }
        let cycle = RESTART_TAKES + LEAK_FILLS_IN;
        let deaths_before = (at - first_death) / cycle;
        let since = first_death + deaths_before * cycle + RESTART_TAKES;
        let generation = u16::try_from(deaths_before + 1).unwrap_or(u16::MAX);
        (at >= since).then_some(Life { generation, since, killed_at: Some(since + LEAK_FILLS_IN) })
    }
}

/// A statement is given up after this long.
pub(super) const STATEMENT_TIMEOUT: u64 = 3_000 * MILLISECOND;
