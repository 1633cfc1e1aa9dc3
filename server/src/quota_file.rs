//! Keeps what tenants have sent today over a restart: a file in the data directory, at most some seconds old.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ingest::{DayUsage, QuotaConfig, Quotas};
use tokio_util::sync::CancellationToken;

use crate::data_dir::DataDir;

const FILE: &str = "quotas.json";
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

/// The quotas, and the file that remembers them.
#[derive(Debug)]
pub(crate) struct QuotaFile {
    pub(crate) quotas: Arc<Quotas>,
    path: PathBuf,
}

impl QuotaFile {
    /// Goes on from what the file says. One that cannot be read counts as nothing sent.
    pub(crate) fn open(config: &QuotaConfig, data: &DataDir) -> Self {
        let path = data.path().join(FILE);
        let known: Vec<DayUsage> = match std::fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(known)) => known,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            unreadable => {
                tracing::warn!(?unreadable, file = %path.display(), "what tenants sent today is not known, quotas of bytes begin anew");
                Vec::new()
            }
        };
        Self { quotas: Arc::new(Quotas::new(config.clone(), &known)), path }
    }

    /// Writes the file now and then, and when stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut written = Vec::new();
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(WRITTEN_EVERY) => false,
            };
            let days = self.quotas.days();
            if days != written {
                self.write(&days);
                written = days;
            }
            if stopped {
                return;
            }
        }
    }

    fn write(&self, days: &[DayUsage]) {
        let beside = self.path.with_extension("unfinished");
        let json = serde_json::to_vec(days).expect("numbers and names are plain data");
        let written = std::fs::write(&beside, json).and_then(|()| std::fs::rename(&beside, &self.path));
        if let Err(cause) = written {
            let cause: &dyn std::error::Error = &cause;
            tracing::warn!(cause, file = %self.path.display(), "what tenants sent today is not written down");
        }
    }
}
