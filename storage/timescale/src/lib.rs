//! Segments as rows of TimescaleDB hypertables, or of partitions where PostgreSQL is alone.
//!
//! A segment's rows and the line of the ledger that says so are in one transaction: kept once, whatever ends in the middle.
//! `docs/adr/0009-rows-in-postgresql.md` tells how rows are laid out and why nothing is lost on the way.

mod aggregate;
mod columns;
mod config;
mod copy;
mod database;
mod decode;
mod encode;
mod error;
mod examine;
mod json;
mod keep;
mod layout;
mod ledger;
mod physical;
mod predicate;
mod rounds;
mod scan;
mod select;
mod setup;
mod table;
mod telemetry;
mod text;
mod tls;
mod upkeep;
mod views;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use model::{Dataset, Rollup, Signal, Tenant, TimeRange, Timestamp};
use parking_lot::RwLock;
use store::rollup::{self, StoredRollup};
use store::{
    Amount, Condition, Examine, Job, Maintained, Outcome, Pace, Part, Segment, Store, StoreError, Stored, Task, Work,
};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub use config::{Config, Url};
pub use examine::{Examination, examine};
pub use setup::{Edition, Extension};

use crate::database::{Database, too_slow};
use crate::error::{Form, Reaction, Refusal};
use crate::keep::{Kept, writer_number};
use crate::layout::Layout;
use crate::ledger::{Known, Ledger};
use crate::table::TimescaleTable;
use crate::window::Window;

/// First and longest pause between attempts to reach a database that is away.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(15);
/// How often chunks are looked after.
const UPKEEP: Duration = Duration::from_secs(600);

/// A store of database rows.
#[derive(Debug)]
pub struct Timescale {
    shared: Arc<Shared>,
    watch: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    database: Arc<Database>,
    ledger: Ledger,
    ready: RwLock<Option<Arc<Ready>>>,
    /// Held while the database is made ready: by one at a time.
    preparing: tokio::sync::Mutex<()>,
    /// What the database is was logged.
    is_told: AtomicBool,
    /// How often it was looked for sums to add up.
    turn: AtomicUsize,
}

/// What is known of a database once its tables are up to date.
#[derive(Debug)]
struct Ready {
    edition: Edition,
    layout: Layout,
}

/// That the database answers, and how fast.
#[derive(Clone, Debug)]
pub struct Health {
    /// What it is.
    pub edition: Edition,
    /// Time of one answer.
    pub latency: Duration,
}

impl Timescale {
    /// Opens the store. A database that does not answer now is waited for in the background: rows stay in the log until it does.
    ///
    /// # Errors
    /// What waiting will not mend: a wrong URL or password, missing rights, tables of a newer version.
    pub async fn open(config: Config) -> Result<Self, StoreError> {
        let database = Database::new(&config)
            .map_err(|wrong| StoreError::unavailable("the database", Refusal::new(Reaction::ChangeSomething, wrong)))?;
        let shared = Arc::new(Shared {
            config,
            database: Arc::new(database),
            ledger: Ledger::default(),
            ready: RwLock::new(None),
            preparing: tokio::sync::Mutex::new(()),
            is_told: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        });
        match shared.ready().await {
            Ok(_) => {}
            Err(refusal) if refusal.reaction == Reaction::TryAgain => {
                telemetry::away_at_start(shared.database.medium(), &refusal);
            }
            Err(refusal) => return Err(shared.database.error(Form::Read, refusal)),
        }
        let watch = tokio::spawn(Arc::clone(&shared).watch());
        Ok(Self { shared, watch })
    }

    /// What it is called in errors and at the start: address and database, without the password.
    pub fn address(&self) -> &str {
        self.shared.database.medium()
    }

    /// Asks the database for an answer.
    pub async fn health(&self) -> Result<Health, StoreError> {
        self.shared.health().await.map_err(|cause| self.shared.database.error(Form::Read, cause))
    }

    /// Deletes the tenant's rows before the horizon.
    pub async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<(), StoreError> {
        let expired = self.shared.expire(tenant, dataset, horizon).await;
        expired.map_err(|cause| self.shared.database.error(Form::Written, cause))
    }

    /// Makes partitions ahead and sizes chunks to come; also done in the background every ten minutes.
    pub async fn maintain(&self) -> Result<(), StoreError> {
        self.shared.maintain().await.map_err(|cause| self.shared.database.error(Form::Written, cause))
    }
}

impl Timescale {
    /// Sums of the spans that are known, as of the same moment.
    fn rollup(&self, tenant: &Tenant, rollup: Rollup, known: &Arc<Known>) -> StoredRollup {
        let Shared { config, database, ledger, .. } = &*self.shared;
        let key = (tenant.clone(), Dataset::Rollup(rollup));
        let table = TimescaleTable::new(key, Arc::clone(known), Arc::clone(database), config.read_connections_max);
        let folded = known.folded.get(&rollup).copied().unwrap_or_default();
        StoredRollup { rollup, table: Arc::new(table), same_from: ledger.same_from(tenant, rollup), folded }
    }
}

impl Drop for Timescale {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

#[async_trait]
impl Store for Timescale {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        self.shared.keep(segment).await.map_err(|cause| self.shared.database.error(Form::Written, cause))
    }

    fn keeps_at_once(&self) -> usize {
        self.shared.config.write_connections_max
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let Shared { config, database, ledger, .. } = &*self.shared;
        if !ledger.is_read() {
            let advice = "nothing can be read before the database has answered once; it is tried again by itself";
            return Err(database.error(Form::Read, Refusal::new(Reaction::TryAgain, advice)));
        }
        let known = ledger.table(tenant, signal);
        let watermarks = Arc::clone(&known.watermarks);
        let rollups = if signal == Signal::Spans { Rollup::ALL.as_slice() } else { &[] };
        let rollups = rollups.iter().map(|rollup| self.rollup(tenant, *rollup, &known)).collect();
        let key = (tenant.clone(), Dataset::Signal(signal));
        let table = TimescaleTable::new(key, known, Arc::clone(database), config.read_connections_max);
        let (unreadable, examine) = (Vec::new(), Examine::default());
        Ok(Stored { table: Arc::new(table), watermarks, rollups, unreadable, examine })
    }

    /// The database does not say how many rows went with whole chunks.
    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError> {
        let expired = self.shared.expire(tenant, dataset, horizon).await;
        expired.map_err(|cause| self.shared.database.error(Form::Written, cause))?;
        let target = format!("before {} ns since 1970", horizon.0);
        let task = Task { job: Job::Expire, tenant: Some(tenant.clone()), dataset: Some(dataset), target };
        let (read, written) = (Amount::default(), Amount::default());
        Ok(Some(Work { task, read, written, outcome: Outcome::Done }))
    }

    fn optimizer_rules(&self) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
        aggregate::optimizer_rules()
    }

    /// Adds rollups up. Chunks and partitions are looked after beside reading the ledger, by `watch`.
    async fn maintain(&self, pace: &Pace) -> Maintained {
        self.shared.add_up(pace).await
    }

    async fn inventory(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError> {
        let schema = &self.shared.config.schema;
        let tables = self.shared.ledger.tables().into_iter();
        let asked = tables.filter(|((of, _), _)| tenant.is_none_or(|tenant| tenant == of));
        Ok(asked.map(|((of, signal), known)| part(schema, of, signal, &known)).collect())
    }
}

impl Shared {
    /// The database with its tables up to date.
    async fn ready(&self) -> Result<Arc<Ready>, Refusal> {
        if let Some(ready) = self.ready.read().clone() {
            return Ok(ready);
        }
        let _alone = self.preparing.lock().await;
        if let Some(ready) = self.ready.read().clone() {
            return Ok(ready);
        }
        let mut connection = self.database.writer().await?;
        let (edition, layout) = Box::pin(setup::prepare(&mut connection, &self.config)).await?;
        self.ledger.read(&connection, &self.config.schema).await?;
        connection.give_back();
        if !self.is_told.swap(true, Ordering::Relaxed) {
            telemetry::ready(&edition, &layout);
        }
        let ready = Arc::new(Ready { edition, layout });
        *self.ready.write() = Some(Arc::clone(&ready));
        Ok(ready)
    }

    async fn keep(&self, segment: &Segment) -> Result<(), Refusal> {
        let limit = Duration::from_secs(self.config.keep_seconds_max);
        let kept = timeout(limit, Box::pin(self.keep_within(segment))).await;
        let kept = kept.unwrap_or_else(|_| Err(too_slow("keeping a segment", limit)));
        if kept.is_err() {
            // Whatever was believed of the tables is looked at again.
            *self.ready.write() = None;
        }
        kept
    }

    async fn keep_within(&self, segment: &Segment) -> Result<(), Refusal> {
        let (origin, signal, schema) = (&segment.origin, segment.signal, self.config.schema.as_str());
        let ready = self.ready().await?;
        let known = self.ledger.table(&segment.tenant, signal);
        if known.watermarks.get(&origin.writer).is_some_and(|through| *through >= origin.through) {
            return Ok(());
        }
        let mut connection = self.database.writer().await?;
        let writer = match self.ledger.writer(origin.writer) {
            Some(writer) => writer,
            None => writer_number(&connection, schema, origin.writer).await?,
        };
        self.ledger.name_writer(origin.writer, writer);
        let partials = sums(segment).await?;
        let window = Window::around(now(), self.config.past_days_max);
        let spread = window.spread(segment);
        ready.layout.make_room(&connection, schema, signal, &spread.hours).await?;

        let transaction = connection.transaction().await?;
        let kept = Kept { schema, segment, window: &window, spread: &spread, writer, partials: &partials };
        match kept.write(&transaction).await? {
            Some(line) => {
                transaction.commit().await?;
                self.ledger.advance(&line);
            }
            None => {
                transaction.rollback().await?;
                self.ledger.read_table(&connection, schema, (&segment.tenant, signal)).await?;
            }
        }
        connection.give_back();
        Ok(())
    }

    async fn health(&self) -> Result<Health, Refusal> {
        let limit = self.config.connect_time_max();
        timeout(limit, self.ask()).await.unwrap_or_else(|_| Err(too_slow("an answer of the database", limit)))
    }

    async fn ask(&self) -> Result<Health, Refusal> {
        let connection = self.database.reader().await?;
        let started = Instant::now();
        connection.query_one("SELECT 1", &[]).await?;
        let latency = started.elapsed();
        connection.give_back();
        Ok(Health { edition: self.ready().await?.edition.clone(), latency })
    }

    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<(), Refusal> {
        let ready = self.ready().await?;
        let connection = self.database.upkeep().await?;
        // First what rollups can no longer be compared with and views not be made of, then the rows.
        upkeep::note_expiry(&connection, &self.config.schema, (tenant, dataset), horizon).await?;
        self.ledger.expire(tenant, dataset, horizon.0.saturating_sub(1));
        views::stay_ahead_of_expiry(&connection, &self.config, &ready.layout, dataset).await?;
        upkeep::expire(&connection, &self.config.schema, &ready.layout, (tenant, dataset), horizon).await?;
        connection.give_back();
        Ok(())
    }

    async fn maintain(&self) -> Result<(), Refusal> {
        let ready = self.ready().await?;
        let connection = self.database.writer().await?;
        let Config { schema, chunk_bytes, .. } = &self.config;
        upkeep::maintain(&connection, schema, &ready.layout, *chunk_bytes, now()).await?;
        views::maintain(&connection, &self.config, &ready.layout).await?;
        connection.give_back();
        Ok(())
    }

    /// Follows what other processes keep, waits for a database that is away, looks after chunks.
    async fn watch(self: Arc<Self>) {
        let refresh = Duration::from_secs(self.config.refresh_seconds);
        let (mut pause, mut next_upkeep) = (RETRY_MIN, Instant::now());
        loop {
            match self.look().await {
                Ok(()) => {
                    pause = RETRY_MIN;
                    if next_upkeep <= Instant::now() {
                        next_upkeep = Instant::now() + UPKEEP;
                        if let Err(cause) = self.maintain().await {
                            telemetry::not_looked_after(self.database.medium(), &cause);
                        }
                    }
                    sleep(refresh).await;
                }
                Err(cause) => {
                    telemetry::still_away(self.database.medium(), &cause);
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }

    async fn look(&self) -> Result<(), Refusal> {
        self.ready().await?;
        let connection = self.database.reader().await?;
        let Config { schema, keep_seconds_max, .. } = &self.config;
        self.ledger.read_changes(&connection, schema, *keep_seconds_max).await?;
        connection.give_back();
        Ok(())
    }
}

/// Sums of the segment, if its rows are spans; made away from the tasks that wait for sockets.
async fn sums(segment: &Segment) -> Result<Vec<rollup::Partial>, Refusal> {
    if segment.signal != Signal::Spans {
        return Ok(Vec::new());
    }
    let spans = segment.batches.clone();
    let summed = tokio::task::spawn_blocking(move || rollup::of(&spans)).await;
    summed.map_err(|cause| Refusal::new(Reaction::WrongData, format!("spans cannot be summed: {cause}")))
}

/// A table of one tenant, as the ledger knows it: rows that have come, expired ones too.
fn part(schema: &str, tenant: Tenant, signal: Signal, known: &Known) -> Part {
    let micros = |time: i64| Timestamp(time.saturating_mul(1000));
    let times = known.times.map_or(TimeRange::EMPTY, |(min, max)| TimeRange { min: micros(min), max: micros(max) });
    Part {
        name: format!("{schema}.{signal}"),
        tenant,
        dataset: signal.into(),
        rows: known.rows,
        bytes: 0,
        times,
        level: 0,
        created_millis: 0,
        condition: Condition::Kept,
    }
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX))
}
