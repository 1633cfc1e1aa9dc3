//! Waits for the server at the start, and brings its tables up to date: one program at a time.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::Client;

use super::connect::Address;
use super::failure;
use crate::config::Config;
use crate::error::Error;
use crate::telemetry;

mod embedded {
    refinery::embed_migrations!("migrations/postgres");
}

/// Oldest PostgreSQL that is tested.
const VERSION_MIN: i32 = 140_000;
/// Name of the lock that two programs, starting at once, take before they change tables.
const LOCK: i64 = 0x0b_5e72_6563_6f72;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(2);

pub(crate) async fn prepare(address: &Address, config: &Config) -> Result<(), Error> {
    let until = Instant::now() + Duration::from_secs(config.start_seconds_max);
    let mut pause = PAUSE_MIN;
    loop {
        match prepare_now(address, config).await {
            Err(error @ Error::Unavailable { .. }) if Instant::now() + pause < until => {
                telemetry::waiting(&error);
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            prepared => return prepared,
        }
    }
}

async fn prepare_now(address: &Address, config: &Config) -> Result<(), Error> {
    let told = |cause| Error::from(failure::of(&address.medium, cause));
    let mut client = address.connect().await.map_err(told)?;
    check_version(&client, &address.medium).await?;
    // Held until the connection ends, a moment after the client.
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(told)?;
    make_schema(&client, &config.schema).await.map_err(told)?;
    let mut runner = embedded::migrations::runner().set_grouped(true);
    runner.set_migration_table_name(format!("{}.migrations", config.schema));
    let migrated = runner.run_async(&mut client).await;
    migrated.map(drop).map_err(|cause| failure::migration(&address.medium, cause))
}

async fn check_version(client: &Client, medium: &str) -> Result<(), Error> {
    let version = "SELECT current_setting('server_version_num')::integer, current_setting('server_version')";
    let told = |cause| Error::from(failure::of(medium, cause));
    let row = client.query_one(version, &[]).await.map_err(told)?;
    let (number, version): (i32, String) = (row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?);
    if number >= VERSION_MIN {
        return Ok(());
    }
    let advice = format!("the server is PostgreSQL {version}: 14 or later is needed");
    Err(Error::Refused { medium: medium.to_owned(), advice, cause: None })
}

async fn make_schema(client: &Client, schema: &str) -> Result<(), tokio_postgres::Error> {
    // Asked first: IF NOT EXISTS wants the right to make it even where it is there.
    let is_there = client.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await?.is_some();
    if !is_there {
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    client.batch_execute(&format!("SET search_path = {schema}; SET client_min_messages = error")).await
}
