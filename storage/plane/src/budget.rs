//! Memory of the plane: one number, taken before and given back after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Bytes that live rows, sealed rows and requests in flight may hold together.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    limit: usize,
    given_back: Arc<Notify>,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub struct Room {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { used: Arc::default(), limit, given_back: Arc::default() }
    }

    /// Bytes held now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// True when the store should catch up before more comes in.
    pub(crate) fn is_tight(&self) -> bool {
        self.used() > self.limit / 4 * 3
    }

    /// Waits until an eighth is free: what requests need that are admitted at the same moment.
    pub(crate) async fn spare(&self) {
        let has_spare = || self.used() <= self.limit / 8 * 7;
        loop {
            let given_back = self.given_back.notified();
            tokio::pin!(given_back);
            // From here on no return is missed, also one before the wait.
            given_back.as_mut().enable();
            if has_spare() {
                return;
            }
            given_back.await;
        }
    }

    /// Takes the bytes, or `None` when they are not there.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Room> {
        let taken = self.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|used| *used <= self.limit)
        });
        taken.ok().map(|_| Room { budget: self.clone(), bytes })
    }

    /// Takes the bytes even over the limit: for rows that are durable already and have to go somewhere.
    pub(crate) fn take(&self, bytes: usize) -> Room {
        self.used.fetch_add(bytes, Ordering::AcqRel);
        Room { budget: self.clone(), bytes }
    }
}

impl Room {
    /// Bytes taken.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Splits `bytes` off, at most what is there.
    pub(crate) fn split(&mut self, bytes: usize) -> Room {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Room { budget: self.budget.clone(), bytes }
    }

    /// Becomes as large as both.
    pub fn grow(&mut self, mut other: Room) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
        self.budget.given_back.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_once() {
        let budget = Budget::new(100);

        let mut room = budget.reserve(80).expect("there is room");
        let part = room.split(30);
        assert!(budget.reserve(21).is_none());
        drop(part);
        assert_eq!(budget.used(), 50);
        let mut other = budget.reserve(50).expect("there is room");
        other.grow(room);
        drop(other);

        assert_eq!(budget.used(), 0);
    }
}
