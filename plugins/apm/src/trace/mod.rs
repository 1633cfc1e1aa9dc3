//! One trace: its tree, where its time went, and what is wrong with it.
//!
//! What can be worked out of spans alone is in files of its own, and knows nothing of SQL or HTTP.

mod critical_path;
mod faults;
mod read;
mod span;
mod summary;
mod tree;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::critical_path::{CriticalPath, critical_path};
use self::faults::{TraceFaults, told};
use self::read::{Loaded, load, logs};
use self::span::{Span, nanos_between};
use self::summary::{ServiceShare, by_service};
use self::tree::{Node, Tree};
use crate::range::rfc3339;
use crate::rows::{Source, hex, is_id};

/// Most spans of a trace that are read; the first ones of longer traces.
const SPANS_MAX: usize = 200_000;
/// Nodes of a page when it is not said.
const PAGE: usize = 500;
/// Most nodes of a page.
const PAGE_MAX: usize = 5000;
/// Most steps of the critical path that are told; the first ones of longer paths.
const STEPS_MAX: usize = 1000;

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
    start_ns: i64,
    duration_ns: i64,
    /// Of its duration, what no child was running in.
    self_ns: i64,
    /// Of its duration, what is on the critical path.
    critical_ns: i64,
}

/// The chain of spans that the duration of the root is made of.
#[derive(Debug, Serialize, ToSchema)]
struct TracePath {
    /// The root whose path it is, by its place in the tree: the longest one.
    root: Option<usize>,
    steps: Vec<PathStep>,
    /// True when there are more steps than are told.
    is_truncated: bool,
}

/// A time in which one span is what the root waits for.
#[derive(Debug, Serialize, ToSchema)]
struct PathStep {
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
    Path(id): Path<String>,
    Asked(wanted): Asked<TraceWanted>,
) -> Result<Json<Trace>, Failure> {
    if !is_id(&id, 16) {
        let failure = Failure::invalid(format!("'{id}' is no id of a trace"));
        return Err(failure.hinting("write it as 32 hex digits, as in 4bf92f3577b34da6a3ce929d0e0e4736"));
    }
    let source = Source::new(&context, tenant);
    let loaded = load(&source, &id, SPANS_MAX).await?;
    if loaded.spans.is_empty() {
        let failure = Failure::not_found(format!("there is no span of trace '{id}'"));
        return Err(failure.hinting("spans that are older than their retention are gone"));
    }
    let logs = logs(&source, &id).await?;
    // The tree of a long trace takes a while.
    let told = tokio::task::spawn_blocking(move || told_of(&id.to_lowercase(), &loaded, &wanted));
    let mut trace = told.await.expect("a tree is made of any spans");
    trace.logs = logs;
    trace.warnings = source.warnings();
    Ok(Json(trace))
}

fn told_of(id: &str, Loaded { spans, is_truncated }: &Loaded, wanted: &TraceWanted) -> Trace {
    let tree = Tree::of(spans);
    let path = critical_path(spans, &tree);
    let start = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let end = spans.iter().map(|span| span.end).max().unwrap_or_default();
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let critical = path.by_node(tree.nodes.len());
    let page = tree.nodes.iter().enumerate().skip(wanted.offset).take(limit);
    let nodes: Vec<TraceNode> =
        page.map(|(index, node)| told_node(index, node, &spans[node.span], start, critical[index])).collect();
    let shown = wanted.offset.saturating_add(nodes.len());
    Trace {
        trace_id: id.to_owned(),
        start: rfc3339(start),
        duration_ns: nanos_between(start, end),
        spans: spans.len(),
        errors: spans.iter().filter(|span| span.is_error()).count(),
        logs: 0,
        is_truncated: *is_truncated,
        nodes,
        next: (shown < tree.nodes.len()).then_some(shown),
        critical_path: told_path(&path, start),
        services: by_service(spans, &tree),
        faults: told(&tree, spans),
        warnings: Vec::new(),
    }
}

fn told_node(index: usize, node: &Node, span: &Span, start: i64, critical_ns: i64) -> TraceNode {
    TraceNode {
        index,
        parent: node.parent,
        depth: node.depth,
        children: node.children,
        descendants: node.descendants,
        span_id: hex(&span.id),
        parent_span_id: span.parent.map(|parent| hex(&parent)),
        service: span.service.as_deref().map(str::to_owned),
        name: span.name.as_ref().to_owned(),
        kind: span.kind.as_ref().to_owned(),
        status_code: span.status.as_ref().to_owned(),
        start_ns: nanos_between(start, span.start),
        duration_ns: span.duration(),
        self_ns: node.self_nanos,
        critical_ns,
    }
}

fn told_path(path: &CriticalPath, start: i64) -> TracePath {
    let steps = path.steps.iter().take(STEPS_MAX).map(|step| PathStep {
        node: step.node,
        start_ns: nanos_between(start, step.from),
        duration_ns: nanos_between(step.from, step.until),
    });
    TracePath { root: path.root, steps: steps.collect(), is_truncated: path.steps.len() > STEPS_MAX }
}
