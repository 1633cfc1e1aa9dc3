//! What was found, and what to do about it.

use std::fmt;

use serde::Serialize;

/// The outcome of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    pub(super) verdict: Verdict,
    /// What was measured.
    fact: String,
    /// What to do; nothing when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    /// A server runs, and something is not as it should be.
    Warn,
    /// A server does not start, or loses what it promises.
    Fail,
}

impl Finding {
    pub(super) fn ok(check: &'static str, fact: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, fact: fact.into(), next: None }
    }

    pub(super) fn warn(check: &'static str, fact: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, fact: fact.into(), next: Some(next.into()) }
    }

    pub(super) fn fail(check: &'static str, fact: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fail, fact: fact.into(), next: Some(next.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        writeln!(f, "{verdict:<5} {:<15} {}", self.check, self.fact)?;
        match &self.next {
            Some(next) => writeln!(f, "{:<21} -> {next}", ""),
            None => Ok(()),
        }
    }
}

/// Bytes as people read them.
pub(super) fn readable(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}
