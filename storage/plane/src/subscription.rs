//! Committed rows as they arrive.

use std::sync::Arc;

use model::{Batch, Signal, Tenant};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// One committed request.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Whose rows.
    pub tenant: Tenant,
    /// Position in the log.
    pub position: u64,
    /// The rows, shared with the plane.
    pub batches: Vec<Batch>,
}

/// What a subscriber is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// Rows were committed.
    Rows(Arc<Committed>),
    /// The subscriber was too slow: this many requests went by. Their rows are in the next snapshot.
    Missed(u64),
}

/// Receives the committed rows of some signals, in the order of the log.
#[derive(Debug)]
pub struct Subscription {
    signals: Vec<Signal>,
    receiver: broadcast::Receiver<Arc<Committed>>,
}

impl Subscription {
    pub(crate) fn new(signals: &[Signal], receiver: broadcast::Receiver<Arc<Committed>>) -> Self {
        Self { signals: signals.to_vec(), receiver }
    }

    /// The next event; `None` when the plane has closed.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(committed) if self.wants(&committed) => return Some(Event::Rows(committed)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => return Some(Event::Missed(missed)),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn wants(&self, committed: &Committed) -> bool {
        committed.batches.iter().any(|batch| self.signals.contains(&batch.signal()))
    }
}
