//! API keys of the tenant.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use ipnet::IpNet;
use records::Record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Hubs;
use super::extract::{Asked, Body, PageWanted, id};
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::clock::Moment;
use crate::error::Error;
use crate::keys::{ApiKey, NewKey, Rotated};
use crate::passwords::Secret;
use crate::roles::RoleName;

/// A key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// Also the first part of the key, behind `obs_`.
    id: String,
    name: String,
    roles: Vec<String>,
    #[schema(value_type = Vec<String>)]
    allowed_from: Vec<IpNet>,
    made_by: String,
    #[schema(value_type = String, format = DateTime)]
    made_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Moment>,
    /// Id of the key that was made to take its place.
    replaced_by: Option<String>,
}

impl KeyView {
    fn of(key: Record<ApiKey>) -> Self {
        let ApiKey { name, roles, expires_at, allowed_from, made_by, last_used_at, revoked_at, replaced_by } = key.body;
        Self {
            id: key.id.into(),
            name,
            roles: roles.into_iter().map(String::from).collect(),
            allowed_from,
            made_by,
            made_at: key.created_at.into(),
            expires_at: expires_at.map(Moment),
            last_used_at: last_used_at.map(Moment),
            revoked_at: revoked_at.map(Moment),
            replaced_by: replaced_by.map(String::from),
        }
    }
}

/// Some keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Keys {
    keys: Vec<KeyView>,
    /// `after` of the next page.
    next: Option<String>,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    name: String,
    /// What it may do; `exporter` when it is not said.
    #[serde(default = "exporter")]
    #[schema(value_type = Vec<String>)]
    roles: Vec<RoleName>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    /// Networks it is taken from, as in `10.1.0.0/16`; from everywhere when there are none.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    allowed_from: Vec<IpNet>,
}

fn exporter() -> Vec<RoleName> {
    vec![RoleName::exporter()]
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeKey {
    id: String,
    /// Told once: put it where the program finds it.
    #[schema(value_type = String)]
    key: Secret,
}

/// Keys of the tenant
#[utoipa::path(
    get, path = "/keys", tag = "keys", security(("caller" = ["hub:keys:read"])), params(PageWanted),
    responses((status = 200, body = Keys), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(
    State(hub): Hubs,
    asking: Asking,
    Asked(page): Asked<PageWanted>,
) -> Result<Json<Keys>, Error> {
    let page = hub.records.collection::<ApiKey>().list(asking.tenant(), &page.list()?).await?;
    let keys = page.records.into_iter().map(KeyView::of).collect();
    Ok(Json(Keys { keys, next: page.next.map(String::from) }))
}

/// Make a key
#[utoipa::path(
    post, path = "/keys", tag = "keys", security(("caller" = ["hub:keys:write"])), request_body = KeyRequest,
    responses((status = 201, body = MadeKey), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn make(
    State(hub): Hubs,
    asking: Asking,
    Body(request): Body<KeyRequest>,
) -> Result<(StatusCode, Json<MadeKey>), Error> {
    let KeyRequest { name, roles, expires_at, allowed_from } = request;
    let expires_at = expires_at.map(|moment| moment.0);
    let made_by = asking.by().who.name().to_owned();
    let (last_used_at, revoked_at, replaced_by) = (None, None, None);
    let key = ApiKey { name, roles, expires_at, allowed_from, made_by, last_used_at, revoked_at, replaced_by };
    let made = hub.make_key(&asking, &key).await?;
    Ok((StatusCode::CREATED, Json(MadeKey { id: made.id.into(), key: made.text })))
}

/// How a key is to be rotated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationRequest {
    /// For so long both keys work; 24 when it is not said, 720 at most, and 0 ends the old one at once.
    #[serde(default = "a_day")]
    overlap_hours: u32,
}

fn a_day() -> u32 {
    24
}

/// A key that was rotated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotatedKey {
    /// Of the new key.
    id: String,
    /// The new key. Told once: put it where the program finds it.
    #[schema(value_type = String)]
    key: Secret,
    /// Until then the old key works, too.
    #[schema(value_type = String, format = DateTime)]
    old_expires_at: Moment,
}

/// Put a new key in the place of one
///
/// The new one has the same name, roles and networks; if the old one was made for some time, it lasts as long from now on.
#[utoipa::path(
    post, path = "/keys/{id}/rotation", tag = "keys", security(("caller" = ["hub:keys:write"])), params(("id" = String, Path)),
    request_body = RotationRequest,
    responses(
        (status = 201, body = RotatedKey), (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer)
    )
)]
pub(crate) async fn rotate(
    State(hub): Hubs,
    asking: Asking,
    Path(key): Path<String>,
    Body(request): Body<RotationRequest>,
) -> Result<(StatusCode, Json<RotatedKey>), Error> {
    let Rotated { successor, old_expires_at } =
        hub.rotate_key(&asking, &id("key", key)?, request.overlap_hours).await?;
    let NewKey { id, text: key } = successor;
    Ok((StatusCode::CREATED, Json(RotatedKey { id: id.into(), key, old_expires_at: old_expires_at.into() })))
}

/// Revoke a key
#[utoipa::path(
    delete, path = "/keys/{id}", tag = "keys", security(("caller" = ["hub:keys:write"])), params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn revoke(State(hub): Hubs, asking: Asking, Path(key): Path<String>) -> Result<StatusCode, Error> {
    hub.revoke_key(&asking, &id("key", key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
