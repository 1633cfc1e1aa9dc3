//! Plays the simulated shop into a tenant, for people who have nothing to send yet: a button of the web app asks for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bench::demo::{Pace, new_seed};
use bench::simulator::{Fault, Shop, Telemetry};
use bytes::Bytes;
use http::StatusCode;
use hub::Asking;
use ingest::Receiver;
use model::Tenant;
use parking_lot::Mutex;
use plane::Payload;
use plugin::Failure;
use prost::Message;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const PLAYS_FOR: Duration = Duration::from_secs(60 * 60);
/// So that charts have something to show at once.
const PAST: Duration = Duration::from_secs(30 * 60);
/// Of visitors, a second; each makes about 16 spans.
const REQUESTS_PER_SECOND: f64 = 10.0;
/// Something to find, and well before it, something to compare with.
const FAULTS: [Fault; 2] = [Fault::SlowDatabase, Fault::FailingPayment];
const HEALTHY_FOR: Duration = Duration::from_secs(20 * 60);
/// Tenants that it is played for at once, in this process.
const DEMOS_MAX: usize = 8;
/// What was not taken is offered again after this.
const PAUSE: Duration = Duration::from_secs(1);

/// What is played for whom.
pub(crate) struct Demos {
    receiver: Arc<Receiver>,
    stop: CancellationToken,
    tasks: TaskTracker,
    playing: Mutex<HashMap<Tenant, Playing>>,
}

struct Playing {
    since: OffsetDateTime,
    until: OffsetDateTime,
    written: Arc<Written>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Written {
    requests: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// The demo of a tenant.
#[derive(Serialize, ToSchema)]
struct Demo {
    is_playing: bool,
    /// RFC 3339.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    since: Option<OffsetDateTime>,
    /// When it ends by itself; RFC 3339.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    until: Option<OffsetDateTime>,
    /// Requests of OTLP that were written.
    requests: u64,
    /// Why the last request was not taken; it is offered again.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl Demos {
    /// None is played yet; all end with `stop`.
    pub(crate) fn new(receiver: Arc<Receiver>, stop: &CancellationToken) -> Arc<Self> {
        let (stop, tasks) = (stop.child_token(), TaskTracker::new());
        Arc::new(Self { receiver, stop, tasks, playing: Mutex::default() })
    }

    /// Ends all, and waits until nothing of them is written any more.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Begins, unless it is played for this tenant already.
    fn play(self: &Arc<Self>, asking: &Asking) -> Result<Demo, Failure> {
        let tenant = asking.tenant();
        let mut playing = self.playing.lock();
        if !playing.contains_key(tenant) {
            if playing.len() >= DEMOS_MAX {
                let said = format!("the demo is played for {DEMOS_MAX} tenants already, which is the most");
                return Err(Failure::unavailable(said).hinting("play it from elsewhere: observatory demo --help"));
            }
            tracing::info!(%tenant, by = asking.caller().who().name(), "the demo begins");
            let since = OffsetDateTime::now_utc();
            let (written, stop) = (Arc::default(), self.stop.child_token());
            let shown = Playing { since, until: since + PLAYS_FOR, written, stop };
            self.tasks.spawn(Arc::clone(self).perform(tenant.clone(), Arc::clone(&shown.written), shown.stop.clone()));
            playing.insert(tenant.clone(), shown);
        }
        Ok(demo(playing.get(tenant)))
    }

    fn look(&self, tenant: &Tenant) -> Demo {
        demo(self.playing.lock().get(tenant))
    }

    async fn perform(self: Arc<Self>, tenant: Tenant, written: Arc<Written>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(PLAYS_FOR) => {}
            () = self.shop(&tenant, &written) => {}
        }
        // It may have been begun again.
        self.playing.lock().retain(|_, playing| !Arc::ptr_eq(&playing.written, &written));
        tracing::info!(%tenant, requests = written.requests.load(Ordering::Relaxed), "the demo ended");
    }

    async fn shop(&self, tenant: &Tenant, written: &Written) {
        let mut shop = Shop::new(new_seed(), &FAULTS).healthy_for(HEALTHY_FOR);
        let mut pace = Pace::new(PAST);
        loop {
            let step = pace.next().await;
            let from = u64::try_from(step.from.as_nanos()).expect("the clock is before the year 2500");
            let telemetry = shop.step(from, step.length, REQUESTS_PER_SECOND);
            for (payload, request) in requests(&telemetry).into_iter().filter(|(_, request)| !request.is_empty()) {
                self.write(tenant, payload, request, written).await;
            }
        }
    }

    async fn write(&self, tenant: &Tenant, payload: Payload, request: Bytes, written: &Written) {
        while let Err(refused) = self.receiver.take(tenant.clone(), payload, request.clone()).await {
            *written.trouble.lock() = Some(refused.to_string());
            sleep(PAUSE).await;
        }
        *written.trouble.lock() = None;
        written.requests.fetch_add(1, Ordering::Relaxed);
    }
}

fn requests(telemetry: &Telemetry) -> [(Payload, Bytes); 3] {
    [
        (Payload::Traces, telemetry.traces.encode_to_vec().into()),
        (Payload::Logs, telemetry.logs.encode_to_vec().into()),
        (Payload::Metrics, telemetry.metrics.encode_to_vec().into()),
    ]
}

fn demo(playing: Option<&Playing>) -> Demo {
    Demo {
        is_playing: playing.is_some(),
        since: playing.map(|playing| playing.since),
        until: playing.map(|playing| playing.until),
        requests: playing.map_or(0, |playing| playing.written.requests.load(Ordering::Relaxed)),
        trouble: playing.and_then(|playing| playing.written.trouble.lock().clone()),
    }
}

/// `/api/v1/system/demo`.
pub(crate) fn routes(demos: &Arc<Demos>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(look, play, end)).with_state(Arc::clone(demos))
}

/// See whether the demo is played
#[utoipa::path(
    get, path = "/api/v1/system/demo", tag = "server", security(("caller" = ["telemetry:rows:read"])),
    responses((status = 200, description = "Whether it is played for the tenant", body = Demo))
)]
async fn look(State(demos): State<Arc<Demos>>, asking: Asking) -> Json<Demo> {
    Json(demos.look(asking.tenant()))
}

/// Play the demo
///
/// Writes the telemetry of a simulated shop into the tenant: half an hour of the past at once, then an hour as it comes. It counts
/// towards quotas as all telemetry does, and rests as long.
#[utoipa::path(
    post, path = "/api/v1/system/demo", tag = "server", security(("caller" = ["telemetry:rows:write"])),
    responses(
        (status = 202, description = "It is played now, or was already", body = Demo),
        (status = 503, description = "It is played for as many tenants as may be"),
    )
)]
async fn play(State(demos): State<Arc<Demos>>, asking: Asking) -> Result<(StatusCode, Json<Demo>), Failure> {
    Ok((StatusCode::ACCEPTED, Json(demos.play(&asking)?)))
}

/// End the demo
///
/// What it has written stays.
#[utoipa::path(
    delete, path = "/api/v1/system/demo", tag = "server", security(("caller" = ["telemetry:rows:write"])),
    responses((status = 204, description = "It ends, or was not played"))
)]
async fn end(State(demos): State<Arc<Demos>>, asking: Asking) -> StatusCode {
    if let Some(playing) = demos.playing.lock().remove(asking.tenant()) {
        playing.stop.cancel();
    }
    StatusCode::NO_CONTENT
}
