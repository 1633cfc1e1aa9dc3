//! Ends the process at a named point, for crash tests: `OBSERVATORY_CRASH_AT=wal.half_written@25`.
//!
//! Points: wal.half_written, wal.written, wal.synced, flush.sealed, flush.kept, flush.forgotten, upkeep.written,
//! upkeep.committed, upkeep.deleted; the number says at which passing, 1 if left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lake::UpkeepStep;
use plane::FlushStep;

/// Where to end.
#[derive(Clone, Debug)]
pub(crate) struct CrashPoint {
    name: String,
    left: Arc<AtomicU64>,
}

impl CrashPoint {
    /// Reads the environment; `None` outside of crash tests.
    pub(crate) fn from_env() -> Option<Self> {
        let setting = std::env::var("OBSERVATORY_CRASH_AT").ok()?;
        let (name, passing) = setting.split_once('@').unwrap_or((&setting, "1"));
        let left = Arc::new(AtomicU64::new(passing.parse().unwrap_or(1)));
        Some(Self { name: name.to_owned(), left })
    }

    fn pass(&self, name: &str) {
        if name == self.name && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Like SIGKILL: nothing is flushed, no destructor runs.
            std::process::abort();
        }
    }

    /// For the log's writer.
    pub(crate) fn in_wal(&self) -> wal::Observer {
        let point = self.clone();
        Arc::new(move |step| {
            point.pass(match step {
                wal::Step::HalfWritten => "wal.half_written",
                wal::Step::Written => "wal.written",
                wal::Step::Synced => "wal.synced",
            });
        })
    }

    /// For the plane's flush.
    pub(crate) fn in_flush(&self) -> Arc<dyn Fn(FlushStep) + Send + Sync> {
        let point = self.clone();
        Arc::new(move |step| {
            point.pass(match step {
                FlushStep::Sealed => "flush.sealed",
                FlushStep::Kept => "flush.kept",
                FlushStep::Forgotten => "flush.forgotten",
            });
        })
    }

    /// For the lake's upkeep.
    pub(crate) fn in_upkeep(&self) -> Arc<dyn Fn(UpkeepStep) + Send + Sync> {
        let point = self.clone();
        Arc::new(move |step| {
            point.pass(match step {
                UpkeepStep::Written => "upkeep.written",
                UpkeepStep::Committed => "upkeep.committed",
                UpkeepStep::Deleted => "upkeep.deleted",
            });
        })
    }
}
