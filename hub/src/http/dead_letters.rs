//! Dead letters of the tenant: events that a consumer could not handle, as often as it tried.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use records::{Order, Record, RecordId};
use serde::Serialize;
use utoipa::ToSchema;

use super::Hubs;
use super::extract::{Asked, PageWanted, id};
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::clock::Moment;
use crate::error::Error;
use crate::events::{Event, Letter};

/// An event that a consumer could not handle. It waits for somebody who lets it be tried again, or deletes it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetter {
    /// Who could not.
    consumer: String,
    /// Id of the event.
    event: String,
    /// What happened, as in `orchestrator.job.failed`.
    #[serde(rename = "type")]
    kind: String,
    /// To what it happened.
    subject: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// What the consumer said last.
    reason: String,
    /// The trace that the event belongs to, in hex.
    trace_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    published_at: Moment,
    /// When it was tried last.
    #[schema(value_type = String, format = DateTime)]
    failed_at: Moment,
}

impl DeadLetter {
    fn of(letter: Record<Letter>) -> Self {
        let Letter { consumer, attempts, reason, event, .. } = letter.body;
        let trace_id = event.trace_id().map(str::to_owned);
        let Event { id, kind, subject, time, .. } = event;
        Self {
            consumer,
            event: id.to_string(),
            kind,
            subject,
            attempts,
            reason,
            trace_id,
            published_at: time.into(),
            failed_at: letter.updated_at.into(),
        }
    }
}

/// Some dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetters {
    dead_letters: Vec<DeadLetter>,
    /// `after` of the next page.
    next: Option<String>,
}

/// Events that consumers could not handle, the newest failures first
#[utoipa::path(
    get, path = "/dead-letters", tag = "events", security(("caller" = ["hub:events:read"])), params(PageWanted),
    responses((status = 200, body = DeadLetters), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(
    State(hub): Hubs,
    asking: Asking,
    Asked(page): Asked<PageWanted>,
) -> Result<Json<DeadLetters>, Error> {
    let list = page.list()?.equal("is_dead", true).by(Order::Created).descending();
    let page = hub.records.collection::<Letter>().list(asking.tenant(), &list).await?;
    let dead_letters = page.records.into_iter().map(DeadLetter::of).collect();
    Ok(Json(DeadLetters { dead_letters, next: page.next.map(String::from) }))
}

/// Let a consumer try an event again
///
/// It is tried as often as a new one, as soon as the consumer runs.
#[utoipa::path(
    post, path = "/dead-letters/{consumer}/{event}/retry", tag = "events", security(("caller" = ["hub:events:write"])),
    params(("consumer" = String, Path), ("event" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn retry(
    State(hub): Hubs,
    asking: Asking,
    Path((consumer, event)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    hub.retry_letter(&asking, &letter(&consumer, &event)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete an event that a consumer could not handle
#[utoipa::path(
    delete, path = "/dead-letters/{consumer}/{event}", tag = "events", security(("caller" = ["hub:events:write"])),
    params(("consumer" = String, Path), ("event" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn remove(
    State(hub): Hubs,
    asking: Asking,
    Path((consumer, event)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    hub.delete_letter(&asking, &letter(&consumer, &event)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The id of a letter.
fn letter(consumer: &str, event: &str) -> Result<RecordId, Error> {
    id("dead letter", format!("{consumer}/{event}"))
}
