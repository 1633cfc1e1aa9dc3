//! What a database has to do for us: run a statement, and run several as one transaction.

mod postgres;
mod sqlite;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

pub(crate) use self::postgres::Postgres;
pub(crate) use self::sqlite::Sqlite;
pub use self::sqlite::snapshot;
use crate::error::Error;
use crate::statement::{Row, Statement};

/// A database.
#[async_trait]
pub(crate) trait Backend: Debug + Send + Sync {
    fn dialect(&self) -> &'static Dialect;

    /// What it is called in errors: the file, or the server without the password.
    fn medium(&self) -> &str;

    /// Runs the statement in a transaction of its own; when it answers, what was written is on disk.
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure>;

    /// Begins a serializable transaction.
    async fn begin(&self, attempt: u32) -> Result<Box<dyn Begun>, Failure>;
}

/// A transaction that has begun; dropped without a commit, it leaves nothing.
#[async_trait]
pub(crate) trait Begun: Debug + Send + Sync {
    /// Runs the statement. After a failure nothing but an end is possible.
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, Failure>;

    async fn commit(&self) -> Result<(), Failure>;
}

/// Where the SQL of the two databases differs.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Appends to a log: `$1` log, `$2` tenant, `$3` time, `$4` body; gives the sequence.
    pub(crate) append: &'static str,
    /// After a `SELECT` whose rows must not change before the transaction ends.
    pub(crate) hold: &'static str,
    /// After a `SELECT` in which rows are chosen that somebody else may choose at the same time.
    pub(crate) skip_chosen: &'static str,
}

/// Why a statement failed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// A unique column of the documents has this value already.
    Taken {
        column: String,
    },
    /// Another transaction came between; the whole transaction may work when run again.
    Conflict,
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Taken { column } => Error::Invalid(format!("the value of {column} is taken")),
            Failure::Conflict => Error::Contended { attempts: 1 },
            Failure::Error(error) => error,
        }
    }
}

/// The tables could not be brought up to date; somebody has to look.
fn not_migrated(medium: &str, cause: refinery::Error) -> Error {
    use refinery::error::Kind;
    let advice = match cause.kind() {
        Kind::MissingVersion(_) => {
            "a newer version of this program has changed the tables: run that version, or use another database"
        }
        Kind::DivergentVersion(..) => "the tables were made by a version that was never released: use another database",
        _ => "the tables could not be brought up to date",
    };
    Error::Refused { medium: medium.to_owned(), advice: advice.to_owned(), cause: Some(Arc::new(cause)) }
}
