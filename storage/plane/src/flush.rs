//! Hands sealed segments to the store and cuts the log behind them.
//!
//! A segment leaves memory only after the store shows it, and the log is cut only below what the store has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use store::{Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wal::{Position, Wal};

use crate::backlog::Backlog;
use crate::budget::Budget;
use crate::error::OpenError;
use crate::live::{Live, Sealed};
use crate::plane::Decode;
use crate::replay::catch_up;
use crate::telemetry::Telemetry;

/// How often segments are looked at for their age.
const TICK: Duration = Duration::from_secs(1);
/// First and longest pause after the store failed.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(15);

/// A moment in the life of a segment, told to crash tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushStep {
    /// Before the store is asked.
    Sealed,
    /// The store has it, memory and log too.
    Kept,
    /// Memory has let go, the log not yet.
    Forgotten,
}

pub(crate) type FlushObserver = Arc<dyn Fn(FlushStep) + Send + Sync>;

/// Moves segments from memory to the store.
pub(crate) struct Flusher {
    pub(crate) live: Arc<Live>,
    pub(crate) wal: Arc<Wal>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) decode: Arc<Decode>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) budget: Budget,
    pub(crate) rate: Arc<DrainRate>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) segment_age: Duration,
    pub(crate) observe: Option<FlushObserver>,
}

impl std::fmt::Debug for Flusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flusher").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Flusher {
    /// Runs until stopped; `wake` says that a segment was sealed.
    pub(crate) async fn run(self: Arc<Self>, wake: Arc<Notify>, stop: CancellationToken) {
        let mut pause = RETRY_MIN;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = wake.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
            self.live.seal_aged(self.segment_age);
            if self.budget.is_tight() {
                self.live.seal_largest();
            }
            match self.move_on(pause, &stop).await {
                Ok(()) => pause = RETRY_MIN,
                Err(()) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Gives the store what is sealed, and then memory what is in the log alone. Failures are logged here.
    async fn move_on(&self, retry_in: Duration, stop: &CancellationToken) -> Result<(), ()> {
        self.flush_waiting(retry_in).await.map_err(drop)?;
        if !self.backlog.is_some() {
            return Ok(());
        }
        catch_up(self, stop).await.map_err(|cause| {
            // A store that did not take a segment has been told of.
            if !matches!(&cause, OpenError::Store(StoreError::Unavailable { .. })) {
                self.telemetry.backlog_not_read(&cause, retry_in);
            }
        })
    }

    /// Gives the store everything sealed, in order. One table's failure does not hold up the others; the first is returned.
    pub(crate) async fn flush_waiting(&self, retry_in: Duration) -> Result<(), StoreError> {
        let flushed = self.flush_all(retry_in).await;
        self.backlog.store_is_away(matches!(flushed, Err(StoreError::Unavailable { .. })));
        flushed
    }

    async fn flush_all(&self, retry_in: Duration) -> Result<(), StoreError> {
        loop {
            let waiting = self.live.waiting();
            if waiting.is_empty() {
                return Ok(());
            }
            // Tables side by side, each in its order: one segment of a table at a time.
            let side_by_side = self.store.keeps_at_once();
            let outcomes = waiting.into_iter().map(|sealed| self.flush_or_tell(sealed, retry_in));
            let outcomes: Vec<Result<(), StoreError>> =
                stream::iter(outcomes).buffer_unordered(side_by_side).collect().await;
            outcomes.into_iter().collect::<Result<(), StoreError>>()?;
        }
    }

    async fn flush_or_tell(&self, sealed: Sealed, retry_in: Duration) -> Result<(), StoreError> {
        let flushed = self.flush(&sealed).await;
        if let Err(cause) = &flushed {
            self.telemetry.segment_not_kept(&sealed.segment, cause, retry_in);
        }
        flushed
    }

    async fn flush(&self, sealed: &Sealed) -> Result<(), StoreError> {
        let started = Instant::now();
        self.observe(FlushStep::Sealed);
        self.wal.sync().map_err(|cause| StoreError::unavailable("the write-ahead log", cause))?;
        self.store.keep(&sealed.segment).await?;
        self.observe(FlushStep::Kept);
        self.live.forget(&sealed.segment);
        self.observe(FlushStep::Forgotten);
        self.rate.drained(sealed.bytes(), started.elapsed());
        self.telemetry.segment_kept(&sealed.segment, started.elapsed());
        self.cut();
        Ok(())
    }

    /// The store has every row below the oldest live one, so the log need not.
    pub(crate) fn cut(&self) {
        if let Err(cause) = self.wal.cut(Position(self.live.stored_through())) {
            let cause: &dyn std::error::Error = &cause;
            tracing::warn!(cause, "the write-ahead log was not cut, trying again after the next flush");
        }
    }

    fn observe(&self, step: FlushStep) {
        if let Some(observe) = &self.observe {
            observe(step);
        }
    }
}

/// How fast the store takes rows, to tell refused clients when to come back.
#[derive(Debug, Default)]
pub(crate) struct DrainRate {
    bytes_per_second: AtomicU64,
}

impl DrainRate {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);

    fn drained(&self, bytes: usize, took: Duration) {
        let rate = bytes as f64 / took.as_secs_f64().max(1e-3);
        let before = self.bytes_per_second.load(Ordering::Relaxed) as f64;
        let smoothed = if before == 0.0 { rate } else { before * 0.7 + rate * 0.3 };
        self.bytes_per_second.store(smoothed as u64, Ordering::Relaxed);
    }

    /// When `bytes` more should have been drained.
    pub(crate) fn time_for(&self, bytes: usize) -> Duration {
        match self.bytes_per_second.load(Ordering::Relaxed) {
            0 => Self::SHORTEST,
            rate => Duration::from_secs_f64(bytes as f64 / rate as f64).clamp(Self::SHORTEST, Self::LONGEST),
        }
    }
}
