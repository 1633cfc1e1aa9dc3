//! Where telemetry rests, as the settings say.

use std::sync::Arc;

use anyhow::Context;
use store::Store;
use timescale::Timescale;

use crate::config::{Config, Rest};
use crate::crash::CrashPoint;
use crate::data_dir::DataDir;
use crate::lake_place::LakePlace;

/// The stores of this program.
pub(crate) struct Stores {
    pub(crate) telemetry: Arc<dyn Store>,
    /// The database, where one is in use.
    pub(crate) database: Option<Arc<Timescale>>,
    /// What people are told at the start.
    pub(crate) place: String,
}

impl Stores {
    /// Opens what the settings name.
    pub(crate) async fn open(config: &Config, data: &DataDir) -> anyhow::Result<Self> {
        let storage = &config.storage;
        match storage.rest() {
            Rest::Lake => {
                let (telemetry, place) = lake(config, data).await?;
                Ok(Self { telemetry, database: None, place })
            }
            Rest::Timescale => {
                let opened = Timescale::open(storage.database.clone()).await;
                let database = Arc::new(opened.context("the database cannot be used")?);
                let place = format!("{}, schema {}", database.address(), storage.database.schema);
                Ok(Self { telemetry: Arc::clone(&database) as Arc<dyn Store>, database: Some(database), place })
            }
        }
    }
}

async fn lake(config: &Config, data: &DataDir) -> anyhow::Result<(Arc<dyn Store>, String)> {
    let place = LakePlace::of(&config.storage, data.path())?;
    let lake = place.open().await;
    let lake = lake.with_context(|| format!("the lake in {place} cannot be opened"))?;
    let lake = lake.with_indexes(&config.storage.indexes).configured(config.lake.clone());
    let lake = match CrashPoint::from_env() {
        Some(point) => lake.observed(point.in_upkeep()),
        None => lake,
    };
    Ok((Arc::new(lake), format!("Parquet files in {place}")))
}
