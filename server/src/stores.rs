//! Where telemetry rests, as the settings say.

use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use lake::Lake;
use serde_json::{Value, json};
use store::Store;
use timescale::{Health, Timescale};

use crate::config::{Config, Rest};
use crate::crash::CrashPoint;
use crate::data_dir::DataDir;
use crate::health::Check;
use crate::lake_place::LakePlace;

/// The stores of this program.
pub(crate) struct Stores {
    pub(crate) telemetry: Arc<dyn Store>,
    medium: Medium,
}

/// What telemetry rests on.
#[derive(Clone)]
enum Medium {
    Lake(LakePlace),
    Database { database: Arc<Timescale>, schema: String },
}

impl Stores {
    /// Opens what the settings name.
    pub(crate) async fn open(config: &Config, data: &DataDir) -> anyhow::Result<Self> {
        let storage = &config.storage;
        match storage.rest() {
            Rest::Lake => {
                let place = LakePlace::of(storage, data.path())?;
                Ok(Self { telemetry: Arc::new(lake(config, &place).await?), medium: Medium::Lake(place) })
            }
            Rest::Timescale => {
                let opened = Timescale::open(storage.database.clone()).await;
                let database = Arc::new(opened.context("the database cannot be used")?);
                let telemetry = Arc::clone(&database) as Arc<dyn Store>;
                Ok(Self { telemetry, medium: Medium::Database { database, schema: storage.database.schema.clone() } })
            }
        }
    }

    /// Whether what telemetry rests on can be reached.
    pub(crate) fn check(&self) -> Check {
        let medium = self.medium.clone();
        Check::elsewhere("database", move || {
            let medium = medium.clone();
            async move { medium.look().await.map_err(|cause| format!("{cause:#}")) }
        })
    }
}

impl Medium {
    async fn look(&self) -> anyhow::Result<Value> {
        match self {
            Self::Lake(place) => {
                place.look().await?;
                Ok(json!({"embedded": self.to_string()}))
            }
            Self::Database { database, .. } => {
                let Health { edition, latency } = database.health().await?;
                Ok(json!({
                    "database": database.address(),
                    "postgres": edition.postgres,
                    "timescaledb": edition.timescale.map(|extension| extension.version),
                    "latency_ms": latency.as_secs_f64() * 1e3,
                }))
            }
        }
    }
}

async fn lake(config: &Config, place: &LakePlace) -> anyhow::Result<Lake> {
    let lake = place.open().await;
    let lake = lake.with_context(|| format!("the lake in {place} cannot be opened"))?;
    let lake = lake.with_indexes(&config.storage.indexes).configured(config.lake.clone());
    Ok(match CrashPoint::from_env() {
        Some(point) => lake.observed(point.in_upkeep()),
        None => lake,
    })
}

/// What people are told at the start.
impl fmt::Display for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.medium.fmt(f)
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lake(place) => write!(f, "Parquet files in {place}"),
            Self::Database { database, schema } => write!(f, "{}, schema {schema}", database.address()),
        }
    }
}
