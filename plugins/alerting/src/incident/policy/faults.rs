//! What is wrong with a policy, each fault with its place.

use serde::Serialize;
use serde_saphyr::Location;
use utoipa::ToSchema;

/// Most faults that are told at once.
pub(crate) const FAULTS_MAX: usize = 50;

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// From 1; 0 when the file as a whole is meant.
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Collects faults, so that a file is put right in one go.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, at: Location, message: impl Into<String>, hint: &str) {
        if self.0.len() < FAULTS_MAX {
            let (line, column) = (at.line(), at.column());
            self.0.push(Fault { line, column, message: message.into(), hint: hint.to_owned() });
        }
    }

    /// Says so when there are more than may be.
    pub(crate) fn limit(&mut self, at: Location, what: &str, number: usize, limit: usize) {
        if number > limit {
            self.add(at, format!("{number} {what}, over the limit of {limit}"), "leave some out");
        }
    }

    /// What was made, if nothing is wrong.
    pub(crate) fn or<T>(mut self, made: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() {
            return Ok(made);
        }
        self.0.sort_by_key(|fault| (fault.line, fault.column));
        Err(self.0)
    }
}

impl From<&serde_saphyr::Error> for Fault {
    fn from(cause: &serde_saphyr::Error) -> Self {
        let (line, column) = cause.location().map_or((0, 0), |at| (at.line(), at.column()));
        let message = cause.without_snippet().to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Self { line, column, message, hint: "docs/incidents.md shows what the file may say".to_owned() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {} ({})", self.line, self.column, self.message, self.hint)
    }
}
