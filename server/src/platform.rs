//! What is not telemetry: records, people, events, what is cached, and calls to the world outside.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use hub::cache::Cache;
use hub::events::Events;
use hub::outgoing::Outgoing;
use hub::redis::Redis;
use hub::sealing::Keyring;
use hub::{FirstOwner, Hub};
use plugin::PluginSchema;
use query::ForeignSchema;
use records::Records;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::health::Check;
use crate::sealing_key;

/// The parts that people and products are served from.
pub(crate) struct Platform {
    pub(crate) records: Records,
    pub(crate) hub: Arc<Hub>,
    /// At the first start: who can come in, to be told once.
    pub(crate) first_owner: Option<FirstOwner>,
    pub(crate) events: Events,
    pub(crate) cache: Cache,
    /// For products; the hub has one of its own.
    pub(crate) outgoing: Arc<Outgoing>,
    /// Seals what products keep secret.
    pub(crate) keyring: Arc<Keyring>,
    redis: Option<Redis>,
}

/// The hub over its records.
pub(crate) struct Opened {
    pub(crate) hub: Arc<Hub>,
    pub(crate) first_owner: Option<FirstOwner>,
    records: Records,
    keyring: Arc<Keyring>,
}

/// Opens records and hub as the settings say, and brings their tables up to date.
pub(crate) async fn open_hub(config: &Config, data_dir: &Path) -> anyhow::Result<Opened> {
    let records = Records::open(&config.records(data_dir)).await.context("records cannot be used")?;
    let keyring = Arc::new(sealing_key::ring(config.encryption_key.as_ref(), data_dir)?);
    let parts = hub::Parts {
        records: records.clone(),
        ring: Arc::clone(&keyring),
        outgoing: outgoing(config)?,
        configured_keys: config.configured_keys(),
        issuers: hub::issuers(),
        clock: hub::system_clock(),
    };
    let (hub, first_owner) = Hub::open(config.hub.clone(), parts).await.context("the hub cannot be opened")?;
    Ok(Opened { hub, first_owner, records, keyring })
}

fn outgoing(config: &Config) -> anyhow::Result<Outgoing> {
    Outgoing::new(&config.outgoing).map_err(|cause| anyhow!("calls to the world outside are not possible: {cause}"))
}

impl Platform {
    /// Opens what the settings name.
    pub(crate) async fn open(config: &Config, data: &DataDir) -> anyhow::Result<Self> {
        let Opened { hub, first_owner, records, keyring } = open_hub(config, data.path()).await?;
        let redis = config.redis.url.as_ref().map(|url| Redis::new(url, &config.redis)).transpose();
        let redis = redis.map_err(|cause| anyhow!("wrong setting: {cause}"))?;
        let events = Events::new(&records, redis.as_ref(), &config.events);
        let cache = Cache::new(redis.as_ref(), &config.cache);
        let outgoing = Arc::new(outgoing(config)?);
        Ok(Self { records, hub, first_owner, events, cache, outgoing, keyring, redis })
    }

    /// The hub's tables in SQL.
    pub(crate) fn schema(&self) -> anyhow::Result<Arc<dyn ForeignSchema>> {
        let tables = self.hub.tables().context("the hub's tables cannot be shown")?;
        Ok(Arc::new(PluginSchema::new("hub", tables.into_iter().map(Into::into).collect())))
    }

    /// Does what has to be done from time to time, until told to stop.
    pub(crate) fn run(&self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        tasks.spawn(Arc::clone(&self.hub).run(stop.clone()));
        let (events, stopped) = (self.events.clone(), stop.clone());
        tasks.spawn(async move { events.run(stopped.cancelled()).await });
    }

    /// Whether records, hub and Redis can be reached.
    pub(crate) fn checks(&self) -> [Check; 3] {
        let (records, hub, redis) = (self.records.clone(), Arc::clone(&self.hub), self.redis.clone());
        let records = Check::elsewhere("records", move || {
            let records = records.clone();
            async move {
                let told = records.health().await.map(|()| json!({"place": records.place()}));
                told.map_err(|cause| format!("{:#}", anyhow::Error::from(cause)))
            }
        });
        let hub = Check::here("hub", move || Ok(json!({"tenants": hub.tenants().len()})));
        let redis = match redis {
            None => Check::here("redis", || Ok(json!({"embedded": "in this process"}))),
            Some(redis) => Check::elsewhere("redis", move || {
                let redis = redis.clone();
                async move {
                    let latency = redis.health().await.map_err(|cause| format!("{:#}", anyhow::Error::from(cause)))?;
                    Ok(json!({"latency_ms": latency.as_secs_f64() * 1e3}))
                }
            }),
        };
        [records, hub, redis]
    }
}
