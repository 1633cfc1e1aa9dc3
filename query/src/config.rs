//! Settings of the query engine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one query may use, and how many run at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Memory of one query for sorts, joins and groups, in bytes. Default 512 MiB.
    pub memory_bytes_max: usize,
    /// Time of one query until its last row has been taken, in seconds. Default 60.
    pub time_seconds_max: u64,
    /// Rows of one result. Default 1 000 000.
    pub rows_max: usize,
    /// Queries that run at once. Default 8.
    pub concurrent_max: usize,
    /// How long a query waits for its turn, in seconds. Default 5.
    pub queue_seconds_max: u64,
    /// Parts a query is spread over. Default: the number of cores.
    pub target_partitions: usize,
    /// Length of a statement, in bytes. Default 64 KiB.
    pub statement_bytes_max: usize,
    /// Memory for what is known of stored files (footers, page indexes), shared by all queries, in bytes. Default 256 MiB.
    pub footer_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_bytes_max: 512 << 20,
            time_seconds_max: 60,
            rows_max: 1_000_000,
            concurrent_max: 8,
            queue_seconds_max: 5,
            target_partitions: std::thread::available_parallelism().map_or(1, usize::from),
            statement_bytes_max: 64 << 10,
            footer_bytes_max: 256 << 20,
        }
    }
}

impl Config {
    /// Least memory a query can do anything with.
    const MEMORY_BYTES_MIN: usize = 1 << 20;
    /// Longer statements are data, not questions, and parsing recurses over them.
    const STATEMENT_BYTES_LIMIT: usize = 256 << 10;

    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let positive = [
            ("time_seconds_max", self.time_seconds_max == 0),
            ("rows_max", self.rows_max == 0),
            ("concurrent_max", self.concurrent_max == 0),
            ("target_partitions", self.target_partitions == 0),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, is_zero)| *is_zero) {
            return Err(format!("query.{name} is 0, must be at least 1"));
        }
        if self.memory_bytes_max < Self::MEMORY_BYTES_MIN {
            let least = Self::MEMORY_BYTES_MIN;
            return Err(format!("query.memory_bytes_max is {}, must be at least {least}", self.memory_bytes_max));
        }
        if !(1..=Self::STATEMENT_BYTES_LIMIT).contains(&self.statement_bytes_max) {
            let most = Self::STATEMENT_BYTES_LIMIT;
            return Err(format!("query.statement_bytes_max is {}, must be 1 to {most}", self.statement_bytes_max));
        }
        Ok(())
    }

    pub(crate) fn time_max(&self) -> Duration {
        Duration::from_secs(self.time_seconds_max)
    }

    pub(crate) fn queue_time_max(&self) -> Duration {
        Duration::from_secs(self.queue_seconds_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_lets_nothing_through_is_refused_by_name() {
        let broken = [
            (Config { rows_max: 0, ..Config::default() }, "query.rows_max"),
            (Config { concurrent_max: 0, ..Config::default() }, "query.concurrent_max"),
            (Config { memory_bytes_max: 1, ..Config::default() }, "query.memory_bytes_max"),
            (Config { statement_bytes_max: 2 << 20, ..Config::default() }, "query.statement_bytes_max"),
        ];

        assert_eq!(Config::default().check(), Ok(()));
        for (config, name) in broken {
            assert!(config.check().is_err_and(|message| message.starts_with(name)), "{name}");
        }
    }
}
