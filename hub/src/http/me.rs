//! Oneself: who one is, what one may do, where one is signed in.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use records::Record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Hubs;
use super::extract::{Asked, Body, PageWanted, id};
use super::sessions::{EndedSessions, SessionView, Sessions};
use super::status::ErrorAnswer;
use crate::access::{Asking, Who};
use crate::error::Error;
use crate::licence::Standing;
use crate::passwords::Secret;
use crate::people::{Person, PersonEdit};
use crate::sessions::Session;

/// Who is asking.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// `person`, `key` or `anonymous`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// E-mail of a person, name of a key.
    name: String,
    /// Where they belong.
    home: String,
    /// Whose rows and records they see.
    tenant: String,
    /// Tenants they can name in `X-Observatory-Tenant`.
    tenants: Vec<String>,
    /// What they may do, as `product:resource:action`.
    grants: Vec<String>,
    /// `none`, `valid`, `grace` or `read_only`.
    licence: &'static str,
}

/// Who is asking, and what they may do
#[utoipa::path(
    get, path = "/me", tag = "me", security(("caller" = [])),
    responses((status = 200, body = Me), (status = 401, body = ErrorAnswer))
)]
pub(crate) async fn read(State(hub): Hubs, asking: Asking) -> Json<Me> {
    let caller = &asking.caller;
    let (kind, id) = match caller.who() {
        Who::Person { id, .. } => ("person", Some(id.to_string())),
        Who::Key { id, .. } => ("key", Some(id.to_string())),
        Who::Anonymous | Who::Server => ("anonymous", None),
    };
    let mut grants: Vec<String> = caller.permissions.grants().map(ToString::to_string).collect();
    grants.sort_unstable();
    grants.dedup();
    Json(Me {
        kind,
        id,
        name: caller.who().name().to_owned(),
        home: caller.home().to_string(),
        tenant: caller.tenant().to_string(),
        tenants: caller.tenants().iter().map(ToString::to_string).collect(),
        grants,
        licence: match hub.access.licence() {
            Standing::None => "none",
            Standing::Valid(_) => "valid",
            Standing::Grace(_, _) => "grace",
            Standing::ReadOnly(_, _) => "read_only",
        },
    })
}

/// What somebody changes of themselves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeEdit {
    name: String,
}

/// Change one's name
#[utoipa::path(
    patch, path = "/me", tag = "me", security(("caller" = [])), request_body = MeEdit,
    responses((status = 204), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn edit(State(hub): Hubs, asking: Asking, Body(edit): Body<MeEdit>) -> Result<StatusCode, Error> {
    let (own, id) = (asking.at_home(), asking.person()?);
    let _: Record<Person> =
        hub.edit_person(&own, id, &PersonEdit { name: Some(edit.name), ..PersonEdit::default() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's passwords.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[schema(value_type = String)]
    current: Secret,
    #[schema(value_type = String)]
    new: Secret,
}

/// Replace one's password
///
/// Everything that is open is closed, with the session this is done in: sign in again.
#[utoipa::path(
    put, path = "/me/password", tag = "me", security(("caller" = [])), request_body = PasswordChange,
    responses((status = 204), (status = 400, body = ErrorAnswer), (status = 429, body = ErrorAnswer))
)]
pub(crate) async fn change_password(
    State(hub): Hubs,
    asking: Asking,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, Error> {
    hub.change_password(&asking, &change.current, &change.new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where one is signed in
#[utoipa::path(
    get, path = "/me/sessions", tag = "me", security(("caller" = [])), params(PageWanted),
    responses((status = 200, body = Sessions))
)]
pub(crate) async fn sessions(
    State(hub): Hubs,
    asking: Asking,
    Asked(page): Asked<PageWanted>,
) -> Result<Json<Sessions>, Error> {
    let (own, current) = (asking.person()?, asking.session()?);
    let list = page.list()?.equal("person", own.as_str()).descending();
    let page = hub.records.collection::<Session>().list(asking.home(), &list).await?;
    let sessions = page.records.into_iter().map(|session| SessionView::of(session, Some(current))).collect();
    Ok(Json(Sessions { sessions, next: page.next.map(String::from) }))
}

/// End all of one's sessions but the one this is done in
#[utoipa::path(
    delete, path = "/me/sessions", tag = "me", security(("caller" = [])),
    responses((status = 200, body = EndedSessions), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn end_other_sessions(State(hub): Hubs, asking: Asking) -> Result<Json<EndedSessions>, Error> {
    let ended = hub.end_sessions(&asking.at_home(), asking.person()?, Some(asking.session()?)).await?;
    Ok(Json(EndedSessions { ended }))
}

/// End one of one's sessions
#[utoipa::path(
    delete, path = "/me/sessions/{id}", tag = "me", security(("caller" = [])), params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn end_session(
    State(hub): Hubs,
    asking: Asking,
    Path(session): Path<String>,
) -> Result<StatusCode, Error> {
    hub.end_session(&asking.at_home(), &id("session", session)?, Some(asking.person()?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
