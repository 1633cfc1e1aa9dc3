//! What an error is in HTTP; the only file that knows.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use records::Error as RecordsError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, Refusal};
use crate::telemetry;

/// Seconds after which a busy server has most likely room again.
const BUSY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// An error as clients read it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorAnswer {
    error: ErrorBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorBody {
    /// For programs.
    code: &'static str,
    /// What is wrong.
    message: String,
    /// What helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code, hint) = described(&self);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            telemetry::failed(&self);
        }
        let body = ErrorBody { code, message: self.to_string(), hint };
        let mut response = (status, Json(ErrorAnswer { error: body })).into_response();
        let headers = response.headers_mut();
        match (&self, status) {
            (Error::TooOften { retry_after, .. }, _) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            (_, StatusCode::SERVICE_UNAVAILABLE) => {
                headers.insert(RETRY_AFTER, BUSY_SECONDS);
            }
            (_, StatusCode::UNAUTHORIZED) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

/// Status, code and hint.
pub(crate) fn described(error: &Error) -> (StatusCode, &'static str, Option<&'static str>) {
    match error {
        Error::Refused(Refusal::Unauthenticated(_)) => (
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            Some("sign in with POST /api/v1/hub/session, or make a key; name the tenant where an e-mail is in several"),
        ),
        Error::Refused(Refusal::Forbidden(_)) => (
            StatusCode::FORBIDDEN,
            "forbidden",
            Some("GET /api/v1/hub/me lists what you may do; owners and admins give roles"),
        ),
        Error::PasswordChangeNeeded => (
            StatusCode::FORBIDDEN,
            "password_change_needed",
            Some("sign in again with `new_password` beside `password`"),
        ),
        Error::NotLicensed(_) => {
            (StatusCode::FORBIDDEN, "not_licensed", Some("GET /api/v1/hub/licence says what is licensed"))
        }
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found", None),
        Error::Conflict(_) => (StatusCode::CONFLICT, "conflict", None),
        Error::Invalid(_) => {
            (StatusCode::BAD_REQUEST, "invalid", Some("GET /api/openapi.json describes every request"))
        }
        Error::TooOften { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_often", None),
        Error::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy", None),
        Error::Provider { .. } => (StatusCode::BAD_GATEWAY, "provider", Some("check the provider's settings")),
        Error::Sealed(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "sealed", Some("ENCRYPTION_KEY lacks a key that was used before"))
        }
        Error::Records(cause) => of_records(cause),
    }
}

fn of_records(cause: &RecordsError) -> (StatusCode, &'static str, Option<&'static str>) {
    match cause {
        RecordsError::Conflict { .. } | RecordsError::Taken { .. } | RecordsError::Stale { .. } => {
            (StatusCode::CONFLICT, "conflict", Some("read again, then decide again"))
        }
        RecordsError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", None),
        RecordsError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid", None),
        RecordsError::Contended { .. } | RecordsError::Busy(_) | RecordsError::Unavailable { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", None)
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", None),
    }
}
