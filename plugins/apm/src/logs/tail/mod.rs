//! Log records as they arrive, over Server-Sent Events.
//!
//! One subscription of the process feeds all who follow; [`feeds`] says how. What is told is told within moments, or it is told that
//! it was not; where neither can be, the answer ends, and who follows again knows that some may be missing.

mod answer;
mod feeds;

use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use futures::StreamExt;
use plugin::model::{Signal, Tenant};
use plugin::query::Event;
use plugin::{Asked, Failure, PluginContext, PluginError, Shutdown};
use tokio::time::{MissedTickBehavior, interval};

pub(crate) use self::feeds::Feeds;
use super::filter::LogWanted;

/// An answer ends after so long. Browsers ask again by themselves, and who may not read logs any more gets none.
const FOLLOWED_MAX: Duration = Duration::from_secs(3600);
/// How often what was left out is told, and lines are allowed again.
const SECOND: Duration = Duration::from_secs(1);

/// Log records as they arrive, as Server-Sent Events
///
/// `logs`: an array of records, as `GET /logs` tells them. `left_out`: `{"lines": 7}` came within one second and are too many to show.
/// `missed`: `{"lines": 7, "is_least": false}` went by because they were not read in time.
#[utoipa::path(
    get, path = "/logs/tail", tag = "apm", security(("caller" = ["apm:logs:read"])), params(LogWanted),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, description = "A parameter is wrong"),
        (status = 503, description = "As many follow as may, or the server stops"),
    )
)]
pub(crate) async fn follow(
    State((context, feeds)): State<(PluginContext, Feeds)>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<LogWanted>,
) -> Result<impl IntoResponse, Failure> {
    let filter = wanted.find(&context, &tenant).await?;
    let told = answer::answer(feeds.join(tenant, filter)?);
    let told = told.take_until(tokio::time::sleep(FOLLOWED_MAX));
    Ok(([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")], Body::from_stream(told)))
}

/// Feeds everybody who follows until the server stops; then all answers end.
pub(crate) async fn run(feeds: &Feeds, context: PluginContext, shutdown: Shutdown) -> Result<(), PluginError> {
    let mut logs = context.subscribe(&[Signal::Logs]);
    let mut seconds = interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let open = feeds.open();
    loop {
        tokio::select! {
            arrived = logs.next() => match arrived {
                Some(Event::Rows(committed)) if feeds.are_followed(&committed.tenant) => {
                    let feeds = feeds.clone();
                    tokio::task::spawn_blocking(move || feeds.tell(&committed.tenant, &committed.batches)).await?;
                }
                Some(Event::Rows(_)) => {}
                Some(Event::Missed(requests)) => {
                    tracing::warn!(requests, "log records went by faster than they could be told to who follows them");
                    // The number is of all tenants, which is nobody's to know.
                    feeds.have_missed_some();
                }
                None => return Ok(()),
            },
            _ = seconds.tick() => feeds.begin_second(),
            () = context.stopping.cancelled() => break,
            () = shutdown.cancelled() => return Ok(()),
        }
    }
    // Answers must end before the server can; the plugin is told to stop after that.
    drop(open);
    shutdown.cancelled().await;
    Ok(())
}
