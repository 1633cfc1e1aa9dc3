//! Groups of the tenant.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use records::{Record, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Hubs;
use super::extract::{Asked, Body, PageWanted, id};
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::error::Error;
use crate::groups::Group;
use crate::roles::RoleName;

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    id: String,
    /// Identity providers name it so.
    name: String,
    roles: Vec<String>,
    /// Ids of people.
    members: Vec<String>,
    external_id: Option<String>,
}

impl GroupView {
    fn of(group: Record<Group>) -> Self {
        let Group { name, external_id, roles, members } = group.body;
        Self {
            id: group.id.into(),
            name,
            roles: roles.into_iter().map(String::from).collect(),
            members: members.into_iter().map(String::from).collect(),
            external_id,
        }
    }
}

/// Some groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Groups {
    groups: Vec<GroupView>,
    /// `after` of the next page.
    next: Option<String>,
}

/// What a group is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRequest {
    name: String,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    roles: Vec<RoleName>,
    /// Ids of people.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    members: BTreeSet<RecordId>,
    external_id: Option<String>,
}

impl From<GroupRequest> for Group {
    fn from(request: GroupRequest) -> Self {
        let GroupRequest { name, roles, members, external_id } = request;
        Self { name, external_id, roles, members }
    }
}

/// Groups of the tenant
#[utoipa::path(
    get, path = "/groups", tag = "groups", security(("caller" = ["hub:groups:read"])), params(PageWanted),
    responses((status = 200, body = Groups), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(
    State(hub): Hubs,
    asking: Asking,
    Asked(page): Asked<PageWanted>,
) -> Result<Json<Groups>, Error> {
    let page = hub.records.collection::<Group>().list(asking.tenant(), &page.list()?).await?;
    let groups = page.records.into_iter().map(GroupView::of).collect();
    Ok(Json(Groups { groups, next: page.next.map(String::from) }))
}

/// Make a group
#[utoipa::path(
    post, path = "/groups", tag = "groups", security(("caller" = ["hub:groups:write"])), request_body = GroupRequest,
    responses((status = 201, body = GroupView), (status = 403, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn make(
    State(hub): Hubs,
    asking: Asking,
    Body(request): Body<GroupRequest>,
) -> Result<(StatusCode, Json<GroupView>), Error> {
    let group = hub.make_group(&asking, &request.into()).await?;
    Ok((StatusCode::CREATED, Json(GroupView::of(group))))
}

/// One group
#[utoipa::path(
    get, path = "/groups/{id}", tag = "groups", security(("caller" = ["hub:groups:read"])), params(("id" = String, Path)),
    responses((status = 200, body = GroupView), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn read(
    State(hub): Hubs,
    asking: Asking,
    Path(group): Path<String>,
) -> Result<Json<GroupView>, Error> {
    let id = id("group", group)?;
    let group = hub.records.collection::<Group>().get(asking.tenant(), &id).await?;
    Ok(Json(GroupView::of(group.ok_or_else(|| Error::not_found("group", id))?)))
}

/// Say what a group is
#[utoipa::path(
    put, path = "/groups/{id}", tag = "groups", security(("caller" = ["hub:groups:write"])), params(("id" = String, Path)),
    request_body = GroupRequest,
    responses((status = 200, body = GroupView), (status = 403, body = ErrorAnswer), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn replace(
    State(hub): Hubs,
    asking: Asking,
    Path(group): Path<String>,
    Body(request): Body<GroupRequest>,
) -> Result<Json<GroupView>, Error> {
    let group = hub.change_group(&asking, &id("group", group)?, &request.into()).await?;
    Ok(Json(GroupView::of(group)))
}

/// Remove a group
#[utoipa::path(
    delete, path = "/groups/{id}", tag = "groups", security(("caller" = ["hub:groups:write"])), params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn remove(State(hub): Hubs, asking: Asking, Path(group): Path<String>) -> Result<StatusCode, Error> {
    hub.remove_group(&asking, &id("group", group)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
