//! What is done now and then: partitions made ahead, chunks sized by what they hold, rows expired.

use std::collections::BTreeSet;
use std::ops::Range;

use model::{Signal, Tenant, Timestamp};
use tokio_postgres::Client;

use crate::error::Refusal;
use crate::layout::{Layout, Partitions, partition_name, set_chunk_hours};
use crate::predicate::older_than;
use crate::setup::Extension;
use crate::window::HOUR;

/// Widths that divide a day.
const WIDTHS: [i64; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// The widest chunk that holds at most this much at this rate.
fn width(bytes_per_hour: i64, chunk_bytes: u64) -> i64 {
    let fits = |hours: &&i64| bytes_per_hour.saturating_mul(**hours) <= i64::try_from(chunk_bytes).unwrap_or(i64::MAX);
    WIDTHS.iter().rev().find(fits).copied().unwrap_or(WIDTHS[0])
}

/// Adjusts the width of chunks to come, and makes partitions before rows need them.
pub(crate) async fn maintain(
    client: &Client,
    schema: &str,
    layout: &Layout,
    chunk_bytes: u64,
    now: Timestamp,
) -> Result<(), Refusal> {
    let hour = now.0.div_euclid(HOUR);
    for signal in Signal::ALL {
        match layout {
            Layout::Hypertables(extension) => {
                if let Some(rate) = chunk_rate(client, schema, signal).await? {
                    set_chunk_hours(client, schema, &extension.schema, signal, width(rate, chunk_bytes)).await?;
                }
            }
            Layout::Partitions(partitions) => {
                if let Some(rate) = partition_rate(client, schema, partitions, signal, hour).await? {
                    partitions.set_hours(signal, width(rate, chunk_bytes));
                }
                let ahead = BTreeSet::from([hour, hour + partitions.hours(signal)]);
                layout.make_room(client, schema, signal, &ahead).await?;
            }
        }
    }
    Ok(())
}

/// Bytes an hour in the newest whole chunk.
async fn chunk_rate(client: &Client, schema: &str, signal: Signal) -> Result<Option<i64>, Refusal> {
    let newest = "SELECT (pg_total_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass) * 3600 \
             / extract(epoch FROM range_end - range_start))::bigint FROM timescaledb_information.chunks \
         WHERE hypertable_schema = $1 AND hypertable_name = $2 AND NOT is_compressed AND range_end <= now() \
         ORDER BY range_end DESC LIMIT 1";
    let row = client.query_opt(newest, &[&schema, &signal.table_name()]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Bytes an hour in the newest whole partition.
async fn partition_rate(
    client: &Client,
    schema: &str,
    partitions: &Partitions,
    signal: Signal,
    hour: i64,
) -> Result<Option<i64>, Refusal> {
    partitions.look(client, schema, signal).await?;
    let whole = partitions.of(signal).into_iter().filter(|range| range.end <= hour).max_by_key(|range| range.end);
    let Some(range) = whole else { return Ok(None) };
    let size = format!("SELECT pg_total_relation_size('{schema}.{}')", partition_name(signal, &range));
    let bytes: i64 = client.query_one(&size, &[]).await?.try_get(0)?;
    Ok(Some(bytes / (range.end - range.start)))
}

/// Deletes the tenant's rows before the horizon; chunks that hold nothing else are dropped whole.
pub(crate) async fn expire(
    client: &Client,
    schema: &str,
    layout: &Layout,
    (tenant, signal): (&Tenant, Signal),
    horizon: Timestamp,
) -> Result<(), Refusal> {
    let table = (tenant, signal);
    match layout {
        Layout::Hypertables(extension) => drop_chunks(client, schema, extension, table, horizon).await,
        Layout::Partitions(partitions) => drop_partitions(client, schema, partitions, table, horizon).await,
    }?;
    let old = older_than(signal, horizon.0);
    for table in [signal.table_name().to_owned(), format!("{signal}_strays")] {
        client.batch_execute(&format!("DELETE FROM {schema}.{table} WHERE tenant = '{tenant}' AND {old}")).await?;
    }
    Ok(())
}

async fn drop_chunks(
    client: &Client,
    schema: &str,
    extension: &Extension,
    (tenant, signal): (&Tenant, Signal),
    horizon: Timestamp,
) -> Result<(), Refusal> {
    let old = "SELECT format('%I.%I', chunk_schema, chunk_name), range_start::text, range_end::text \
               FROM timescaledb_information.chunks WHERE hypertable_schema = $1 AND hypertable_name = $2 \
               AND range_end <= timestamptz 'epoch' + $3::bigint * interval '1 microsecond'";
    let horizon = horizon.0.div_euclid(1000);
    for row in client.query(old, &[&schema, &signal.table_name(), &horizon]).await? {
        let (chunk, start, end): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if !is_only_of(client, &chunk, tenant).await? {
            continue;
        }
        client
            .batch_execute(&format!(
                "SELECT {}.drop_chunks('{schema}.{signal}', newer_than => timestamptz '{start}', older_than => timestamptz '{end}')",
                extension.schema
            ))
            .await?;
    }
    Ok(())
}

async fn drop_partitions(
    client: &Client,
    schema: &str,
    partitions: &Partitions,
    (tenant, signal): (&Tenant, Signal),
    horizon: Timestamp,
) -> Result<(), Refusal> {
    partitions.look(client, schema, signal).await?;
    let is_old = |range: &Range<i64>| range.end.saturating_mul(HOUR) <= horizon.0;
    for range in partitions.of(signal).into_iter().filter(is_old) {
        let partition = format!("{schema}.{}", partition_name(signal, &range));
        if is_only_of(client, &partition, tenant).await? {
            client.batch_execute(&format!("DROP TABLE {partition}")).await?;
        }
    }
    partitions.look(client, schema, signal).await
}

async fn is_only_of(client: &Client, table: &str, tenant: &Tenant) -> Result<bool, Refusal> {
    let others = format!("SELECT NOT EXISTS (SELECT FROM {table} WHERE tenant <> '{tenant}')");
    Ok(client.query_one(&others, &[]).await?.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_as_wide_as_its_size_allows() {
        for (rate, expected) in [(0, 24), (100, 8), (101, 6), (801, 1), (100_000, 1)] {
            assert_eq!(width(rate, 800), expected, "{rate}");
        }
    }
}
