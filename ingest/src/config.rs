//! Settings of the receivers.

use serde::{Deserialize, Serialize};

/// Limits of what one request may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Largest request after decompression, in bytes. Default 64 MiB, as OTLP recommends.
    pub request_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { request_bytes_max: 64 << 20 }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if !(1024..=1 << 30).contains(&self.request_bytes_max) {
            return Err(format!(
                "ingest.request_bytes_max is {}, must be between 1 KiB and 1 GiB",
                self.request_bytes_max
            ));
        }
        Ok(())
    }
}
