//! Settings of the database store.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the database is and how much is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `postgres://role:password@host:5432/database?sslmode=verify-full`. No default.
    pub url: Option<Url>,
    /// Schema that holds our tables; made when it is missing. Default `observatory`.
    pub schema: String,
    /// Connections that keep segments: as many tables are written side by side. Default 2.
    pub write_connections_max: usize,
    /// Connections that answer queries. Default 8.
    pub read_connections_max: usize,
    /// How long a connection may take to be made, and an answer to `/health/db`, in seconds. Default 5.
    pub connect_seconds_max: u64,
    /// How long a statement of a query may run, and before that wait for a connection, in seconds. Default 60.
    pub statement_seconds_max: u64,
    /// How long keeping one segment may take, in seconds. Default 300.
    pub keep_seconds_max: u64,
    /// How often it is looked at what other processes have kept, in seconds. Default 2.
    pub refresh_seconds: u64,
    /// Hours in a chunk or partition at first; later it follows `chunk_bytes`. Default 1.
    pub chunk_hours: u32,
    /// Size a chunk or partition should have before compression, in bytes. Default 1 GiB.
    pub chunk_bytes: u64,
    /// Age at which chunks are compressed, where TimescaleDB can, in hours. Default 2.
    pub compress_after_hours: u32,
    /// Whether `metrics_hourly` and `logs_hourly` are made, where TimescaleDB can. Those that are there stay. Default true.
    pub hourly_views: bool,
    /// How long hourly views keep their rows, in days; 0 is for ever. Default 1100.
    pub hourly_days: u32,
    /// Rows older than this when they come lie in the table of strays, not in chunks of their own, in days. Default 31.
    pub past_days_max: u32,
    /// A call whose other side has not been seen for so long counts as what it is without it, in seconds: a call of a host, or of
    /// nobody known. Sums of periods that have been over for so long are added up. Default 900.
    pub calls_wait_seconds: u64,
    /// Rows that were added up are deleted after so long, for queries that still count them, in seconds; queries must not run
    /// longer. Default 3600.
    pub deletion_grace_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            schema: "observatory".to_owned(),
            write_connections_max: 2,
            read_connections_max: 8,
            connect_seconds_max: 5,
            statement_seconds_max: 60,
            keep_seconds_max: 300,
            refresh_seconds: 2,
            chunk_hours: 1,
            chunk_bytes: 1 << 30,
            compress_after_hours: 2,
            hourly_views: true,
            hourly_days: 1100,
            past_days_max: 31,
            calls_wait_seconds: 900,
            deletion_grace_seconds: 3600,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        self.check_schema()?;
        let least_one = [
            ("write_connections_max", self.write_connections_max as u64),
            ("read_connections_max", self.read_connections_max as u64),
            ("connect_seconds_max", self.connect_seconds_max),
            ("statement_seconds_max", self.statement_seconds_max),
            ("keep_seconds_max", self.keep_seconds_max),
            ("refresh_seconds", self.refresh_seconds),
            ("chunk_bytes", self.chunk_bytes),
            ("past_days_max", self.past_days_max.into()),
        ];
        if let Some((name, _)) = least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("storage.database.{name} is 0, must be at least 1"));
        }
        if !(1..=24).contains(&self.chunk_hours) || 24 % self.chunk_hours != 0 {
            return Err(format!(
                "storage.database.chunk_hours is {}, must be one of 1, 2, 3, 4, 6, 8, 12, 24",
                self.chunk_hours
            ));
        }
        Ok(())
    }

    /// A name that needs no quotes anywhere.
    fn check_schema(&self) -> Result<(), String> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let starts_well = self.schema.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if starts_well && self.schema.len() <= 40 && self.schema.bytes().all(allowed) && !self.schema.starts_with("pg_")
        {
            return Ok(());
        }
        Err(format!(
            "storage.database.schema is '{}', must be 1 to 40 of a-z, 0-9 and '_', beginning with a letter, not with pg_",
            self.schema
        ))
    }

    pub(crate) fn connect_time_max(&self) -> Duration {
        Duration::from_secs(self.connect_seconds_max)
    }

    pub(crate) fn calls_wait(&self) -> Duration {
        Duration::from_secs(self.calls_wait_seconds)
    }

    pub(crate) fn deletion_grace(&self) -> Duration {
        Duration::from_secs(self.deletion_grace_seconds)
    }
}

/// A connection URL; holds a password, so it is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// Takes the text as it is; connecting checks it.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The text, for whoever connects.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (config, named) in [
            (Config { schema: "Robert'); --".to_owned(), ..Config::default() }, "schema"),
            (Config { chunk_hours: 5, ..Config::default() }, "chunk_hours"),
            (Config { read_connections_max: 0, ..Config::default() }, "read_connections_max"),
        ] {
            let wrong = config.check().expect_err("out of range");
            assert!(wrong.contains(named), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = Config { url: Some(Url::new("postgres://me:secret@there/db")), ..Config::default() };

        assert!(!format!("{config:?}").contains("secret"));
    }
}
