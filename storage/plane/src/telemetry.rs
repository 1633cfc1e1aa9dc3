//! What the plane says of itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use store::{Amount, Outcome, Segment, StoreError, Task};

use crate::error::OpenError;

/// Counters of the plane since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) rows_appended: AtomicU64,
    pub(crate) rows_flushed: AtomicU64,
    pub(crate) segments_flushed: AtomicU64,
    pub(crate) flush_failures: AtomicU64,
    pub(crate) frames_replayed: AtomicU64,
    pub(crate) frames_corrupt: AtomicU64,
    /// The last append failed in the log.
    pub(crate) log_refuses: AtomicBool,
}

impl Telemetry {
    pub(crate) fn segment_kept(&self, segment: &Segment, took: Duration) {
        let rows = segment.rows();
        self.rows_flushed.fetch_add(rows as u64, Ordering::Relaxed);
        self.segments_flushed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(tenant = %segment.tenant, signal = %segment.signal, rows, took_ms = took.as_millis(), "segment kept");
    }

    pub(crate) fn segment_not_kept(&self, segment: &Segment, cause: &StoreError, retry_in: Duration) {
        self.flush_failures.fetch_add(1, Ordering::Relaxed);
        let cause: &dyn std::error::Error = cause;
        tracing::warn!(tenant = %segment.tenant, signal = %segment.signal, cause, retry_s = retry_in.as_secs_f32(), "the store did not keep a segment, trying again");
    }

    pub(crate) fn backlog_not_read(&self, cause: &OpenError, retry_in: Duration) {
        let cause: &dyn std::error::Error = cause;
        tracing::error!(
            cause,
            retry_s = retry_in.as_secs_f32(),
            "requests that are in the log alone cannot be brought to memory, trying again"
        );
    }

    pub(crate) fn waits_in_log(&self) {
        tracing::warn!(
            "memory is nearly full and the store is away: rows stay in the log until it is back, and queries are refused"
        );
    }

    pub(crate) fn frame_unreadable(&self, position: u64, cause: &str) {
        self.frames_corrupt.fetch_add(1, Ordering::Relaxed);
        tracing::error!(position, cause, "a logged request cannot be decoded and its rows are lost");
    }

    pub(crate) fn frame_corrupt(&self, segment: &std::path::Path, offset: u64, bytes: u64, reason: &str) {
        self.frames_corrupt.fetch_add(1, Ordering::Relaxed);
        tracing::error!(segment = %segment.display(), offset, bytes, reason, "part of the write-ahead log is damaged and was skipped");
    }

    pub(crate) fn replayed(&self, frames: u64, rows: u64, took: Duration) {
        if frames > 0 {
            tracing::info!(frames, rows, took_ms = took.as_millis(), "write-ahead log replayed");
        }
    }
}

/// A piece of upkeep ended. What failed is tried again; what cannot be read is told as an error by the store.
pub(crate) fn upkept(
    task: &Task,
    took: Duration,
    read: &Amount,
    written: &Amount,
    outcome: &Outcome,
    error: Option<&str>,
) {
    let Task { job, target, .. } = task;
    let (job, took_ms, outcome) = (job.name(), took.as_millis(), outcome.name());
    match error {
        Some(error) => tracing::warn!(job, target, took_ms, error, "upkeep of the store failed, trying again"),
        None => tracing::debug!(
            job,
            target,
            took_ms,
            outcome,
            parts_read = read.parts,
            rows_read = read.rows,
            parts_written = written.parts,
            bytes_written = written.bytes,
            "upkeep of the store"
        ),
    }
}
