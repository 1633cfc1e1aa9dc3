//! Values in Redis, where all processes find them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::Cmd;

use super::Shelf;
use crate::redis::{Redis, Unavailable};

#[derive(Debug)]
pub(super) struct Shared {
    redis: Redis,
}

impl Shared {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl Shelf for Shared {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Unavailable> {
        let value: Option<Vec<u8>> = self.redis.ask(&Cmd::get(self.redis.key(key))).await?;
        Ok(value.map(Bytes::from))
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), Unavailable> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        self.redis.ask(&Cmd::pset_ex(self.redis.key(key), value.as_ref(), ttl_ms)).await
    }

    async fn remove(&self, key: &str) -> Result<(), Unavailable> {
        self.redis.ask(&Cmd::del(self.redis.key(key))).await
    }
}
