//! A span with all that OTLP said of it, and its log lines.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use futures::try_join;
use plugin::model::{Signal, Tenant, conventions};
use plugin::{Failure, PluginContext};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::logs::{Lines, LogLine, lines};
use super::trace_id;
use crate::attributes::{self, Attribute};
use crate::range::rfc3339;
use crate::rows::{Row, Source, hex, is_id};

/// Most spans of one id that are told.
const SAME_ID_MAX: usize = 20;
/// Log lines of the span that are told.
const LOGS: usize = 100;

/// Columns of [`span`] by their places; those of attributes come behind.
const COLUMNS: [&str; 26] = [
    "name",
    "kind",
    "status_code",
    "status_message",
    "parent_span_id",
    "start_time",
    "end_time",
    "duration_ns",
    "observed_time",
    "trace_state",
    "flags",
    "events",
    "dropped_events_count",
    "links",
    "dropped_links_count",
    "attributes",
    "dropped_attributes_count",
    "scope_name",
    "scope_version",
    "scope_attributes",
    "scope_dropped_attributes_count",
    "scope_schema_url",
    "resource_attributes",
    "resource_dropped_attributes_count",
    "resource_schema_url",
    "otlp_residue",
];

/// The spans of one id, which should be one, and what was logged in them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanDetails {
    trace_id: String,
    span_id: String,
    /// One, or all that came with this id, in the order of their starts.
    spans: Vec<SpanDetail>,
    /// True when there are more spans of this id than are told.
    is_truncated: bool,
    /// Log records that name the span.
    logs: u64,
    /// The first of them.
    first_logs: Vec<LogLine>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A span. What is null was not said.
#[derive(Debug, Serialize, ToSchema)]
struct SpanDetail {
    name: String,
    kind: String,
    status_code: String,
    status_message: Option<String>,
    parent_span_id: Option<String>,
    start: String,
    end: String,
    /// 0 where the span ends before it starts.
    duration_ns: i64,
    /// When it was received.
    observed: Option<String>,
    trace_state: Option<String>,
    flags: i64,
    attributes: Vec<Attribute>,
    dropped_attributes: i64,
    events: Vec<SpanEvent>,
    dropped_events: i64,
    links: Vec<SpanLink>,
    dropped_links: i64,
    scope: SpanScope,
    resource: SpanResource,
    /// What no column can hold, as times beyond 2262 and references to entities.
    residue: Vec<Attribute>,
}

/// Something that happened in a span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanEvent {
    time: String,
    name: String,
    attributes: Vec<Attribute>,
    dropped_attributes: i64,
}

/// Another span that this one has to do with.
#[derive(Debug, Serialize, ToSchema)]
struct SpanLink {
    trace_id: Option<String>,
    span_id: Option<String>,
    trace_state: Option<String>,
    attributes: Vec<Attribute>,
    dropped_attributes: i64,
    flags: i64,
}

/// What wrote the span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanScope {
    name: Option<String>,
    version: Option<String>,
    attributes: Vec<Attribute>,
    dropped_attributes: i64,
    schema_url: Option<String>,
}

/// Where it was written.
#[derive(Debug, Serialize, ToSchema)]
struct SpanResource {
    attributes: Vec<Attribute>,
    dropped_attributes: i64,
    schema_url: Option<String>,
}

/// A span with everything that was said of it, and its first log lines
#[utoipa::path(
    get, path = "/traces/{id}/spans/{span_id}", tag = "apm", security(("caller" = ["apm:traces:read"])),
    params(
        ("id" = String, Path, description = "The trace's id, 32 hex digits"),
        ("span_id" = String, Path, description = "The span's id, 16 hex digits"),
    ),
    responses(
        (status = 200, body = SpanDetails),
        (status = 400, description = "That is no id"),
        (status = 404, description = "There is no such span"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path((id, span_id)): Path<(String, String)>,
) -> Result<Json<SpanDetails>, Failure> {
    let id = trace_id(&id)?;
    if !is_id(&span_id, 8) {
        let failure = Failure::invalid(format!("'{span_id}' is no id of a span"));
        return Err(failure.hinting("write it as 16 hex digits, as in 00f067aa0ba902b7"));
    }
    let span_id = span_id.to_lowercase();
    let source = Source::new(&context, tenant);
    let ids = vec![json!(id), json!(span_id)];
    let statement = format!(
        "SELECT {}, {}, {} FROM spans WHERE trace_id = $1 AND span_id = $2 ORDER BY start_time, end_time LIMIT {}",
        COLUMNS.join(", "),
        attributes::columns(conventions::of_item(Signal::Spans)),
        attributes::columns(conventions::of_resource()),
        SAME_ID_MAX + 1
    );
    let of_span = Lines { condition: "trace_id = $1 AND span_id = $2", params: ids.clone(), offset: 0, limit: LOGS };
    let (answer, (logs, first_logs)) = try_join!(source.ask(statement, ids), lines(&source, of_span))?;
    if answer.len() == 0 {
        let failure = Failure::not_found(format!("there is no span '{span_id}' in trace '{id}'"));
        return Err(failure.hinting("spans that are older than their retention are gone"));
    }
    Ok(Json(SpanDetails {
        trace_id: id,
        span_id,
        spans: answer.rows().take(SAME_ID_MAX).map(span).collect(),
        is_truncated: answer.len() > SAME_ID_MAX,
        logs,
        first_logs,
        warnings: source.warnings(),
    }))
}

fn span(row: Row<'_>) -> SpanDetail {
    let (of_item, of_resource) = (conventions::of_item(Signal::Spans), conventions::of_resource());
    let number = |place: usize| row.integer(place).unwrap_or_default();
    let text = |place: usize| row.owned(place).unwrap_or_default();
    let first = COLUMNS.len();
    SpanDetail {
        name: text(0),
        kind: text(1),
        status_code: text(2),
        status_message: row.owned(3),
        parent_span_id: row.id::<8>(4).map(|id| hex(&id)),
        start: rfc3339(number(5)),
        end: rfc3339(number(6)),
        duration_ns: number(7),
        observed: row.integer(8).map(rfc3339),
        trace_state: row.owned(9),
        flags: number(10),
        attributes: attributes::all(row, 15, first, of_item),
        dropped_attributes: number(16),
        events: row.structs(11).rows().map(event).collect(),
        dropped_events: number(12),
        links: row.structs(13).rows().map(link).collect(),
        dropped_links: number(14),
        scope: SpanScope {
            name: row.owned(17),
            version: row.owned(18),
            attributes: attributes::in_json(row.text(19)),
            dropped_attributes: number(20),
            schema_url: row.owned(21),
        },
        resource: SpanResource {
            attributes: attributes::all(row, 22, first + of_item.len(), of_resource),
            dropped_attributes: number(23),
            schema_url: row.owned(24),
        },
        residue: attributes::in_json(row.text(25)),
    }
}

/// The fields are those of `model::event_fields`.
fn event(row: Row<'_>) -> SpanEvent {
    SpanEvent {
        time: rfc3339(row.integer(0).unwrap_or_default()),
        name: row.owned(1).unwrap_or_default(),
        attributes: attributes::in_json(row.text(2)),
        dropped_attributes: row.integer(3).unwrap_or_default(),
    }
}

/// The fields are those of `model::link_fields`.
fn link(row: Row<'_>) -> SpanLink {
    SpanLink {
        trace_id: row.id::<16>(0).map(|id| hex(&id)),
        span_id: row.id::<8>(1).map(|id| hex(&id)),
        trace_state: row.owned(2),
        attributes: attributes::in_json(row.text(3)),
        dropped_attributes: row.integer(4).unwrap_or_default(),
        flags: row.integer(5).unwrap_or_default(),
    }
}
