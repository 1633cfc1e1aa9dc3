//! Looks at a database before it is used, and changes nothing in it.

use std::time::{Duration, Instant};

use model::Timestamp;
use store::StoreError;
use tokio::time::timeout;

use crate::config::Config;
use crate::database::{Database, too_slow};
use crate::error::{Form, Reaction, Refusal};
use crate::setup::{self, Edition};

/// A database that can be used.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Address and name, without the password.
    pub address: String,
    /// What it is.
    pub edition: Edition,
    /// Time of one answer.
    pub latency: Duration,
    /// How far its clock is ahead of ours, in milliseconds; negative when it is behind.
    pub clock_ahead_millis: i64,
}

/// Connects, and says what is there.
///
/// # Errors
/// What would stop [`Timescale::open`](crate::Timescale::open), or make it wait; the source says what helps.
pub async fn examine(config: &Config) -> Result<Examination, StoreError> {
    let database = Database::new(config)
        .map_err(|wrong| StoreError::unavailable("the database", Refusal::new(Reaction::ChangeSomething, wrong)))?;
    let limit = config.connect_time_max() * 2;
    let examined = timeout(limit, look(&database)).await;
    let examined = examined.unwrap_or_else(|_| Err(too_slow("an answer of the database", limit)));
    examined.map_err(|cause| database.error(Form::Read, cause))
}

async fn look(database: &Database) -> Result<Examination, Refusal> {
    let client = database.reader().await?;
    let edition = setup::edition(&client).await?;
    setup::check_rights(&client, &database.schema).await?;
    let (before, began) = (crate::now(), Instant::now());
    let row = client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", &[]).await?;
    let latency = began.elapsed();
    client.give_back();
    let (theirs, ours) = (row.try_get::<_, i64>(0)?, millis(before) + latency.as_millis() as i64 / 2);
    let clock_ahead_millis = theirs - ours;
    Ok(Examination { address: database.medium().to_owned(), edition, latency, clock_ahead_millis })
}

fn millis(time: Timestamp) -> i64 {
    time.0 / 1_000_000
}
