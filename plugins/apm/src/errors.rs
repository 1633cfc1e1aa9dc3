//! Errors of a service, grouped by their type and by the pattern of their message.
//!
//! A pattern is a message without what differs from one time to the next: ids, numbers and quoted texts.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conditions::Conditions;
use crate::range::{RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::{Row, Source};
use crate::service::check_known;

/// Most groups of an answer.
const GROUPS_MAX: usize = 200;
/// What is masked of a message, and kept of an example, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 1000;

/// What is masked, one after the other, and what then stands in its place.
const MASKS: [(&str, &str); 5] = [
    // Quotes within words are apostrophes.
    (r#""[^"]*"|\B'[^']*'\B|`[^`]*`"#, "<text>"),
    (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", "<id>"),
    (r"\b[0-9]+(\.[0-9]+)*\b", "<n>"),
    (r"\b(0x)?[0-9a-fA-F]{8,}\b", "<id>"),
    (r"[0-9]+", "<n>"),
];

/// Which errors.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ErrorsWanted {
    /// Only what runs in this environment (`deployment.environment.name`).
    environment: Option<String>,
    /// Only in spans of this name.
    operation: Option<String>,
}

/// Groups of errors, the most frequent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorGroups {
    from: String,
    to: String,
    groups: Vec<ErrorGroup>,
    /// True when there are more groups than the answer has.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Errors that are most likely the same one.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorGroup {
    /// Type of the exception, else `error.type`, else the status code of the protocol; null when none is said.
    r#type: Option<String>,
    /// The message with `<id>`, `<n>` and `<text>` for what differs; null when there is no message.
    pattern: Option<String>,
    count: u64,
    first_seen: String,
    last_seen: String,
    /// Names of spans that failed so.
    operations: u64,
    last: ErrorExample,
}

/// The last error of its group.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorExample {
    trace_id: String,
    span_id: String,
    operation: String,
    /// Its beginning, where it is long.
    message: Option<String>,
}

/// Errors of a service, by type and by pattern of their message
#[utoipa::path(
    get, path = "/services/{name}/errors", tag = "apm", security(("caller" = ["apm:errors:read"])),
    params(("name" = String, Path), RangeWanted, ErrorsWanted),
    responses(
        (status = 200, body = ErrorGroups),
        (status = 400, description = "The range is wrong"),
        (status = 404, description = "No service of that name was ever heard of"),
    )
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<ErrorsWanted>,
) -> Result<Json<ErrorGroups>, Failure> {
    let range = range.read(SPAN_DAYS_MAX)?;
    let source = Source::new(&context, tenant);
    let mut conditions = Conditions::of_spans(range);
    conditions.equal("service_name", name.as_str()).and("status_code = 'error'");
    conditions.equal_if_said("deployment_environment_name", wanted.environment.as_deref());
    conditions.equal_if_said("name", wanted.operation.as_deref());
    let answer = source.ask(grouped(&conditions), conditions.params()).await?;
    if answer.len() == 0 {
        check_known(&source, &name).await?;
    }
    Ok(Json(ErrorGroups {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        groups: answer.rows().take(GROUPS_MAX).map(group).collect(),
        is_truncated: answer.len() > GROUPS_MAX,
        warnings: source.warnings(),
    }))
}

/// The columns that [`group`] reads.
fn grouped(conditions: &Conditions) -> String {
    let (conditions, pattern) = (conditions.text(), masked("message"));
    let limit = GROUPS_MAX + 1;
    // An exception is an event of the span it passed through, mostly the last one, or attributes of the span.
    format!(
        "WITH failed AS (
            SELECT start_time, trace_id, span_id, name, status_message, exception_type, exception_message, error_type,
                http_response_status_code, rpc_response_status_code,
                CASE WHEN events[-1]['name'] = 'exception' THEN events[-1]['attributes']
                    WHEN events[1]['name'] = 'exception' THEN events[1]['attributes'] END AS exception
            FROM spans WHERE {conditions}
        ),
        told AS (
            SELECT start_time, encode(trace_id, 'hex') AS trace, encode(span_id, 'hex') AS span, name,
                coalesce(exception_type, exception->>'exception.type', error_type, rpc_response_status_code,
                    cast(http_response_status_code AS text)) AS error_kind,
                substr(coalesce(exception_message, exception->>'exception.message', nullif(status_message, '')), 1,
                    {MESSAGE_CHARACTERS_MAX}) AS message
            FROM failed
        )
        SELECT error_kind, {pattern} AS pattern, count(*) AS errors, min(start_time) AS first_seen, max(start_time) AS last_seen,
            count(DISTINCT name) AS operations, last_value(trace ORDER BY start_time) AS last_trace,
            last_value(span ORDER BY start_time) AS last_span, last_value(name ORDER BY start_time) AS last_name,
            last_value(message ORDER BY start_time) AS last_message
        FROM told GROUP BY 1, 2 ORDER BY errors DESC, last_seen DESC LIMIT {limit}"
    )
}

fn group(row: Row<'_>) -> ErrorGroup {
    let time = |place| rfc3339(row.integer(place).unwrap_or_default());
    ErrorGroup {
        r#type: row.owned(0),
        pattern: row.owned(1),
        count: row.count(2),
        first_seen: time(3),
        last_seen: time(4),
        operations: row.count(5),
        last: ErrorExample {
            trace_id: row.owned(6).unwrap_or_default(),
            span_id: row.owned(7).unwrap_or_default(),
            operation: row.owned(8).unwrap_or_default(),
            message: row.owned(9),
        },
    }
}

/// The text without what differs from one time to the next, in SQL.
fn masked(text: &str) -> String {
    MASKS.iter().fold(text.to_owned(), |text, (what, mask)| {
        format!("regexp_replace({text}, '{}', '{mask}', 'g')", what.replace('\'', "''"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_is_a_text_of_sql() {
        let sql = masked("message");

        assert_eq!(sql.matches("regexp_replace(").count(), MASKS.len());
        assert_eq!(sql.matches('\'').count() % 2, 0, "{sql}");
    }
}
