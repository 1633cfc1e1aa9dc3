//! Deletes rows that were added up so long ago that no query counts them any more.

use std::time::Duration;

use model::Rollup;
use tokio_postgres::Client;

use crate::error::Refusal;

/// Rows deleted by one statement.
const ROWS_MAX: u64 = 100_000;

/// Deletes and, in the same statement, says so: a query that is as of an earlier round is refused from then on.
const DELETE: &str = "WITH gone AS (DELETE FROM {schema}.{rollup} WHERE ctid = ANY (ARRAY( \
         SELECT ctid FROM {schema}.{rollup} WHERE to_round <= (extract(epoch FROM now()) * 1000000)::bigint - {grace} \
         ORDER BY to_round LIMIT {rows_max})) RETURNING tenant, to_round), \
     told AS (UPDATE {schema}.rounds r SET deleted = greatest(r.deleted, latest.to_round) \
         FROM (SELECT tenant, max(to_round) AS to_round FROM gone GROUP BY tenant) latest WHERE r.tenant = latest.tenant) \
     SELECT count(*) FROM gone";

/// Deletes some rows that have not counted for so long; says how many.
pub(super) async fn replaced(client: &Client, schema: &str, rollup: Rollup, grace: Duration) -> Result<u64, Refusal> {
    let delete = DELETE
        .replace("{schema}", schema)
        .replace("{rollup}", rollup.table_name())
        .replace("{grace}", &i64::try_from(grace.as_micros()).unwrap_or(i64::MAX).to_string())
        .replace("{rows_max}", &ROWS_MAX.to_string());
    let rows: i64 = client.query_one(&delete, &[]).await?.try_get(0)?;
    Ok(u64::try_from(rows).unwrap_or(0))
}
