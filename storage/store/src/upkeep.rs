//! The work that keeps a store fast and no larger than it has to be: merging, deleting, expiring, checking.
//!
//! It is done in bounded pieces, gives way to everything else, and says what it did.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{Dataset, Tenant, TimeRange};

use crate::StoreError;

/// How often work that gives way looks whether it may go on.
const GATE_LOOK: Duration = Duration::from_millis(200);

/// Whether upkeep may work now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// Others need the machine, or it is not the hour; work that has begun waits, none begins.
    Busy,
    /// The process ends: work that has begun gives up.
    Closing,
}

/// How much of the machine upkeep may use, asked again and again while it works. Cheap to clone.
#[derive(Clone)]
pub struct Pace {
    core_share: f64,
    gate: Arc<dyn Fn() -> Gate + Send + Sync>,
}

/// Upkeep gave up in the middle, because the process ends. Nothing is lost: the work is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing;

impl Pace {
    /// Works for at most this share of a core (above 0, at most 1), while the gate is open.
    pub fn new(core_share: f64, gate: impl Fn() -> Gate + Send + Sync + 'static) -> Self {
        Self { core_share: core_share.clamp(0.001, 1.0), gate: Arc::new(gate) }
    }

    /// As fast as one core can, for tests and for people who wait for it.
    pub fn full() -> Self {
        Self::new(1.0, || Gate::Open)
    }

    /// Whether to begin something now.
    pub fn gate(&self) -> Gate {
        (self.gate)()
    }

    /// Rests after so much work, and until the gate is open.
    pub async fn rest(&self, worked: Duration) -> Result<(), Closing> {
        let pause = worked.mul_f64(1.0 / self.core_share - 1.0);
        match pause.is_zero() {
            true => tokio::task::yield_now().await,
            false => tokio::time::sleep(pause).await,
        }
        loop {
            match self.gate() {
                Gate::Open => return Ok(()),
                Gate::Busy => tokio::time::sleep(GATE_LOOK).await,
                Gate::Closing => return Err(Closing),
            }
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("core_share", &self.core_share).field("gate", &self.gate()).finish()
    }
}

/// A kind of upkeep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Makes few large parts of many small ones.
    Compact,
    /// Takes rows out that are older than they have to be kept.
    Expire,
    /// Deletes what is no longer part of the store, when nobody reads it any more.
    Delete,
    /// Deletes what a crash left behind and nobody knows.
    Sweep,
    /// Looks at a part that could not be read.
    Verify,
}

impl Job {
    /// Its name in `system.maintenance`.
    pub fn name(self) -> &'static str {
        match self {
            Job::Compact => "compact",
            Job::Expire => "expire",
            Job::Delete => "delete",
            Job::Sweep => "sweep",
            Job::Verify => "verify",
        }
    }
}

/// What a piece of upkeep is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What is done.
    pub job: Job,
    /// Whose rows; `None` when it is about the store as a whole.
    pub tenant: Option<Tenant>,
    /// Which table; `None` when it is about several.
    pub dataset: Option<Dataset>,
    /// A day, a file, a horizon.
    pub target: String,
}

/// A number of parts with what is in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Files or whatever the store is made of.
    pub parts: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes on the medium.
    pub bytes: u64,
}

/// How a piece of upkeep ended.
#[derive(Debug)]
pub enum Outcome {
    /// As planned.
    Done,
    /// Somebody else did it, or made it needless.
    Overtaken,
    /// The process ended in the middle; it is done again.
    Stopped,
    /// Not done. It is tried again.
    Failed(StoreError),
}

impl Outcome {
    /// Its name in `system.maintenance`.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Overtaken => "overtaken",
            Outcome::Stopped => "stopped",
            Outcome::Failed(_) => "failed",
        }
    }
}

/// One piece of upkeep that was done, or tried.
#[derive(Debug)]
pub struct Work {
    /// What it was.
    pub task: Task,
    /// What it took in, or away.
    pub read: Amount,
    /// What it made.
    pub written: Amount,
    /// How it ended.
    pub outcome: Outcome,
}

/// What `Store::maintain` did.
#[derive(Debug, Default)]
pub struct Maintained {
    /// The piece of work, if there was one to do.
    pub done: Option<Work>,
    /// What can be done next, the most urgent first; at most [`Maintained::WAITING_MAX`] are told.
    pub waiting: Vec<Task>,
}

impl Maintained {
    /// More tasks than this are not told.
    pub const WAITING_MAX: usize = 100;
}

/// A file of the store, or whatever it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whose rows.
    pub tenant: Tenant,
    /// Which table.
    pub dataset: Dataset,
    /// Its name in the store.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes on the medium.
    pub bytes: u64,
    /// Earliest and latest time of its rows.
    pub times: TimeRange,
    /// How often its rows have been merged; 0 as they came from memory.
    pub level: u8,
    /// When it was made, in milliseconds since 1970.
    pub created_millis: u64,
    /// Whether queries see it.
    pub condition: Condition,
}

/// Whether queries see a part of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// They do.
    Kept,
    /// It was merged or has expired, and is deleted when nobody can be reading it.
    Removed,
    /// It cannot be read. Queries leave it out, and say so; the text says why.
    Unreadable(String),
}

impl Condition {
    /// Its name in `system.files`.
    pub fn name(&self) -> &'static str {
        match self {
            Condition::Kept => "kept",
            Condition::Removed => "removed",
            Condition::Unreadable(_) => "unreadable",
        }
    }
}
