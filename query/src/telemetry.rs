//! Every span and log line of the query engine.
//!
//! A statement can hold personal data in its literals, so its text is logged at debug level only.

use std::time::Duration;

use model::Tenant;
use tracing::{Span, debug, error, field, info_span, warn};

use crate::error::QueryError;

/// The span of one query, from its first byte to its last row.
pub(crate) fn query_span(tenant: &Tenant, statement_bytes: usize) -> Span {
    info_span!(
        "query.sql",
        tenant = tenant.as_str(),
        statement_bytes,
        rows = field::Empty,
        queued_ms = field::Empty,
        planned_ms = field::Empty,
        elapsed_ms = field::Empty,
        outcome = field::Empty,
    )
}

/// A query got its place after waiting this long.
pub(crate) fn admitted(waited: Duration) {
    Span::current().record("queued_ms", milliseconds(waited));
}

/// A query knows how it will run, this long after its start.
pub(crate) fn planned(sql: &str, elapsed: Duration) {
    Span::current().record("planned_ms", milliseconds(elapsed));
    debug!(sql, "query planned");
}

/// A query ended.
pub(crate) fn ended(rows: usize, elapsed: Duration, result: &Result<(), QueryError>) {
    let outcome = result.as_ref().map_or_else(QueryError::code, |()| "ok");
    Span::current().record("rows", rows).record("elapsed_ms", milliseconds(elapsed)).record("outcome", outcome);
    match result {
        Err(QueryError::Internal(cause)) => error!(cause = %cause, "a query failed inside the server"),
        Err(QueryError::Damaged { files, reason }) => warn!(files, reason, "a query met files that cannot be read"),
        Err(QueryError::Unavailable(cause)) => warn!(cause = %cause, "a query could not read stored rows"),
        _ => {}
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
