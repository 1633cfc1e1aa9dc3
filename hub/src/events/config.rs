//! Settings of the events between products.

use std::time::Duration;

use records::PAGE_MAX;
use serde::{Deserialize, Serialize};

/// How many events are kept, and how stubbornly they are delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Events that are kept for consumers which are behind, in the outbox and in Redis; older ones are dropped and counted. Default 100 000.
    pub kept_max: u64,
    /// Events that a consumer has at the same time. Default 64.
    pub in_flight_max: usize,
    /// How often an event is given to a consumer before it becomes a dead letter. Default 10.
    pub attempts_max: u32,
    /// Pause after the first failure, in milliseconds; doubles with each. Default 1000.
    pub retry_ms_min: u64,
    /// Longest pause between two attempts, in milliseconds. Default 5 minutes.
    pub retry_ms_max: u64,
    /// Events of a consumer that failed and wait for another attempt; with so many it gets no new ones. Default 256.
    pub waiting_max: usize,
    /// How long dead letters are kept, in days. Default 30.
    pub dead_letter_days: u32,
    /// How often it is looked for new events, in milliseconds. Default 100.
    pub poll_ms: u64,
    /// How long a process may say nothing before others take over what it had, in milliseconds. Default 20 000.
    pub silent_ms_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kept_max: 100_000,
            in_flight_max: 64,
            attempts_max: 10,
            retry_ms_min: 1000,
            retry_ms_max: 300_000,
            waiting_max: 256,
            dead_letter_days: 30,
            poll_ms: 100,
            silent_ms_max: 20_000,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let least_one = [
            ("kept_max", self.kept_max),
            ("in_flight_max", self.in_flight_max as u64),
            ("attempts_max", self.attempts_max.into()),
            ("retry_ms_min", self.retry_ms_min),
            ("retry_ms_max", self.retry_ms_max),
            ("waiting_max", self.waiting_max as u64),
            ("poll_ms", self.poll_ms),
            ("silent_ms_max", self.silent_ms_max),
        ];
        match least_one.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("events.{name} is 0, must be at least 1")),
            None if self.in_flight_max.max(self.waiting_max) > PAGE_MAX => {
                Err(format!("events.in_flight_max and events.waiting_max must be at most {PAGE_MAX}"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    /// So often that one or two may be missed.
    pub(super) fn beat(&self) -> Duration {
        Duration::from_millis(self.silent_ms_max) / 4
    }

    /// Pause before the attempt that follows so many.
    pub(super) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1 << attempts.saturating_sub(1).min(32);
        Duration::from_millis(self.retry_ms_min.saturating_mul(doubled).min(self.retry_ms_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let config = Config::default();

        let pauses: Vec<u64> = [1, 2, 3, 9, 10, 40, u32::MAX].map(|attempts| config.pause(attempts).as_secs()).into();

        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
    }
}
