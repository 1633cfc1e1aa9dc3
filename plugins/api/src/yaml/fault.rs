//! What is wrong with a file, where, and what to do about it.

use std::fmt;

use crate::failure::Failure;
use serde::Serialize;
use utoipa::ToSchema;

/// Faults of a file that are told; more are counted.
pub const FAULTS_MAX: usize = 100;
/// Longest text of a fault, in bytes; names and values of the file in it are cut.
const TEXT_BYTES_MAX: usize = 1000;

/// Where something stands in a file; the first line and column are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Place {
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
}

impl Place {
    /// Where the file begins; of what is wrong with all of it.
    pub const TOP: Self = Self { line: 1, column: 1 };
}

/// Something that is wrong with a file, as everything shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.line, self.place.column, self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl From<&Fault> for Failure {
    fn from(Fault { place, problem, remedy }: &Fault) -> Self {
        let failure = Self::invalid(format!("line {}, column {}: {problem}", place.line, place.column));
        if remedy.is_empty() { failure } else { failure.hinting(remedy.clone()) }
    }
}

/// What is wrong with a file, in the order it is found.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Takes note of one; a text that is too long is cut.
    pub fn push(&mut self, mut fault: Fault) {
        for text in [&mut fault.problem, &mut fault.remedy] {
            if text.len() > TEXT_BYTES_MAX {
                text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8()));
                text.push('…');
            }
        }
        self.0.push(fault);
    }

    /// Takes note of one.
    pub fn add(&mut self, place: Place, problem: impl Into<String>, remedy: impl Into<String>) {
        self.push(Fault { place, problem: problem.into(), remedy: remedy.into() });
    }

    /// Says so when there are more than may be.
    pub fn limit(&mut self, place: Place, what: &str, number: usize, limit: usize) {
        if number > limit {
            self.add(place, format!("{number} {what}, over the limit of {limit}"), "leave some out");
        }
    }

    /// The value, if nothing is wrong; else what is.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.told()) }
    }

    /// The faults from top to bottom, and how many there are over `FAULTS_MAX`.
    pub fn told(mut self) -> Vec<Fault> {
        self.0.sort_by_key(|fault| fault.place);
        if self.0.len() > FAULTS_MAX {
            let left_out = self.0.len() - FAULTS_MAX;
            self.0.truncate(FAULTS_MAX);
            let place = self.0[FAULTS_MAX - 1].place;
            self.add(place, format!("{left_out} more faults follow"), "mend those above first");
        }
        self.0
    }
}

/// Something that is wrong within a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In bytes, from the start of the text.
    pub offset: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Wrong {
    /// At the start of the text.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { offset: 0, problem: problem.into(), remedy: remedy.into() }
    }

    /// The same at another place.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }
}
