//! The handle everybody holds: append, snapshot, subscribe, close.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use model::{Batch, Signal, Tenant};
use parking_lot::Mutex;
use store::{Part, Store, StoreError, Stored, WriterId};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wal::Wal;

use crate::backlog::{Backlog, Request};
use crate::budget::{Budget, Room};
use crate::config::Config;
use crate::error::{AppendError, CloseError, OpenError};
use crate::flush::{DrainRate, FlushStep, Flusher};
use crate::frame::{Decoded, Envelope};
use crate::live::{Live, LiveRows, SegmentStatus};
use crate::maintenance::{Maintenance, Retention};
use crate::snapshot::{Snapshot, SnapshotRollup};
use crate::subscription::{Committed, Subscription};
use crate::telemetry::Telemetry;
use crate::upkeep::{Upkeep, UpkeepStatus};

/// Where in the log a request is.
pub use wal::Position;

/// Turns a logged request back into rows, the same as when it arrived. The error says what is wrong with it.
pub type Decode = dyn Fn(&Envelope, Bytes) -> Result<Vec<Batch>, String> + Send + Sync;

/// The log's own retry advice: its disk or its cap needs the store or a person, not milliseconds.
const LOG_RETRY: Duration = Duration::from_secs(5);
/// How often the last rows are offered to the store before they are left in the log.
const LAST_FLUSHES: u32 = 3;
const LAST_FLUSH_PAUSE: Duration = Duration::from_millis(500);

/// Durable, queryable telemetry. Share it behind an `Arc`.
#[derive(Debug)]
pub struct DataPlane {
    live: Arc<Live>,
    wal: Arc<Wal>,
    store: Arc<dyn Store>,
    backlog: Arc<Backlog>,
    budget: Budget,
    wait_max: Duration,
    rate: Arc<DrainRate>,
    telemetry: Arc<Telemetry>,
    committed: broadcast::Sender<Arc<Committed>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    flusher: Arc<Flusher>,
    upkeep: Upkeep,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// How full the plane is and what it has done since it was opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// Bytes of memory held.
    pub memory_bytes: usize,
    /// Bytes of memory allowed.
    pub memory_bytes_max: usize,
    /// Bytes of the log on disk.
    pub wal_bytes: u64,
    /// Files of the log.
    pub wal_segments: usize,
    /// Rows not yet in the store.
    pub rows_live: usize,
    /// Segments that wait for the store.
    pub segments_waiting: usize,
    /// Rows taken.
    pub rows_appended: u64,
    /// Rows given to the store.
    pub rows_flushed: u64,
    /// Segments given to the store.
    pub segments_flushed: u64,
    /// Times the store did not take a segment.
    pub flush_failures: u64,
    /// Requests replayed from the log at start.
    pub frames_replayed: u64,
    /// Requests that are in the log alone, because the store is away.
    pub frames_waiting: u64,
    /// Parts of the log that could not be read.
    pub frames_corrupt: u64,
}

impl DataPlane {
    /// Opens the log in `wal_dir`, gives its rows back to memory and store, and starts flushing.
    ///
    /// # Errors
    /// When the log or the store cannot be read, or `config` was not checked.
    pub async fn open(
        config: &Config,
        wal_dir: &Path,
        wal_config: wal::Config,
        store: Arc<dyn Store>,
        decode: Arc<Decode>,
        observe: Option<Arc<dyn Fn(FlushStep) + Send + Sync>>,
    ) -> Result<Self, OpenError> {
        let (wal, _) = Wal::open(wal_dir, wal_config)?;
        let wal = Arc::new(wal);
        let live = Arc::new(Live::new(WriterId(wal.id()), config.segment_bytes));
        let backlog = Arc::new(Backlog::of_log(wal.last().0));
        let budget = Budget::new(config.memory_bytes_max);
        let rate = Arc::new(DrainRate::default());
        let telemetry = Arc::new(Telemetry::default());
        let flusher = Arc::new(Flusher {
            live: Arc::clone(&live),
            wal: Arc::clone(&wal),
            store: Arc::clone(&store),
            decode,
            backlog: Arc::clone(&backlog),
            budget: budget.clone(),
            rate: Arc::clone(&rate),
            telemetry: Arc::clone(&telemetry),
            segment_age: config.segment_age(),
            observe,
        });
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        match crate::replay::catch_up(&flusher, &stop).await {
            // What could not be brought back waits in the log, and new requests behind it.
            Ok(()) | Err(OpenError::Store(StoreError::Unavailable { .. })) => flusher.cut(),
            Err(cause) => return Err(cause),
        }

        let task = tokio::spawn(Arc::clone(&flusher).run(Arc::clone(&wake), stop.clone()));
        let (committed, _) = broadcast::channel(config.subscription_requests_max);
        let task = Mutex::new(Some(task));
        let wait_max = Duration::from_millis(config.wait_millis_max);
        let upkeep = Upkeep::new(stop.child_token());
        Ok(Self {
            live,
            wal,
            store,
            backlog,
            budget,
            wait_max,
            rate,
            telemetry,
            committed,
            wake,
            stop,
            flusher,
            upkeep,
            task,
        })
    }

    /// Makes a request durable and visible; `Ok` says both.
    ///
    /// Dropping the future does not take the request back: it may be stored.
    ///
    /// # Errors
    /// Nothing of the request is stored, and the error says when to try again.
    pub async fn append(&self, request: Decoded) -> Result<Position, AppendError> {
        if self.stop.is_cancelled() {
            return Err(AppendError::Closed);
        }
        let room = self.room(request.byte_size())?;
        let frame = request.frame();
        let commit = Commit {
            live: Arc::clone(&self.live),
            backlog: Arc::clone(&self.backlog),
            budget: self.budget.clone(),
            telemetry: Arc::clone(&self.telemetry),
            committed: self.committed.clone(),
            wake: Arc::clone(&self.wake),
            tenant: request.envelope.tenant,
            batches: request.batches,
            room,
        };
        let appended = self.wal.append(frame, move |position| commit.run(position)).await;
        self.telemetry.log_refuses.store(appended.is_err(), Ordering::Relaxed);
        appended.map_err(|cause| match cause {
            wal::AppendError::Closed => AppendError::Closed,
            cause => AppendError::Log { cause, retry_after: LOG_RETRY },
        })
    }

    /// The rows of a table at this instant, live and stored, each once.
    ///
    /// # Errors
    /// When the store does not answer, or acknowledged rows are in the log alone because it did not.
    pub fn snapshot(&self, tenant: &Tenant, signal: Signal) -> Result<Snapshot, StoreError> {
        // Asked for first: what was acknowledged before is in memory or in the store by now.
        if let frames @ 1.. = self.backlog.frames() {
            let cause =
                format!("{frames} requests wait in the write-ahead log for the store; they show when it has caught up");
            return Err(StoreError::unavailable("the newest telemetry", cause));
        }
        let mut stored = None;
        let LiveRows { batches: live, summed } = self.live.rows_after(&(tenant.clone(), signal), || {
            let table = stored.insert(self.store.table(tenant, signal)?);
            Ok(table.kept_through(self.live.writer()))
        })?;
        let stored = stored.expect("the store was asked for the watermark");
        let Stored { table: stored, rollups, unreadable, examine, .. } = stored;
        let summed: Arc<[_]> = summed.into();
        let rollups = rollups.into_iter().map(|stored| SnapshotRollup::new(Arc::clone(&summed), stored)).collect();
        Ok(Snapshot { signal, live, stored, rollups, unreadable, examine })
    }

    /// Committed rows of these signals from now on.
    pub fn subscribe(&self, signals: &[Signal]) -> Subscription {
        Subscription::new(signals, self.committed.subscribe())
    }

    /// How full the plane is and what it has done.
    pub fn status(&self) -> Status {
        let size = self.live.size();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Status {
            memory_bytes: self.budget.used(),
            memory_bytes_max: self.budget.limit(),
            wal_bytes: self.wal.bytes(),
            wal_segments: self.wal.segments(),
            rows_live: size.rows,
            segments_waiting: size.sealed_segments,
            rows_appended: count(&self.telemetry.rows_appended),
            rows_flushed: count(&self.telemetry.rows_flushed),
            segments_flushed: count(&self.telemetry.segments_flushed),
            flush_failures: count(&self.telemetry.flush_failures),
            frames_replayed: count(&self.telemetry.frames_replayed),
            frames_waiting: self.backlog.frames(),
            frames_corrupt: count(&self.telemetry.frames_corrupt),
        }
    }

    /// Keeps the store in order from now on: merges, expires, deletes, as far as the settings say. Ends with `close`.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start_upkeep(&self, maintenance: &Maintenance, retention: &Retention) -> std::io::Result<()> {
        self.upkeep.start(Arc::clone(&self.store), self.budget.clone(), maintenance, retention)
    }

    /// Goes on by other settings: `hours` count at once, the others from the next piece of work on. `enabled` is not looked at.
    pub fn adjust_upkeep(&self, maintenance: &Maintenance, retention: &Retention) {
        self.upkeep.adjust(maintenance, retention);
    }

    /// What upkeep has done and has to do.
    pub fn upkeep(&self) -> UpkeepStatus {
        self.upkeep.status()
    }

    /// What is in memory, of one tenant or of all.
    pub fn segments(&self, tenant: Option<&Tenant>) -> Vec<SegmentStatus> {
        self.live.segments(tenant)
    }

    /// The rules by which plans over its tables are made better.
    pub fn optimizer_rules(&self) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
        self.store.optimizer_rules()
    }

    /// What the store is made of, of one tenant or of all.
    pub async fn parts(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError> {
        self.store.inventory(tenant).await
    }

    /// False when the log refused its last request: its disk or its cap is full.
    pub fn is_writable(&self) -> bool {
        !self.telemetry.log_refuses.load(Ordering::Relaxed)
    }

    /// Gives the store every row there is now.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.live.seal_aged(Duration::ZERO);
        self.flusher.flush_waiting(Duration::ZERO).await
    }

    /// Gives the store every row and ends the log. Requests that come later get `Closed`.
    pub async fn close(&self) -> Result<(), CloseError> {
        self.stop.cancel();
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.await.expect("the flush task does not panic");
        }
        self.upkeep.join().await;
        // Before the log ends, so that it can be cut: the next start has nothing to replay.
        let mut flushed = self.flush().await;
        for _ in 1..LAST_FLUSHES {
            // A store that has just come back may fail once more: its old connections are found out one by one.
            if flushed.is_ok() {
                break;
            }
            tokio::time::sleep(LAST_FLUSH_PAUSE).await;
            flushed = self.flush().await;
        }
        self.wal.close()?;
        Ok(flushed?)
    }

    /// Waits until memory has room for another request, so that a client is slowed down before it is refused.
    ///
    /// # Errors
    /// When there is none after `plane.wait_millis_max`.
    pub async fn admit(&self) -> Result<(), AppendError> {
        if self.budget.is_tight() {
            self.wake.notify_one();
        }
        timeout(self.wait_max, self.budget.spare()).await.map_err(|_| self.overloaded(0))
    }

    /// Takes memory for a request that is on its way; given back when dropped.
    pub fn room(&self, wanted: usize) -> Result<Room, AppendError> {
        let limit = self.budget.limit();
        if wanted > limit / 2 {
            return Err(AppendError::TooLarge { wanted, limit: limit / 2 });
        }
        if self.budget.is_tight() {
            self.wake.notify_one();
        }
        self.budget.reserve(wanted).ok_or_else(|| self.overloaded(wanted))
    }

    fn overloaded(&self, wanted: usize) -> AppendError {
        let (used, limit) = (self.budget.used(), self.budget.limit());
        let retry_after = self.rate.time_for(used.saturating_sub(limit / 4 * 3) + wanted);
        AppendError::Overloaded { used, wanted, limit, retry_after }
    }
}

/// What happens when a request has become durable, on the log's thread and in its order.
struct Commit {
    live: Arc<Live>,
    backlog: Arc<Backlog>,
    budget: Budget,
    telemetry: Arc<Telemetry>,
    committed: broadcast::Sender<Arc<Committed>>,
    wake: Arc<Notify>,
    tenant: Tenant,
    batches: Vec<Batch>,
    room: Room,
}

impl Commit {
    fn run(self, position: Position) {
        let Self { live, backlog, budget, telemetry, committed, wake, tenant, batches, room } = self;
        let rows = batches.iter().map(Batch::rows).sum::<usize>() as u64;
        telemetry.rows_appended.fetch_add(rows, Ordering::Relaxed);
        let event = (committed.receiver_count() > 0).then(|| Committed {
            tenant: tenant.clone(),
            position: position.0,
            batches: batches.clone(),
        });
        let (position, is_first) = (position.0, !backlog.is_some());
        let request = backlog.pass(Request { tenant, position, batches, room }, budget.is_tight());
        let is_sealed =
            request.is_some_and(|Request { tenant, batches, room, .. }| live.push(&tenant, position, batches, room));
        if is_sealed {
            wake.notify_one();
        }
        if is_first && backlog.is_some() {
            telemetry.waits_in_log();
        }
        if let Some(event) = event {
            // Fails only when the last subscriber has just left.
            let _ = committed.send(Arc::new(event));
        }
    }
}
