//! Answers kept for a while: in this process, or in Redis for all processes.
//!
//! What is cached can be had again, so a cache that is away is a miss and a number in [`Counts`], never an error.

mod flight;
mod memory;
mod shared;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::Tenant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::flight::Flights;
use self::memory::Memory;
use self::shared::Shared;
use crate::redis::{Redis, Unavailable};

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Size of what this process caches, in bytes; what was not used for longest goes first. Redis has its own `maxmemory`. Default 64 MiB.
    pub bytes_max: u64,
    /// Longest time that anything is cached, in seconds. Also CACHE_TTL. Default 3600.
    pub ttl_seconds_max: u64,
    /// Size of one value; a larger one is not kept. Default 1 MiB.
    pub value_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { bytes_max: 64 << 20, ttl_seconds_max: 3600, value_bytes_max: 1 << 20 }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let least_one = [
            ("bytes_max", self.bytes_max),
            ("ttl_seconds_max", self.ttl_seconds_max),
            ("value_bytes_max", self.value_bytes_max as u64),
        ];
        match least_one.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("cache.{name} is 0, must be at least 1")),
            None => Ok(()),
        }
    }
}

/// Where values lie.
#[async_trait]
trait Shelf: Debug + Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Unavailable>;
    async fn put(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), Unavailable>;
    async fn remove(&self, key: &str) -> Result<(), Unavailable>;
}

/// A shelf in Redis if there is one, else in this process.
fn shelf(redis: Option<&Redis>, bytes_max: u64) -> Arc<dyn Shelf> {
    match redis {
        Some(redis) => Arc::new(Shared::new(redis.clone())),
        None => Arc::new(Memory::new(bytes_max)),
    }
}

/// Values by tenant and key. Clones mean the same cache.
///
/// Values are kept as JSON: a type whose form has changed since is a miss.
#[derive(Clone, Debug)]
pub struct Cache {
    shelf: Arc<dyn Shelf>,
    flights: Arc<Flights>,
    tallies: Arc<Tallies>,
    value_bytes_max: usize,
    ttl_max: Duration,
}

impl Cache {
    /// An empty cache in this process, or that of all processes.
    pub fn new(redis: Option<&Redis>, config: &Config) -> Self {
        Self {
            shelf: shelf(redis, config.bytes_max),
            flights: Arc::default(),
            tallies: Arc::default(),
            value_bytes_max: config.value_bytes_max,
            ttl_max: Duration::from_secs(config.ttl_seconds_max),
        }
    }

    /// The value, if it is there and in time.
    pub async fn get<T: DeserializeOwned>(&self, tenant: &Tenant, key: &str) -> Option<T> {
        let value = self.find(&name(tenant, key)).await;
        let value = value.and_then(|value| serde_json::from_slice(&value).ok());
        self.tallies.count(if value.is_some() { &self.tallies.hits } else { &self.tallies.misses });
        value
    }

    /// Keeps a value for so long and no longer than `ttl_seconds_max`, unless it is too large.
    pub async fn put<T: Serialize>(&self, tenant: &Tenant, key: &str, value: &T, ttl: Duration) {
        self.keep(&name(tenant, key), json(value), ttl).await;
    }

    /// Forgets the value.
    pub async fn remove(&self, tenant: &Tenant, key: &str) {
        if let Err(away) = self.shelf.remove(&name(tenant, key)).await {
            self.tallies.away(&away);
        }
    }

    /// The value, or what `compute` makes of it. Of those in this process that ask at the same time, one computes; when that
    /// fails, the next one tries.
    pub async fn get_or_compute<T, E, F>(
        &self,
        tenant: &Tenant,
        key: &str,
        ttl: Duration,
        compute: impl FnOnce() -> F,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get(tenant, key).await {
            return Ok(value);
        }
        let name = name(tenant, key);
        let value = self.flights.join(&name, || async {
            let value = json(&compute().await?);
            self.keep(&name, value.clone(), ttl).await;
            Ok(value)
        });
        Ok(serde_json::from_slice(&value.await?).expect("what was just written can be read"))
    }

    /// What has happened since the start.
    pub fn counts(&self) -> Counts {
        self.tallies.read()
    }

    async fn find(&self, name: &str) -> Option<Bytes> {
        self.shelf.get(name).await.unwrap_or_else(|away| {
            self.tallies.away(&away);
            None
        })
    }

    async fn keep(&self, name: &str, value: Bytes, ttl: Duration) {
        if value.len() > self.value_bytes_max {
            return self.tallies.count(&self.tallies.too_large);
        }
        if let Err(away) = self.shelf.put(name, value, ttl.min(self.ttl_max)).await {
            self.tallies.away(&away);
        }
    }
}

/// Names of tenants have no colon, so no two of them share a key.
fn name(tenant: &Tenant, key: &str) -> String {
    format!("cache:{tenant}:{key}")
}

fn json<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("what is cached is plain data").into()
}

/// What a cache has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values that were there.
    pub hits: u64,
    /// Values that were not, for whatever reason.
    pub misses: u64,
    /// Values that were not kept because of their size.
    pub too_large: u64,
    /// Questions and values that Redis did not take.
    pub away: u64,
}

#[derive(Debug, Default)]
struct Tallies {
    hits: AtomicU64,
    misses: AtomicU64,
    too_large: AtomicU64,
    away: AtomicU64,
}

impl Tallies {
    fn count(&self, tally: &AtomicU64) {
        tally.fetch_add(1, Ordering::Relaxed);
    }

    fn away(&self, away: &Unavailable) {
        self.count(&self.away);
        let cause: &dyn std::error::Error = away;
        tracing::debug!(cause, "the cache is away");
    }

    fn read(&self) -> Counts {
        let read = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        Counts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            too_large: read(&self.too_large),
            away: read(&self.away),
        }
    }
}
