//! Locks an account after wrong passwords, for longer each time: a decision about times, without a clock and without storage.

use std::time::Duration;

use model::Timestamp;
use records::{Document, Key, RecordId};
use serde::{Deserialize, Serialize};

use crate::audit::Hash;
use crate::clock::{DAY, after, before};
use crate::email::Email;

/// Wrong passwords within [`WINDOW`] that lock an account.
const FAILURES_MAX: usize = 5;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// The first lock; each later one lasts twice as long, until [`LOCK_MAX`].
const LOCK: Duration = Duration::from_secs(15 * 60);
const LOCK_MAX: Duration = DAY;

/// An account without wrong passwords for so long begins anew.
const REMEMBERED: Duration = Duration::from_secs(2 * 86_400);

/// Wrong passwords for one e-mail since the last right one, in the tenant `system`; its id is the hash of the e-mail.
///
/// Kept for e-mails nobody has, too: what happens tells nobody which ones there are. No table shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    failures: Vec<Timestamp>,
    locks: u32,
    locked_until: Option<Timestamp>,
    forget_at: Timestamp,
}

impl Document for Attempts {
    const COLLECTION: &'static str = "hub.attempts";
    const KEYS: &'static [Key] = &[Key::lookup("forget_at")];
}

impl Attempts {
    /// Until when nobody gets in, not even with the right password.
    pub(crate) fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| now < *until)
    }

    /// With one more wrong password. While it is locked, nothing counts: a lock ends when it was said to.
    #[must_use]
    pub(crate) fn failed(mut self, now: Timestamp) -> Self {
        if self.locked_until(now).is_some() {
            return self;
        }
        self.failures.retain(|failure| *failure > before(now, WINDOW) && *failure <= now);
        self.failures.push(now);
        if self.failures.len() >= FAILURES_MAX {
            let doubled = LOCK.saturating_mul(2_u32.saturating_pow(self.locks));
            self.locked_until = Some(after(now, doubled.min(LOCK_MAX)));
            self.locks += 1;
            self.failures.clear();
        }
        self.forget_at = after(self.locked_until.unwrap_or(now).max(now), REMEMBERED);
        self
    }

    /// Where the attempts for an e-mail are.
    pub(crate) fn id(email: &Email) -> RecordId {
        RecordId::new(Hash::of(email.as_str().as_bytes()).to_string()).expect("a hash is an id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{HOUR, MINUTE, until};

    fn minute(count: u32) -> Timestamp {
        after(Timestamp(1_000_000_000), MINUTE * count)
    }

    /// Fails once a second until it is locked, and says for how long that is.
    fn lock(attempts: &mut Attempts, mut now: Timestamp) -> Duration {
        for _ in 0..FAILURES_MAX {
            assert_eq!(attempts.locked_until(now), None);
            now = after(now, Duration::from_secs(1));
            *attempts = std::mem::take(attempts).failed(now);
        }
        until(now, attempts.locked_until(now).expect("locked"))
    }

    #[test]
    fn five_wrong_passwords_lock_for_a_time_that_doubles_up_to_a_day() {
        let (mut attempts, mut now) = (Attempts::default(), minute(0));

        let locks: Vec<Duration> = (0..9)
            .map(|_| {
                let lasted = lock(&mut attempts, now);
                now = after(now, lasted + MINUTE);
                lasted
            })
            .collect();

        let quarters = |count: u32| MINUTE * 15 * count;
        let doubling = [1, 2, 4, 8, 16, 32, 64].map(quarters);
        assert_eq!(locks[..7], doubling);
        assert_eq!(locks[7..], [HOUR * 24; 2]);
    }

    #[test]
    fn wrong_passwords_far_apart_do_not_lock() {
        let attempts = (0..50).fold(Attempts::default(), |attempts, count| attempts.failed(minute(count * 4)));

        assert_eq!(attempts.locked_until(minute(200)), None);
        assert!(attempts.failures.len() < FAILURES_MAX, "and old ones are forgotten");
    }

    #[test]
    fn wrong_passwords_do_not_make_a_lock_longer_while_it_lasts() {
        let mut attempts = Attempts::default();
        lock(&mut attempts, minute(0));
        let locked_until = attempts.locked_until(minute(1));

        let hammered = (0..10_000).fold(attempts, |attempts, _| attempts.failed(minute(2)));

        assert_eq!(hammered.locked_until(minute(2)), locked_until);
        assert_eq!(hammered.locked_until(minute(16)), None, "the lock ends");
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_count_failures_of_the_future() {
        let attempts = (0..4).fold(Attempts::default(), |attempts, _| attempts.failed(minute(100)));

        assert_eq!(attempts.failed(minute(1)).failures, [minute(1)]);
    }
}
