//! Points of metrics whose exemplars name a trace.
//!
//! Exemplars are in lists inside of points, which nothing finds by id: points are read for the times of the trace only.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::{Signal, Tenant, conventions};
use plugin::{Failure, PluginContext};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{no_trace, trace_id};
use crate::attributes::{self, Attribute};
use crate::range::{Range, rfc3339};
use crate::rows::{Row, Source, hex};

const MINUTE: i64 = 60_000_000_000;
/// A point is written at the end of its interval, after what it counted: so long before and after the trace.
const AROUND: i64 = 5 * MINUTE;
/// Longest time of a trace for which points are read; of longer ones its beginning.
const LONGEST: i64 = 24 * 60 * MINUTE;
/// Most exemplars that are told.
const EXEMPLARS_MAX: usize = 500;

/// Columns of points, then of their exemplars, as [`exemplar`] reads them; those of the points' attributes come behind.
const COLUMNS: &str = "name, type, unit, service_name, time, exemplar['time'] AS measured, exemplar['value'] AS value, \
    exemplar['value_int'] AS value_int, exemplar['span_id'] AS span_id, exemplar['attributes'] AS own, attributes";
const COLUMN_COUNT: usize = 11;

/// Exemplars of a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceExemplars {
    trace_id: String,
    /// Times of the points that were read.
    from: String,
    to: String,
    /// Oldest first.
    exemplars: Vec<TraceExemplar>,
    /// True when there are more than are told, or when the trace is longer than what was read.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A measurement that was made in the trace.
#[derive(Debug, Serialize, ToSchema)]
struct TraceExemplar {
    metric: String,
    /// `gauge`, `sum`, `histogram` or `exponential_histogram`.
    r#type: String,
    unit: Option<String>,
    service: Option<String>,
    /// Of the point.
    point_time: String,
    /// Attributes of the point: with its metric and service they say which series it is of.
    point_attributes: Vec<Attribute>,
    /// When it was measured.
    time: String,
    value: Option<f64>,
    /// The value, when it was said as an integer.
    value_int: Option<i64>,
    span_id: Option<String>,
    /// What the point does not say of it.
    attributes: Vec<Attribute>,
}

/// Points of metrics whose exemplars name a trace
#[utoipa::path(
    get, path = "/traces/{id}/exemplars", tag = "apm", security(("caller" = ["apm:traces:read"])),
    params(("id" = String, Path, description = "The trace's id, 32 hex digits")),
    responses(
        (status = 200, body = TraceExemplars),
        (status = 400, description = "That is no id of a trace"),
        (status = 404, description = "There is no span of that trace"),
    )
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Json<TraceExemplars>, Failure> {
    let id = trace_id(&id)?;
    let source = Source::new(&context, tenant);
    let times = times(&source, &id).await?.ok_or_else(|| no_trace(&id))?;
    let read = Range { until: times.until.min(times.from.saturating_add(LONGEST)), ..times };
    let points = Range { from: read.from.saturating_sub(AROUND), until: read.until.saturating_add(AROUND) };
    let params = vec![json!(rfc3339(points.from)), json!(rfc3339(points.until)), json!(id)];
    let answer = source.ask(statement(), params).await?;
    Ok(Json(TraceExemplars {
        trace_id: id,
        from: rfc3339(points.from),
        to: rfc3339(points.until),
        exemplars: answer.rows().take(EXEMPLARS_MAX).map(exemplar).collect(),
        is_truncated: answer.len() > EXEMPLARS_MAX || read != times,
        warnings: source.warnings(),
    }))
}

/// From its first start to its last end, if it has spans.
async fn times(source: &Source, id: &str) -> Result<Option<Range>, Failure> {
    let sql = "SELECT min(start_time), max(greatest(start_time, end_time)) FROM spans WHERE trace_id = $1";
    let answer = source.ask(sql.to_owned(), vec![json!(id)]).await?;
    let row = answer.rows().next();
    Ok(row.and_then(|row| Some(Range { from: row.integer(0)?, until: row.integer(1)? })))
}

fn statement() -> String {
    let promoted = attributes::columns(conventions::of_item(Signal::Metrics));
    let of = |table: &str| {
        format!(
            "SELECT {COLUMNS}, {promoted} FROM (
                SELECT name, type, unit, service_name, time, attributes, {promoted}, unnest(exemplars) AS exemplar
                FROM {table} WHERE time >= $1 AND time < $2 AND exemplars IS NOT NULL
            ) AS points WHERE exemplar['trace_id'] = $3"
        )
    };
    let (numbers, histograms, limit) = (of("metrics"), of("histograms"), EXEMPLARS_MAX + 1);
    format!("SELECT * FROM ({numbers} UNION ALL {histograms}) AS named ORDER BY measured, name LIMIT {limit}")
}

fn exemplar(row: Row<'_>) -> TraceExemplar {
    let conventions = conventions::of_item(Signal::Metrics);
    let time = |place: usize| rfc3339(row.integer(place).unwrap_or_default());
    TraceExemplar {
        metric: row.owned(0).unwrap_or_default(),
        r#type: row.owned(1).unwrap_or_default(),
        unit: row.owned(2),
        service: row.owned(3),
        point_time: time(4),
        point_attributes: attributes::all(row, COLUMN_COUNT - 1, COLUMN_COUNT, conventions),
        time: time(5),
        value: row.double(6),
        value_int: row.integer(7),
        span_id: row.id::<8>(8).map(|id| hex(&id)),
        attributes: attributes::in_json(row.text(9)),
    }
}
