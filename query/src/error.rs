//! What can go wrong with a query, told to the one who asked.
//!
//! The text says what was wrong and with which value, the hint what to do, the position where; the names of
//! the machinery below stay in the cause.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use plane::Unreadable;

use crate::catalog::{CATALOG, SCHEMA};

/// Unreadable files that an error names.
const FILES_NAMED: usize = 5;

/// A query was not answered, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement or its values are wrong; asking again cannot help.
    #[error("{}", .0.message)]
    Statement(Box<Fault>),
    /// The request is too long to be read.
    #[error("the {what} has more than {limit} bytes")]
    TooLarge {
        /// Which part of the request.
        what: &'static str,
        /// Bytes allowed.
        limit: usize,
    },
    /// All places were taken for as long as a query may wait.
    #[error("{running} queries are running (query.concurrent_max) and none ended within {waited:?}")]
    Busy {
        /// `query.concurrent_max`.
        running: usize,
        /// `query.queue_seconds_max`.
        waited: Duration,
    },
    /// The query needs more memory than one query may use.
    #[error("the query needs more than {limit} bytes of memory (query.memory_bytes_max)")]
    MemoryLimit {
        /// `query.memory_bytes_max`.
        limit: usize,
    },
    /// The query took longer than one query may.
    #[error("the query took longer than {} seconds (query.time_seconds_max)", .limit.as_secs())]
    TimeLimit {
        /// `query.time_seconds_max`.
        limit: Duration,
    },
    /// The result has more rows than one result may.
    #[error("the result has more than {limit} rows (query.rows_max)")]
    RowLimit {
        /// `query.rows_max`.
        limit: usize,
    },
    /// The rows cannot be read now; asking later may help.
    #[error("the stored rows cannot be read now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A file of the store cannot be read; later queries leave it out and say so.
    #[error("{files} cannot be read: {reason}")]
    Damaged {
        /// Names of the files.
        files: String,
        /// What is wrong with the first.
        reason: String,
    },
    /// A fault of this program; someone must look.
    #[error("the query failed inside the server; its log says more")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// What is wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of fault, for programs.
    pub code: FaultCode,
    /// What is wrong, with the value that is.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where it is wrong, where that is known.
    pub position: Option<Position>,
}

/// Kinds of faults in statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// Not SQL.
    Syntax,
    /// No such table or view.
    UnknownTable,
    /// No such column.
    UnknownColumn,
    /// The request around the statement cannot be read.
    InvalidRequest,
    /// No format that the request accepts.
    NotAcceptable,
    /// A parameter is missing, unused or of no SQL type.
    InvalidParameter,
    /// It would change something.
    ReadOnly,
    /// SQL, but it makes no sense over these tables.
    Plan,
    /// It made sense until a value did not, as in a cast or a division by zero.
    Execution,
}

/// A place in the statement; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

impl QueryError {
    /// Name of the error for programs; these do not change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Statement(fault) => fault.code.as_str(),
            Self::TooLarge { .. } => "too_large",
            Self::Busy { .. } => "busy",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::TimeLimit { .. } => "time_limit",
            Self::RowLimit { .. } => "row_limit",
            Self::Unavailable(_) => "unavailable",
            Self::Damaged { .. } => "damaged",
            Self::Internal(_) => "internal",
        }
    }

    /// What the one who asked can do about it.
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::Statement(fault) => return fault.hint.as_deref(),
            Self::TooLarge { .. } => "send a shorter statement, or values as parameters",
            Self::Busy { .. } | Self::Unavailable(_) => "try again in a few seconds",
            Self::MemoryLimit { .. } => "narrow the time range, or group and sort by fewer values",
            Self::TimeLimit { .. } => "narrow the time range, or filter by service_name first",
            Self::RowLimit { .. } => "add a LIMIT, or group the rows",
            Self::Damaged { .. } => {
                "ask again: the file is left out from now on, with a warning; bring it back from a backup, system.files lists it"
            }
            Self::Internal(_) => return None,
        })
    }

    /// Where in the statement, where that is known.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Statement(fault) => fault.position,
            _ => None,
        }
    }

    pub(crate) fn fault(code: FaultCode, message: impl Into<String>, hint: Option<&str>) -> Self {
        let hint = hint.map(str::to_owned);
        Self::Statement(Box::new(Fault { code, message: message.into(), hint, position: None }))
    }

    /// The error of a statement that could not be parsed.
    pub(crate) fn from_parser(error: DataFusionError, sql: &str) -> Self {
        match peel(error) {
            DataFusionError::SQL(cause, _) => Self::Statement(Box::new(syntax(*cause, sql))),
            cause => Self::fault(FaultCode::Syntax, lower_first(&first_line(&cause.message())), None),
        }
    }

    /// The error of a query that may use this much memory.
    pub(crate) fn from_datafusion(error: DataFusionError, memory_bytes_max: usize) -> Self {
        let position = error.diagnostic().and_then(position);
        let diagnosed = error.diagnostic().map(|diagnostic| diagnostic.message.clone());
        match peel(error) {
            DataFusionError::External(cause) => match cause.downcast::<QueryError>() {
                Ok(own) => own.at(position),
                Err(cause) => Self::Unavailable(cause),
            },
            DataFusionError::ResourcesExhausted(_) => Self::MemoryLimit { limit: memory_bytes_max },
            DataFusionError::SchemaError(cause, _) => Self::Statement(Box::new(schema(&cause, diagnosed))).at(position),
            DataFusionError::Plan(text) => Self::Statement(Box::new(plan(&text, diagnosed))).at(position),
            DataFusionError::NotImplemented(text) | DataFusionError::Configuration(text) => {
                Self::fault(FaultCode::Plan, first_line(&text), None).at(position)
            }
            DataFusionError::Execution(text) => Self::fault(FaultCode::Execution, first_line(&text), None),
            DataFusionError::ArrowError(cause, _) => arrow(*cause),
            cause @ (DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ParquetError(_)) => Self::Unavailable(cause.into()),
            cause => Self::Internal(cause.into()),
        }
    }

    /// The same, or which files are to blame for it.
    pub(crate) fn blamed_on(self, unreadable: &[Unreadable]) -> Self {
        let Some(first) = unreadable.first() else { return self };
        let names: Vec<&str> = unreadable.iter().take(FILES_NAMED).map(|file| file.name.as_str()).collect();
        let others = match unreadable.len().saturating_sub(FILES_NAMED) {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        Self::Damaged { files: format!("{}{others}", names.join(", ")), reason: first.reason.clone() }
    }

    fn at(mut self, position: Option<Position>) -> Self {
        if let Self::Statement(fault) = &mut self {
            fault.position = fault.position.or(position);
        }
        self
    }
}

impl FaultCode {
    /// Name of the fault for programs; these do not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::UnknownTable => "unknown_table",
            Self::UnknownColumn => "unknown_column",
            Self::InvalidRequest => "invalid_request",
            Self::NotAcceptable => "not_acceptable",
            Self::InvalidParameter => "invalid_parameter",
            Self::ReadOnly => "read_only",
            Self::Plan => "plan",
            Self::Execution => "execution",
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// So that an analyzer rule can say precisely what is wrong.
impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// The error itself, without what was wrapped around it on its way.
fn peel(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => peel(*inner),
        DataFusionError::Collection(mut errors) if !errors.is_empty() => peel(errors.swap_remove(0)),
        DataFusionError::ArrowError(inner, backtrace) => match *inner {
            ArrowError::ExternalError(cause) => match cause.downcast::<DataFusionError>() {
                Ok(inner) => peel(*inner),
                Err(cause) => DataFusionError::External(cause),
            },
            inner => DataFusionError::ArrowError(Box::new(inner), backtrace),
        },
        DataFusionError::External(cause) => match cause.downcast::<DataFusionError>() {
            Ok(inner) => peel(*inner),
            Err(cause) => DataFusionError::External(cause),
        },
        DataFusionError::Shared(shared) => peel_shared(&shared),
        error => error,
    }
}

/// Partitions share one error and it cannot be taken out; what matters is copied.
fn peel_shared(error: &DataFusionError) -> DataFusionError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(text) => DataFusionError::ResourcesExhausted(text.clone()),
        DataFusionError::Execution(text) => DataFusionError::Execution(text.clone()),
        DataFusionError::ArrowError(cause, _) => DataFusionError::Execution(cause.to_string()),
        DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ParquetError(_)
        | DataFusionError::External(_) => DataFusionError::External(error.to_string().into()),
        _ => DataFusionError::Internal(error.to_string()),
    }
}

fn position(diagnostic: &Diagnostic) -> Option<Position> {
    let start = diagnostic.span?.start;
    Some(Position { line: start.line, column: start.column })
}

fn syntax(cause: ParserError, sql: &str) -> Fault {
    let text = match cause {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    };
    let (message, position) = match text.split_once(" at Line: ") {
        Some((message, at)) => (message, parser_position(at)),
        // The parser gives no position for what is missing at the end.
        None => (text.as_str(), text.ends_with("found: EOF").then(|| end_of(sql))),
    };
    let message = message.replace("Expected: ", "expected ").replace(", found: ", ", found ");
    let message = message.replace(", found EOF", ", found the end of the statement");
    Fault { code: FaultCode::Syntax, message: lower_first(&message), hint: None, position }
}

fn end_of(sql: &str) -> Position {
    let sql = sql.trim_end();
    let last = sql.lines().last().unwrap_or_default();
    Position { line: sql.lines().count().max(1) as u64, column: last.chars().count() as u64 + 1 }
}

/// Reads `1, Column: 8`, the only form in which the parser tells its position.
fn parser_position(text: &str) -> Option<Position> {
    let (line, column) = text.split_once(", Column: ")?;
    Some(Position { line: line.parse().ok()?, column: column.trim_end_matches('.').parse().ok()? })
}

fn schema(cause: &SchemaError, diagnosed: Option<String>) -> Fault {
    let code = match cause {
        SchemaError::FieldNotFound { .. } => FaultCode::UnknownColumn,
        _ => FaultCode::Plan,
    };
    let text = first_line(&cause.to_string());
    let hint = suggestion(&text);
    let message = diagnosed.unwrap_or_else(|| lower_first(text.split(". ").next().unwrap_or(&text)));
    Fault { code, message, hint, position: None }
}

fn plan(text: &str, diagnosed: Option<String>) -> Fault {
    if text.starts_with("table '") && text.ends_with("' not found") {
        let hint = Some("SHOW TABLES lists the tables there are".to_owned());
        let message = diagnosed.unwrap_or_else(|| text.replace(&format!("{CATALOG}.{SCHEMA}."), ""));
        return Fault { code: FaultCode::UnknownTable, message, hint, position: None };
    }
    let message = lower_first(first_line(text).trim_end_matches('.'));
    Fault { code: FaultCode::Plan, message, hint: suggestion(text), position: None }
}

/// The name that the planner thinks was meant.
fn suggestion(text: &str) -> Option<String> {
    let (_, meant) = text.split_once("Did you mean ")?;
    Some(format!("did you mean {}", first_line(meant)))
}

fn arrow(cause: ArrowError) -> QueryError {
    match cause {
        ArrowError::CastError(text) | ArrowError::ComputeError(text) | ArrowError::ParseError(text) => {
            QueryError::fault(FaultCode::Execution, lower_first(&text), None)
        }
        ArrowError::DivideByZero => QueryError::fault(FaultCode::Execution, "division by zero", None),
        ArrowError::ArithmeticOverflow(text) => QueryError::fault(FaultCode::Execution, lower_first(&text), None),
        cause @ (ArrowError::ParquetError(_) | ArrowError::ExternalError(_) | ArrowError::IoError(..)) => {
            QueryError::Unavailable(cause.into())
        }
        cause => QueryError::Internal(cause.into()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Our errors begin in lower case; words in capitals are SQL and stay.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
