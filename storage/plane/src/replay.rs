//! Brings requests that are in the log alone back to memory, in bounded memory: when rows fill it, the store takes them first.
//!
//! Only where the store says how far its tables reach, so that no row comes twice. Where it does not answer, the rest stays in the log.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::Batch;
use store::StoreError;
use tokio_util::sync::CancellationToken;
use wal::{Position, Replayed};

use crate::error::OpenError;
use crate::flush::Flusher;
use crate::frame;

/// Brings all there are, also those that come meanwhile, until `stop`.
pub(crate) async fn catch_up(flusher: &Flusher, stop: &CancellationToken) -> Result<(), OpenError> {
    let (started, mut frames, mut rows) = (Instant::now(), 0, 0);
    while let Some((read, end)) = flusher.backlog.begin() {
        let mut seen = 0;
        for item in flusher.wal.frames_after(Position(read)) {
            if stop.is_cancelled() {
                return Ok(());
            }
            match item? {
                Replayed::Frame { position, .. } if position.0 <= read => seen = position.0,
                // Appended since: it waits in memory, or the next turn brings it.
                Replayed::Frame { position, .. } if position.0 > end => break,
                Replayed::Frame { position, payload } => {
                    make_room(flusher).await?;
                    rows += one(position.0, payload, flusher)?;
                    (frames, seen) = (frames + 1, position.0);
                    flusher.backlog.brought(position.0);
                    // Requests wait for this thread too.
                    tokio::task::yield_now().await;
                }
                Replayed::Corrupt { segment, offset, bytes, reason } => {
                    // Told once: before a frame that was brought earlier it was told then.
                    if seen >= read {
                        flusher.telemetry.frame_corrupt(&segment, offset, bytes, &format!("{reason:?}"));
                    }
                }
            }
        }
        flusher.backlog.end(end, |request| {
            flusher.live.push(&request.tenant, request.position, request.batches, request.room);
        });
    }
    flusher.telemetry.frames_replayed.fetch_add(frames, Ordering::Relaxed);
    flusher.telemetry.replayed(frames, rows, started.elapsed());
    Ok(())
}

/// Adds the rows of one frame that the store does not have; says how many.
fn one(position: u64, payload: Bytes, flusher: &Flusher) -> Result<u64, StoreError> {
    let decoded = frame::split(payload).and_then(|(envelope, body)| {
        let batches = (flusher.decode)(&envelope, body)?;
        Ok((envelope.tenant, batches))
    });
    let (tenant, mut batches) = match decoded {
        Ok(decoded) => decoded,
        Err(cause) => {
            flusher.telemetry.frame_unreadable(position, &cause);
            return Ok(0);
        }
    };
    let mut missing: Vec<Batch> = Vec::with_capacity(batches.len());
    for batch in batches.drain(..) {
        let kept = flusher.store.table(&tenant, batch.signal())?;
        if position > kept.kept_through(flusher.live.writer()) {
            missing.push(batch);
        }
    }
    let rows = missing.iter().map(Batch::rows).sum::<usize>() as u64;
    let room = flusher.budget.take(missing.iter().map(Batch::byte_size).sum());
    flusher.live.push(&tenant, position, missing, room);
    Ok(rows)
}

async fn make_room(flusher: &Flusher) -> Result<(), StoreError> {
    while flusher.budget.is_tight() {
        flusher.live.seal_largest();
        if flusher.live.waiting().is_empty() {
            // Requests in flight hold it, not rows.
            return Ok(());
        }
        flusher.flush_waiting(Duration::ZERO).await?;
    }
    Ok(())
}
