//! Sessions of all people of the tenant.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use records::{Record, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hubs;
use super::extract::{Asked, PageWanted, id};
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::clock::Moment;
use crate::error::Error;
use crate::sessions::Session;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    id: String,
    person: String,
    /// `password`, or `oidc/<provider>`.
    method: String,
    address: Option<String>,
    agent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    refreshed_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Moment>,
    ended_because: Option<String>,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl SessionView {
    pub(crate) fn of(session: Record<Session>, current: Option<&RecordId>) -> Self {
        let Session {
            person,
            method,
            address,
            agent,
            started_at,
            refreshed_at,
            expires_at,
            ended_at,
            ended_because,
            ..
        } = session.body;
        Self {
            is_current: current == Some(&session.id),
            id: session.id.into(),
            person: person.into(),
            method,
            address,
            agent,
            started_at: started_at.into(),
            refreshed_at: refreshed_at.into(),
            expires_at: expires_at.into(),
            ended_at: ended_at.map(Moment),
            ended_because,
        }
    }
}

/// Some sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    pub(crate) sessions: Vec<SessionView>,
    /// `after` of the next page.
    pub(crate) next: Option<String>,
}

/// Sessions that were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedSessions {
    /// How many had not ended before.
    pub(crate) ended: usize,
}

/// Whose sessions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SessionsWanted {
    /// Of this person only.
    person: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Sessions of the tenant
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", security(("caller" = ["hub:sessions:read"])), params(SessionsWanted),
    responses((status = 200, body = Sessions), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(
    State(hub): Hubs,
    asking: Asking,
    Asked(wanted): Asked<SessionsWanted>,
) -> Result<Json<Sessions>, Error> {
    let SessionsWanted { person, after, limit } = wanted;
    let list = PageWanted { after, limit }.list()?.descending();
    let list = person.into_iter().fold(list, |list, person| list.equal("person", person));
    let page = hub.records.collection::<Session>().list(asking.tenant(), &list).await?;
    let sessions = page.records.into_iter().map(|session| SessionView::of(session, None)).collect();
    Ok(Json(Sessions { sessions, next: page.next.map(String::from) }))
}

/// End somebody's session
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions", security(("caller" = ["hub:sessions:write"])), params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn end(State(hub): Hubs, asking: Asking, Path(session): Path<String>) -> Result<StatusCode, Error> {
    hub.end_session(&asking, &id("session", session)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all sessions of somebody
#[utoipa::path(
    delete, path = "/people/{id}/sessions", tag = "sessions", security(("caller" = ["hub:sessions:write"])), params(("id" = String, Path)),
    responses((status = 200, body = EndedSessions), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn end_all(
    State(hub): Hubs,
    asking: Asking,
    Path(person): Path<String>,
) -> Result<Json<EndedSessions>, Error> {
    let ended = hub.end_sessions(&asking, &id("person", person)?, None).await?;
    Ok(Json(EndedSessions { ended }))
}
