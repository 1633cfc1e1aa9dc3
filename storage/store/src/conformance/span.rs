//! Spans for tests, one value each.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int64Array, StringViewArray, TimestampNanosecondArray};
use model::{Batch, Signal, Table};

/// What tests say of a span; the rest is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table of spans")]
pub struct Span<'a> {
    pub start_time: i64,
    pub duration_ns: i64,
    pub trace_id: u128,
    pub span_id: u64,
    pub parent_span_id: Option<u64>,
    pub service_name: Option<&'a str>,
    pub service_version: Option<&'a str>,
    pub deployment_environment_name: Option<&'a str>,
    pub name: &'a str,
    pub kind: &'a str,
    pub status_code: &'a str,
    pub http_response_status_code: Option<i64>,
    pub db_system_name: Option<&'a str>,
    pub db_namespace: Option<&'a str>,
    pub messaging_system: Option<&'a str>,
    pub messaging_destination_name: Option<&'a str>,
    pub server_address: Option<&'a str>,
    pub peer_service: Option<&'a str>,
}

impl Default for Span<'_> {
    fn default() -> Self {
        Self {
            start_time: 0,
            duration_ns: 0,
            trace_id: 1,
            span_id: 1,
            parent_span_id: None,
            service_name: None,
            service_version: None,
            deployment_environment_name: None,
            name: "checkout",
            kind: "server",
            status_code: "unset",
            http_response_status_code: None,
            db_system_name: None,
            db_namespace: None,
            messaging_system: None,
            messaging_destination_name: None,
            server_address: None,
            peer_service: None,
        }
    }
}

/// The spans in one batch.
///
/// # Panics
/// When there are none.
pub fn batch(spans: &[Span<'_>]) -> Batch {
    let table = Table::of(Signal::Spans);
    let mut columns = vec![None; table.columns.len()];
    let mut set = |name: &str, array: ArrayRef| {
        // A column that says nothing is left out, as decoders do.
        let says_nothing = table.columns[table.index(name)].has_default() && array.null_count() == array.len();
        columns[table.index(name)] = (!says_nothing).then_some(array);
    };
    let times = |time: &dyn Fn(&Span<'_>) -> i64| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from_iter_values(spans.iter().map(time)).with_timezone("UTC"))
    };
    set("start_time", times(&|span| span.start_time));
    set("end_time", times(&|span| span.start_time.saturating_add(span.duration_ns)));
    let integers = |integer: &dyn Fn(&Span<'_>) -> Option<i64>| -> ArrayRef {
        Arc::new(spans.iter().map(integer).collect::<Int64Array>())
    };
    set("duration_ns", integers(&|span| Some(span.duration_ns)));
    set("http_response_status_code", integers(&|span| span.http_response_status_code));
    set("trace_id", ids(16, spans, |span| Some(span.trace_id.to_be_bytes().to_vec())));
    set("span_id", ids(8, spans, |span| Some(span.span_id.to_be_bytes().to_vec())));
    set("parent_span_id", ids(8, spans, |span| span.parent_span_id.map(|id| id.to_be_bytes().to_vec())));
    let mut text = |name: &str, text: fn(&Span<'_>) -> Option<String>| {
        set(name, Arc::new(spans.iter().map(text).collect::<StringViewArray>()));
    };
    text("name", |span| Some(span.name.to_owned()));
    text("kind", |span| Some(span.kind.to_owned()));
    text("status_code", |span| Some(span.status_code.to_owned()));
    text("service_name", |span| span.service_name.map(str::to_owned));
    text("service_version", |span| span.service_version.map(str::to_owned));
    text("deployment_environment_name", |span| span.deployment_environment_name.map(str::to_owned));
    text("db_system_name", |span| span.db_system_name.map(str::to_owned));
    text("db_namespace", |span| span.db_namespace.map(str::to_owned));
    text("messaging_system", |span| span.messaging_system.map(str::to_owned));
    text("messaging_destination_name", |span| span.messaging_destination_name.map(str::to_owned));
    text("server_address", |span| span.server_address.map(str::to_owned));
    text("peer_service", |span| span.peer_service.map(str::to_owned));
    Batch::new(Signal::Spans, spans.len(), columns).expect("columns of the span table")
}

fn ids(width: i32, spans: &[Span<'_>], id: fn(&Span<'_>) -> Option<Vec<u8>>) -> ArrayRef {
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(spans.iter().map(id), width);
    Arc::new(ids.expect("ids of one width"))
}
