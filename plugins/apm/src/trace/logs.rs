//! Log lines of a trace or of one of its spans, oldest first.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use futures::try_join;
use plugin::model::{Signal, Tenant, conventions};
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::trace_id;
use crate::attributes::{self, Attribute, raw};
use crate::range::rfc3339;
use crate::rows::{Row, Source, hex};

/// Lines of a page when it is not said.
const PAGE: usize = 100;
/// Most lines of a page.
const PAGE_MAX: usize = 1000;
/// Lines that can be skipped: pages behind them are asked for in SQL, by time.
const OFFSET_MAX: usize = 100_000;

/// Columns of [`line`] by their places; those of attributes come behind.
const COLUMNS: &str =
    "time, severity_number, severity_text, body, body_type, event_name, span_id, service_name, attributes";
const COLUMN_COUNT: usize = 9;

/// Which part of the lines.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct LogsWanted {
    /// Lines that are left out from the beginning: `next` of the page before.
    offset: usize,
    /// At most so many lines; 100 when it is not said, 1000 at most.
    limit: Option<usize>,
}

/// Log lines of a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceLogs {
    trace_id: String,
    /// All log records that name the trace.
    logs: u64,
    /// Oldest first: this page of them.
    lines: Vec<LogLine>,
    /// `offset` of the next page; null on the last one.
    next: Option<usize>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A log record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceLogLine)]
pub(crate) struct LogLine {
    time: String,
    severity_number: i64,
    severity_text: Option<String>,
    /// A text, or any other JSON when that was logged.
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
    event_name: Option<String>,
    span_id: Option<String>,
    service: Option<String>,
    attributes: Vec<Attribute>,
}

/// Log lines of a trace, oldest first
#[utoipa::path(
    get, path = "/traces/{id}/logs", tag = "apm", security(("caller" = ["apm:traces:read"])),
    params(("id" = String, Path, description = "The trace's id, 32 hex digits"), LogsWanted),
    responses((status = 200, body = TraceLogs), (status = 400, description = "That is no id of a trace"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    Asked(LogsWanted { offset, limit }): Asked<LogsWanted>,
) -> Result<Json<TraceLogs>, Failure> {
    let id = trace_id(&id)?;
    if offset > OFFSET_MAX {
        let failure = Failure::invalid(format!("'offset' is {offset}, at most {OFFSET_MAX} lines can be left out"));
        return Err(
            failure.hinting("ask for lines of a time in SQL: SELECT … FROM logs WHERE trace_id = … AND time > …")
        );
    }
    let source = Source::new(&context, tenant);
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let wanted = Lines { condition: "trace_id = $1", params: vec![id.clone().into()], offset, limit };
    let (logs, lines) = lines(&source, wanted).await?;
    let next = Some(offset + lines.len()).filter(|shown| !lines.is_empty() && (*shown as u64) < logs);
    Ok(Json(TraceLogs { trace_id: id, logs, lines, next, warnings: source.warnings() }))
}

/// Which lines: those for which the condition is true.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) condition: &'static str,
    pub(crate) params: Vec<Value>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// How many there are, and some of them.
pub(crate) async fn lines(source: &Source, wanted: Lines) -> Result<(u64, Vec<LogLine>), Failure> {
    let Lines { condition, params, offset, limit } = wanted;
    let count = format!("SELECT count(*) FROM logs WHERE {condition}");
    // Lines of one time stand in the same order on every page.
    let lines = format!(
        "SELECT {COLUMNS}, {} FROM logs WHERE {condition}
        ORDER BY time, observed_time, span_id, severity_number, body LIMIT {limit} OFFSET {offset}",
        attributes::columns(conventions::of_item(Signal::Logs)),
    );
    let (count, lines) = try_join!(source.ask(count, params.clone()), source.ask(lines, params))?;
    let count = count.rows().next().map_or(0, |row| row.count(0));
    Ok((count, lines.rows().map(line).collect()))
}

fn line(row: Row<'_>) -> LogLine {
    let json = |body: &str| RawValue::from_string(body.to_owned()).unwrap_or_else(|_| raw(body));
    let body = row.text(3).map(|body| if row.text(4).is_some() { json(body) } else { raw(body) });
    LogLine {
        time: rfc3339(row.integer(0).unwrap_or_default()),
        severity_number: row.integer(1).unwrap_or_default(),
        severity_text: row.owned(2),
        body,
        event_name: row.owned(5),
        span_id: row.id::<8>(6).map(|id| hex(&id)),
        service: row.owned(7),
        attributes: attributes::all(row, COLUMN_COUNT - 1, COLUMN_COUNT, conventions::of_item(Signal::Logs)),
    }
}
