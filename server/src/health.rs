//! Whether the server is alive, and whether it takes requests.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use plane::DataPlane;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tower::ServiceExt;

/// What the checks look at; empty until the server is ready.
pub(crate) type Ready = Arc<OnceLock<Arc<DataPlane>>>;

/// `/health`, `/health/ready`, `/health/live`: no key is asked for.
pub(crate) fn router(ready: Ready) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(health))
        .route("/health/live", get(live))
        .with_state(ready)
}

async fn live() -> Json<serde_json::Value> {
    Json(json!({"status": "alive", "version": env!("CARGO_PKG_VERSION"), "timestamp": timestamp()}))
}

async fn health(State(ready): State<Ready>) -> Response {
    let (plane, memory) = match ready.get() {
        None => ("starting", "ok"),
        Some(plane) => {
            let status = plane.status();
            let full = status.memory_bytes > status.memory_bytes_max / 10 * 9;
            (
                if plane.is_writable() { "ok" } else { "the write-ahead log does not take requests" },
                if full { "full" } else { "ok" },
            )
        }
    };
    let healthy = plane == "ok" && memory == "ok";
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if healthy { "healthy" } else { "unhealthy" },
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": timestamp(),
        "checks": {"data_plane": plane, "memory": memory},
    });
    (status, Json(body)).into_response()
}

/// Hands the request to the API, or says that the server is not ready for it yet.
pub(crate) async fn unless_starting(api: Option<Router>, request: Request) -> Response {
    match api {
        Some(api) => api.oneshot(request).await.into_response(),
        None => {
            let error = json!({"code": "starting", "message": "the server replays its log and is not ready yet", "hint": "try again; /health/ready tells when"});
            let headers = [(http::header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, Json(json!({"error": error}))).into_response()
        }
    }
}

/// For a path that is not served.
pub(crate) async fn nothing_here(request: Request) -> Response {
    let message = format!("there is nothing at {}", request.uri().path());
    let hint =
        "SQL is POSTed to /api/v1/sql, health is at /health; OTLP has ports of its own, see the lines at the start";
    let error = json!({"code": "not_found", "message": message, "hint": hint});
    (StatusCode::NOT_FOUND, Json(json!({"error": error}))).into_response()
}

/// Now, as RFC 3339 in UTC.
fn timestamp() -> String {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a nanosecond");
    now.format(&Rfc3339).expect("a date of this century has a form")
}
