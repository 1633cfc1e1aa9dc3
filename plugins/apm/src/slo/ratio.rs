//! SLOs of a statement's own: `good` and `valid` from `$1` to before `$2`, of each `minute` or of all.

use std::fmt;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use plugin::Failure;
use plugin::query::QueryError;

use super::burn::Counts;
use super::document::Minutes;
use crate::range::rfc3339;
use crate::rows::{Answer, Source};

/// Minutes over which a statement is tried before it is kept.
const TRIED_MINUTES: i64 = 60;
/// Greatest count: beyond it, numbers are not exact.
const COUNT_MAX: f64 = (1_u64 << 53) as f64;
/// What a statement must be.
const HOW_TO: &str = "answer numbers named good and valid, good being at most valid, for times from $1 to before $2, \
     and a column minute if there is more than one row";

/// Why a statement says nothing of some minutes.
#[derive(Debug)]
pub(crate) enum Uncounted {
    Asked(QueryError),
    Answered(String),
}

impl From<QueryError> for Uncounted {
    fn from(cause: QueryError) -> Self {
        Self::Asked(cause)
    }
}

impl fmt::Display for Uncounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(cause) => cause.fmt(f),
            Self::Answered(wrong) => f.write_str(wrong),
        }
    }
}

impl From<Uncounted> for Failure {
    /// For the one who wrote the statement: what is wrong, and where.
    fn from(cause: Uncounted) -> Self {
        let cause = match cause {
            Uncounted::Answered(wrong) => {
                return Failure::invalid(format!("'indicator.statement': {wrong}")).hinting(HOW_TO);
            }
            Uncounted::Asked(cause @ QueryError::Statement(_)) => cause,
            Uncounted::Asked(cause) => return cause.into(),
        };
        let place = cause.position().map(|at| format!(", line {}, column {}", at.line, at.column)).unwrap_or_default();
        let failure = Failure::invalid(format!("'indicator.statement'{place}: {cause}"));
        failure.hinting(cause.hint().unwrap_or(HOW_TO))
    }
}

/// Runs the statement over the hour before this minute; says whether it answers by minute.
pub(crate) async fn is_by_minute(source: &Source, until: i64, statement: &str) -> Result<bool, Uncounted> {
    let minutes = Minutes { from: until - TRIED_MINUTES, until };
    let answer = ask(source, minutes, statement).await?;
    read(&answer, minutes).map(|said| matches!(said, Said::ByMinute(_)))
}

/// What the statement says of each minute; one that does not answer by minute is asked as often.
pub(crate) async fn count(
    source: &Source,
    minutes: Minutes,
    statement: &str,
    by_minute: bool,
) -> Result<Vec<Counts>, Uncounted> {
    let step = if by_minute { (minutes.until - minutes.from).max(1) } else { 1 };
    let mut counted = Vec::new();
    for from in (minutes.from..minutes.until).step_by(usize::try_from(step).unwrap_or(1)) {
        let part = Minutes { from, until: from + step };
        match read(&ask(source, part, statement).await?, part)? {
            Said::ByMinute(counts) => counted.extend(counts),
            Said::OfAll(counts) if step == 1 => counted.push(counts),
            Said::OfAll(_) => return Err(Uncounted::Answered("there is no column 'minute' any more".to_owned())),
        }
    }
    Ok(counted)
}

async fn ask(source: &Source, minutes: Minutes, statement: &str) -> Result<Answer, QueryError> {
    let range = minutes.range();
    let params = vec![rfc3339(range.from).into(), rfc3339(range.until).into()];
    source.try_ask(statement.to_owned(), params).await
}

/// What an answer says.
#[derive(Debug, PartialEq)]
enum Said {
    ByMinute(Vec<Counts>),
    OfAll(Counts),
}

fn read(answer: &Answer, minutes: Minutes) -> Result<Said, Uncounted> {
    let batches = answer.batches();
    let mut counted = minutes.nothing();
    let is_by_minute = batches.iter().any(|batch| batch.column_by_name("minute").is_some());
    if answer.len() > 1 && !is_by_minute {
        return Err(Uncounted::Answered(format!("the answer has {} rows and no column 'minute'", answer.len())));
    }
    let mut all = Counts::default();
    for batch in batches {
        let (good, valid) = (numbers(batch, "good")?, numbers(batch, "valid")?);
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let times = if is_by_minute { Some(column(batch, "minute", &time, "times")?) } else { None };
        for row in 0..batch.num_rows() {
            let counts = counts(good[row], valid[row])?;
            all = all.plus(counts);
            let Some(times) = times.as_ref().filter(|times| times.is_valid(row)) else { continue };
            let place = minutes.place(times.as_primitive::<TimestampNanosecondType>().value(row));
            if let Some(place) = place {
                counted[place] = counted[place].plus(counts);
            }
        }
    }
    Ok(if is_by_minute { Said::ByMinute(counted) } else { Said::OfAll(all) })
}

fn column(
    batch: &RecordBatch,
    name: &str,
    data_type: &DataType,
    what: &str,
) -> Result<arrow::array::ArrayRef, Uncounted> {
    let found = batch.column_by_name(name);
    let found = found.ok_or_else(|| Uncounted::Answered(format!("the answer has no column '{name}'")))?;
    let is_number = found.data_type().is_numeric() || found.data_type().is_null();
    let is_time = matches!(found.data_type(), DataType::Timestamp(..));
    let fits = if data_type.is_numeric() { is_number } else { is_time };
    let wrong = || Uncounted::Answered(format!("column '{name}' has the type {}, not {what}", found.data_type()));
    if !fits {
        return Err(wrong());
    }
    cast(found, data_type).map_err(|_| wrong())
}

/// Sums of nothing are NULL, and count nothing.
fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Uncounted> {
    let column = column(batch, name, &DataType::Float64, "numbers")?;
    Ok(column.as_primitive::<Float64Type>().iter().map(Option::unwrap_or_default).collect())
}

/// Counts are whole numbers: sums over floats are rounded.
fn counts(good: f64, valid: f64) -> Result<Counts, Uncounted> {
    let is_count = 0.0 <= good && good <= valid && valid <= COUNT_MAX;
    if !is_count {
        return Err(Uncounted::Answered(format!("good is {good} and valid is {valid}, which are no counts")));
    }
    Ok(Counts { good: good.round() as u64, valid: valid.round() as u64 })
}
