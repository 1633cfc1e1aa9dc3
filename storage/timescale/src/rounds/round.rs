//! One round: some periods of a tenant's rollup become one row a key, in one transaction.
//!
//! What is read are the rows that the transaction itself has said to count no longer: their sum is of them and no others. A crash undoes both.

use arrow::array::RecordBatch;
use model::{Dataset, Rollup, Table, Timestamp};
use store::Amount;
use store::rollup::{merge, settle};
use tokio_postgres::Transaction;

use super::due::{Due, over_before, to_add};
use crate::columns::names;
use crate::config::Config;
use crate::copy;
use crate::encode::Mark;
use crate::error::{Reaction, Refusal};
use crate::ledger::Known;
use crate::predicate::{micros_literal, time_literal};

/// New rows that a round adds up. More of one period take several rounds.
const NEW_ROWS_MAX: i64 = 25_000;
/// Rows that a round adds up with the sums that are there, and with other sides of calls: some 100 MB in memory.
const ROWS_MAX: usize = 100_000;
/// Periods of a round.
const PERIODS_MAX: usize = 240;

/// Notes a tenant of which nothing was added up yet. Where it is noted, it is not even tried: that would wait for whoever has it.
const FIRST: &str = "INSERT INTO {schema}.rounds (tenant) SELECT $1::text \
     WHERE NOT EXISTS (SELECT FROM {schema}.rounds WHERE tenant = $1) ON CONFLICT DO NOTHING";
/// Takes the next number of the tenant, and with it the tenant: no row comes back while another process has it.
const BEGIN: &str = "UPDATE {schema}.rounds SET latest = greatest(latest + 1, (extract(epoch FROM now()) * 1000000)::bigint) \
     WHERE tenant = (SELECT tenant FROM {schema}.rounds WHERE tenant = $1 FOR UPDATE SKIP LOCKED) RETURNING latest";

/// A round to be made.
#[derive(Debug)]
pub(super) struct Round<'a> {
    schema: &'a str,
    due: &'a Due,
    known: &'a Known,
    /// A segment that everybody knows who knows the round: its sums are marked as if it had brought them.
    segment: (i32, u64),
    /// Periods before are over.
    before: Timestamp,
}

/// What a round has done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added {
    pub(super) read: Amount,
    pub(super) written: Amount,
}

impl<'a> Round<'a> {
    /// Of rows that are known, in periods that are over. `None` when nothing is known.
    pub(super) fn of(due: &'a Due, known: &'a Known, config: &'a Config, now: Timestamp) -> Option<Self> {
        let segment = known.logs.first().copied()?;
        let before = over_before(due.rollup, now, config.calls_wait());
        Some(Self { schema: &config.schema, due, known, segment, before })
    }

    /// Exchanges rows for their sums; `None` when another process is at it, or nothing is left. The transaction is not committed yet.
    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<Option<Added>, Refusal> {
        let Some(number) = self.begin(transaction).await? else { return Ok(None) };
        let periods = self.periods(transaction).await?;
        if periods.is_empty() {
            return Ok(None);
        }
        let (rows, bytes) = copy::read_sums(transaction, &self.take(number, &periods), self.due.rollup).await?;
        let read = Amount { parts: periods.len() as u64, rows: rows.num_rows() as u64, bytes };
        let sums = self.sum(rows).await?;
        let mark = self.mark(number);
        let bytes =
            copy::write_sums(transaction, self.schema, (self.due.rollup, &sums), &self.due.tenant, mark).await?;
        let written = Amount { parts: read.parts, rows: sums.num_rows() as u64, bytes };
        Ok(Some(Added { read, written }))
    }

    async fn begin(&self, transaction: &Transaction<'_>) -> Result<Option<i64>, Refusal> {
        let (schema, tenant) = (self.schema, self.due.tenant.as_str());
        transaction.execute(&FIRST.replace("{schema}", schema), &[&tenant]).await?;
        let begun = transaction.query_opt(&BEGIN.replace("{schema}", schema), &[&tenant]).await?;
        Ok(begun.map(|row| row.try_get(0)).transpose()?)
    }

    /// The oldest periods with rows to be added up, by their times in SQL. One that has more than fit is alone.
    async fn periods(&self, transaction: &Transaction<'_>) -> Result<Vec<String>, Refusal> {
        let (time, known) = (self.time(), self.known.condition(&self.due.tenant));
        let sql = format!(
            "SELECT (extract(epoch FROM {time}) * 1000000)::bigint, count(*) FROM \
             (SELECT {time} FROM {}.{} WHERE {known} AND {} AND {time} < {} ORDER BY {time} LIMIT {NEW_ROWS_MAX}) new \
             GROUP BY {time} ORDER BY {time} LIMIT {PERIODS_MAX}",
            self.schema,
            self.due.rollup,
            to_add(self.due.rollup),
            time_literal(self.before.0)
        );
        let (mut periods, mut rows) = (Vec::new(), 0);
        for row in transaction.query(&sql, &[]).await? {
            periods.push(micros_literal(row.try_get(0)?));
            rows += row.try_get::<_, i64>(1)?;
        }
        if rows >= NEW_ROWS_MAX && periods.len() > 1 {
            // It may have more rows than were counted.
            periods.pop();
        }
        Ok(periods)
    }

    /// Says of the rows of these periods that they count no longer, and gives them.
    fn take(&self, number: i64, periods: &[String]) -> String {
        let (schema, rollup) = (self.schema, self.due.rollup);
        let fields = names(Dataset::Rollup(rollup), 0..Table::of(rollup).columns.len()).join(", ");
        let of_periods = format!("{} IN ({})", self.time(), periods.join(", "));
        let rows = match rollup {
            Rollup::ServiceMinutes | Rollup::ServiceHours => self.rows(&of_periods),
            Rollup::ServiceEdges => {
                let edges = self.rows(&format!("{of_periods} AND half IS NULL"));
                format!("({edges}) UNION ALL ({})", self.calls(&of_periods))
            }
        };
        format!(
            "UPDATE {schema}.{rollup} SET to_round = {number} WHERE ctid = ANY (ARRAY({rows})) AND to_round IS NULL \
             RETURNING {fields}"
        )
    }

    /// New rows first: however many a period has, each round leaves fewer of them.
    fn rows(&self, condition: &str) -> String {
        format!("SELECT ctid FROM {} AND {condition} ORDER BY from_round LIMIT {ROWS_MAX}", self.counted())
    }

    /// Halves of calls with their other sides, which may be of other periods. Where a call has more rows than fit, callers go first: they wait no
    /// longer, and who has called the rest is not known.
    fn calls(&self, condition: &str) -> String {
        let halves = format!("{} AND half IS NOT NULL", self.counted());
        format!(
            "SELECT ctid FROM {halves} AND (trace_id, span_id) IN \
                 (SELECT trace_id, span_id FROM {halves} AND {condition} LIMIT {NEW_ROWS_MAX}) \
             ORDER BY trace_id, span_id, half DESC, \"minute\" LIMIT {ROWS_MAX}"
        )
    }

    /// The table, and what holds for the rows that may be added up.
    fn counted(&self) -> String {
        let known = self.known.condition(&self.due.tenant);
        format!("{}.{} WHERE {known} AND to_round IS NULL", self.schema, self.due.rollup)
    }

    fn time(&self) -> String {
        format!("\"{}\"", self.due.rollup.time_column())
    }

    /// One row a key, away from the tasks that wait for sockets. The waiting of calls in periods that are over ends.
    async fn sum(&self, rows: RecordBatch) -> Result<RecordBatch, Refusal> {
        let (rollup, before) = (self.due.rollup, self.before);
        let sum = move || match rollup {
            Rollup::ServiceMinutes | Rollup::ServiceHours => merge(rollup, &[rows]),
            Rollup::ServiceEdges => settle(&[rows], |minute| minute < before),
        };
        tokio::task::spawn_blocking(sum).await.map_err(wrong)?.map_err(wrong)
    }

    fn mark(&self, round: i64) -> Mark {
        let (writer, through) = self.segment;
        let through = i64::try_from(through).expect("positions that are kept have 63 bits");
        Mark { writer, through, round }
    }
}

fn wrong(cause: impl std::error::Error) -> Refusal {
    Refusal::new(Reaction::WrongData, format!("rows cannot be added up: {cause}"))
}
