//! Settings of the data plane.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much the plane holds in memory and when it lets go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Memory for live rows, sealed rows and requests in flight together, in bytes. Default 512 MiB.
    pub memory_bytes_max: usize,
    /// A segment is sealed when its rows hold this much memory, in bytes. Default 96 MiB.
    pub segment_bytes: usize,
    /// A segment is sealed when its first row is this old, in seconds. Default 60.
    pub segment_age_seconds: u64,
    /// How long a request waits for memory before it is refused, in milliseconds. Default 2000.
    pub wait_millis_max: u64,
    /// Committed requests that wait for a slow subscriber before it misses some. Default 1024.
    pub subscription_requests_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_bytes_max: 512 << 20,
            segment_bytes: 96 << 20,
            segment_age_seconds: 60,
            wait_millis_max: 2000,
            subscription_requests_max: 1024,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.segment_bytes == 0 || self.segment_bytes > self.memory_bytes_max / 2 {
            return Err(format!(
                "plane.segment_bytes is {}, must be between 1 and half of plane.memory_bytes_max ({})",
                self.segment_bytes, self.memory_bytes_max
            ));
        }
        if self.segment_age_seconds == 0 {
            return Err("plane.segment_age_seconds is 0, must be at least 1".to_owned());
        }
        if self.subscription_requests_max == 0 {
            return Err("plane.subscription_requests_max is 0, must be at least 1".to_owned());
        }
        Ok(())
    }

    pub(crate) fn segment_age(&self) -> Duration {
        Duration::from_secs(self.segment_age_seconds)
    }
}
