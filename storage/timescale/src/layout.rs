//! How a table's rows lie on the disk: in chunks that TimescaleDB makes, or in partitions that we make.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use model::Signal;
use parking_lot::Mutex;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::config::Config;
use crate::error::{Reaction, Refusal};
use crate::predicate::time_literal;
use crate::setup::{Edition, Extension};
use crate::window::HOUR;
use crate::{telemetry, views};

/// Attempts beyond one an hour, while another program makes them too.
const ATTEMPTS_MAX: usize = 5;

/// How rows are laid out in this database.
#[derive(Debug)]
pub(crate) enum Layout {
    /// TimescaleDB.
    Hypertables(Extension),
    /// PostgreSQL alone.
    Partitions(Partitions),
}

/// Ranges of hours since 1970, and the widths that new ones get.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    known: Mutex<HashMap<Signal, Vec<Range<i64>>>>,
    hours: Mutex<HashMap<Signal, i64>>,
}

impl Layout {
    /// Looks how the tables are laid out, and settles what can be settled once.
    pub(crate) async fn settle(client: &Client, config: &Config, edition: &Edition) -> Result<Self, Refusal> {
        let schema = &config.schema;
        let partitioned = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass($1)";
        let is_partitioned: bool = client.query_one(partitioned, &[&format!("{schema}.spans")]).await?.try_get(0)?;
        let layout = match (&edition.timescale, is_partitioned) {
            (Some(extension), false) => {
                for signal in Signal::ALL {
                    settle_hypertable(client, config, extension, signal).await?;
                }
                settle_views(client, config, extension).await;
                Layout::Hypertables(extension.clone())
            }
            (None, false) => {
                let advice = format!(
                    "the tables in schema {schema} were made with TimescaleDB, and the extension is gone: bring it back, or set another storage.database.schema"
                );
                return Err(Refusal::new(Reaction::ChangeSomething, advice));
            }
            (_, true) => {
                let hours = Signal::ALL.into_iter().map(|signal| (signal, i64::from(config.chunk_hours))).collect();
                let partitions = Partitions { known: Mutex::default(), hours: Mutex::new(hours) };
                for signal in Signal::ALL {
                    partitions.look(client, schema, signal).await?;
                }
                Layout::Partitions(partitions)
            }
        };
        Ok(layout)
    }

    /// Makes the partitions that these hours need. Chunks come by themselves.
    pub(crate) async fn make_room(
        &self,
        client: &Client,
        schema: &str,
        signal: Signal,
        hours: &BTreeSet<i64>,
    ) -> Result<(), Refusal> {
        match self {
            Layout::Hypertables(_) => Ok(()),
            Layout::Partitions(partitions) => partitions.make(client, schema, signal, hours).await,
        }
    }
}

/// Makes the hourly views. Nobody here asks them, so that they are not there is told and stops nothing.
async fn settle_views(client: &Client, config: &Config, extension: &Extension) {
    if !extension.is_community {
        return;
    }
    if let Err(cause) = views::settle(client, config, extension).await {
        telemetry::without_views(&config.schema, &cause);
    }
}

/// Sets compression up as it is configured; tables that are set up so already are left alone.
async fn settle_hypertable(
    client: &Client,
    config: &Config,
    extension: &Extension,
    signal: Signal,
) -> Result<(), Refusal> {
    let (schema, own) = (&config.schema, &extension.schema);
    let chunks =
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_schema = $1 AND hypertable_name = $2";
    let table = signal.table_name();
    let is_new = client.query_one(chunks, &[schema, &table]).await?.try_get::<_, i64>(0)? == 0;
    if is_new {
        set_chunk_hours(client, schema, own, signal, config.chunk_hours.into()).await?;
    }
    if !extension.is_community {
        return Ok(());
    }
    let enabled = "SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_schema = $1 AND hypertable_name = $2";
    if !client.query_one(enabled, &[schema, &table]).await?.try_get::<_, bool>(0)? {
        let (key, time) = (store::sort_key(signal), signal.time_column());
        client
            .batch_execute(&format!(
                "ALTER TABLE {schema}.{table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'tenant, {key}', \
                 timescaledb.compress_orderby = '{time} DESC')"
            ))
            .await?;
    }
    let after = format!("{} hours", config.compress_after_hours);
    let policy = "SELECT (config->>'compress_after')::interval = $3::text::interval FROM timescaledb_information.jobs \
                  WHERE proc_name = 'policy_compression' AND hypertable_schema = $1 AND hypertable_name = $2";
    let known = client.query_opt(policy, &[schema, &table, &after]).await?;
    if known.is_none_or(|row| row.try_get::<_, Option<bool>>(0).ok().flatten() != Some(true)) {
        client
            .batch_execute(&format!(
                "SELECT {own}.remove_compression_policy('{schema}.{table}', if_exists => true); \
                 SELECT {own}.add_compression_policy('{schema}.{table}', compress_after => interval '{after}')"
            ))
            .await?;
    }
    Ok(())
}

/// New chunks of the table get this width.
pub(crate) async fn set_chunk_hours(
    client: &Client,
    schema: &str,
    extension_schema: &str,
    signal: Signal,
    hours: i64,
) -> Result<(), Refusal> {
    let set =
        format!("SELECT {extension_schema}.set_chunk_time_interval('{schema}.{signal}', interval '{hours} hours')");
    Ok(client.batch_execute(&set).await?)
}

impl Partitions {
    /// Partitions of a table, each with its hours.
    pub(crate) fn of(&self, signal: Signal) -> Vec<Range<i64>> {
        self.known.lock().get(&signal).cloned().unwrap_or_default()
    }

    /// New partitions of the table get this width.
    pub(crate) fn set_hours(&self, signal: Signal, hours: i64) {
        self.hours.lock().insert(signal, hours);
    }

    /// The width that new partitions of the table get.
    pub(crate) fn hours(&self, signal: Signal) -> i64 {
        self.hours.lock().get(&signal).copied().unwrap_or(1)
    }

    /// Reads the partitions that are there.
    pub(crate) async fn look(&self, client: &Client, schema: &str, signal: Signal) -> Result<(), Refusal> {
        let partitions = "SELECT extract(epoch FROM bound[1]::timestamptz)::bigint / 3600, extract(epoch FROM bound[2]::timestamptz)::bigint / 3600 \
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, \
                  regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') AS bound \
             WHERE i.inhparent = to_regclass($1) AND bound IS NOT NULL ORDER BY 1";
        let rows = client.query(partitions, &[&format!("{schema}.{signal}")]).await?;
        let ranges = rows.iter().map(|row| Ok(row.try_get::<_, i64>(0)?..row.try_get::<_, i64>(1)?));
        let ranges: Vec<Range<i64>> = ranges.collect::<Result<_, tokio_postgres::Error>>()?;
        self.known.lock().insert(signal, ranges);
        Ok(())
    }

    async fn make(&self, client: &Client, schema: &str, signal: Signal, hours: &BTreeSet<i64>) -> Result<(), Refusal> {
        let mut attempts = 0;
        while let Some(hour) = self.without_place(signal, hours) {
            attempts += 1;
            if attempts > hours.len() + ATTEMPTS_MAX {
                let advice =
                    format!("no partition of {signal} can be made for hour {hour} since 1970: is its name taken?");
                return Err(Refusal::new(Reaction::ChangeSomething, advice));
            }
            let range = gap(&self.of(signal), hour, self.hours(signal));
            match client.batch_execute(&partition(schema, signal, &range)).await {
                Err(cause) if !was_faster(&cause) => return Err(cause.into()),
                _ => self.look(client, schema, signal).await?,
            }
        }
        Ok(())
    }

    /// The first of the hours that no partition holds.
    fn without_place(&self, signal: Signal, hours: &BTreeSet<i64>) -> Option<i64> {
        let known = self.known.lock();
        let known = known.get(&signal).map_or(&[][..], Vec::as_slice);
        hours.iter().copied().find(|hour| !known.iter().any(|range| range.contains(hour)))
    }
}

/// True when another program has made a partition meanwhile, perhaps with other bounds.
fn was_faster(cause: &tokio_postgres::Error) -> bool {
    let known = [SqlState::INVALID_OBJECT_DEFINITION, SqlState::DUPLICATE_TABLE, SqlState::UNIQUE_VIOLATION];
    cause.code().is_some_and(|code| known.contains(code))
}

/// The bounds of a partition for this hour: as wide as asked, aligned, and beside its neighbours.
fn gap(known: &[Range<i64>], hour: i64, width: i64) -> Range<i64> {
    let start = hour.div_euclid(width) * width;
    let before = known.iter().map(|range| range.end).filter(|end| *end <= hour).max();
    let after = known.iter().map(|range| range.start).filter(|next| *next > hour).min();
    start.max(before.unwrap_or(i64::MIN))..(start + width).min(after.unwrap_or(i64::MAX))
}

fn partition(schema: &str, signal: Signal, hours: &Range<i64>) -> String {
    let name = partition_name(signal, hours);
    let (from, to) = (time_literal(hours.start * HOUR), time_literal(hours.end * HOUR));
    format!(
        "CREATE TABLE IF NOT EXISTS {schema}.{name} PARTITION OF {schema}.{signal} FOR VALUES FROM ({from}) TO ({to})"
    )
}

/// As in `spans_p2026112403`: the hour at which it begins.
pub(crate) fn partition_name(signal: Signal, hours: &Range<i64>) -> String {
    use arrow::temporal_conversions::timestamp_s_to_datetime;
    let start = timestamp_s_to_datetime(hours.start * 3600).expect("hours near the present have a date");
    format!("{signal}_p{}", start.format("%Y%m%d%H"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_partition_lies_beside_its_neighbours() {
        assert_eq!(gap(&[], 13, 6), 12..18);
        assert_eq!(gap(&[12..13, 15..16], 13, 6), 13..15);
        assert_eq!(gap(&[0..12, 18..24], 13, 12), 12..18);
        assert_eq!(gap(&[], -1, 6), -6..0);
    }
}
