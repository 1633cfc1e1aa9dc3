//! What held and what did not: one row for each row of the checklist, one cell for each transport.

use std::fmt;

use serde::Serialize;

use super::target::Transport;

/// The result of a run.
#[derive(Debug, Serialize)]
pub struct Matrix {
    /// In the order of the checklist.
    pub rows: Vec<Row>,
    /// Whether stored rows could be compared with what was sent.
    pub stored_rows_checked: bool,
}

/// One row of the checklist.
#[derive(Debug, Serialize)]
pub struct Row {
    /// As in the checklist; a suffix marks a part with another level, as in `J2-names`.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What the receiver owes its clients.
    pub promise: &'static str,
    /// One for each of [`Transport::ALL`].
    pub cells: Vec<Cell>,
}

/// One row on one transport.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// The column.
    pub transport: Transport,
    /// What happened.
    pub outcome: Outcome,
}

/// How binding a row is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The specification demands it.
    Must,
    /// The specification recommends it.
    Should,
    /// The specification allows it; a failure is shown and does not count.
    May,
    /// The specification leaves it open and this project has decided.
    Ours,
}

/// What happened in a cell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "detail")]
pub enum Outcome {
    /// Every check held.
    Pass,
    /// Some did not.
    Fail(Vec<Failure>),
    /// The row does not speak of this transport, or the target has no such endpoint.
    NotApplicable,
    /// It could not be tried, for this reason.
    Skipped(String),
}

/// One check that did not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// What was sent, in short.
    pub sent: String,
    /// What the checklist promises.
    pub expected: String,
    /// What came back.
    pub got: String,
    /// How often all of that was the same.
    pub times: usize,
}

impl Failure {
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.sent, &self.expected, &self.got) == (&other.sent, &other.expected, &other.got)
    }
}

impl Matrix {
    /// The failed cells that count: those of MUST, SHOULD and our own rows, each row once.
    pub fn failures(&self) -> impl Iterator<Item = (&Row, Vec<&Failure>)> {
        self.rows
            .iter()
            .filter(|row| row.level != Level::May && row.has_failed())
            .map(|row| (row, row.failures().map(|(_, failure)| failure).collect()))
    }
}

impl Row {
    pub(super) fn has_failed(&self) -> bool {
        self.failures().next().is_some()
    }

    fn failures(&self) -> impl Iterator<Item = (Transport, &Failure)> {
        self.cells.iter().flat_map(|cell| {
            let failures = match &cell.outcome {
                Outcome::Fail(failures) => failures.as_slice(),
                _ => &[],
            };
            failures.iter().map(|failure| (cell.transport, failure))
        })
    }

    fn skips(&self) -> impl Iterator<Item = (Transport, &str)> {
        self.cells.iter().filter_map(|cell| match &cell.outcome {
            Outcome::Skipped(reason) => Some((cell.transport, reason.as_str())),
            _ => None,
        })
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = Transport::ALL;
        writeln!(f, "{:<12} {:<6}  {first:<14} {second:<14} {third:<14} promise", "row", "level")?;
        for row in &self.rows {
            write!(f, "{:<12} {:<6} ", row.id, row.level)?;
            for cell in &row.cells {
                write!(f, " {:<14}", cell.outcome)?;
            }
            writeln!(f, " {}", row.promise)?;
        }
        self.write_skips(f)?;
        self.write_failures(f)?;
        self.write_summary(f)
    }
}

impl Matrix {
    fn write_skips(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            for (transport, reason) in row.skips() {
                writeln!(f, "\n{} {transport}: skipped, {reason}", row.id)?;
            }
        }
        Ok(())
    }

    fn write_failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            for (transport, failure) in row.failures() {
                writeln!(f, "\n{} {transport}: sent {}", row.id, failure.sent)?;
                writeln!(f, "    expected {}", failure.expected)?;
                write!(f, "    got      {}", failure.got)?;
                writeln!(
                    f,
                    "{}",
                    if failure.times > 1 { format!(" ({} times)", failure.times) } else { String::new() }
                )?;
            }
        }
        Ok(())
    }

    fn write_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failures().count();
        writeln!(f, "\n{} rows tried, {failed} broken", self.rows.len())?;
        if !self.stored_rows_checked {
            writeln!(f, "without --sql, only the answers were checked, not what was stored")?;
        }
        Ok(())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Ours => "ours",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail(_) => "FAIL",
            Self::NotApplicable => "n.a.",
            Self::Skipped(_) => "skipped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &'static str, level: Level, outcomes: [Outcome; 3]) -> Row {
        let cells = Transport::ALL.into_iter().zip(outcomes).map(|(transport, outcome)| Cell { transport, outcome });
        Row { id, level, promise: "keeps its word", cells: cells.collect() }
    }

    fn broken() -> Outcome {
        Outcome::Fail(vec![Failure {
            sent: "gzip".into(),
            expected: "HTTP 200".into(),
            got: "HTTP 415".into(),
            times: 3,
        }])
    }

    #[test]
    fn the_table_shows_each_cell_and_what_went_wrong() {
        let skipped = Outcome::Skipped("needs --sql".into());
        let matrix = Matrix {
            rows: vec![
                row("E1", Level::Must, [Outcome::Pass, broken(), Outcome::NotApplicable]),
                row("S3", Level::Ours, [skipped, Outcome::Pass, Outcome::Pass]),
            ],
            stored_rows_checked: true,
        };

        let expected = "\
row          level   gRPC           HTTP/protobuf  HTTP/JSON      promise
E1           MUST    pass           FAIL           n.a.           keeps its word
S3           ours    skipped        pass           pass           keeps its word

S3 gRPC: skipped, needs --sql

E1 HTTP/protobuf: sent gzip
    expected HTTP 200
    got      HTTP 415 (3 times)

2 rows tried, 1 broken
";
        assert_eq!(matrix.to_string(), expected);
    }

    #[test]
    fn a_broken_may_is_shown_and_does_not_count() {
        let matrix =
            Matrix { rows: vec![row("P3", Level::May, [broken(), broken(), broken()])], stored_rows_checked: true };

        assert_eq!(matrix.failures().count(), 0);
        assert!(matrix.to_string().contains("P3 gRPC: sent gzip"));
    }

    #[test]
    fn a_row_counts_once_however_many_cells_failed() {
        let matrix = Matrix {
            rows: vec![row("E1", Level::Should, [broken(), broken(), Outcome::Pass])],
            stored_rows_checked: false,
        };

        let (_, failures) = matrix.failures().next().expect("the row has failed");

        assert_eq!((matrix.failures().count(), failures.len()), (1, 2));
    }
}
