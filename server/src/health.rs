//! Whether the server is alive, takes requests, and reaches what it leans on: a list of named checks.
//!
//! What is here is looked at each time; what is elsewhere gets a moment to answer, and the answer counts for a moment, so that a
//! dead database holds nobody up and `/health` stays cheap. Requests are taken without it: only what is here decides on that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, Request, State as Part};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use parking_lot::RwLock;
use plane::DataPlane;
use plugin::{Host, State};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower::ServiceExt;

/// What is elsewhere has so long to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
/// And is not asked again for so long.
const ANSWER_COUNTS_FOR: Duration = Duration::from_secs(1);

/// What a check tells: more about what is well, or the reason why it is not.
pub(crate) type Told = Result<Value, String>;

/// Something that is looked at, under a name.
pub(crate) struct Check {
    name: &'static str,
    look: Look,
}

enum Look {
    Here(Box<dyn Fn() -> Told + Send + Sync>),
    Elsewhere { ask: Box<dyn Fn() -> BoxFuture<'static, Told> + Send + Sync>, last: Mutex<Option<(Instant, Told)>> },
}

impl Check {
    /// Of something in this process; not well is not ready.
    pub(crate) fn here(name: &'static str, look: impl Fn() -> Told + Send + Sync + 'static) -> Self {
        Self { name, look: Look::Here(Box::new(look)) }
    }

    /// Of something that may take its time to answer.
    pub(crate) fn elsewhere<F>(name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Told> + Send + 'static,
    {
        Self { name, look: Look::Elsewhere { ask: Box::new(move || ask().boxed()), last: Mutex::default() } }
    }

    fn is_here(&self) -> bool {
        matches!(self.look, Look::Here(_))
    }

    async fn told(&self) -> Told {
        let (ask, last) = match &self.look {
            Look::Here(look) => return look(),
            Look::Elsewhere { ask, last } => (ask, last),
        };
        // Held while it is asked: whoever comes meanwhile waits for the same answer.
        let mut last = last.lock().await;
        if let Some((at, told)) = &*last
            && at.elapsed() < ANSWER_COUNTS_FOR
        {
            return told.clone();
        }
        let told = timeout(ANSWER_TIME_MAX, ask()).await;
        let told = told.unwrap_or_else(|_| Err(format!("no answer within {ANSWER_TIME_MAX:?}")));
        *last = Some((Instant::now(), told.clone()));
        told
    }
}

/// All checks of this process; cheap to clone.
#[derive(Clone)]
pub(crate) struct Health(Arc<RwLock<Vec<Arc<Check>>>>);

impl Health {
    /// Not ready, until the checks of the same names are added.
    pub(crate) fn starting() -> Self {
        let health = Self(Arc::default());
        health.add(Check::here("data_plane", || Err("starting".to_owned())));
        health.add(Check::here("database", || Err("the store is not open yet".to_owned())));
        health.add(Check::here("hub", || Err("records are not open yet".to_owned())));
        health
    }

    /// Adds a check, in place of the one with its name.
    pub(crate) fn add(&self, check: Check) {
        let mut checks = self.0.write();
        checks.retain(|known| known.name != check.name);
        checks.push(Arc::new(check));
    }

    /// `/health`, `/health/ready`, `/health/live`, and each check by its name; no key is asked for.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/health", get(all))
            .route("/health/ready", get(ready))
            .route("/health/live", get(live))
            .route("/health/{check}", get(one))
            .with_state(self.clone())
    }

    fn those(&self, asked: impl Fn(&Check) -> bool) -> Vec<Arc<Check>> {
        self.0.read().iter().filter(|check| asked(check)).cloned().collect()
    }
}

/// The write-ahead log and the memory of the data plane.
pub(crate) fn of_plane(plane: &Arc<DataPlane>) -> [Check; 2] {
    let (log, memory) = (Arc::clone(plane), Arc::clone(plane));
    let log = move || match log.is_writable() {
        true => Ok(json!({"requests_waiting_for_the_store": log.status().frames_waiting})),
        false => Err("the write-ahead log does not take requests".to_owned()),
    };
    let memory = move || {
        let plane::Status { memory_bytes, memory_bytes_max, .. } = memory.status();
        match memory_bytes > memory_bytes_max / 10 * 9 {
            true => Err("full".to_owned()),
            false => Ok(json!({"bytes": memory_bytes, "bytes_max": memory_bytes_max})),
        }
    };
    [Check::here("data_plane", log), Check::here("memory", memory)]
}

/// The products of this process; one that waits for its next start is told, and keeps no requests of others away.
pub(crate) fn of_products(host: &Arc<Host>) -> Check {
    let host = Arc::clone(host);
    Check::elsewhere("products", move || {
        let health = host.health();
        async move {
            let told = |(name, health): &(&str, plugin::Health)| {
                let error = health.last_error.as_deref().unwrap_or("no reason given");
                (health.state == State::Waiting).then(|| format!("{name} is started again: {error}"))
            };
            let waiting: Vec<String> = health.iter().filter_map(told).collect();
            match waiting.is_empty() {
                true => {
                    let states = health.iter().map(|(name, health)| ((*name).to_owned(), health.state.name().into()));
                    Ok(Value::Object(states.collect()))
                }

                false => Err(waiting.join("; ")),
            }
        }
    })
}

async fn live() -> Json<Value> {
    Json(json!({"status": "alive", "version": env!("CARGO_PKG_VERSION"), "timestamp": timestamp()}))
}

async fn all(Part(health): Part<Health>) -> Response {
    answer(health.those(|_| true)).await
}

async fn ready(Part(health): Part<Health>) -> Response {
    answer(health.those(Check::is_here)).await
}

async fn one(Part(health): Part<Health>, Path(name): Path<String>, request: Request) -> Response {
    let name = if name == "db" { "database" } else { &name };
    let checks = health.those(|check| check.name == name);
    match checks.is_empty() {
        true => nothing_here(request).await,
        false => answer(checks).await,
    }
}

async fn answer(checks: Vec<Arc<Check>>) -> Response {
    let told = join_all(checks.iter().map(|check| check.told())).await;
    let is_well = told.iter().all(Result::is_ok);
    let (mut outcomes, mut details) = (Map::new(), Map::new());
    for (check, told) in checks.iter().zip(told) {
        let outcome = match told {
            Ok(detail) => {
                details.insert(check.name.to_owned(), detail);
                "ok".to_owned()
            }
            Err(reason) => reason,
        };
        outcomes.insert(check.name.to_owned(), outcome.into());
    }
    let body = json!({
        "status": if is_well { "healthy" } else { "unhealthy" },
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": timestamp(),
        "checks": outcomes,
        "details": details,
    });
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
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
        "/api/docs shows what there is, health is at /health; OTLP has ports of its own, see the lines at the start";
    let error = json!({"code": "not_found", "message": message, "hint": hint});
    (StatusCode::NOT_FOUND, Json(json!({"error": error}))).into_response()
}

/// Now, as RFC 3339 in UTC.
fn timestamp() -> String {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a nanosecond");
    now.format(&Rfc3339).expect("a date of this century has a form")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    async fn ask(health: &Health, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(axum::body::Body::empty()).expect("a request");
        let response = health.router().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    fn well() -> Health {
        let health = Health::starting();
        health.add(Check::here("data_plane", || Ok(Value::Null)));
        health.add(Check::here("hub", || Ok(Value::Null)));
        health.add(Check::elsewhere("database", || async { Ok(json!({"latency_ms": 1})) }));
        health
    }

    #[tokio::test]
    async fn a_server_that_starts_is_alive_and_not_ready() {
        let health = Health::starting();

        let (status, body) = ask(&health, "/health/ready").await;

        assert_eq!((status, &body["checks"]["data_plane"]), (503, &"starting".into()));
        assert_eq!(ask(&health, "/health/db").await.0, 503);
        assert_eq!(ask(&health, "/health/live").await.0, 200);
    }

    #[tokio::test]
    async fn what_fails_elsewhere_is_named_and_keeps_no_requests_away() {
        let health = well();
        health.add(Check::elsewhere("redis", || async { Err("it is away".to_owned()) }));

        let (status, body) = ask(&health, "/health").await;

        let expected = json!({"data_plane": "ok", "hub": "ok", "database": "ok", "redis": "it is away"});
        assert_eq!((status, &body["status"], &body["checks"]), (503, &"unhealthy".into(), &expected));
        assert_eq!(ask(&health, "/health/ready").await.0, 200);
        assert_eq!(ask(&health, "/health/redis").await.1["checks"], json!({"redis": "it is away"}));
        assert_eq!(ask(&health, "/health/database").await.1["details"], json!({"database": {"latency_ms": 1}}));
        assert_eq!(ask(&health, "/health/nothing").await.0, 404);
    }

    #[tokio::test]
    async fn what_does_not_answer_holds_nobody_up() {
        let health = well();
        health.add(Check::elsewhere("redis", std::future::pending));
        let began = Instant::now();

        let (first, second) = tokio::join!(ask(&health, "/health"), ask(&health, "/health"));

        assert!(began.elapsed() < ANSWER_TIME_MAX * 2, "{:?}", began.elapsed());
        assert_eq!((first.0, second.0), (503, 503));
        assert_eq!(first.1["checks"]["redis"], "no answer within 2s");
    }

    #[tokio::test]
    async fn many_who_ask_at_once_ask_elsewhere_once() {
        let (health, asked) = (well(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&asked);
        health.add(Check::elsewhere("redis", move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(Value::Null) }
        }));

        join_all((0..20).map(|_| ask(&health, "/health"))).await;

        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
