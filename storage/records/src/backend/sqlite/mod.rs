//! SQLite: one thread writes, some connections read.
//!
//! Statements that wait while another is written are committed together: one sync of the disk serves all of them.

mod copy;
mod place;
mod readers;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc as steps;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use self::copy::snapshot;
use self::place::Place;
use self::readers::Readers;
use self::writer::{Answer, Job, Step, Writer};
use crate::backend::{Backend, Begun, Dialect, Failure};
use crate::config::Limits;
use crate::error::Error;
use crate::statement::{Access, Row, Statement};

/// Statements and transactions that may wait for the writer.
const WAITING_MAX: usize = 1024;
/// Statements of one transaction that may wait for each other.
const STEPS_MAX: usize = 64;

const DIALECT: Dialect = Dialect {
    append: "INSERT INTO entries (log, tenant, sequence, at, body) \
             SELECT $1, $2, coalesce(max(sequence), 0) + 1, $3, $4 FROM entries WHERE log = $1 AND tenant = $2 \
             RETURNING sequence",
    hold: "",
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

impl Sqlite {
    /// Opens the file, makes it where it is missing, and brings its tables up to date.
    pub(crate) async fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let (place, limits) = (Place::file(path), limits.clone());
        let medium = Arc::clone(&place.medium);
        let opened = tokio::task::spawn_blocking(move || {
            let connection = place.prepare(&limits)?;
            let readers = Readers::new(place.clone(), limits.clone());
            Self::start(place, connection, Some(Arc::new(readers)), limits)
        });
        opened.await.map_err(|cause| Error::Unavailable { medium: medium.to_string(), cause: Arc::new(cause) })?
    }

    /// A database that is gone with the last handle.
    pub(crate) fn in_memory(limits: Limits) -> Result<Self, Error> {
        let place = Place::memory();
        let connection = place.prepare(&limits)?;
        Self::start(place, connection, None, limits)
    }

    fn start(
        place: Place,
        connection: rusqlite::Connection,
        readers: Option<Arc<Readers>>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let (jobs, to_do) = mpsc::channel(WAITING_MAX);
        let medium = Arc::clone(&place.medium);
        let writer = Writer { place, connection, transaction_time_max: limits.transaction_time_max };
        let writer = std::thread::Builder::new().name("records-writer".to_owned()).spawn(move || writer.run(to_do));
        let writer =
            writer.map_err(|cause| Error::Unavailable { medium: medium.to_string(), cause: Arc::new(cause) })?;
        Ok(Self { medium, jobs: Some(jobs), writer: Some(writer), readers, limits })
    }

    /// Gives the job to the writer, as soon as it has room for it.
    async fn enqueue(&self, job: Job) -> Result<(), Failure> {
        let jobs = self.jobs.as_ref().expect("the writer is let go in drop only");
        jobs.send(job).await.map_err(|_| self.gone())
    }

    /// What is waited for, if it does not take too long.
    async fn within<T>(&self, waited: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let limit = self.limits.wait_max;
        let late = || Error::Busy(format!("{} has had no time for a write in {limit:?}", self.medium)).into();
        timeout(limit, waited).await.unwrap_or_else(|_| Err(late()))
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

    fn medium(&self) -> &str {
        &self.medium
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure> {
        match &self.readers {
            Some(readers) if statement.access == Access::Read => readers.query(statement).await,
            _ => {
                let (answer, answered) = oneshot::channel();
                self.within(async {
                    self.enqueue(Job::Alone(statement, answer)).await?;
                    answered.await.unwrap_or_else(|_| Err(self.gone()))
                })
                .await
            }
        }
    }

    async fn begin(&self, _attempt: u32) -> Result<Box<dyn Begun>, Failure> {
        let (steps, to_do) = steps::sync_channel(STEPS_MAX);
        self.within(self.enqueue(Job::Transaction(to_do))).await?;
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
