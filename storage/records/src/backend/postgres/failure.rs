//! What the server said, in the words of the one who must act.

use std::sync::Arc;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

use crate::backend::{Failure, not_migrated};
use crate::error::Error;

/// Why a statement failed.
pub(super) fn of(medium: &str, cause: tokio_postgres::Error) -> Failure {
    let Some(code) = cause.code() else {
        return Error::Unavailable { medium: medium.to_owned(), cause: Arc::new(cause) }.into();
    };
    if matches!(*code, SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED) {
        return Failure::Conflict;
    }
    let constraint = cause.as_db_error().and_then(|error| error.constraint());
    if *code == SqlState::UNIQUE_VIOLATION
        && let Some(column) = constraint.and_then(|name| name.strip_prefix("documents_"))
    {
        return Failure::Taken { column: column.to_owned() };
    }
    by_code(medium, code.code().to_owned().as_str(), cause).into()
}

fn by_code(medium: &str, code: &str, cause: tokio_postgres::Error) -> Error {
    let medium = medium.to_owned();
    let advice = match code {
        "28P01" | "28000" => {
            "the server does not let this role in: check role and password in records.url, and pg_hba.conf"
        }
        "3D000" => "the database is not there: make it with `createdb`, or correct records.url",
        "42501" => {
            "the role may not do this: it must own the schema, or be allowed to make it (GRANT CREATE ON DATABASE … TO …)"
        }
        "25006" => "the database takes no writes: records.url leads to a standby, or the role is read-only",
        "42P01" | "3F000" | "42703" => {
            "a table is not as it was made: was the schema changed by hand, or dropped? restart this program to make it again"
        }
        "57014" | "25P03" => {
            return Error::Busy(format!("{medium}: a statement took longer than records.statement_seconds_max"));
        }
        "22021" | "22P05" | "22P02" | "54000" => return Error::Invalid(format!("{medium} cannot store this: {cause}")),
        _ => return Error::Unavailable { medium, cause: Arc::new(cause) },
    };
    Error::Refused { medium, advice: advice.to_owned(), cause: Some(Arc::new(cause)) }
}

/// Why there is no connection.
pub(super) fn pool(medium: &str, cause: PoolError) -> Error {
    match cause {
        PoolError::Backend(cause) => of(medium, cause).into(),
        PoolError::Timeout(TimeoutType::Wait) => {
            Error::Busy(format!("all connections to {medium} are in use: raise records.connections_max"))
        }
        cause => Error::Unavailable { medium: medium.to_owned(), cause: Arc::new(cause) },
    }
}

/// Why the tables could not be brought up to date.
pub(super) fn migration(medium: &str, cause: refinery::Error) -> Error {
    use refinery::error::Kind;
    match cause.kind() {
        Kind::Connection(_, source) => match source.downcast_ref::<tokio_postgres::Error>() {
            Some(source) if source.code().is_none() => {
                Error::Unavailable { medium: medium.to_owned(), cause: Arc::new(cause) }
            }
            _ => not_migrated(medium, cause),
        },
        _ => not_migrated(medium, cause),
    }
}
