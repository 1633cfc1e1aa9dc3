//! One computes, the others wait for it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// What is being computed now, by key.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: Mutex<HashMap<String, Arc<OnceCell<Bytes>>>>,
}

impl Flights {
    /// Computes the value, or waits for whoever does it already. When they fail or give up, one of those who wait begins.
    pub(super) async fn join<E, F>(&self, key: &str, compute: impl FnOnce() -> F) -> Result<Bytes, E>
    where
        F: Future<Output = Result<Bytes, E>>,
    {
        let seat = self.seat(key);
        seat.cell.get_or_try_init(compute).await.cloned()
    }

    fn seat(&self, key: &str) -> Seat<'_> {
        let cell = Arc::clone(self.under_way.lock().entry(key.to_owned()).or_default());
        Seat { flights: self, key: key.to_owned(), cell }
    }
}

/// A caller's part in a flight; the last one out ends it.
struct Seat<'a> {
    flights: &'a Flights,
    key: String,
    cell: Arc<OnceCell<Bytes>>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock();
        // The map's and ours. Who comes later computes anew, or finds it cached.
        if Arc::strong_count(&self.cell) == 2 {
            under_way.remove(&self.key);
        }
    }
}
