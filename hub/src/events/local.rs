//! Events within this process: the outbox is the log, and each consumer reads it by itself.
//!
//! One member at a time takes for a consumer. What it has settled without a gap is its offset, which outlasts the process.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use records::{Outbox, Sequence};
use tokio::sync::OwnedMutexGuard;

use super::error::EventsError;
use super::telemetry::Telemetry;
use super::transport::{Member, Taken, Transport};

/// After so long an offset is written down, however little it has moved.
const OFFSET_AGE_MAX: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Local {
    outbox: Outbox,
    /// Last sequence that was given out, as far as this process knows.
    last: Arc<AtomicU64>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    in_flight_max: usize,
    telemetry: Arc<Telemetry>,
}

impl Local {
    pub(super) fn new(outbox: Outbox, in_flight_max: usize, telemetry: Arc<Telemetry>) -> Self {
        let (last, turns) = Default::default();
        Self { outbox, last, turns, in_flight_max, telemetry }
    }
}

#[async_trait]
impl Transport for Local {
    async fn carry(&self) -> Result<Sequence, EventsError> {
        let last = self.outbox.number().await?;
        self.last.store(last.0, Ordering::Relaxed);
        Ok(last)
    }

    async fn join(&self, consumer: &str, _name: &str) -> Result<Option<Box<dyn Member>>, EventsError> {
        let turn = Arc::clone(self.turns.lock().entry(consumer.to_owned()).or_default());
        let Ok(turn) = turn.try_lock_owned() else { return Ok(None) };
        let known = self.outbox.offset(consumer).await?;
        let offset = known.unwrap_or_default();
        // The outbox keeps what a consumer has not settled from the time it is known there.
        self.outbox.ack(consumer, offset).await?;
        let last = self.carry().await?;
        let window = offset.0 + self.in_flight_max as u64;
        let begun = if known.is_some() { window.min(last.0) } else { 0 };
        Ok(Some(Box::new(Reader {
            consumer: consumer.to_owned(),
            outbox: self.outbox.clone(),
            last: Arc::clone(&self.last),
            taken: offset,
            open: BTreeSet::new(),
            offset,
            written: Instant::now(),
            begun: Sequence(begun),
            in_flight_max: self.in_flight_max,
            telemetry: Arc::clone(&self.telemetry),
            _turn: turn,
        })))
    }
}

#[derive(Debug)]
struct Reader {
    consumer: String,
    outbox: Outbox,
    last: Arc<AtomicU64>,
    /// Last that was read.
    taken: Sequence,
    /// Read and not settled.
    open: BTreeSet<Sequence>,
    /// Settled, all of them up to here, and written down.
    offset: Sequence,
    written: Instant,
    /// Up to here the process before this one may have begun.
    begun: Sequence,
    in_flight_max: usize,
    telemetry: Arc<Telemetry>,
    _turn: OwnedMutexGuard<()>,
}

impl Reader {
    fn settled(&self) -> Sequence {
        self.open.first().map_or(self.taken, |first| Sequence(first.0 - 1))
    }

    /// Never further ahead of what is written down than this: a process that comes after a crash knows what was begun.
    fn room(&self) -> usize {
        let ahead = usize::try_from(self.taken.0 - self.offset.0).unwrap_or(usize::MAX);
        self.in_flight_max.saturating_sub(ahead)
    }

    /// Not each event by itself: writing waits for a disk.
    async fn write_offset_if_due(&mut self) -> Result<(), EventsError> {
        let is_much = self.settled().0 - self.offset.0 >= self.in_flight_max.div_ceil(2) as u64;
        if is_much || self.written.elapsed() >= OFFSET_AGE_MAX {
            self.write_offset().await?;
        }
        Ok(())
    }

    async fn write_offset(&mut self) -> Result<(), EventsError> {
        let settled = self.settled();
        if settled > self.offset {
            self.outbox.ack(&self.consumer, settled).await?;
            (self.offset, self.written) = (settled, Instant::now());
        }
        Ok(())
    }
}

#[async_trait]
impl Member for Reader {
    async fn take(&mut self, most: usize) -> Result<Vec<Taken>, EventsError> {
        if self.taken.0 >= self.last.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.write_offset_if_due().await?;
        let events = self.outbox.after(self.taken, most.min(self.room())).await?;
        let Some(first) = events.first() else { return Ok(Vec::new()) };
        // Sequences have no gaps: what lies between was dropped because it was too much.
        self.telemetry.missed(&self.consumer, first.sequence.0 - self.taken.0 - 1);
        let taken = events.into_iter().map(|event| {
            let sequence = event.sequence;
            Taken { sequence, event: event.into(), was_begun: sequence <= self.begun }
        });
        let taken: Vec<Taken> = taken.collect();
        self.open.extend(taken.iter().map(|taken| taken.sequence));
        self.taken = *self.open.last().expect("some were taken");
        Ok(taken)
    }

    async fn settle(&mut self, settled: &[Sequence]) -> Result<(), EventsError> {
        for sequence in settled {
            self.open.remove(sequence);
        }
        self.write_offset_if_due().await
    }

    async fn beat(&mut self, _most: usize) -> Result<Vec<Taken>, EventsError> {
        self.write_offset().await?;
        Ok(Vec::new())
    }

    /// Whoever was before has ended, or this one would not be.
    fn lives(&self, _name: &str) -> bool {
        false
    }

    async fn leave(&mut self) -> Result<(), EventsError> {
        self.write_offset().await
    }
}
