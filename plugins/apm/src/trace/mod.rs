//! One trace: its tree, where its time went, and what is wrong with it.
//!
//! What can be worked out of spans alone is in files of its own, and knows nothing of SQL or HTTP.

mod critical_path;
mod detail;
mod exemplars;
mod faults;
mod kept;
mod logs;
mod read;
mod span;
mod summary;
mod tree;
mod whole;

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use futures::try_join;
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::faults::TraceFaults;
use self::kept::Trees;
use self::read::{SPANS_MAX, count, count_logs};
use self::span::{Labels, nanos_between};
use self::summary::ServiceShare;
use self::whole::Whole;
use crate::range::rfc3339;
use crate::rows::{Source, hex, is_id};

/// Nodes of a page when it is not said.
const PAGE: usize = 500;
/// Most nodes of a page.
const PAGE_MAX: usize = 5000;

/// The routes of one trace.
pub(crate) fn routes() -> OpenApiRouter<PluginContext> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(detail::show))
        .routes(routes!(logs::list))
        .routes(routes!(exemplars::list))
        .layer(Extension(Trees::new()))
}

/// Which part of the tree.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TraceWanted {
    /// Nodes that are left out from the beginning: `next` of the page before.
    offset: usize,
    /// At most so many nodes; 500 when it is not said, 5000 at most.
    limit: Option<usize>,
}

/// A trace. Times within it are nanoseconds after `start`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trace {
    trace_id: String,
    start: String,
    /// From the first start to the last end of a span.
    duration_ns: i64,
    /// Spans of the trace that were read.
    spans: usize,
    errors: usize,
    /// Log records that name the trace.
    logs: u64,
    /// True when the trace has more spans than are read: those that start last are missing.
    is_truncated: bool,
    /// Depth first, children in the order of their starts: this page of it.
    nodes: Vec<TraceNode>,
    /// `offset` of the next page; null on the last one.
    next: Option<usize>,
    /// What the root waited for, from its start to its end.
    critical_path: TracePath,
    /// Where the time went, most self time first.
    services: Vec<ServiceShare>,
    /// What is wrong with the trace.
    faults: TraceFaults,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A span in its place in the tree.
#[derive(Debug, Serialize, ToSchema)]
struct TraceNode {
    /// Its place in the whole tree, from 0.
    index: usize,
    /// The place of its parent in the tree; null for roots, and for spans whose parent is missing.
    parent: Option<usize>,
    depth: usize,
    children: usize,
    /// Spans below it, children included.
    descendants: usize,
    span_id: String,
    /// As the span says, though there may be no such span.
    parent_span_id: Option<String>,
    service: Option<String>,
    name: String,
    kind: String,
    status_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_request_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_response_status_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    db_system_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
    /// How many events and links it has; `spans/{span_id}` of the trace tells them.
    events: u32,
    links: u32,
    start_ns: i64,
    duration_ns: i64,
    /// Of its duration, what no child was running in.
    self_ns: i64,
    /// Of its duration, what is on the critical path.
    critical_ns: i64,
}

/// The chain of spans that the duration of the root is made of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TracePath {
    /// The root whose path it is, by its place in the tree: the longest one.
    root: Option<usize>,
    steps: Vec<PathStep>,
    /// True when there are more steps than are told.
    is_truncated: bool,
}

/// A time in which one span is what the root waits for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PathStep {
    /// The span, by its place in the tree.
    node: usize,
    start_ns: i64,
    duration_ns: i64,
}

/// A trace as a tree, with its critical path, its services and what is wrong with it
#[utoipa::path(
    get, path = "/traces/{id}", tag = "apm", security(("caller" = ["apm:traces:read"])),
    params(("id" = String, Path, description = "The trace's id, 32 hex digits"), TraceWanted),
    responses(
        (status = 200, body = Trace),
        (status = 400, description = "That is no id of a trace"),
        (status = 404, description = "There is no span of that trace"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Extension(trees): Extension<Trees>,
    Path(id): Path<String>,
    Asked(wanted): Asked<TraceWanted>,
) -> Result<Json<Trace>, Failure> {
    let id = trace_id(&id)?;
    let source = Source::new(&context, tenant.clone());
    let (spans, logs) = try_join!(count(&source, &id), count_logs(&source, &id))?;
    if spans == 0 {
        return Err(no_trace(&id));
    }
    let whole = trees.get((tenant, id.clone(), spans), read(&source, &id, spans)).await?;
    let warnings: BTreeSet<String> = source.warnings().into_iter().chain(whole.warnings.iter().cloned()).collect();
    Ok(Json(Trace { trace_id: id, logs, warnings: warnings.into_iter().collect(), ..page(&whole, &wanted) }))
}

/// The id of a trace as it stands in an address.
fn trace_id(written: &str) -> Result<String, Failure> {
    if is_id(written, 16) {
        return Ok(written.to_lowercase());
    }
    let failure = Failure::invalid(format!("'{written}' is no id of a trace"));
    Err(failure.hinting("write it as 32 hex digits, as in 4bf92f3577b34da6a3ce929d0e0e4736"))
}

fn no_trace(id: &str) -> Failure {
    let failure = Failure::not_found(format!("there is no span of trace '{id}'"));
    failure.hinting("spans that are older than their retention are gone")
}

async fn read(source: &Source, id: &str, spans: u64) -> Result<Whole, Failure> {
    let spans_max = SPANS_MAX.min(source.rows_max().saturating_sub(1));
    let rows = read::rows(source, id, spans, spans_max).await?;
    let warnings = source.warnings();
    // The tree of a long trace takes a while.
    let whole = tokio::task::spawn_blocking(move || Whole::of(read::spans(&rows, spans_max), warnings));
    Ok(whole.await.expect("a tree is made of any spans"))
}

/// Some nodes of the trace, with all that is said of the whole of it.
fn page(whole: &Whole, wanted: &TraceWanted) -> Trace {
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let places = wanted.offset.min(whole.nodes.len())..wanted.offset.saturating_add(limit).min(whole.nodes.len());
    Trace {
        trace_id: String::new(),
        start: rfc3339(whole.start),
        duration_ns: nanos_between(whole.start, whole.end),
        spans: whole.spans.len(),
        errors: whole.errors,
        logs: 0,
        is_truncated: whole.is_truncated,
        next: (places.end < whole.nodes.len()).then_some(places.end),
        nodes: places.map(|index| node(whole, index)).collect(),
        critical_path: whole.path.clone(),
        services: whole.services.clone(),
        faults: whole.faults.clone(),
        warnings: Vec::new(),
    }
}

fn node(whole: &Whole, index: usize) -> TraceNode {
    let node = &whole.nodes[index];
    let span = &whole.spans[node.span];
    let labels = Labels::clone(&span.labels);
    TraceNode {
        index,
        parent: node.parent,
        depth: node.depth,
        children: node.children,
        descendants: node.descendants,
        span_id: hex(&span.id),
        parent_span_id: span.parent.map(|parent| hex(&parent)),
        service: labels.service,
        name: labels.name,
        kind: labels.kind,
        status_code: labels.status,
        http_request_method: labels.http_request_method,
        http_route: labels.http_route,
        http_response_status_code: labels.http_response_status_code,
        db_system_name: labels.db_system_name,
        error_type: labels.error_type,
        events: span.events,
        links: span.links,
        start_ns: nanos_between(whole.start, span.start),
        duration_ns: span.duration(),
        self_ns: node.self_nanos,
        critical_ns: whole.critical[index],
    }
}
