//! What an error is in HTTP; the only file that knows.
//!
//! 400: the statement is wrong. 406, 413: the request is. 422: the query met a limit of its own and would
//! again, so it is not 408, which clients repeat by themselves. 503 with `Retry-After`: try again.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::error::{FaultCode, QueryError};

/// Seconds after which a busy engine has most likely a place again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// The error as clients read it, in every format.
#[derive(Debug, Serialize)]
pub(super) struct ErrorBody<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    error: ErrorBody<'a>,
}

impl<'a> ErrorBody<'a> {
    /// What to tell the client about the error.
    pub(super) fn of(error: &'a QueryError) -> Self {
        let position = error.position();
        Self {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
        }
    }
}

/// The whole answer to a request that ended with the error before its first row.
pub(super) fn of(error: &QueryError) -> Response {
    let mut response = (status(error), Json(Wrapped { error: ErrorBody::of(error) })).into_response();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// The status that says what kind of error it is; for whoever else answers over HTTP.
pub fn status(error: &QueryError) -> StatusCode {
    match error {
        QueryError::Statement(fault) if fault.code == FaultCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        QueryError::Statement(_) => StatusCode::BAD_REQUEST,
        QueryError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        QueryError::MemoryLimit { .. } | QueryError::TimeLimit { .. } | QueryError::RowLimit { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        QueryError::Busy { .. } | QueryError::Unavailable(_) | QueryError::Damaged { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        QueryError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
