//! Asks the statements of panels and variables, as the one who looks at them: who may not see a table does not see it here either.
//!
//! An answer that is too long is cut, and says so.

use std::collections::BTreeMap;

use futures::StreamExt;

use plugin::query::http::{Column, columns, row_texts};
use plugin::query::{Asker, Class, QueryEngine, QueryError, Statement};
use plugin::{Failure, rfc3339};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::choices::Choices;
use crate::config::Config;
use crate::model::Panel;
use crate::statement::Prepared;
use crate::times::Times;

/// Rows of an answer; of a chart nobody sees more.
const ROWS_MAX: usize = 10_000;
/// Rows that a statement may make, though only the first are read.
const ROWS_MADE_MAX: usize = 1_000_000;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Values of a variable.
const VALUES_MAX: usize = 1000;

/// What a panel is told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PanelAnswer {
    from: String,
    to: String,
    /// What `$interval` was.
    interval_seconds: f64,
    columns: Vec<Column>,
    /// Each as long as there are columns.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Box<RawValue>>,
    /// True when there are more rows than the answer has.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// What can be chosen for a variable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariableValues {
    pub(crate) values: Vec<String>,
    /// True when there are more than the answer has.
    pub(crate) is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// The engine with places for panels alone.
pub(crate) fn of_panels(engine: &QueryEngine, config: &Config) -> QueryEngine {
    engine.of_class(Class {
        concurrent_max: config.queries_at_once,
        time_seconds_max: config.query_seconds_max,
        rows_max: ROWS_MADE_MAX,
    })
}

/// Asks what a panel asks.
pub(crate) async fn panel(
    engine: &QueryEngine,
    asker: &Asker,
    panel: &Panel,
    times: Times,
    choices: &Choices,
) -> Result<PanelAnswer, Failure> {
    let prepared =
        choices.panel(panel, times).map_err(|wrong| Failure::invalid(wrong.problem).hinting(wrong.remedy))?;
    let written = panel.sql.as_deref();
    let read = read(engine, asker, &prepared, ROWS_MAX).await.map_err(|cause| told(cause, &prepared, written))?;
    let mut columns = read.columns;
    if let Some(metric) = &panel.metric {
        for (place, label) in metric.by.iter().enumerate() {
            let made = format!("by{place}");
            columns.iter_mut().filter(|column| column.name == made).for_each(|column| column.name.clone_from(label));
        }
    }
    let rows: Result<Vec<Box<RawValue>>, _> = read.rows.into_iter().map(RawValue::from_string).collect();
    Ok(PanelAnswer {
        from: rfc3339(times.from),
        to: rfc3339(times.until),
        interval_seconds: times.interval_seconds(),
        columns,
        rows: rows.map_err(|cause| Failure::internal(&cause))?,
        is_truncated: read.is_truncated,
        warnings: read.warnings,
    })
}

/// Asks for the values of a variable: texts of the first column, without those that are empty or there already.
pub(crate) async fn variable(
    engine: &QueryEngine,
    asker: &Asker,
    sql: &str,
    times: Times,
    choices: &Choices,
) -> Result<VariableValues, Failure> {
    let prepared = choices.statement(sql, times, &BTreeMap::new());
    let prepared = prepared.map_err(|wrong| Failure::invalid(wrong.problem).hinting(wrong.remedy))?;
    let read = read(engine, asker, &prepared, VALUES_MAX).await.map_err(|cause| told(cause, &prepared, Some(sql)))?;
    let mut values: Vec<String> = Vec::new();
    for row in &read.rows {
        let row: Vec<serde_json::Value> = serde_json::from_str(row).map_err(|cause| Failure::internal(&cause))?;
        let value = match row.into_iter().next() {
            None | Some(serde_json::Value::Null) => continue,
            Some(serde_json::Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        if !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(VariableValues { values, is_truncated: read.is_truncated, warnings: read.warnings })
}

/// The first rows of an answer.
struct Read {
    columns: Vec<Column>,
    /// As JSON.
    rows: Vec<String>,
    is_truncated: bool,
    warnings: Vec<String>,
}

async fn read(engine: &QueryEngine, asker: &Asker, prepared: &Prepared, rows_max: usize) -> Result<Read, QueryError> {
    let statement = Statement { params: prepared.params.clone(), ..Statement::new(prepared.sql.as_str()) };
    let mut answer = engine.sql(asker, statement).await?;
    let (columns, warnings) = (columns(answer.schema()), answer.warnings().to_vec());
    let mut read = Read { columns, rows: Vec::new(), is_truncated: false, warnings };
    let mut bytes = 0;
    // Whoever stops reading stops the query.
    while let Some(batch) = answer.next().await.transpose()? {
        for row in row_texts(&batch)? {
            bytes += row.len();
            if read.rows.len() == rows_max || bytes > ANSWER_BYTES_MAX {
                read.is_truncated = true;
                return Ok(read);
            }
            read.rows.push(row);
        }
    }
    Ok(read)
}

/// What the engine says, at its place in what was written.
fn told(cause: QueryError, prepared: &Prepared, written: Option<&str>) -> Failure {
    let (Some(position), Some(written)) = (cause.position(), written) else { return cause.into() };
    let (line, column) = place(written, prepared.offset(position.line, position.column));
    let failure = Failure::invalid(format!("line {line}, column {column} of the statement: {cause}"));
    match cause.hint() {
        Some(hint) => failure.hinting(hint),
        None => failure,
    }
}

/// Line and column of a byte, both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
