//! Where telemetry rests, as the settings say.

use std::sync::Arc;

use anyhow::Context;
use store::Store;
use timescale::Timescale;

use crate::config::{Rest, StorageConfig};
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
    pub(crate) async fn open(config: &StorageConfig, data: &DataDir) -> anyhow::Result<Self> {
        match config.rest() {
            Rest::Lake => {
                let (telemetry, place) = lake(config, data).await?;
                Ok(Self { telemetry, database: None, place })
            }
            Rest::Timescale => {
                let opened = Timescale::open(config.database.clone()).await;
                let database = Arc::new(opened.context("the database cannot be used")?);
                let place = format!("{}, schema {}", database.address(), config.database.schema);
                Ok(Self { telemetry: Arc::clone(&database) as Arc<dyn Store>, database: Some(database), place })
            }
        }
    }
}

async fn lake(config: &StorageConfig, data: &DataDir) -> anyhow::Result<(Arc<dyn Store>, String)> {
    let place = LakePlace::of(config, data.path())?;
    let lake = place.open().await;
    let lake = lake.with_context(|| format!("the lake in {place} cannot be opened"))?;
    Ok((Arc::new(lake.with_indexes(&config.indexes)), format!("Parquet files in {place}")))
}
