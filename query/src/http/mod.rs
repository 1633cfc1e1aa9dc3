//! SQL over HTTP: `POST /api/v1/sql` with a JSON body or the statement as text, answered in the format asked for.
//!
//! The status line waits for the first rows, so an error that shows before them has its own status; a later
//! one ends the answer in a way that no client takes for a complete one.

mod answer;
mod columnar;
mod json;
mod status;

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::LengthLimitError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asker::Asker;
use crate::engine::QueryEngine;
use crate::error::{FaultCode, QueryError};
use crate::statement::Statement;
use answer::Format;
pub use json::{Column, columns, row_texts};
pub use status::status;

/// Room for parameters and JSON around the statement itself.
const PARAMETER_BYTES_MAX: usize = 1 << 20;

/// The SQL endpoint. A layer around it says whose request it is by an `Extension<Asker>`.
pub fn routes(engine: Arc<QueryEngine>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(sql)).with_state(engine)
}

/// Ask in SQL
///
/// The answer comes as it is computed, in the format that `Accept` names: `application/json`, `application/x-ndjson`, `text/csv` or
/// `application/vnd.apache.arrow.stream`. The statement alone can be sent as `text/plain`.
#[utoipa::path(
    post, path = "/api/v1/sql", tag = "telemetry", security(("caller" = ["telemetry:rows:read"])), request_body = Statement,
    responses(
        (status = 200, description = "The rows"),
        (status = 400, description = "The statement is wrong; the answer says where"),
        (status = 422, description = "The query met a limit of its own"),
        (status = 503, description = "Too many queries run; again after `Retry-After`"),
    )
)]
async fn sql(State(engine): State<Arc<QueryEngine>>, Extension(asker): Extension<Asker>, request: Request) -> Response {
    let answered = answer(&engine, &asker, request).await;
    answered.unwrap_or_else(|error| status::of(&error).into_response())
}

async fn answer(engine: &QueryEngine, asker: &Asker, request: Request) -> Result<Response, QueryError> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let format = Format::accepted(&head.headers)?;
    let statement = statement(&head.headers, body, engine.config().statement_bytes_max).await?;
    let mut rows = engine.sql(asker, statement).await?;
    let first = rows.next().await.transpose()?;
    Ok(answer::stream(engine.runtime(), format.writer(&rows, started)?, first, rows))
}

async fn statement(headers: &HeaderMap, body: Body, statement_bytes_max: usize) -> Result<Statement, QueryError> {
    let limit = statement_bytes_max + PARAMETER_BYTES_MAX;
    let body = to_bytes(body, limit).await.map_err(|cause| match is_too_long(&cause) {
        true => QueryError::TooLarge { what: "request", limit },
        false => QueryError::fault(FaultCode::InvalidRequest, format!("the request broke off: {cause}"), None),
    })?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    let is_text = content_type.starts_with("text/plain");
    let read = match is_text {
        true => std::str::from_utf8(&body).map(Statement::new).map_err(|cause| cause.to_string()),
        false => serde_json::from_slice(&body).map_err(|cause| cause.to_string()),
    };
    read.map_err(|cause| {
        let hint = Some(r#"send {"sql": "SELECT …", "params": […]}, or the statement alone as text/plain"#);
        QueryError::fault(FaultCode::InvalidRequest, format!("the request is not readable: {cause}"), hint)
    })
}

fn is_too_long(cause: &axum::Error) -> bool {
    std::error::Error::source(cause).is_some_and(|cause| cause.is::<LengthLimitError>())
}

fn accepts(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).filter_map(|range| range.split(';').next()).map(str::trim)
}
