//! When a rule is evaluated next: at multiples of its interval, which all processes see alike, so that rules share their questions.

use std::time::Duration;

/// Of a pause, so much is made up for.
pub(crate) const MADE_UP_MAX: Duration = Duration::from_secs(3600);
/// With at most so many evaluations of a rule; the steps of long pauses are wider.
const STEPS_MAX: i64 = 60;
/// Evaluations that are missing for longer than this are a pause, not a slow moment.
pub(crate) const PAUSE_MIN: Duration = Duration::from_secs(60);

/// Times in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Multiple of the interval at which the rule is evaluated next.
    pub(crate) at: i64,
    interval: i64,
}

impl Due {
    /// At the first multiple that is not before `from`.
    pub(crate) fn from(from: i64, interval: Duration) -> Self {
        let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
        Self { at: (from.saturating_add(interval - 1)).div_euclid(interval).saturating_mul(interval), interval }
    }

    /// After nobody looked since `next`: at what was due of the last hour, or else at the newest time that was missed.
    pub(crate) fn resumed(next: i64, now: i64, interval: Duration) -> Self {
        let first = Self::from(next, interval);
        let reach = i64::try_from(MADE_UP_MAX.as_nanos()).unwrap_or(i64::MAX);
        let newest = now.div_euclid(first.interval) * first.interval;
        let in_reach = Self::from(now.saturating_sub(reach), interval).at.min(newest);
        Self { at: first.at.max(in_reach), ..first }
    }

    pub(crate) fn is_now(self, now: i64) -> bool {
        self.at <= now
    }

    /// After it was evaluated. Up to `made_up_until` nothing is left out but what would be too much; then what is missed is missed.
    pub(crate) fn next(self, now: i64, made_up_until: i64) -> Self {
        let behind = made_up_until.min(now).saturating_sub(self.at);
        if behind > 0 {
            let steps = (behind / self.interval).max(1);
            let width = (steps + STEPS_MAX - 1) / STEPS_MAX;
            return Self { at: self.at + width.max(1) * self.interval, ..self };
        }
        let next = self.at.saturating_add(self.interval);
        match next > now {
            true => Self { at: next, ..self },
            // The newest that has come, not all that have: late answers help nobody.
            false => Self { at: now.div_euclid(self.interval) * self.interval, ..self },
        }
    }

    /// The same when the clock was set back: never farther away than one interval.
    pub(crate) fn within_reach(self, now: i64) -> Self {
        match self.at.saturating_sub(now) > self.interval {
            true => Self { at: (now.div_euclid(self.interval) + 1) * self.interval, ..self },
            false => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const EVERY_30: Duration = Duration::from_secs(30);

    #[test]
    fn it_is_evaluated_at_multiples_of_its_interval() {
        let due = Due::from(61 * SECOND, EVERY_30);

        assert_eq!(due.at, 90 * SECOND);
        assert_eq!(due.next(91 * SECOND, 0).at, 120 * SECOND);
        assert_eq!(due.next(200 * SECOND, 0).at, 180 * SECOND, "what was missed in a slow moment is left out");
    }

    #[test]
    fn a_pause_is_made_up_for_step_by_step() {
        let (now, mut due, mut times) = (600 * SECOND, Due::from(0, EVERY_30), Vec::new());
        while due.is_now(now) {
            times.push(due.at / SECOND);
            due = due.next(now, now);
        }

        assert_eq!(times, (0..=20).map(|step| step * 30).collect::<Vec<_>>());
        assert_eq!(due.at, 630 * SECOND);
    }

    #[test]
    fn of_a_long_pause_the_last_hour_is_made_up_for_and_of_rare_rules_the_newest_time() {
        let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
        let resumed = |next: i64, now: i64, interval| Due::resumed(next * SECOND, now * SECOND, interval).at / SECOND;

        assert_eq!(resumed(30, 100, EVERY_30), 30);
        assert_eq!(resumed(30, 10_000, EVERY_30), 6420, "6400 is no multiple");
        assert_eq!(resumed(3600, 10_000, hour), 7200);
        assert_eq!(resumed(86_400, 86_400 + 8000, day), 86_400);
        assert_eq!(resumed(86_400, 1000, day), 86_400, "nothing was missed");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_evaluations() {
        let due = Due::from(7200 * SECOND, EVERY_30);

        assert_eq!(due.within_reach(100 * SECOND).at, 120 * SECOND);
        assert_eq!(due.within_reach(7180 * SECOND), due);
    }

    proptest! {
        #[test]
        fn a_pause_takes_few_evaluations_and_each_is_later(seconds in 1_u64..7200, gap in 1_i64..100_000) {
            let now = gap * SECOND;
            let (mut due, mut steps) = (Due::from(0, Duration::from_secs(seconds)), 0);
            while due.is_now(now) {
                let next = due.next(now, now);
                prop_assert!(next.at > due.at);
                due = next;
                steps += 1;
            }
            // The steps become narrower as the end comes nearer.
            prop_assert!(steps <= STEPS_MAX * 10, "{steps}");
        }
    }
}
