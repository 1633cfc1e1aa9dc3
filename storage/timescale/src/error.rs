//! What the database said, and what its owner can do about it.

use std::error::Error;

use deadpool_postgres::{PoolError, TimeoutType};
use store::StoreError;
use tokio_postgres::error::SqlState;

/// A refusal in the words of the one who must act; the cause is what the database said.
#[derive(Debug, thiserror::Error)]
#[error("{advice}")]
pub(crate) struct Refusal {
    advice: String,
    pub(crate) reaction: Reaction,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The same again, later.
    TryAgain,
    /// Something has to be changed outside of this program, and then the same again.
    ChangeSomething,
    /// Nothing: what was sent or stored is wrong.
    WrongData,
}

impl Refusal {
    /// A refusal of our own.
    pub(crate) fn new(reaction: Reaction, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), reaction, cause: None }
    }

    /// What was read is not what was kept.
    pub(crate) fn misread(cause: impl Error) -> Self {
        Self::new(Reaction::WrongData, format!("what was read is not what was kept: {cause}"))
    }

    /// As an error of the store; `medium` is the database with its address.
    pub(crate) fn into_store_error(self, medium: &str, form: Form) -> StoreError {
        match (self.reaction, form) {
            (Reaction::WrongData, Form::Written) => StoreError::unwritable("rows of PostgreSQL", self),
            (Reaction::WrongData, Form::Read) => StoreError::damaged(medium.to_owned(), self),
            _ => StoreError::unavailable(medium.to_owned(), self),
        }
    }
}

/// Which way rows were going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Into the database.
    Written,
    /// Out of it.
    Read,
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(cause: tokio_postgres::Error) -> Self {
        let (reaction, advice) = match cause.code() {
            Some(code) => by_code(code),
            None => (Reaction::TryAgain, "no answer: is the database up and reachable? it is tried again by itself"),
        };
        Self { advice: advice.to_owned(), reaction, cause: Some(Box::new(cause)) }
    }
}

impl From<PoolError> for Refusal {
    fn from(cause: PoolError) -> Self {
        let advice = match cause {
            PoolError::Backend(cause) => return cause.into(),
            PoolError::Timeout(TimeoutType::Wait) => {
                "all connections are in use: raise storage.database.read_connections_max or write_connections_max"
            }
            _ => "no connection could be made in time: is the database up and reachable?",
        };
        Self { advice: advice.to_owned(), reaction: Reaction::TryAgain, cause: Some(Box::new(cause)) }
    }
}

impl From<refinery::Error> for Refusal {
    fn from(cause: refinery::Error) -> Self {
        use refinery::error::Kind;
        let advice = match cause.kind() {
            Kind::Connection(_, source) => match source.downcast_ref::<tokio_postgres::Error>() {
                Some(source) => source.code().map_or("", |code| by_code(code).1),
                None => "",
            },
            Kind::MissingVersion(_) => {
                "a newer version of this program has changed the tables: run that version, or set another storage.database.schema"
            }
            Kind::DivergentVersion(..) => {
                "the tables were made by a version that was never released: set another storage.database.schema"
            }
            _ => "the tables could not be brought up to date",
        };
        let reaction = match cause.kind() {
            Kind::Connection(_, source) => source
                .downcast_ref::<tokio_postgres::Error>()
                .and_then(tokio_postgres::Error::code)
                .map_or(Reaction::TryAgain, |code| by_code(code).0),
            _ => Reaction::ChangeSomething,
        };
        let advice = if advice.is_empty() { "the tables could not be brought up to date" } else { advice };
        Self { advice: advice.to_owned(), reaction, cause: Some(Box::new(cause)) }
    }
}

fn by_code(code: &SqlState) -> (Reaction, &'static str) {
    use Reaction::{ChangeSomething, TryAgain, WrongData};
    match code.code() {
        "28P01" | "28000" => (
            ChangeSomething,
            "the database does not let this role in: check role and password in storage.database.url, and pg_hba.conf",
        ),
        "3D000" => {
            (ChangeSomething, "the database is not there: make it with `createdb`, or correct storage.database.url")
        }
        "42501" => (
            ChangeSomething,
            "the role may not do this: it must own the schema, or be allowed to make it (GRANT CREATE ON DATABASE … TO …)",
        ),
        "25006" => (
            ChangeSomething,
            "the database takes no writes: storage.database.url leads to a standby, or the role is read-only",
        ),
        "53100" => {
            (TryAgain, "the database's disk is full: free some space; rows wait in the write-ahead log until then")
        }
        "53200" => (TryAgain, "the database is out of memory; it is tried again by itself"),
        "53300" => (
            TryAgain,
            "the database has no connection left: raise its max_connections, or lower storage.database.*_connections_max",
        ),
        "57014" => (TryAgain, "the statement took longer than storage.database.statement_seconds_max"),
        "57P01" | "57P02" | "57P03" => (TryAgain, "the database is stopping or starting; it is tried again by itself"),
        "23514" => (TryAgain, "a partition was dropped meanwhile; it is made again"),
        "OBS01" => (
            TryAgain,
            "sums were added up, and their rows deleted, since this process or query looked: ask again; storage.database.deletion_grace_seconds keeps them longer",
        ),
        // Numbers, texts and names that the tables do not take.
        "22P02" | "22P03" | "22P05" | "22021" | "22003" | "22001" | "23502" | "42703" | "42804" => {
            (WrongData, "the tables are not those of this version: was a column changed by hand?")
        }
        "42P01" | "3F000" => {
            (ChangeSomething, "a table is missing: was the schema dropped? restart this program to make it again")
        }
        _ => (TryAgain, "the database refused; it is tried again by itself"),
    }
}
