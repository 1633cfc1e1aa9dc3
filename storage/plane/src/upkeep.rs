//! Lets the store keep itself in order: merge, delete, expire. On threads of its own, with less right to a core than anything else.
//!
//! What was done is remembered, within a limit, for `system.maintenance`.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::{Dataset, Rollup, Signal, Tenant, Timestamp};
use parking_lot::Mutex;
use store::{Amount, Condition, Gate, Outcome, Pace, Store, StoreError, Task, Work};
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::maintenance::{Maintenance, Retention};

/// One computes, the other keeps connections going meanwhile.
const THREADS: usize = 2;
/// The least right to a core that leaves others of the machine a fair part.
const NICENESS: i32 = 10;
/// Longest pause after failures.
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// Expired rows are looked for once in so many looks for something to do.
const EXPIRE_LOOKS: u32 = 10;
/// What the store is in the middle of gets so much time at the end; then it is left as a crash would leave it.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// Work that was done or tried, as `system.maintenance` shows it.
#[derive(Clone, Debug)]
pub struct Done {
    /// What it was.
    pub task: Task,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, with its rests.
    pub took: Duration,
    /// What it took in, or away.
    pub read: Amount,
    /// What it made.
    pub written: Amount,
    /// done, overtaken, stopped or failed.
    pub outcome: &'static str,
    /// Why it failed.
    pub error: Option<String>,
}

/// What upkeep has done and has to do.
#[derive(Clone, Debug, Default)]
pub struct UpkeepStatus {
    /// The last pieces of work, the newest last.
    pub done: Vec<Done>,
    /// What can be done next.
    pub waiting: Vec<Task>,
}

/// The running task and its threads.
#[derive(Debug)]
pub(crate) struct Upkeep {
    stop: CancellationToken,
    settings: watch::Sender<Settings>,
    history: Arc<Mutex<History>>,
    running: Mutex<Option<(Runtime, JoinHandle<()>)>>,
}

/// What can be adjusted while it runs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Settings {
    maintenance: Maintenance,
    retention: Retention,
}

impl Settings {
    fn every(&self) -> Duration {
        Duration::from_secs(self.maintenance.every_seconds)
    }
}

#[derive(Debug, Default)]
struct History {
    done: VecDeque<Done>,
    waiting: Vec<Task>,
}

impl Upkeep {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        let (settings, _) = watch::channel(Settings::default());
        Self { stop, settings, history: Arc::default(), running: Mutex::default() }
    }

    /// Goes on by these settings: `hours` count at once, the others from the next piece of work on.
    pub(crate) fn adjust(&self, maintenance: &Maintenance, retention: &Retention) {
        let new = Settings { maintenance: maintenance.clone(), retention: retention.clone() };
        self.settings.send_if_modified(|used| std::mem::replace(used, new.clone()) != new);
    }

    /// Begins, unless it is switched off or has begun.
    pub(crate) fn start(
        &self,
        store: Arc<dyn Store>,
        budget: Budget,
        maintenance: &Maintenance,
        retention: &Retention,
    ) -> std::io::Result<()> {
        self.adjust(maintenance, retention);
        let mut running = self.running.lock();
        if !maintenance.enabled || running.is_some() {
            return Ok(());
        }
        let threads = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("upkeep")
            .on_thread_start(give_way)
            .enable_all()
            .build()?;
        let worker = Worker {
            store,
            budget,
            settings: self.settings.subscribe(),
            history: Arc::clone(&self.history),
            stop: self.stop.clone(),
        };
        let task = threads.spawn(worker.run());
        *running = Some((threads, task));
        Ok(())
    }

    /// Waits for its end, after the plane's stop.
    pub(crate) async fn join(&self) {
        let running = self.running.lock().take();
        if let Some((threads, task)) = running {
            task.await.expect("the upkeep task does not panic");
            threads.shutdown_background();
        }
    }

    pub(crate) fn status(&self) -> UpkeepStatus {
        let history = self.history.lock();
        UpkeepStatus { done: history.done.iter().cloned().collect(), waiting: history.waiting.clone() }
    }
}

impl Drop for Upkeep {
    /// A runtime may not be waited for inside another.
    fn drop(&mut self) {
        if let Some((threads, task)) = self.running.lock().take() {
            task.abort();
            threads.shutdown_background();
        }
    }
}

/// On Linux, the niceness is the thread's own.
fn give_way() {
    // Without the right to it, it is one thread among the others.
    let _ = rustix::process::nice(NICENESS);
}

struct Worker {
    store: Arc<dyn Store>,
    budget: Budget,
    settings: watch::Receiver<Settings>,
    history: Arc<Mutex<History>>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = self.work() => {}
            () = closing_time(&stop) => tracing::info!("upkeep was left in the middle of something, it is done again"),
        }
    }

    /// Ends at the first pause after the stop.
    async fn work(&mut self) {
        let mut failures = 0;
        let mut next_expiry = Instant::now() + until_expiry(self.settings.borrow().every());
        while !self.stop.is_cancelled() {
            let settings = self.settings.borrow_and_update().clone();
            let every = settings.every();
            let started = Instant::now();
            let maintained = self.store.maintain(&self.pace(settings.maintenance.core_share)).await;
            self.history.lock().waiting = maintained.waiting;
            let pause = match maintained.done {
                None => jittered(every),
                Some(work) if matches!(work.outcome, Outcome::Failed(_)) => {
                    self.record(work, started);
                    failures += 1;
                    backoff(every, failures)
                }
                Some(work) => {
                    self.record(work, started);
                    failures = 0;
                    Duration::ZERO
                }
            };
            if Instant::now() >= next_expiry {
                self.expire(&settings.retention).await;
                next_expiry = Instant::now() + until_expiry(every);
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
                // Rows may be past another retention now.
                Ok(()) = self.settings.changed() => next_expiry = Instant::now(),
            }
        }
    }

    fn pace(&self, core_share: f64) -> Pace {
        let (stop, budget, settings) = (self.stop.clone(), self.budget.clone(), self.settings.clone());
        Pace::new(core_share, move || match () {
            () if stop.is_cancelled() => Gate::Closing,
            () if !settings.borrow().maintenance.hours.include(SystemTime::now()) || budget.is_tight() => Gate::Busy,
            () => Gate::Open,
        })
    }

    async fn expire(&self, retention: &Retention) {
        let old = match self.oldest().await {
            Ok(oldest) => oldest,
            Err(cause) => {
                let cause: &dyn Error = &cause;
                tracing::warn!(cause, "what may be expired is not known, looking again later");
                return;
            }
        };
        let now = SystemTime::now();
        for ((tenant, dataset), oldest) in old {
            let Some(horizon) = retention.horizon(&tenant, dataset, now) else { continue };
            if oldest >= horizon {
                continue;
            }
            let started = Instant::now();
            match self.store.expire(&tenant, dataset, horizon).await {
                Ok(Some(work)) => self.record(work, started),
                Ok(None) => {}
                Err(cause) => {
                    let task = Task {
                        job: store::Job::Expire,
                        tenant: Some(tenant),
                        dataset: Some(dataset),
                        target: "rows past their retention".to_owned(),
                    };
                    let (read, written) = (Amount::default(), Amount::default());
                    self.record(Work { task, read, written, outcome: Outcome::Failed(cause) }, started);
                }
            }
        }
    }

    /// The oldest row of each table.
    async fn oldest(&self) -> Result<HashMap<(Tenant, Dataset), Timestamp>, StoreError> {
        let mut oldest = HashMap::new();
        for part in self.store.inventory(None).await? {
            if part.condition == Condition::Removed {
                continue;
            }
            // Spans bring their sums along, which not every store lists.
            let sums = Rollup::ALL.iter().filter(|_| part.dataset == Dataset::Signal(Signal::Spans));
            for dataset in std::iter::once(part.dataset).chain(sums.map(|rollup| Dataset::Rollup(*rollup))) {
                let least = oldest.entry((part.tenant.clone(), dataset)).or_insert(part.times.min);
                *least = part.times.min.min(*least);
            }
        }
        Ok(oldest)
    }

    fn record(&self, work: Work, started: Instant) {
        let Work { task, read, written, outcome } = work;
        let took = started.elapsed();
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(took);
        let error = match &outcome {
            Outcome::Failed(cause) => Some(with_causes(cause)),
            _ => None,
        };
        crate::telemetry::upkept(&task, took, &read, &written, &outcome, error.as_deref());
        let done = Done {
            task,
            started: Timestamp(i64::try_from(began.as_nanos()).unwrap_or(i64::MAX)),
            took,
            read,
            written,
            outcome: outcome.name(),
            error,
        };
        let history_max = self.settings.borrow().maintenance.history_max;
        let mut history = self.history.lock();
        while history.done.len() >= history_max {
            history.done.pop_front();
        }
        history.done.push_back(done);
    }
}

async fn closing_time(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(CLOSING_TIME).await;
}

/// Some processes of one store must not do everything at the same moment.
fn jittered(pause: Duration) -> Duration {
    let chance = f64::from(random()) / f64::from(u16::MAX);
    pause.mul_f64(0.75 + chance / 2.0)
}

fn until_expiry(every: Duration) -> Duration {
    jittered(every.saturating_mul(EXPIRE_LOOKS))
}

/// Twice as long after each failure.
fn backoff(every: Duration, failures: u32) -> Duration {
    jittered(every.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX))
}

/// Differs between processes and moments; nothing hangs on how well.
fn random() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as u16
}

fn with_causes(cause: &StoreError) -> String {
    let causes = std::iter::successors(cause.source(), |cause| (*cause).source());
    causes.fold(cause.to_string(), |text, cause| format!("{text}: {cause}"))
}
