//! What is not telemetry: records, people, events, what is cached, and calls to the world outside.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use hub::cache::Cache;
use hub::events::Events;
use hub::outgoing::Outgoing;
use hub::redis::Redis;
use hub::sealing::Keyring;
use hub::{FirstOwner, Hub, Secret};
use records::Records;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::sealing_key;

/// The parts that products and people are served from.
pub(crate) struct Platform {
    pub(crate) records: Records,
    pub(crate) redis: Option<Redis>,
    pub(crate) hub: Arc<Hub>,
    /// At the first start: who can come in, to be told once.
    pub(crate) first_owner: Option<FirstOwner>,
    pub(crate) events: Events,
    pub(crate) cache: Cache,
    pub(crate) outgoing: Outgoing,
}

impl Platform {
    /// Opens what the settings name; brings its tables up to date.
    pub(crate) async fn open(config: &Config, data: &DataDir) -> anyhow::Result<Self> {
        let records = Records::open(&config.records(data.path())).await.context("records cannot be used")?;
        let redis = config.redis.url.as_ref().map(|url| Redis::new(url, &config.redis)).transpose();
        let redis = redis.map_err(|cause| anyhow!("wrong setting: {cause}"))?;
        let outgoing = Outgoing::new(&config.outgoing).map_err(|cause| anyhow!("wrong setting: {cause}"))?;
        let parts = hub::Parts {
            records: records.clone(),
            ring: sealing_key::of(config, data)?,
            outgoing: outgoing.clone(),
            configured_keys: config.configured_keys(),
            issuers: hub::issuers(),
            clock: hub::system_clock(),
        };
        let (hub, first_owner) = Hub::open(config.hub.clone(), parts).await.context("the hub cannot be opened")?;
        let events = Events::new(&records, redis.as_ref(), &config.events);
        let cache = Cache::new(redis.as_ref(), &config.cache);
        Ok(Self { records, redis, hub, first_owner, events, cache, outgoing })
    }
}
