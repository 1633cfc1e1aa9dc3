//! Reads the spans of a trace: few columns, in no order, and texts that many spans share once.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use plugin::Failure;
use serde_json::json;

use super::span::{Labels, Span};
use crate::rows::{Answer, Row, Source};

/// Most spans of a trace that are read; the first ones of longer traces.
pub(crate) const SPANS_MAX: usize = 200_000;

/// Columns of [`span`], by their places.
const COLUMNS: &str = "span_id, parent_span_id, start_time, duration_ns, end_time, \
    array_length(events), array_length(links), \
    service_name, name, kind, status_code, http_request_method, http_route, db_system_name, error_type, \
    http_response_status_code";
/// The first and the last text of [`COLUMNS`], and what follows them.
const TEXTS: std::ops::RangeInclusive<usize> = 7..=14;
const STATUS_CODE: usize = 15;

/// Spans of one trace, in the order of their starts.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) spans: Vec<Span>,
    /// True when there are more: those that start last are missing.
    pub(crate) is_truncated: bool,
    /// Size of the texts, about.
    pub(crate) text_bytes: usize,
}

/// How many spans the trace of this id has.
pub(crate) async fn count(source: &Source, id: &str) -> Result<u64, Failure> {
    one_count(source, "SELECT count(*) FROM spans WHERE trace_id = $1", id).await
}

/// How many log records name it.
pub(crate) async fn count_logs(source: &Source, id: &str) -> Result<u64, Failure> {
    one_count(source, "SELECT count(*) FROM logs WHERE trace_id = $1", id).await
}

async fn one_count(source: &Source, sql: &str, id: &str) -> Result<u64, Failure> {
    let answer = source.ask(sql.to_owned(), vec![json!(id)]).await?;
    Ok(answer.rows().next().map_or(0, |row| row.count(0)))
}

/// Rows of a trace that had so many when they were counted: at most one more than are wanted.
pub(crate) async fn rows(source: &Source, id: &str, counted: u64, spans_max: usize) -> Result<Answer, Failure> {
    // Only who cannot read all has to have the database find the first ones.
    let order = if counted > spans_max as u64 { "ORDER BY start_time" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM spans WHERE trace_id = $1 {order} LIMIT {}", spans_max + 1);
    source.ask(sql, vec![json!(id)]).await
}

/// The spans of the rows, at most so many.
pub(crate) fn spans(rows: &Answer, spans_max: usize) -> Loaded {
    let mut known = Known::default();
    let mut spans: Vec<Span> = Vec::with_capacity(rows.len().min(spans_max));
    spans.extend(rows.rows().take(spans_max).filter_map(|row| span(row, &mut known)));
    spans.sort_by_key(|span| span.start);
    Loaded { spans, is_truncated: rows.len() > spans_max, text_bytes: known.bytes }
}

fn span(row: Row<'_>, known: &mut Known) -> Option<Span> {
    let (start, duration) = (row.integer(2)?, row.integer(3)?);
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Some(Span {
        id: row.id(0)?,
        parent: row.id(1),
        labels: known.labels(row),
        start,
        end: start.saturating_add(duration.max(0)),
        ends_before_start: row.integer(4).is_some_and(|end| end < start),
        events: small(row.count(5)),
        links: small(row.count(6)),
    })
}

/// Labels once each, however many spans have them.
#[derive(Debug, Default)]
struct Known {
    /// By their texts, one after the other with their lengths.
    labels: HashMap<Vec<u8>, Arc<Labels>, RandomState>,
    /// Used again for each row.
    key: Vec<u8>,
    bytes: usize,
}

impl Known {
    fn labels(&mut self, row: Row<'_>) -> Arc<Labels> {
        self.key.clear();
        for place in TEXTS {
            let text = row.text(place);
            self.key.extend_from_slice(&text.map_or(usize::MAX, str::len).to_le_bytes());
            self.key.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        // No code of a status is the least of all integers.
        self.key.extend_from_slice(&row.integer(STATUS_CODE).unwrap_or(i64::MIN).to_le_bytes());
        if let Some(known) = self.labels.get(&self.key) {
            return Arc::clone(known);
        }
        let new = Arc::new(labels(row));
        self.bytes += size_of::<Labels>() + self.key.len();
        self.labels.insert(self.key.clone(), Arc::clone(&new));
        new
    }
}

fn labels(row: Row<'_>) -> Labels {
    let text = |place: usize| row.owned(*TEXTS.start() + place);
    Labels {
        service: text(0),
        name: text(1).unwrap_or_default(),
        kind: text(2).unwrap_or_default(),
        status: text(3).unwrap_or_default(),
        http_request_method: text(4),
        http_route: text(5),
        db_system_name: text(6),
        error_type: text(7),
        http_response_status_code: row.integer(STATUS_CODE),
    }
}
