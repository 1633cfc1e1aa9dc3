//! Keeps something running: after a panic or an error it is started again, after ever longer pauses.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use parking_lot::Mutex;

use crate::plugin::{PluginError, Shutdown};

/// Before the next start of what has ended.
pub(crate) const PAUSES: Pauses = Pauses { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// What has run for so long starts again with the first pause.
const STEADY: Duration = Duration::from_secs(600);

/// How a plugin is, as `/health/products` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What it is doing.
    pub state: State,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it ended the last time.
    pub last_error: Option<String>,
}

/// What a plugin is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It has failed and waits for its next start.
    Waiting,
    /// It has ended because it was told to.
    Stopped,
}

impl State {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Waiting => "waiting",
            State::Stopped => "stopped",
        }
    }
}

/// How long to wait before something is started again; twice as long each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// What is known of a plugin, shared with those who ask.
#[derive(Clone, Debug)]
pub(crate) struct Watched(Arc<Mutex<Health>>);

impl Watched {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Health { state: State::Running, restarts: 0, last_error: None })))
    }

    pub(crate) fn health(&self) -> Health {
        self.0.lock().clone()
    }

    fn is(&self, state: State) {
        self.0.lock().state = state;
    }

    fn has_failed(&self, reason: String) {
        let mut health = self.0.lock();
        health.state = State::Waiting;
        health.restarts += 1;
        health.last_error = Some(reason);
    }
}

/// Runs `start` until `shutdown`, again whenever it ends before.
pub(crate) async fn keep_running<F>(
    name: &'static str,
    watched: Watched,
    shutdown: Shutdown,
    pauses: Pauses,
    start: impl Fn(Shutdown) -> F,
) where
    F: Future<Output = Result<(), PluginError>>,
{
    let mut pause = pauses.first;
    while !shutdown.is_cancelled() {
        watched.is(State::Running);
        let started = Instant::now();
        let ended = AssertUnwindSafe(start(shutdown.clone())).catch_unwind().await;
        if shutdown.is_cancelled() {
            break;
        }
        let reason = match ended {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(cause)) => cause.to_string(),
            Err(panic) => format!("it panicked: {}", said(panic.as_ref())),
        };
        if started.elapsed() >= STEADY {
            pause = pauses.first;
        }
        tracing::error!(
            plugin = name,
            reason,
            retry_seconds = pause.as_secs(),
            "a plugin has stopped, it is started again"
        );
        watched.has_failed(reason);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(pauses.longest);
    }
    watched.is(State::Stopped);
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_panics_or_fails_is_started_again_after_ever_longer_pauses() {
        let (starts, shutdown, watched) = (AtomicU64::new(0), Shutdown::new(), Watched::new());
        let pauses = Pauses { first: Duration::from_millis(20), longest: Duration::from_secs(60) };
        let run = |shutdown: Shutdown| {
            let start = starts.fetch_add(1, Ordering::Relaxed);
            let watched = watched.clone();
            async move {
                match start {
                    0 => panic!("the first time"),
                    1 => Err("the second time".into()),
                    _ => {
                        assert_eq!(watched.health().state, State::Running);
                        shutdown.cancel();
                        Ok(())
                    }
                }
            }
        };
        let began = Instant::now();

        keep_running("test", watched.clone(), shutdown.clone(), pauses, run).await;

        assert!(began.elapsed() >= pauses.first * 3, "{:?}", began.elapsed());
        let last_error = Some("the second time".to_owned());
        assert_eq!(watched.health(), Health { state: State::Stopped, restarts: 2, last_error });
    }
}
