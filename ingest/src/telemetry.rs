//! What the receivers say of themselves: every item taken and every refusal, by reason.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plane::Payload;

use crate::decode::{Reason, Refusals};
use crate::error::Refusal;

/// Names of request refusals, in the order of their counters.
const REFUSALS: [&str; 10] = [
    "malformed",
    "content_type",
    "encoding",
    "too_large",
    "not_found",
    "method",
    "unauthenticated",
    "forbidden",
    "quota",
    "busy",
];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Telemetry {
    requests: AtomicU64,
    rows: [AtomicU64; 3],
    items: [AtomicU64; Reason::ALL.len()],
    refused: [AtomicU64; REFUSALS.len()],
}

impl Telemetry {
    pub(crate) fn exported(&self, payload: Payload, rows: usize, refusals: &Refusals, took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.rows[payload as usize].fetch_add(rows as u64, Ordering::Relaxed);
        for reason in Reason::ALL {
            self.items[reason as usize].fetch_add(refusals.count(reason), Ordering::Relaxed);
        }
        tracing::debug!(?payload, rows, rejected = refusals.rejected(), took_us = took.as_micros(), "ingest.export");
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        if let Some(place) = REFUSALS.iter().position(|name| *name == refusal.name()) {
            self.refused[place].fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(reason = refusal.name(), %refusal, "ingest.refuse");
    }

    /// Requests answered with success.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Rows taken of each payload.
    pub fn rows(&self) -> [(Payload, u64); 3] {
        [Payload::Traces, Payload::Logs, Payload::Metrics]
            .map(|payload| (payload, self.rows[payload as usize].load(Ordering::Relaxed)))
    }

    /// Items refused or mended, by reason.
    pub fn items(&self) -> Vec<(Reason, u64)> {
        Reason::ALL.into_iter().map(|reason| (reason, self.items[reason as usize].load(Ordering::Relaxed))).collect()
    }

    /// Requests refused as a whole, by reason.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        REFUSALS.iter().zip(&self.refused).map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect()
    }
}
