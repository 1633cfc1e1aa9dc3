//! Where telemetry rests, as the settings say.

use std::sync::Arc;

use anyhow::Context;
use lake::Lake;
use object_store::aws::AmazonS3Builder;
use store::Store;
use timescale::Timescale;

use crate::config::{Rest, StorageConfig};
use crate::data_dir::DataDir;

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
                let (telemetry, place) = lake(config.lake_url.as_deref(), data).await?;
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

async fn lake(url: Option<&str>, data: &DataDir) -> anyhow::Result<(Arc<dyn Store>, String)> {
    let Some(url) = url else {
        let directory = data.path().join("lake");
        let lake = Lake::on_disk(&directory).await.context("the lake cannot be opened")?;
        return Ok((Arc::new(lake), format!("Parquet files in {}", directory.display())));
    };
    let prefix = url.strip_prefix("s3://").and_then(|rest| Some(rest.split_once('/')?.1));
    let prefix =
        prefix.with_context(|| format!("wrong setting: storage.lake_url is '{url}', expected s3://bucket/prefix"))?;
    let bucket = AmazonS3Builder::from_env().with_url(url).build().with_context(|| format!("{url} cannot be used"))?;
    let lake = Lake::on_objects(Arc::new(bucket), prefix).await;
    Ok((
        Arc::new(lake.with_context(|| format!("the lake at {url} cannot be opened"))?),
        format!("Parquet files in {url}"),
    ))
}
