//! The Redis that processes share: one connection that comes back by itself, and answers that never take long.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// Where Redis is and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `redis://user:password@host:6379/0`, or `rediss://` for TLS; version 6 or newer. Default none: all stays in this process.
    pub url: Option<Url>,
    /// Begins every key: installations that share a server need one each. Default `observatory`.
    pub prefix: String,
    /// How long a connection may take to be made, in milliseconds. Default 1000.
    pub connect_ms_max: u64,
    /// How long an answer may take, in milliseconds. Default 1000.
    pub answer_ms_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: None, prefix: "observatory".to_owned(), connect_ms_max: 1000, answer_ms_max: 1000 }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.connect_ms_max == 0 || self.answer_ms_max == 0 {
            return Err("redis.connect_ms_max and redis.answer_ms_max must be at least 1".to_owned());
        }
        if self.prefix.is_empty() {
            return Err("redis.prefix is empty, must be a name".to_owned());
        }
        self.url.as_ref().map_or(Ok(()), |url| client(url).map(drop))
    }
}

/// Address of a server; may hold a password, so it is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// Takes the text as it is; [`Config::check`] looks at it.
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

/// The server, reachable or not.
#[derive(Clone)]
pub struct Redis {
    server: Arc<str>,
    connection: ConnectionManager,
    prefix: Arc<str>,
    connect_time_max: Duration,
    answer_time_max: Duration,
}

impl Redis {
    /// Prepares; the server is looked for when it is first asked something. Needs a runtime around it.
    pub fn new(url: &Url, config: &Config) -> Result<Self, String> {
        let client = client(url)?;
        let server = client.get_connection_info().addr().to_string().into();
        let connect_time_max = Duration::from_millis(config.connect_ms_max);
        let answer_time_max = Duration::from_millis(config.answer_ms_max);
        let once = ConnectionManagerConfig::new()
            // Whoever asks must not wait for a server that is away: the next one tries again.
            .set_number_of_retries(0)
            .set_connection_timeout(Some(connect_time_max))
            .set_response_timeout(Some(answer_time_max));
        let connection = ConnectionManager::new_lazy_with_config(client, once).map_err(|cause| wrong(&cause))?;
        Ok(Self { server, connection, prefix: config.prefix.as_str().into(), connect_time_max, answer_time_max })
    }

    /// How long an answer takes, or why there is none. For `/health/redis`.
    pub async fn health(&self) -> Result<Duration, Unavailable> {
        let began = Instant::now();
        self.ask::<()>(&::redis::cmd("PING")).await?;
        Ok(began.elapsed())
    }

    /// A key of ours.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Sends a command that bears to be run twice, and gives what is answered.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        match self.ask_once(command).await {
            // The connection was of before the server went away; a new one is on its way.
            Err(away) if away.cause.is_connection_dropped() => self.ask_once(command).await,
            answered => answered,
        }
    }

    /// Sends a command and gives what is answered. When nothing is, it may have been run.
    pub(crate) async fn ask_once<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let mut connection = self.connection.clone();
        let answered =
            timeout(self.connect_time_max + self.answer_time_max, command.query_async(&mut connection)).await;
        answered.unwrap_or_else(|_| Err(timed_out())).map_err(|cause| self.unavailable(cause))
    }

    fn unavailable(&self, cause: RedisError) -> Unavailable {
        Unavailable { server: Arc::clone(&self.server), advice: advice(&cause), cause: Arc::new(cause) }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Redis does not do what it is asked, now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("redis at {server} {advice}")]
pub struct Unavailable {
    server: Arc<str>,
    advice: &'static str,
    #[source]
    cause: Arc<RedisError>,
}

impl Unavailable {
    /// Whether Redis refused with this word. Before version 7 it is inside the message when a script was refused.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.cause.code() == Some(word) || self.cause.detail().is_some_and(|detail| detail.contains(word))
    }
}

const LOCKED_OUT: &str = "does not let us in: check user and password in redis.url";

fn advice(cause: &RedisError) -> &'static str {
    match cause.code() {
        _ if cause.kind() == ErrorKind::AuthenticationFailed => LOCKED_OUT,
        Some("NOAUTH" | "WRONGPASS") => LOCKED_OUT,
        Some("NOPERM") => "does not allow this: the user needs the commands and keys of redis.prefix",
        Some("OOM") => "is full: raise its maxmemory",
        Some("MISCONF") => "cannot write to its disk",
        Some("READONLY") => "is a replica: redis.url must lead to the one that takes writes",
        Some("LOADING") => "is starting",
        Some(_) => "refused; version 6 or newer is needed",
        None => "does not answer",
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn client(url: &Url) -> Result<Client, String> {
    Client::open(url.0.as_str()).map_err(|cause| wrong(&cause))
}

/// What is wrong with an address, without the address.
fn wrong(cause: &RedisError) -> String {
    format!("redis.url is not redis://user:password@host:port/number: {cause}")
}
