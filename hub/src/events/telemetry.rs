//! What events say of themselves.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use records::Sequence;

use super::error::EventsError;
use super::letter::Letter;

/// What has happened in this process since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events given to consumers, each attempt counted.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that became dead letters.
    pub dead: u64,
    /// Events that a dead process had, and others have now.
    pub taken_over: u64,
    /// Events that were dropped over `events.kept_max` before a consumer had read them, by consumer.
    pub missed: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
pub(super) struct Telemetry {
    delivered: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    taken_over: AtomicU64,
    missed: Mutex<BTreeMap<String, u64>>,
    /// Whether it was told that events do not flow.
    is_stuck: AtomicBool,
}

impl Telemetry {
    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            dead: read(&self.dead),
            taken_over: read(&self.taken_over),
            missed: self.missed.lock().clone(),
        }
    }

    pub(super) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, letter: &Letter) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let Letter { consumer, event, attempts, reason, .. } = letter;
        if letter.is_dead {
            self.dead.fetch_add(1, Ordering::Relaxed);
            tracing::error!(consumer, event = %event.id, r#type = event.kind, attempts, reason, "an event is a dead letter now");
        } else {
            tracing::warn!(consumer, event = %event.id, r#type = event.kind, attempts, reason, "an event was not handled, trying again");
        }
    }

    /// The letter itself cannot be kept, so the event ends here.
    pub(super) fn lost(&self, letter: &Letter, cause: &records::Error) {
        self.dead.fetch_add(1, Ordering::Relaxed);
        let Letter { consumer, event, reason, .. } = letter;
        let cause: &dyn Error = cause;
        tracing::error!(consumer, event = %event.id, r#type = event.kind, reason, cause, "an event that was not handled cannot be kept and is lost");
    }

    pub(super) fn missed(&self, consumer: &str, events: u64) {
        if events > 0 {
            *self.missed.lock().entry(consumer.to_owned()).or_default() += events;
            tracing::error!(
                consumer,
                events,
                "events were dropped before their consumer had read them: it is behind by more than events.kept_max"
            );
        }
    }

    pub(super) fn taken_over(&self, consumer: &str, events: u64) {
        if events > 0 {
            self.taken_over.fetch_add(events, Ordering::Relaxed);
            tracing::warn!(consumer, events, "another process has ended without a word, its events are taken over");
        }
    }

    pub(super) fn stream_reset(&self, stream: Sequence, outbox: Sequence) {
        tracing::warn!(
            stream = stream.0,
            outbox = outbox.0,
            "Redis has events that the records do not know, as after a restore, or because two installations share redis.prefix: it begins anew"
        );
    }

    pub(super) fn flows(&self) {
        if self.is_stuck.swap(false, Ordering::Relaxed) {
            tracing::info!("events flow again");
        }
    }

    pub(super) fn stuck(&self, cause: &EventsError) {
        let cause: &dyn Error = cause;
        if self.is_stuck.swap(true, Ordering::Relaxed) {
            tracing::debug!(cause, "events do not flow");
        } else {
            tracing::warn!(cause, "events do not flow; what is published waits in the outbox");
        }
    }
}
