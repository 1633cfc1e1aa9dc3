//! When the next piece of simulated time is due: the past at once, the present as it comes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

const STEP: Duration = Duration::from_secs(1);
/// Past time is sent in larger steps, to be done with it soon.
const CATCH_UP_STEP: Duration = Duration::from_secs(10);
/// What an outage longer than this has kept back is left out.
const CATCH_UP_MAX: Duration = Duration::from_secs(300);

/// Goes through time once, from some time ago until whenever.
#[derive(Debug)]
pub struct Pace {
    started: Duration,
    simulated: Duration,
}

/// A piece of time that is over, to be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Since 1970.
    pub from: Duration,
    /// A second, or up to ten of them while the past is caught up with.
    pub length: Duration,
    /// Before this step, as whoever plays was held up for longer than five minutes.
    pub left_out: Duration,
}

impl Pace {
    /// Begins so long ago.
    pub fn new(backfill: Duration) -> Self {
        let started = since_epoch();
        Self { started, simulated: started.saturating_sub(backfill) }
    }

    /// Waits until the next piece of time is over.
    pub async fn next(&mut self) -> Step {
        let mut left_out = Duration::ZERO;
        let behind = since_epoch().saturating_sub(self.simulated);
        if self.simulated >= self.started && behind > CATCH_UP_MAX {
            left_out = behind;
            self.simulated += behind;
        }
        let length = (behind - left_out).clamp(STEP, CATCH_UP_STEP);
        sleep((self.simulated + length).saturating_sub(since_epoch())).await;
        let step = Step { from: self.simulated, length, left_out };
        self.simulated += length;
        step
    }

    /// Whether the past and so much of the present were played.
    pub fn has_played(&self, present: Duration) -> bool {
        self.simulated >= self.started + present
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970")
}
