//! Values in this process, bounded by their bytes; what was not used for longest goes first.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::future::Cache;
use moka::policy::EvictionPolicy;

use super::Shelf;
use crate::redis::Unavailable;

/// What an entry takes beside its key and value, about.
const ENTRY_BYTES: usize = 200;

#[derive(Debug)]
pub(super) struct Memory {
    entries: Cache<String, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Bytes,
    ttl: Duration,
}

impl Memory {
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight = |key: &String, entry: &Entry| {
            u32::try_from(key.len() + entry.value.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let entries = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(weight)
            // The default would rather keep what is asked for often than what is new: a session has to be kept at once.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(AsTold)
            .build();
        Self { entries }
    }
}

#[async_trait]
impl Shelf for Memory {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Unavailable> {
        Ok(self.entries.get(key).await.map(|entry| entry.value))
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), Unavailable> {
        self.entries.insert(key.to_owned(), Entry { value, ttl }).await;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), Unavailable> {
        self.entries.remove(key).await;
        Ok(())
    }
}

/// Each entry lives as long as was said when it was put; the clock is one that never jumps.
struct AsTold;

impl Expiry<String, Entry> for AsTold {
    fn expire_after_create(&self, _key: &String, entry: &Entry, _now: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _key: &String,
        entry: &Entry,
        _now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}
