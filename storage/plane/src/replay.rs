//! Brings back what was acknowledged but not yet in the store when the process ended.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::Batch;
use store::StoreError;
use wal::{Replay, Replayed};

use crate::error::OpenError;
use crate::flush::Flusher;
use crate::frame;
use crate::plane::Decode;

/// Pause between attempts while the store does not take replayed rows and memory is full of them.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Reads the log once, in bounded memory: when rows fill it, the store takes them before reading goes on.
pub(crate) async fn replay(log: Replay, decode: &Decode, flusher: &Flusher) -> Result<(), OpenError> {
    let started = Instant::now();
    let (mut frames, mut rows) = (0, 0);
    for item in log {
        match item? {
            Replayed::Frame { position, payload } => {
                frames += 1;
                rows += one(position.0, payload, decode, flusher)?;
                make_room(flusher).await?;
            }
            Replayed::Corrupt { segment, offset, bytes, reason } => {
                flusher.telemetry.frame_corrupt(&segment, offset, bytes, &format!("{reason:?}"));
            }
        }
    }
    flusher.telemetry.frames_replayed.fetch_add(frames, Ordering::Relaxed);
    flusher.telemetry.replayed(frames, rows, started.elapsed());
    Ok(())
}

/// Adds the rows of one frame that the store does not have; says how many.
fn one(position: u64, payload: Bytes, decode: &Decode, flusher: &Flusher) -> Result<u64, StoreError> {
    let decoded = frame::split(payload).and_then(|(envelope, body)| {
        let batches = decode(&envelope, body)?;
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
        if let Err(cause) = flusher.flush_waiting(STORE_RETRY).await {
            if !matches!(cause, StoreError::Unavailable { .. }) {
                return Err(cause);
            }
            tokio::time::sleep(STORE_RETRY).await;
        }
    }
    Ok(())
}
