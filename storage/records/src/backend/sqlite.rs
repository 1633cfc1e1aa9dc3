//! SQLite: one thread writes, some connections read.
//!
//! Statements that wait while another is written are committed together: one sync of the disk serves all of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as steps;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::backend::{Backend, Begun, Dialect, Failure};
use crate::config::Limits;
use crate::error::Error;
use crate::statement::{Access, Row, Statement, Value};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Statements that are committed together.
const GROUP_MAX: usize = 128;
/// Statements and transactions that may wait for the writer.
const WAITING_MAX: usize = 1024;
/// Statements of one transaction that may wait for each other.
const STEPS_MAX: usize = 64;
/// Statements each connection keeps prepared.
const PREPARED_MAX: usize = 128;

const DIALECT: Dialect = Dialect {
    append: "INSERT INTO entries (log, tenant, sequence, at, body) \
             SELECT $1, $2, coalesce(max(sequence), 0) + 1, $3, $4 FROM entries WHERE log = $1 AND tenant = $2 \
             RETURNING sequence",
    skip_chosen: "",
};

/// A file, or memory.
pub(crate) struct Sqlite {
    medium: Arc<str>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    /// None where the database is in memory, which has one connection.
    readers: Option<Arc<Readers>>,
    limits: Limits,
}

type Answer<T> = oneshot::Sender<Result<T, Failure>>;

enum Job {
    Alone(Statement, Answer<Vec<Row>>),
    Transaction(steps::Receiver<Step>),
}

enum Step {
    Query(Statement, Answer<Vec<Row>>),
    Commit(Answer<()>),
}

impl Sqlite {
    /// Opens the file, makes it where it is missing, and brings its tables up to date.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let place = Place { path: Some(path.to_owned()), medium: path.display().to_string().into() };
        let mut connection = place.connect(OpenFlags::default(), limits)?;
        place.migrate(&mut connection)?;
        let readers = Readers {
            place: place.clone(),
            limits: limits.clone(),
            idle: Mutex::new(Vec::new()),
            places: Arc::new(Semaphore::new(limits.read_connections_max)),
        };
        Self::start(place, connection, Some(Arc::new(readers)), limits)
    }

    /// A database that is gone with the last handle.
    pub(crate) fn in_memory(limits: &Limits) -> Result<Self, Error> {
        let place = Place { path: None, medium: "SQLite in memory".into() };
        let mut connection = place.connect(OpenFlags::default(), limits)?;
        place.migrate(&mut connection)?;
        Self::start(place, connection, None, limits)
    }

    fn start(
        place: Place,
        connection: Connection,
        readers: Option<Arc<Readers>>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let (jobs, to_do) = mpsc::channel(WAITING_MAX);
        let medium = Arc::clone(&place.medium);
        let writer = Writer { place, connection, transaction_time_max: limits.transaction_time_max };
        let writer = std::thread::Builder::new().name("records-writer".to_owned()).spawn(move || writer.run(to_do));
        let writer =
            writer.map_err(|cause| Error::Unavailable { medium: medium.to_string(), cause: Arc::new(cause) })?;
        Ok(Self { medium, jobs: Some(jobs), writer: Some(writer), readers, limits: limits.clone() })
    }

    /// Gives the job to the writer, as soon as it has room for it.
    async fn enqueue(&self, job: Job) -> Result<(), Failure> {
        let jobs = self.jobs.as_ref().expect("the writer is let go in drop only");
        let limit = self.limits.wait_max;
        match timeout(limit, jobs.send(job)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => Err(Error::Busy(format!("{} has had no time for a write in {limit:?}", self.medium)).into()),
        }
    }

    fn gone(&self) -> Failure {
        let cause = Arc::new(std::io::Error::other("the thread that writes has ended"));
        Error::Unavailable { medium: self.medium.to_string(), cause }.into()
    }
}

#[async_trait]
impl Backend for Sqlite {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        match &self.readers {
            Some(readers) if statement.access == Access::Read => readers.query(statement).await,
            _ => {
                let (answer, answered) = oneshot::channel();
                self.enqueue(Job::Alone(statement, answer)).await?;
                answered.await.unwrap_or_else(|_| Err(self.gone()))
            }
        }
    }

    async fn begin(&self, _attempt: u32) -> Result<Box<dyn Begun>, Failure> {
        let (steps, to_do) = steps::sync_channel(STEPS_MAX);
        self.enqueue(Job::Transaction(to_do)).await?;
        Ok(Box::new(Transaction { steps, time_max: self.limits.transaction_time_max }))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // It ends as soon as it has done what it was given.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.medium).finish()
    }
}

/// The end of a transaction that the one who runs it holds; the other end has the writer to itself.
#[derive(Debug)]
struct Transaction {
    steps: steps::SyncSender<Step>,
    time_max: Duration,
}

impl Transaction {
    async fn step<T>(&self, step: impl FnOnce(Answer<T>) -> Step) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let over = || Failure::from(Error::Busy(format!("a transaction took longer than {:?}", self.time_max)));
        self.steps.try_send(step(answer)).map_err(|_| over())?;
        answered.await.unwrap_or_else(|_| Err(over()))
    }
}

#[async_trait]
impl Begun for Transaction {
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        self.step(|answer| Step::Query(statement, answer)).await
    }

    async fn commit(&self) -> Result<(), Failure> {
        self.step(Step::Commit).await
    }
}

/// The thread that writes.
struct Writer {
    place: Place,
    connection: Connection,
    transaction_time_max: Duration,
}

impl Writer {
    /// Until nobody is left to give it anything.
    fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = jobs.blocking_recv();
        while let Some(job) = next.take() {
            match job {
                Job::Transaction(steps) => self.transaction(&steps),
                Job::Alone(statement, answer) => {
                    let mut group = vec![(statement, answer)];
                    while group.len() < GROUP_MAX {
                        match jobs.try_recv() {
                            Ok(Job::Alone(statement, answer)) => group.push((statement, answer)),
                            Ok(transaction) => {
                                next = Some(transaction);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.group(group);
                }
            }
            next = next.or_else(|| jobs.blocking_recv());
        }
    }

    /// Runs the statements in one transaction; each is answered when it is committed.
    fn group(&self, group: Vec<(Statement, Answer<Vec<Row>>)>) {
        let (statements, answers): (Vec<Statement>, Vec<Answer<Vec<Row>>>) = group.into_iter().unzip();
        let answered: Vec<Result<Vec<Row>, Failure>> = match self.together(&statements) {
            Ok(outcomes) => outcomes,
            Err(failure) => statements.iter().map(|_| Err(failure.clone())).collect(),
        };
        for (answer, answered) in answers.into_iter().zip(answered) {
            // Whoever asked may have gone away; what was committed stays.
            let _ = answer.send(answered);
        }
    }

    fn together(&self, statements: &[Statement]) -> Result<Vec<Result<Vec<Row>, Failure>>, Failure> {
        self.execute("BEGIN IMMEDIATE")?;
        let mut outcomes = Vec::with_capacity(statements.len());
        for statement in statements {
            let outcome = self.place.run(&self.connection, statement);
            if let (Err(failure), true) = (&outcome, self.connection.is_autocommit()) {
                // A full disk ends the transaction of all.
                return Err(failure.clone());
            }
            outcomes.push(outcome);
        }
        self.execute("COMMIT").inspect_err(|_| self.roll_back())?;
        Ok(outcomes)
    }

    /// Does the steps of one transaction as they come, until its end or until it takes too long.
    fn transaction(&self, steps: &steps::Receiver<Step>) {
        let until = Instant::now() + self.transaction_time_max;
        let mut begun = self.execute("BEGIN IMMEDIATE");
        while let Ok(step) = steps.recv_timeout(until.saturating_duration_since(Instant::now())) {
            match step {
                Step::Query(statement, answer) => {
                    let outcome = begun.clone().and_then(|()| self.place.run(&self.connection, &statement));
                    if let Err(failure) = &outcome {
                        begun = Err(failure.clone());
                    }
                    let _ = answer.send(outcome);
                }
                Step::Commit(answer) => {
                    let outcome = begun.and_then(|()| self.execute("COMMIT"));
                    self.roll_back();
                    let _ = answer.send(outcome);
                    return;
                }
            }
        }
        self.roll_back();
    }

    fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.connection.execute_batch(sql).map_err(|cause| self.place.failure(cause))
    }

    /// Leaves nothing open.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // What cannot be rolled back is rolled back by the database when it is opened next.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

/// Connections that read, made as they are needed.
struct Readers {
    place: Place,
    limits: Limits,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

impl Readers {
    async fn query(self: &Arc<Self>, statement: Statement) -> Result<Vec<Row>, Failure> {
        let limit = self.limits.wait_max;
        let waited = timeout(limit, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = waited else {
            return Err(
                Error::Busy(format!("all connections to {} were in use for {limit:?}", self.place.medium)).into()
            );
        };
        let readers = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.read(&statement)
        });
        read.await.unwrap_or_else(|cause| {
            Err(Error::Unavailable { medium: self.place.medium.to_string(), cause: Arc::new(cause) }.into())
        })
    }

    fn read(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                self.place.connect(flags, &self.limits)?
            }
        };
        let rows = self.place.run(&connection, statement);
        self.idle.lock().push(connection);
        rows
    }
}

/// Where the database is.
#[derive(Clone)]
struct Place {
    path: Option<PathBuf>,
    medium: Arc<str>,
}

impl Place {
    fn connect(&self, flags: OpenFlags, limits: &Limits) -> Result<Connection, Error> {
        let opened = match &self.path {
            Some(path) => Connection::open_with_flags(path, flags),
            None => Connection::open_in_memory(),
        };
        let connection = opened.map_err(|cause| self.error(cause))?;
        let set = || -> rusqlite::Result<()> {
            connection.busy_timeout(limits.wait_max)?;
            connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
            // The pragma answers with the mode; in memory that is another one.
            if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
                connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
            }
            connection.execute_batch("PRAGMA synchronous = full")
        };
        set().map_err(|cause| self.error(cause))?;
        Ok(connection)
    }

    /// Brings the tables up to date; of two programs that start at once, one waits.
    fn migrate(&self, connection: &mut Connection) -> Result<(), Error> {
        embedded::migrations::runner().run(connection).map_err(|cause| Error::Refused {
            medium: self.medium.to_string(),
            advice: "the tables could not be brought up to date".to_owned(),
            cause: Some(Arc::new(cause)),
        })?;
        Ok(())
    }

    fn run(&self, connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let run = || -> rusqlite::Result<Vec<Row>> {
            // The same numbers, under the name that SQLite has for them.
            let mut prepared = connection.prepare_cached(&statement.sql.replace('$', "?"))?;
            let columns = prepared.column_count();
            let mut rows = prepared.query(params_from_iter(&statement.parameters))?;
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                let cells = (0..columns).map(|column| cell(row.get_ref(column)?));
                read.push(Row::new(cells.collect::<rusqlite::Result<_>>()?));
            }
            Ok(read)
        };
        run().map_err(|cause| self.failure(cause))
    }

    fn failure(&self, cause: rusqlite::Error) -> Failure {
        const UNIQUE: &str = "UNIQUE constraint failed: ";
        if let rusqlite::Error::SqliteFailure(code, Some(text)) = &cause
            && code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
            && let Some(column) = text.strip_prefix(UNIQUE).and_then(|columns| columns.rsplit('.').next())
        {
            return Failure::Taken { column: column.to_owned() };
        }
        self.error(cause).into()
    }

    fn error(&self, cause: rusqlite::Error) -> Error {
        let medium = self.medium.to_string();
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Error::Busy(format!("{medium} is being written by another process"))
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                let advice = "the file cannot be written: check its owner and mode, and those of its folder".to_owned();
                Error::Refused { medium, advice, cause: Some(Arc::new(cause)) }
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                let advice = "the file is damaged: restore it from a backup".to_owned();
                Error::Refused { medium, advice, cause: Some(Arc::new(cause)) }
            }
            _ => Error::Unavailable { medium, cause: Arc::new(cause) },
        }
    }
}

fn cell(cell: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(_) => Value::Text(cell.as_str()?.to_owned()),
        _ => return Err(rusqlite::types::FromSqlError::InvalidType.into()),
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Number(number) => ValueRef::Integer(*number),
        }))
    }
}
