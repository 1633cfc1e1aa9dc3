//! What is known of the database's ledger: how far into each log every table reaches.
//!
//! Known watermarks only grow. A table made from them shows the rows they name, whatever is kept meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use model::{Dataset, Rollup, Signal, Tenant, Timestamp};
use parking_lot::RwLock;
use store::WriterId;
use store::rollup::Folded;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::error::{Reaction, Refusal};

/// The part of the ledger that was read.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    tables: RwLock<HashMap<(Tenant, Signal), Arc<Known>>>,
    writers: RwLock<HashMap<WriterId, i32>>,
    /// Up to when rows were deleted for their age.
    expired: RwLock<HashMap<(Tenant, Dataset), i64>>,
    is_read: AtomicBool,
    /// When it was read last, by the database's clock, in microseconds since 1970.
    looked: AtomicI64,
}

/// In which periods keys of a rollup were too many.
pub(crate) type FoldedRollups = BTreeMap<Rollup, Folded>;

/// What is known of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Each log by its number in the rows, and how far it is kept.
    pub(crate) logs: Vec<(i32, u64)>,
    pub(crate) watermarks: Arc<HashMap<WriterId, u64>>,
    /// Rows kept; expired ones too.
    pub(crate) rows: u64,
    /// First and last microsecond of the rows that are not strays.
    pub(crate) times: Option<(i64, i64)>,
    /// Of spans.
    pub(crate) folded: FoldedRollups,
    /// Up to which round sums of spans are known to be added up.
    pub(crate) round: i64,
}

impl Known {
    /// What holds for the rows of the tenant that are known, in SQL.
    pub(crate) fn condition(&self, tenant: &Tenant) -> String {
        let logs = self.logs.iter().map(|(writer, through)| format!("writer = {writer} AND through <= {through}"));
        format!("tenant = '{tenant}' AND ({})", logs.collect::<Vec<_>>().join(" OR "))
    }
}

/// One line of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) tenant: Tenant,
    pub(crate) signal: Signal,
    pub(crate) writer: i32,
    pub(crate) log: WriterId,
    pub(crate) through: u64,
    pub(crate) rows: u64,
    pub(crate) times: Option<(i64, i64)>,
    pub(crate) folded: FoldedRollups,
}

/// A transaction that has reached its limit ends within this.
const ENDING_SECONDS: u64 = 60;
const LINES: &str = "SELECT l.tenant, l.signal, l.writer, w.log::text, l.through, l.rows, \
     (extract(epoch FROM l.earliest) * 1000000)::bigint, (extract(epoch FROM l.latest) * 1000000)::bigint, l.folded \
     FROM {schema}.ledger l JOIN {schema}.writers w ON w.id = l.writer";

impl Ledger {
    /// False until it was read once.
    pub(crate) fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }

    /// What is known of a table now.
    pub(crate) fn table(&self, tenant: &Tenant, signal: Signal) -> Arc<Known> {
        self.tables.read().get(&(tenant.clone(), signal)).cloned().unwrap_or_default()
    }

    /// Remembers that rows up to this nanosecond were deleted.
    pub(crate) fn expire(&self, tenant: &Tenant, dataset: Dataset, through: i64) {
        let mut expired = self.expired.write();
        let known = expired.entry((tenant.clone(), dataset)).or_insert(i64::MIN);
        *known = through.max(*known);
    }

    /// From here on the rollup sums exactly the spans that are there.
    pub(crate) fn same_from(&self, tenant: &Tenant, rollup: Rollup) -> Timestamp {
        let expired = self.expired.read();
        let gone = |dataset: Dataset| expired.get(&(tenant.clone(), dataset)).copied();
        let sums = gone(rollup.into()).map(|through| through.saturating_add(rollup.period_nanos() - 1));
        let latest = gone(Signal::Spans.into()).into_iter().chain(sums).max();
        Timestamp(latest.map_or(i64::MIN, |latest| latest.saturating_add(1)))
    }

    async fn read_expired(&self, client: &Client, schema: &str) -> Result<(), Refusal> {
        for row in client.query(&format!("SELECT tenant, dataset, through_ns FROM {schema}.expired"), &[]).await? {
            let (tenant, dataset) = (Tenant::new(row.try_get(0)?), Dataset::from_str(row.try_get(1)?));
            if let (Ok(tenant), Ok(dataset)) = (tenant, dataset) {
                self.expire(&tenant, dataset, row.try_get(2)?);
            }
        }
        Ok(())
    }

    /// What is known of every table now.
    pub(crate) fn tables(&self) -> Vec<((Tenant, Signal), Arc<Known>)> {
        self.tables.read().iter().map(|(table, known)| (table.clone(), Arc::clone(known))).collect()
    }

    /// The number of a log, if it has one.
    pub(crate) fn writer(&self, log: WriterId) -> Option<i32> {
        self.writers.read().get(&log).copied()
    }

    /// Remembers the number of a log.
    pub(crate) fn name_writer(&self, log: WriterId, number: i32) {
        self.writers.write().insert(log, number);
    }

    /// Reads every line.
    pub(crate) async fn read(&self, client: &Client, schema: &str) -> Result<(), Refusal> {
        self.read_where(client, schema, "true").await?;
        self.is_read.store(true, Ordering::Release);
        Ok(())
    }

    /// Reads the lines that changed since they were read last, however long ago that is. A line is stamped when its transaction begins,
    /// which may take `keep_seconds_max`.
    pub(crate) async fn read_changes(
        &self,
        client: &Client,
        schema: &str,
        keep_seconds_max: u64,
    ) -> Result<(), Refusal> {
        let looked = self.looked.load(Ordering::Acquire);
        let since = format!("timestamptz 'epoch' + {looked}::bigint * interval '1 microsecond'");
        let begun_before = format!("interval '{} seconds'", keep_seconds_max.saturating_add(ENDING_SECONDS));
        self.read_where(client, schema, &format!("l.kept_at > {since} - {begun_before}")).await
    }

    /// Rounds are read before lines and known after them: whoever is as of a round knows every segment that was added up until then.
    async fn read_where(&self, client: &Client, schema: &str, condition: &str) -> Result<(), Refusal> {
        let now = "SELECT (extract(epoch FROM now()) * 1000000)::bigint";
        let now: i64 = client.query_one(now, &[]).await?.try_get(0)?;
        let rounds = client.query(&format!("SELECT tenant, latest FROM {schema}.rounds"), &[]).await?;
        self.read_expired(client, schema).await?;
        self.read_lines(client, &format!("{} WHERE {condition}", LINES.replace("{schema}", schema))).await?;
        self.advance_rounds(&rounds)?;
        self.looked.fetch_max(now, Ordering::AcqRel);
        Ok(())
    }

    /// Reads the lines of one table.
    pub(crate) async fn read_table(
        &self,
        client: &Client,
        schema: &str,
        (tenant, signal): (&Tenant, Signal),
    ) -> Result<(), Refusal> {
        let lines = LINES.replace("{schema}", schema);
        // Names of tenants and signals need no quotes.
        self.read_lines(client, &format!("{lines} WHERE l.tenant = '{tenant}' AND l.signal = '{signal}'")).await
    }

    async fn read_lines(&self, client: &Client, sql: &str) -> Result<(), Refusal> {
        for row in client.query(sql, &[]).await? {
            let line = line(&row)?.ok_or_else(|| {
                Refusal::new(
                    Reaction::ChangeSomething,
                    "the ledger names a table or log that this version does not know",
                )
            })?;
            self.advance(&line);
        }
        Ok(())
    }

    fn advance_rounds(&self, rounds: &[Row]) -> Result<(), Refusal> {
        let mut tables = self.tables.write();
        for row in rounds {
            let Ok(tenant) = Tenant::new(row.try_get(0)?) else { continue };
            let latest: i64 = row.try_get(1)?;
            if let Some(known) = tables.get_mut(&(tenant, Signal::Spans)).filter(|known| known.round < latest) {
                Arc::make_mut(known).round = latest;
            }
        }
        Ok(())
    }

    /// Takes a line in, unless more is known already.
    pub(crate) fn advance(&self, line: &Line) {
        self.name_writer(line.log, line.writer);
        let mut tables = self.tables.write();
        let known = tables.entry((line.tenant.clone(), line.signal)).or_default();
        if known.watermarks.get(&line.log).is_some_and(|through| *through >= line.through) {
            return;
        }
        let known = Arc::make_mut(known);
        let before = known.logs.iter().position(|(writer, _)| *writer == line.writer);
        match before {
            Some(place) => known.logs[place].1 = line.through,
            None => known.logs.push((line.writer, line.through)),
        }
        Arc::make_mut(&mut known.watermarks).insert(line.log, line.through);
        for (rollup, folded) in &line.folded {
            let known = known.folded.entry(*rollup).or_default();
            *known = known.union(folded);
        }
        known.rows = known.rows.max(line.rows);
        known.times = match (known.times, line.times) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }
}

/// What the ledger says of keys that were too many.
pub(crate) fn folded_of(said: Option<&str>) -> Result<FoldedRollups, Refusal> {
    let folded = said.map_or(Ok(FoldedRollups::new()), serde_json::from_str);
    folded.map_err(|cause| {
        Refusal::new(Reaction::WrongData, format!("the ledger's column folded is not readable: {cause}"))
    })
}

/// `None` when the line is of a later version of this program.
fn line(row: &Row) -> Result<Option<Line>, Refusal> {
    let tenant = Tenant::new(row.try_get(0)?).ok();
    let signal = Signal::from_str(row.try_get(1)?).ok();
    let log = Uuid::from_str(row.try_get(3)?).ok().map(WriterId);
    let (Some(tenant), Some(signal), Some(log)) = (tenant, signal, log) else { return Ok(None) };
    let number = |place: usize| -> Result<u64, tokio_postgres::Error> {
        Ok(u64::try_from(row.try_get::<_, i64>(place)?).unwrap_or(0))
    };
    let (through, rows) = (number(4)?, number(5)?);
    let earliest: Option<i64> = row.try_get(6)?;
    let times = earliest.zip(row.try_get(7)?);
    let folded = folded_of(row.try_get(8)?)?;
    Ok(Some(Line { tenant, signal, writer: row.try_get(2)?, log, through, rows, times, folded }))
}
