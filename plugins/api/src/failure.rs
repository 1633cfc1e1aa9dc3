//! Why a route did not do what it was asked, as JSON for the one who asked.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use query::QueryError;
use records::Error;
use serde_json::json;

/// A refusal with its status, in the form that all of the API has: `{"error": {"code", "message", "hint"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// What was asked cannot be done as it is.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    /// What was asked for is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Who asks may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// It collides with what is there.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// It cannot be done now, and may be possible in a while.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).hinting("try again")
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, said of a part of what was asked.
    #[must_use]
    pub fn within(self, part: &str) -> Self {
        Self { message: format!("{part}: {}", self.message), ..self }
    }

    /// A fault of this program or of what it stands on; the log says more.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause, "a request was not answered");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the request failed inside the server; its log says more",
        )
    }
}

impl From<Error> for Failure {
    fn from(cause: Error) -> Self {
        let message = cause.to_string();
        match cause {
            Error::Conflict { .. } => {
                Self::new(StatusCode::CONFLICT, "conflict", message).hinting("read it again, then decide again")
            }
            Error::Taken { .. } | Error::Stale { .. } => Self::new(StatusCode::CONFLICT, "taken", message),
            Error::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message),
            Error::Invalid(_) => Self::invalid(message),
            Error::Contended { .. } | Error::Busy(_) | Error::Unavailable { .. } => Self::unavailable(message),
            Error::Refused { .. } | Error::Unreadable { .. } => Self::internal(&cause),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(cause: QueryError) -> Self {
        if let QueryError::Internal(_) = cause {
            return Self::internal(&cause);
        }
        let status = query::http::status(&cause);
        let hint = cause.hint().map(str::to_owned);
        Self { hint, ..Self::new(status, cause.code(), cause.to_string()) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, code, message, hint } = self;
        (status, Json(json!({"error": {"code": code, "message": message, "hint": hint}}))).into_response()
    }
}
