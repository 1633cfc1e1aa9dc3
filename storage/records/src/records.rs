//! The database of the products' own state.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

use crate::backend::{Backend, Postgres, Sqlite};
use crate::collection::Collection;
use crate::config::{Config, Limits};
use crate::document::{Document, Entry};
use crate::error::Error;
use crate::log::Log;
use crate::outbox::Outbox;
use crate::session::{Session, Shared};
use crate::statement::Statement;

/// A handle of the database; clones are cheap and mean the same database.
#[derive(Clone, Debug)]
pub struct Records {
    pub(crate) session: Session,
}

impl Records {
    /// Opens what the settings name and brings its tables up to date.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        config.check().map_err(Error::Invalid)?;
        let limits = config.limits();
        let backend: Arc<dyn Backend> = match &config.url {
            Some(url) => Arc::new(Postgres::open(config, url.as_str()).await?),
            None => Arc::new(Sqlite::open(&config.path, &limits).await?),
        };
        Ok(Self::over(backend, limits))
    }

    /// A SQLite file with default settings; made when it is missing.
    pub async fn sqlite(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open(&Config { path: path.as_ref().to_owned(), ..Config::default() }).await
    }

    /// A database in memory that is gone with its last handle.
    pub fn in_memory() -> Result<Self, Error> {
        let limits = Config::default().limits();
        Ok(Self::over(Arc::new(Sqlite::in_memory(limits.clone())?), limits))
    }

    fn over(backend: Arc<dyn Backend>, limits: Limits) -> Self {
        let shared = Shared { backend, limits, laid_out: Default::default() };
        Self { session: Session { shared: Arc::new(shared), clock: Arc::new(system_clock), within: None } }
    }

    /// The same database, with another clock to stamp documents, entries and events with; it decides nothing.
    pub fn with_clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.session.clock = Arc::new(clock);
        self
    }

    /// Where records are: the file, or the server without its password.
    pub fn place(&self) -> &str {
        self.session.shared.backend.medium()
    }

    /// Asks the database for an answer.
    pub async fn health(&self) -> Result<(), Error> {
        self.session.query(Statement::read("SELECT count(*) FROM collections")).await?;
        Ok(())
    }

    /// The documents of one type.
    pub fn collection<T: Document>(&self) -> Collection<T> {
        Collection::new(self.session.clone())
    }

    /// The log of one type of entry.
    pub fn log<T: Entry>(&self) -> Log<T> {
        Log::new(self.session.clone())
    }

    /// The events that transactions have published.
    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.clone())
    }
}

fn system_clock() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX))
}
