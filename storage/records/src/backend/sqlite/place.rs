//! The database file: connections to it, statements on them, and what SQLite says of both.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};

use crate::backend::{Failure, not_migrated};
use crate::config::Limits;
use crate::error::Error;
use crate::statement::{Access, Row, Statement, Value};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Statements each connection keeps prepared.
const PREPARED_MAX: usize = 128;

/// Where the database is.
#[derive(Clone)]
pub(super) struct Place {
    path: Option<PathBuf>,
    /// What it is called in errors.
    pub(super) medium: Arc<str>,
}

impl Place {
    pub(super) fn file(path: &Path) -> Self {
        Self { path: Some(path.to_owned()), medium: path.display().to_string().into() }
    }

    pub(super) fn memory() -> Self {
        Self { path: None, medium: "SQLite in memory".into() }
    }

    /// A connection that writes, to tables that are up to date; of two programs that start at once, one waits.
    pub(super) fn prepare(&self, limits: &Limits) -> Result<Connection, Error> {
        let _alone = self.path.as_deref().map(lock).transpose().map_err(|cause| self.unusable(cause))?;
        if let Some(path) = &self.path {
            make_private(path).map_err(|cause| self.unusable(cause))?;
        }
        let mut connection = self.connect(OpenFlags::default(), limits)?;
        let migrated = embedded::migrations::runner().set_grouped(true).run(&mut connection);
        migrated.map_err(|cause| not_migrated(&self.medium, cause))?;
        Ok(connection)
    }

    pub(super) fn connect(&self, flags: OpenFlags, limits: &Limits) -> Result<Connection, Error> {
        let opened = match &self.path {
            Some(path) => Connection::open_with_flags(path, flags),
            None => Connection::open_in_memory(),
        };
        let connection = opened.map_err(|cause| self.error(cause))?;
        let set = || -> rusqlite::Result<()> {
            connection.busy_timeout(limits.wait_max)?;
            connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
            if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
                // It answers with the mode, which in memory is another one.
                connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
            }
            connection.execute_batch("PRAGMA synchronous = full")
        };
        set().map_err(|cause| self.error(cause))?;
        Ok(connection)
    }

    pub(super) fn run(&self, connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let run = || -> rusqlite::Result<Vec<Row>> {
            // The same numbers, under the name that SQLite has for them.
            let mut prepared = connection.prepare_cached(&statement.sql.replace('$', "?"))?;
            let columns = prepared.column_count();
            let mut rows = prepared.query(params_from_iter(&statement.parameters))?;
            let (mut read, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let cells = (0..columns).map(|column| cell(row.get_ref(column)?));
                let row = Row::new(cells.collect::<rusqlite::Result<_>>()?);
                bytes += row.bytes();
                read.push(row);
                if statement.access == Access::Read && bytes >= Row::BYTES_MAX {
                    break;
                }
            }
            Ok(read)
        };
        run().map_err(|cause| self.failure(cause))
    }

    pub(super) fn failure(&self, cause: rusqlite::Error) -> Failure {
        const UNIQUE: &str = "UNIQUE constraint failed: ";
        if let rusqlite::Error::SqliteFailure(code, Some(text)) = &cause
            && code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
            && let Some(column) = text.strip_prefix(UNIQUE).and_then(|columns| columns.rsplit('.').next())
        {
            return Failure::Taken { column: column.to_owned() };
        }
        self.error(cause).into()
    }

    pub(super) fn unusable(&self, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        let advice = "the file cannot be written: is its folder there, and whose are both?".to_owned();
        Error::Refused { medium: self.medium.to_string(), advice, cause: Some(Arc::new(cause)) }
    }

    pub(super) fn error(&self, cause: rusqlite::Error) -> Error {
        let medium = self.medium.to_string();
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Error::Busy(format!("{medium} is being written by another process"))
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => self.unusable(cause),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                let advice = "the file is damaged: restore it from a backup".to_owned();
                Error::Refused { medium, advice, cause: Some(Arc::new(cause)) }
            }
            _ => Error::Unavailable { medium, cause: Arc::new(cause) },
        }
    }
}

/// Held until it is dropped, in a file of its own: closing the database's file would let go of what SQLite has locked in it.
fn lock(path: &Path) -> std::io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options().write(true).create(true).truncate(false).open(name)?;
    file.lock()?;
    Ok(file)
}

/// The file is its owner's alone: it holds what people sign in with.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Err(cause),
        _ => Ok(()),
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
