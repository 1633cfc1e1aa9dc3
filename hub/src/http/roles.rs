//! Roles of the tenant, with those that every tenant has.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use records::{List, PAGE_MAX};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Hubs;
use super::extract::Body;
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::error::Error;
use crate::permissions::Grant;
use crate::roles::{BUILT_IN, Role, RoleName};

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleView {
    name: String,
    description: String,
    /// As `product:resource:action`, each a name or `*`.
    grants: Vec<String>,
    /// Whether every tenant has it as it is.
    is_built_in: bool,
}

/// All roles.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Roles {
    roles: Vec<RoleView>,
}

/// What a role is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleRequest {
    #[serde(default)]
    description: String,
    #[schema(value_type = Vec<String>)]
    grants: Vec<Grant>,
}

/// Roles that can be given
#[utoipa::path(
    get, path = "/roles", tag = "roles", security(("caller" = ["hub:roles:read"])),
    responses((status = 200, body = Roles), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(State(hub): Hubs, asking: Asking) -> Result<Json<Roles>, Error> {
    let own = hub.records.collection::<Role>().list(asking.tenant(), &List::all().limit(PAGE_MAX)).await?;
    let built_in = BUILT_IN.iter().map(|role| RoleView {
        name: role.name.to_owned(),
        description: role.description.to_owned(),
        grants: role.grants.iter().map(|grant| (*grant).to_owned()).collect(),
        is_built_in: true,
    });
    let own = own.records.into_iter().map(|role| RoleView {
        name: role.id.into(),
        description: role.body.description,
        grants: role.body.grants.into_iter().map(String::from).collect(),
        is_built_in: false,
    });
    Ok(Json(Roles { roles: built_in.chain(own).collect() }))
}

/// Make a role or change it
#[utoipa::path(
    put, path = "/roles/{name}", tag = "roles", security(("caller" = ["hub:roles:write"])), params(("name" = String, Path)),
    request_body = RoleRequest,
    responses((status = 204), (status = 403, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn put(
    State(hub): Hubs,
    asking: Asking,
    Path(name): Path<String>,
    Body(request): Body<RoleRequest>,
) -> Result<StatusCode, Error> {
    let name = RoleName::new(&name).map_err(Error::Invalid)?;
    let RoleRequest { description, grants } = request;
    hub.put_role(&asking, &name, &Role { description, grants }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a role that nobody has
#[utoipa::path(
    delete, path = "/roles/{name}", tag = "roles", security(("caller" = ["hub:roles:write"])), params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn remove(State(hub): Hubs, asking: Asking, Path(name): Path<String>) -> Result<StatusCode, Error> {
    let name = RoleName::new(&name).map_err(|_| Error::not_found("role", name))?;
    hub.remove_role(&asking, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
