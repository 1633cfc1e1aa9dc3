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
use timescale::Timescale;
use tower::ServiceExt;

/// What the checks look at; empty until the server is ready.
pub(crate) type Ready = Arc<OnceLock<Arc<DataPlane>>>;

/// The database, if there is one; empty until the store is open.
pub(crate) type Database = Arc<OnceLock<Option<Arc<Timescale>>>>;

/// `/health`, `/health/ready`, `/health/live`, `/health/db`: no key is asked for.
pub(crate) fn router(ready: Ready, database: Database) -> Router {
    let database = Router::new().route("/health/db", get(db)).with_state(database);
    Router::new()
        .merge(database)
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

/// Whether the database answers. Only that: requests are taken without it, as long as the log has room.
async fn db(State(database): State<Database>) -> Response {
    let said = match database.get() {
        None => Err("the store is not open yet".to_owned()),
        Some(None) => Ok(json!({"database": "none: telemetry rests in Parquet files"})),
        Some(Some(database)) => match database.health().await {
            Ok(health) => Ok(json!({
                "database": database.address(),
                "postgres": health.edition.postgres,
                "timescaledb": health.edition.timescale.map(|extension| extension.version),
                "latency_ms": health.latency.as_secs_f64() * 1e3,
            })),
            Err(cause) => Err(format!("{:#}", anyhow::Error::from(cause))),
        },
    };
    let (code, status, checks) = match said {
        Ok(checks) => (StatusCode::OK, "healthy", checks),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", json!({"reason": reason})),
    };
    let version = env!("CARGO_PKG_VERSION");
    (code, Json(json!({"status": status, "version": version, "timestamp": timestamp(), "checks": checks})))
        .into_response()
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
