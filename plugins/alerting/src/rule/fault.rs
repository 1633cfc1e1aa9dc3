//! What is wrong with a file, where, and what to do about it.

use std::fmt;

/// Faults of a file that are told; more are counted.
pub(crate) const FAULTS_MAX: usize = 100;

/// Where something stands in a file; the first line and column are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
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

/// What is wrong with a file, in the order it is found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, place: Place, problem: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Fault { place, problem: problem.into(), remedy: remedy.into() });
    }

    /// The value, if nothing is wrong; else the faults from top to bottom, and how many there are over `FAULTS_MAX`.
    pub(crate) fn or<T>(mut self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort_by_key(|fault| fault.place);
        if self.0.len() > FAULTS_MAX {
            let left_out = self.0.len() - FAULTS_MAX;
            self.0.truncate(FAULTS_MAX);
            let place = self.0[FAULTS_MAX - 1].place;
            self.add(place, format!("{left_out} more faults follow"), "mend those above first");
        }
        Err(self.0)
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
