//! What goes to a database and comes back: SQL that both of them understand, with texts and numbers.

use std::borrow::Cow;

use crate::error::Error;

/// One SQL statement with `$1`, `$2`, … for its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) parameters: Vec<Value>,
    /// What kind of connection it wants.
    pub(crate) access: Access,
}

/// Whether a statement changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A parameter or a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Number(i64),
}

/// The cells of one row, taken from left to right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Statement {
    pub(crate) fn read(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new(), access: Access::Read }
    }

    pub(crate) fn write(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new(), access: Access::Write }
    }

    /// With the next parameter.
    pub(crate) fn with(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }

    /// With the next parameter, of which only the place is wanted.
    pub(crate) fn push(&mut self, value: impl Into<Value>) -> usize {
        self.parameters.push(value.into());
        self.parameters.len()
    }
}

impl Row {
    /// Bytes of text after which no more rows are read; rows that a change gives back come all.
    pub(crate) const BYTES_MAX: usize = 4 << 20;

    pub(crate) fn new(cells: Vec<Value>) -> Self {
        Self(cells.into_iter())
    }

    /// Bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.0.as_slice().iter();
        texts.map(|cell| if let Value::Text(text) = cell { text.len() } else { 0 }).sum()
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text),
            other => Err(unexpected("a text", other.as_ref())),
        }
    }

    pub(crate) fn number(&mut self) -> Result<i64, Error> {
        match self.0.next() {
            Some(Value::Number(number)) => Ok(number),
            other => Err(unexpected("a number", other.as_ref())),
        }
    }

    /// A number that counts something.
    pub(crate) fn count(&mut self) -> Result<u64, Error> {
        let number = self.number()?;
        u64::try_from(number).map_err(|cause| Error::unreadable(format!("a count of {number}"), cause))
    }
}

fn unexpected(wanted: &str, found: Option<&Value>) -> Error {
    let cause = std::io::Error::other(format!("{found:?} is not {wanted}"));
    Error::unreadable("a row: were the tables changed by hand?", cause)
}

/// As the database counts; no count of ours comes near its limit.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Number(number(count))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
