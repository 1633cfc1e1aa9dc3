//! Requests that are in the log alone: acknowledged, but neither in memory nor in the store.
//!
//! There are some when the program starts, and when the store is away for longer than memory lasts. While there are, rows enter memory
//! only in the order of the log, and no snapshot is given: it could not show what was acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{Batch, Tenant};
use parking_lot::Mutex;

use crate::budget::Room;

/// A durable request on its way to memory.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) tenant: Tenant,
    pub(crate) position: u64,
    pub(crate) batches: Vec<Batch>,
    pub(crate) room: Room,
}

/// How far into the log memory and store reach.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: Mutex<Option<Waiting>>,
    store_is_away: AtomicBool,
}

#[derive(Debug)]
struct Waiting {
    /// Last position that was brought to memory.
    read: u64,
    /// Last position there is to bring.
    last: u64,
    /// All requests since the log began to be read, while memory has room for them: with them memory joins the log's end.
    since: Option<Vec<Request>>,
}

impl Backlog {
    /// Of a log that was just opened, with nothing in memory.
    pub(crate) fn of_log(last: u64) -> Self {
        let waiting = (last > 0).then_some(Waiting { read: 0, last, since: None });
        Self { waiting: Mutex::new(waiting), store_is_away: AtomicBool::new(false) }
    }

    /// Told after each attempt at the store.
    pub(crate) fn store_is_away(&self, is_away: bool) {
        self.store_is_away.store(is_away, Ordering::Relaxed);
    }

    /// Gives the request back when it can enter memory. Otherwise it stays in the log: behind others that do, or because memory would
    /// fill while the store is away.
    ///
    /// Called on the writer's thread, in the order of positions.
    pub(crate) fn pass(&self, request: Request, memory_is_tight: bool) -> Option<Request> {
        let mut waiting = self.waiting.lock();
        let Some(some) = &mut *waiting else {
            if !memory_is_tight || !self.store_is_away.load(Ordering::Relaxed) {
                return Some(request);
            }
            *waiting = Some(Waiting { read: request.position - 1, last: request.position, since: None });
            return None;
        };
        some.last = request.position;
        match &mut some.since {
            Some(since) if !memory_is_tight => since.push(request),
            since => *since = None,
        }
        None
    }

    /// True while some requests are in the log alone.
    pub(crate) fn is_some(&self) -> bool {
        self.waiting.lock().is_some()
    }

    /// Begins to read: after which position, and through which. Later requests wait in memory, if it has room.
    pub(crate) fn begin(&self) -> Option<(u64, u64)> {
        let mut waiting = self.waiting.lock();
        let waiting = waiting.as_mut()?;
        waiting.since = Some(Vec::new());
        Some((waiting.read, waiting.last))
    }

    /// This position is in memory now.
    pub(crate) fn brought(&self, position: u64) {
        if let Some(waiting) = &mut *self.waiting.lock() {
            waiting.read = position;
        }
    }

    /// Everything up to here was read. If all later requests are at hand, they follow, and no request waits any more.
    pub(crate) fn end(&self, through: u64, push: impl FnMut(Request)) {
        let mut waiting = self.waiting.lock();
        let Some(some) = &mut *waiting else { return };
        some.read = through;
        if let Some(since) = some.since.take() {
            since.into_iter().for_each(push);
            *waiting = None;
        } else if some.read >= some.last {
            *waiting = None;
        }
    }

    /// Positions there are to bring.
    pub(crate) fn frames(&self) -> u64 {
        self.waiting.lock().as_ref().map_or(0, |waiting| waiting.last - waiting.read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    fn request(position: u64) -> Request {
        let room = Budget::new(0).take(0);
        Request { tenant: Tenant::default_tenant(), position, batches: Vec::new(), room }
    }

    fn passes(backlog: &Backlog, position: u64, memory_is_tight: bool) -> bool {
        backlog.pass(request(position), memory_is_tight).is_some()
    }

    fn pushed(backlog: &Backlog, through: u64) -> Vec<u64> {
        let mut pushed = Vec::new();
        backlog.end(through, |request| pushed.push(request.position));
        pushed
    }

    #[test]
    fn requests_stay_in_the_log_from_the_first_without_room_until_memory_has_caught_up() {
        let backlog = Backlog::default();

        assert!(passes(&backlog, 1, true), "the store is there and will make room");
        backlog.store_is_away(true);
        assert!(passes(&backlog, 2, false), "there is room");
        assert!(!passes(&backlog, 3, true));
        backlog.store_is_away(false);
        assert!(!passes(&backlog, 4, false), "behind others");

        assert_eq!(backlog.begin(), Some((2, 4)));
        assert!(!passes(&backlog, 5, false));
        assert_eq!(pushed(&backlog, 4), [5]);
        assert!(passes(&backlog, 6, false));
    }

    #[test]
    fn a_memory_that_fills_meanwhile_reads_on() {
        let backlog = Backlog::of_log(4);

        assert_eq!(backlog.begin(), Some((0, 4)));
        for (position, memory_is_tight) in [(5, false), (6, true), (7, false)] {
            assert!(!passes(&backlog, position, memory_is_tight));
        }
        assert_eq!(pushed(&backlog, 4), [] as [u64; 0]);
        assert_eq!((backlog.begin(), backlog.frames()), (Some((4, 7)), 3));
        assert_eq!(pushed(&backlog, 7), [] as [u64; 0]);
        assert!(!backlog.is_some());
    }
}
