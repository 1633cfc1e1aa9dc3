//! Settings of the lake's upkeep.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which files are merged, and when those that are no longer needed are deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files of this size are large enough and are not merged any more, in bytes. Default 256 MiB.
    pub file_bytes_min: u64,
    /// Files are not merged into larger ones than this, in bytes. Default 1 GiB.
    pub file_bytes_max: u64,
    /// Files of similar size are merged when there are so many of a table and day. Default 8.
    pub merge_files_min: usize,
    /// Most files merged at once. Default 32.
    pub merge_files_max: usize,
    /// Memory of a merge, in bytes; fewer files are merged at once when they would need more. Default 256 MiB.
    pub merge_bytes_max: usize,
    /// Most attributes that get a column of their own in a merged file, up to 256; 0 is none. Default 16.
    pub promote_keys_max: usize,
    /// Merged files with fewer rows get no such columns. Default 65536.
    pub promote_rows_min: u64,
    /// A day that is over and got no file for so long is brought to its final form, in seconds. Default 3600.
    pub settled_seconds: u64,
    /// A call whose other side has not been seen for so long counts as what it is without it, in seconds: a call of a host, or
    /// of nobody known. Default 900.
    pub calls_wait_seconds: u64,
    /// A process that merges a table and dies holds others up for so long, in seconds. Default 60.
    pub lease_seconds: u64,
    /// Files that were merged or have expired are deleted after so long, for queries of other processes that
    /// still read them, in seconds; queries must not run longer. Default 3600.
    pub deletion_grace_seconds: u64,
    /// Files that nobody knows are deleted at this age, in seconds: longer than any file takes from its writing to its commit.
    /// Default 86400.
    pub orphan_grace_seconds: u64,
    /// How often files that nobody knows are looked for, in seconds. Default 21600.
    pub orphan_look_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file_bytes_min: 256 << 20,
            file_bytes_max: 1 << 30,
            merge_files_min: 8,
            merge_files_max: 32,
            merge_bytes_max: 256 << 20,
            promote_keys_max: 16,
            promote_rows_min: 1 << 16,
            settled_seconds: 3600,
            calls_wait_seconds: 900,
            lease_seconds: 60,
            deletion_grace_seconds: 3600,
            orphan_grace_seconds: 24 * 3600,
            orphan_look_seconds: 6 * 3600,
        }
    }
}

impl Config {
    /// Least memory of a merge: two files and a page of each column.
    const MERGE_BYTES_MIN: usize = 1 << 20;
    /// Each column costs memory in a merge, and room in every footer.
    const PROMOTE_KEYS_LIMIT: usize = 256;

    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.file_bytes_min == 0 || self.file_bytes_max < 2 * self.file_bytes_min {
            return Err(format!(
                "lake.file_bytes_max is {}, must be at least twice lake.file_bytes_min ({}), which must be above 0",
                self.file_bytes_max, self.file_bytes_min
            ));
        }
        if self.merge_files_min < 2 || self.merge_files_max < self.merge_files_min {
            return Err(format!(
                "lake.merge_files_min is {} and lake.merge_files_max {}, must be at least 2 and in this order",
                self.merge_files_min, self.merge_files_max
            ));
        }
        if self.merge_bytes_max < Self::MERGE_BYTES_MIN {
            let least = Self::MERGE_BYTES_MIN;
            return Err(format!("lake.merge_bytes_max is {}, must be at least {least}", self.merge_bytes_max));
        }
        if self.promote_keys_max > Self::PROMOTE_KEYS_LIMIT {
            let most = Self::PROMOTE_KEYS_LIMIT;
            return Err(format!("lake.promote_keys_max is {}, must be at most {most}", self.promote_keys_max));
        }
        Ok(())
    }

    pub(crate) fn calls_wait(&self) -> Duration {
        Duration::from_secs(self.calls_wait_seconds)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    pub(crate) fn deletion_grace(&self) -> Duration {
        Duration::from_secs(self.deletion_grace_seconds)
    }

    pub(crate) fn orphan_grace(&self) -> Duration {
        Duration::from_secs(self.orphan_grace_seconds)
    }

    pub(crate) fn orphan_look(&self) -> Duration {
        Duration::from_secs(self.orphan_look_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_work_is_refused_by_name() {
        let broken = [
            (Config { file_bytes_min: 1 << 30, ..Config::default() }, "lake.file_bytes_max"),
            (Config { merge_files_min: 1, ..Config::default() }, "lake.merge_files_min"),
            (Config { merge_bytes_max: 1000, ..Config::default() }, "lake.merge_bytes_max"),
            (Config { promote_keys_max: 1000, ..Config::default() }, "lake.promote_keys_max"),
        ];

        assert_eq!(Config::default().check(), Ok(()));
        for (config, name) in broken {
            assert!(config.check().is_err_and(|message| message.starts_with(name)), "{name}");
        }
    }
}
