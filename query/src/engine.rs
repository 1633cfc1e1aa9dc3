//! Runs queries, each within its limits, on a runtime of their own.
//!
//! A query holds one place and one memory pool from its start to its last row; whatever ends it, a limit, an
//! error or a client that left, gives both back.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use model::Signal;
use plane::{DataPlane, Subscription};
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::asker::Asker;
use crate::catalog::{ForeignSchema, Tables};
use crate::config::Config;
use crate::error::QueryError;
use crate::rows::{self, Planned, Rows};
use crate::session;
use crate::statement::Statement;
use crate::telemetry;

/// Batches a query may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;
/// Memory users named in the error when a query runs out of it; they go to the log.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

/// Stack of the threads that plan and run queries. What is deeper than this allows for is refused before.
const STACK_BYTES: usize = 64 << 20;

/// A runtime for queries: away from the threads that take rows in, with stacks for deep statements.
pub fn runtime(config: &Config) -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(config.target_partitions)
        .thread_name("query")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
}

/// Limits of queries that have places of their own, beside those of everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Queries that run at once.
    pub concurrent_max: usize,
    /// Time of one query until its last row has been taken, in seconds.
    pub time_seconds_max: u64,
    /// Rows of one result.
    pub rows_max: usize,
}

/// Answers SQL over the rows of a plane. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QueryEngine {
    config: Arc<Config>,
    plane: Arc<DataPlane>,
    foreign: Arc<[Arc<dyn ForeignSchema>]>,
    base: Arc<SessionState>,
    places: Arc<Semaphore>,
    runtime: Handle,
}

impl QueryEngine {
    /// Makes an engine whose queries run on `runtime`, away from the tasks that take rows in.
    ///
    /// # Errors
    /// When `config` was not checked.
    pub fn new(plane: Arc<DataPlane>, config: Config, runtime: Handle) -> Result<Self, QueryError> {
        let base =
            session::base(&config, plane.optimizer_rules()).map_err(|cause| QueryError::Internal(Box::new(cause)))?;
        let places = Arc::new(Semaphore::new(config.concurrent_max));
        let foreign = Arc::default();
        Ok(Self { config: Arc::new(config), plane, foreign, base: Arc::new(base), places, runtime })
    }

    /// The same engine with further tables.
    #[must_use]
    pub fn with_schemas(self, foreign: Vec<Arc<dyn ForeignSchema>>) -> Self {
        Self { foreign: foreign.into(), ..self }
    }

    /// The same engine for queries of a class: they never wait for those of others, nor others for them.
    #[must_use]
    pub fn of_class(&self, class: Class) -> Self {
        let Class { concurrent_max, time_seconds_max, rows_max } = class;
        let config = Config { concurrent_max, time_seconds_max, rows_max, ..Config::clone(&self.config) };
        Self { config: Arc::new(config), places: Arc::new(Semaphore::new(concurrent_max)), ..self.clone() }
    }

    /// Answers a statement with the rows that the asker may see, as of now.
    ///
    /// # Errors
    /// What is wrong with the statement, or which limit it met, as far as that shows before the first row;
    /// later errors end the rows.
    pub async fn sql(&self, asker: &Asker, statement: Statement) -> Result<Rows, QueryError> {
        let limit = self.config.statement_bytes_max;
        if statement.sql.len() > limit {
            return Err(QueryError::TooLarge { what: "statement", limit });
        }
        let span = telemetry::query_span(asker.tenant(), statement.sql.len());
        let place = self.place().instrument(span.clone()).await?;
        let (planned, known) = oneshot::channel();
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let query =
            Query { engine: self.clone(), asker: asker.clone(), statement, planned, batches: sender, _place: place };
        let driver = AbortOnDropHandle::new(self.runtime.spawn(query.drive().instrument(span)));
        match known.await {
            Ok(planned) => Ok(Rows::new(planned, batches, driver)),
            // The query ended before it knew its columns, so it ended with an error.
            Err(_) => {
                Err(rows::outcome(driver.await).err().unwrap_or_else(|| QueryError::Internal("no schema".into())))
            }
        }
    }

    /// Committed rows of some signals, of all tenants, as they arrive.
    pub fn subscribe(&self, signals: &[Signal]) -> Subscription {
        self.plane.subscribe(signals)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where query work runs.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let started = Instant::now();
        let waited = self.config.queue_time_max();
        let place = timeout(waited, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| QueryError::Busy { running: self.config.concurrent_max, waited })?;
        telemetry::admitted(started.elapsed());
        Ok(place.expect("the places are never closed"))
    }

    /// Memory of its own, everything else shared with the other queries.
    fn runtime_env(&self) -> Result<Arc<RuntimeEnv>, DataFusionError> {
        let pool = GreedyMemoryPool::new(self.config.memory_bytes_max);
        RuntimeEnvBuilder::from_runtime_env(self.base.runtime_env())
            .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, CONSUMERS_NAMED)))
            .build_arc()
    }
}

/// One query on its way.
struct Query {
    engine: QueryEngine,
    asker: Asker,
    statement: Statement,
    planned: oneshot::Sender<Planned>,
    batches: mpsc::Sender<RecordBatch>,
    /// Given back when the query ends, whatever ends it.
    _place: OwnedSemaphorePermit,
}

impl Query {
    async fn drive(self) -> Result<(), QueryError> {
        let started = Instant::now();
        let limit = self.engine.config.time_max();
        let mut rows = 0;
        let result = timeout(limit, self.run(&mut rows)).await;
        let result = result.unwrap_or(Err(QueryError::TimeLimit { limit }));
        telemetry::ended(rows, started.elapsed(), &result);
        result
    }

    async fn run(self, rows: &mut usize) -> Result<(), QueryError> {
        let (plane, foreign) = (Arc::clone(&self.engine.plane), Arc::clone(&self.engine.foreign));
        let tables = Tables::new(plane, foreign, self.asker.clone(), self.statement.answers());
        match self.run_over(&tables, rows).await {
            Err(error @ (QueryError::Unavailable(_) | QueryError::Internal(_))) => {
                Err(error.blamed_on(&tables.examine().await))
            }
            ended => ended,
        }
    }

    async fn run_over(self, tables: &Arc<Tables>, rows: &mut usize) -> Result<(), QueryError> {
        let config = &self.engine.config;
        let refused = |cause| QueryError::from_datafusion(cause, config.memory_bytes_max);
        let mut stream = self.start(tables).await.map_err(refused)?;
        let planned = Planned { schema: stream.schema(), warnings: tables.warnings() };
        if self.planned.send(planned).is_err() {
            return Ok(());
        }
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(refused)?;
            *rows += batch.num_rows();
            if *rows > config.rows_max {
                return Err(QueryError::RowLimit { limit: config.rows_max });
            }
            if self.batches.send(batch).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn start(&self, tables: &Arc<Tables>) -> Result<SendableRecordBatchStream, DataFusionError> {
        let started = Instant::now();
        let engine = &self.engine;
        let state = session::over(&engine.base, tables, self.statement.as_of);
        let plan = session::plan(&state, &self.statement).await?;
        let plan = state.create_physical_plan(&plan).await?;
        telemetry::planned(&self.statement.sql, started.elapsed());
        let context = TaskContext::from(&state).with_runtime(engine.runtime_env()?);
        execute_stream(plan, Arc::new(context))
    }
}
