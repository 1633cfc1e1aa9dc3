//! Which of many things were seen lately.

use std::collections::HashSet;
use std::time::Duration;

use model::Timestamp;

/// A set that forgets what was not seen for one to two windows: 8 bytes a thing, and no list by time.
#[derive(Debug)]
pub(super) struct Active {
    window_nanos: i64,
    began: Timestamp,
    current: HashSet<u64>,
    /// Seen in the window before and not yet again.
    before: HashSet<u64>,
}

impl Active {
    pub(super) fn new(window: Duration) -> Self {
        let window_nanos = i64::try_from(window.as_nanos()).expect("a window of days");
        Self { window_nanos, began: Timestamp(0), current: HashSet::new(), before: HashSet::new() }
    }

    /// Begins a new window when the current one is over. A clock that goes back changes nothing.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let age = now.0.saturating_sub(self.began.0);
        if age >= 2 * self.window_nanos {
            self.current.clear();
        }
        if age >= self.window_nanos {
            self.before = std::mem::take(&mut self.current);
            self.began = now;
        }
    }

    /// Remembers the thing unless it would be one too many.
    pub(super) fn see(&mut self, thing: u64, limit: usize) -> bool {
        if self.current.contains(&thing) {
            return true;
        }
        if self.before.remove(&thing) || self.len() < limit {
            self.current.insert(thing);
            return true;
        }
        false
    }

    pub(super) fn len(&self) -> usize {
        self.current.len() + self.before.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_again_stays_and_what_is_not_makes_room() {
        let window = Duration::from_secs(10);
        let at = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let mut active = Active::new(window);
        active.forget_old(at(1000));
        assert!(active.see(1, 2) && active.see(2, 2) && active.see(1, 2));
        assert!(!active.see(3, 2), "one too many");

        active.forget_old(at(1011));
        assert!(active.see(1, 2) && !active.see(3, 2), "both are still active");
        active.forget_old(at(1022));
        assert!(active.see(3, 2), "2 was silent for a window");
        assert!(active.see(1, 2) && !active.see(2, 2));
        active.forget_old(at(2000));
        assert_eq!(active.len(), 0);
    }
}
