//! What is wrong with a file, where, and what to do about it.

use std::fmt;

use plugin::Failure;
use serde::Serialize;
use utoipa::ToSchema;

/// Faults of a file that are told; more are counted.
pub(crate) const FAULTS_MAX: usize = 100;
/// Longest text of a fault, in bytes; names and values of the file in it are cut.
const TEXT_BYTES_MAX: usize = 1000;

/// Where something stands in a file; the first line and column are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// Where the file begins; of what is wrong with all of it.
    pub(crate) const TOP: Self = Self { line: 1, column: 1 };
}

/// Something that is wrong with a file, as everything shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    #[serde(flatten)]
    pub(crate) place: Place,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do about it.
    pub(crate) remedy: String,
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
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, mut fault: Fault) {
        for text in [&mut fault.problem, &mut fault.remedy] {
            if text.len() > TEXT_BYTES_MAX {
                text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8()));
                text.push('…');
            }
        }
        self.0.push(fault);
    }

    pub(crate) fn add(&mut self, place: Place, problem: impl Into<String>, remedy: impl Into<String>) {
        self.push(Fault { place, problem: problem.into(), remedy: remedy.into() });
    }

    /// Says so when there are more than may be.
    pub(crate) fn limit(&mut self, place: Place, what: &str, number: usize, limit: usize) {
        if number > limit {
            self.add(place, format!("{number} {what}, over the limit of {limit}"), "leave some out");
        }
    }

    /// The value, if nothing is wrong; else what is.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.told()) }
    }

    /// The faults from top to bottom, and how many there are over `FAULTS_MAX`.
    pub(crate) fn told(mut self) -> Vec<Fault> {
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
pub(crate) struct Wrong {
    /// In bytes, from the start of the text.
    pub(crate) offset: usize,
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl Wrong {
    pub(crate) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { offset: 0, problem: problem.into(), remedy: remedy.into() }
    }

    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }
}
