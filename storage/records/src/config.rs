//! Settings of the records' store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where records are kept and how much of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `postgres://role:password@host:5432/database?sslmode=verify-full`; SQLite when it is not set. No default.
    /// A pooler on the way must keep sessions apart.
    pub url: Option<Url>,
    /// Schema of the PostgreSQL database that holds the tables; made when it is missing. Default `observatory_records`.
    pub schema: String,
    /// The SQLite file, made when it is missing; its folder must be there. Default `records.sqlite`, which a server
    /// takes as one in its data directory.
    pub path: PathBuf,
    /// Size of a document, an entry or an event as JSON, in bytes. Default 1 MiB.
    pub document_bytes_max: usize,
    /// How often a transaction is run before others that come between make it fail. Default 10.
    pub attempts_max: u32,
    /// Connections to PostgreSQL; with SQLite, connections that read. Default 8.
    pub connections_max: usize,
    /// How long a connection may take to be made, in seconds. Default 5.
    pub connect_seconds_max: u64,
    /// How long to wait at the start for PostgreSQL that does not answer, in seconds; 0 does not wait. Default 30.
    pub start_seconds_max: u64,
    /// How long a statement may wait for its turn, and with PostgreSQL run, in seconds. Default 10.
    pub statement_seconds_max: u64,
    /// How long a transaction may take from begin to commit, in seconds. Default 20.
    pub transaction_seconds_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            schema: "observatory_records".to_owned(),
            path: "records.sqlite".into(),
            document_bytes_max: 1 << 20,
            attempts_max: 10,
            connections_max: 8,
            connect_seconds_max: 5,
            start_seconds_max: 30,
            statement_seconds_max: 10,
            transaction_seconds_max: 20,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        self.check_schema()?;
        let least_one = [
            ("document_bytes_max", self.document_bytes_max as u64),
            ("attempts_max", self.attempts_max.into()),
            ("connections_max", self.connections_max as u64),
            ("connect_seconds_max", self.connect_seconds_max),
            ("statement_seconds_max", self.statement_seconds_max),
            ("transaction_seconds_max", self.transaction_seconds_max),
        ];
        match least_one.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("records.{name} is 0, must be at least 1")),
            None => Ok(()),
        }
    }

    /// A name that needs no quotes anywhere.
    fn check_schema(&self) -> Result<(), String> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let starts_well = self.schema.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        let is_ours = starts_well && self.schema.bytes().all(allowed) && !self.schema.starts_with("pg_");
        if is_ours && self.schema.len() <= 40 {
            return Ok(());
        }
        let schema = &self.schema;
        Err(format!(
            "records.schema is '{schema}', must be 1 to 40 of a-z, 0-9 and '_', beginning with a letter, not with pg_"
        ))
    }

    pub(crate) fn connect_time_max(&self) -> Duration {
        Duration::from_secs(self.connect_seconds_max)
    }

    pub(crate) fn statement_time_max(&self) -> Duration {
        Duration::from_secs(self.statement_seconds_max)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            document_bytes_max: self.document_bytes_max,
            attempts_max: self.attempts_max,
            read_connections_max: self.connections_max,
            wait_max: self.statement_time_max(),
            transaction_time_max: Duration::from_secs(self.transaction_seconds_max),
        }
    }
}

/// The settings as they are used.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) document_bytes_max: usize,
    pub(crate) attempts_max: u32,
    pub(crate) read_connections_max: usize,
    pub(crate) wait_max: Duration,
    pub(crate) transaction_time_max: Duration,
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

    pub(crate) fn as_str(&self) -> &str {
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
            (Config { schema: "pg_mine".to_owned(), ..Config::default() }, "schema"),
            (Config { connections_max: 0, ..Config::default() }, "connections_max"),
            (Config { attempts_max: 0, ..Config::default() }, "attempts_max"),
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
