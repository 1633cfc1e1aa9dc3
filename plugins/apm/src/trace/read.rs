//! Reads the spans of a trace, and how many log records name it.

use std::collections::HashSet;
use std::sync::Arc;

use plugin::Failure;
use serde_json::json;

use super::span::Span;
use crate::rows::{Row, Source};

/// Spans of one trace.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) spans: Vec<Span>,
    /// True when there are more: those that start last are missing.
    pub(crate) is_truncated: bool,
}

/// The spans of the trace of this id, at most so many.
pub(crate) async fn load(source: &Source, id: &str, spans_max: usize) -> Result<Loaded, Failure> {
    let spans_max = spans_max.min(source.rows_max().saturating_sub(1));
    let sql = format!(
        "SELECT span_id, parent_span_id, service_name, name, kind, status_code, start_time, duration_ns, end_time
        FROM spans WHERE trace_id = $1 ORDER BY start_time LIMIT {}",
        spans_max + 1
    );
    let answer = source.ask(sql, vec![json!(id)]).await?;
    let mut texts = Texts::default();
    let spans = answer.rows().take(spans_max).filter_map(|row| span(row, &mut texts)).collect();
    Ok(Loaded { spans, is_truncated: answer.len() > spans_max })
}

fn span(row: Row<'_>, texts: &mut Texts) -> Option<Span> {
    let (start, duration) = (row.integer(6)?, row.integer(7)?);
    Some(Span {
        id: row.id(0)?,
        parent: row.id(1),
        service: row.text(2).map(|service| texts.shared(service)),
        name: texts.shared(row.text(3)?),
        kind: texts.shared(row.text(4)?),
        status: texts.shared(row.text(5)?),
        start,
        end: start.saturating_add(duration.max(0)),
        ends_before_start: row.integer(8).is_some_and(|end| end < start),
    })
}

/// How many log records name the trace.
pub(crate) async fn logs(source: &Source, id: &str) -> Result<u64, Failure> {
    let sql = "SELECT count(*) FROM logs WHERE trace_id = $1".to_owned();
    let answer = source.ask(sql, vec![json!(id)]).await?;
    Ok(answer.rows().next().map_or(0, |row| row.count(0)))
}

/// Each text once, however many spans have it.
#[derive(Debug, Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                self.0.insert(Arc::clone(&new));
                new
            }
        }
    }
}
