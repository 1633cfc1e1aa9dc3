//! Rows of rollups in one stream each, into a transaction and out of it. Rows of signals are too many for that; `keep` brings them by and by.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use model::{Dataset, Rollup, Table, Tenant};
use tokio_postgres::Transaction;

use crate::columns::{Kind, head, names};
use crate::decode::Decoder;
use crate::encode::{self, HEADER, Head, Mark, TRAILER};
use crate::error::Refusal;

/// The statement that takes rows with the values at these places.
pub(crate) fn into_table(schema: &str, table: &str, dataset: Dataset, places: &[usize]) -> String {
    let head = head(dataset).iter().map(|(name, _)| (*name).to_owned());
    let columns = head.chain(names(dataset, places.iter().copied())).collect::<Vec<_>>().join(", ");
    format!("COPY {schema}.{table} ({columns}) FROM STDIN (FORMAT binary)")
}

/// Writes rows of the rollup, and says how many bytes they were.
pub(crate) async fn write_sums(
    transaction: &Transaction<'_>,
    schema: &str,
    (rollup, rows): (Rollup, &RecordBatch),
    tenant: &Tenant,
    mark: Mark,
) -> Result<u64, Refusal> {
    let dataset = Dataset::Rollup(rollup);
    let places: Vec<usize> = (0..rows.num_columns()).collect();
    let all: Vec<usize> = (0..rows.num_rows()).collect();
    let mut bytes = HEADER.to_vec();
    encode::rows(rows, dataset, &places, &Head::new(dataset, &places, tenant.as_str(), mark), &all, &mut bytes);
    bytes.extend_from_slice(TRAILER);
    let written = bytes.len() as u64;
    let sink = transaction.copy_in::<_, Bytes>(&into_table(schema, rollup.table_name(), dataset, &places)).await?;
    tokio::pin!(sink);
    sink.send(bytes.into()).await?;
    sink.finish().await?;
    Ok(written)
}

/// Reads the rows of the rollup that the statement gives, with all columns of the model, and says how many bytes they were.
pub(crate) async fn read_sums(
    transaction: &Transaction<'_>,
    statement: &str,
    rollup: Rollup,
) -> Result<(RecordBatch, u64), Refusal> {
    let table = Table::of(rollup);
    let kinds: Vec<Kind> = table.columns.iter().map(Kind::of).collect();
    let (mut decoder, mut bytes) = (Decoder::new(&kinds, Arc::clone(&table.schema)), 0);
    let stream = transaction.copy_out(&format!("COPY ({statement}) TO STDOUT (FORMAT binary)")).await?;
    tokio::pin!(stream);
    while let Some(came) = stream.try_next().await? {
        bytes += came.len() as u64;
        decoder.push(&came).map_err(Refusal::misread)?;
    }
    Ok((decoder.take().map_err(Refusal::misread)?, bytes))
}
