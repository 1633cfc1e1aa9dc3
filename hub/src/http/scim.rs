//! SCIM 2.0 at `/api/v1/hub/scim/v2`, for a key whose role has `hub:scim:write`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use super::Hubs;
use super::extract::{Asked, Body, id};
use super::status::described;
use crate::access::Asking;
use crate::error::Error;
use crate::scim::{COUNT_MAX, Edit, GROUP, GroupAttributes, Patch, USER, UserAttributes, Wanted};

/// A resource as RFC 7644 sends it.
pub(crate) struct Scim(StatusCode, Value);

/// An error as RFC 7644 sends it.
pub(crate) struct ScimError(Error);

impl IntoResponse for Scim {
    fn into_response(self) -> Response {
        let mut response = (self.0, Json(self.1)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
        response
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let (status, code, _) = described(&self.0);
        let kind = match code {
            "conflict" => Some("uniqueness"),
            "invalid" if self.0.to_string().starts_with("filter") => Some("invalidFilter"),
            "invalid" => Some("invalidValue"),
            _ => None,
        };
        let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
        let mut error = json!({"schemas": [schema], "status": status.as_str(), "detail": self.0.to_string()});
        if let Some(kind) = kind {
            error["scimType"] = kind.into();
        }
        Scim(status, error).into_response()
    }
}

impl From<Error> for ScimError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

type Answer = Result<Scim, ScimError>;

/// Which resources.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ScimList {
    /// As in `userName eq "ada@example.org"`.
    filter: Option<String>,
    /// The first is 1.
    start_index: Option<usize>,
    /// At most 200.
    count: Option<usize>,
}

impl TryFrom<ScimList> for Wanted {
    type Error = Error;

    fn try_from(list: ScimList) -> Result<Self, Error> {
        let filter = list.filter.as_deref().map(str::parse).transpose()?;
        Ok(Self { filter, start: list.start_index.unwrap_or(1), count: list.count.unwrap_or(COUNT_MAX) })
    }
}

fn ok(resource: Value) -> Scim {
    Scim(StatusCode::OK, resource)
}

/// What of SCIM is spoken
#[utoipa::path(
    get, path = "/scim/v2/ServiceProviderConfig", tag = "scim", security(("caller" = ["hub:scim:read"])), responses((status = 200))
)]
pub(crate) async fn service_provider() -> Scim {
    ok(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": COUNT_MAX},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": false},
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "API key", "description": "a key of the tenant, as a bearer token"},
        ],
    }))
}

/// Which resources there are
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes", tag = "scim", security(("caller" = ["hub:scim:read"])), responses((status = 200))
)]
pub(crate) async fn resource_types() -> Scim {
    let kind = |name: &str, endpoint: &str, schema: &str| {
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"];
        json!({"schemas": schemas, "id": name, "name": name, "endpoint": endpoint, "schema": schema})
    };
    ok(json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 2,
        "Resources": [kind("User", "/Users", USER), kind("Group", "/Groups", GROUP)],
    }))
}

/// Users
#[utoipa::path(
    get, path = "/scim/v2/Users", tag = "scim", security(("caller" = ["hub:scim:read"])), params(ScimList), responses((status = 200))
)]
pub(crate) async fn users(State(hub): Hubs, asking: Asking, Asked(list): Asked<ScimList>) -> Answer {
    Ok(ok(hub.scim_users(&asking, &list.try_into()?).await?))
}

/// Make a user
#[utoipa::path(
    post, path = "/scim/v2/Users", tag = "scim", security(("caller" = ["hub:scim:write"])), request_body = Object,
    responses((status = 201))
)]
pub(crate) async fn make_user(State(hub): Hubs, asking: Asking, Body(user): Body<Map<String, Value>>) -> Answer {
    Ok(Scim(StatusCode::CREATED, hub.make_scim_user(&asking, UserAttributes::read(&user)?).await?))
}

/// One user
#[utoipa::path(
    get, path = "/scim/v2/Users/{id}", tag = "scim", security(("caller" = ["hub:scim:read"])), params(("id" = String, Path)),
    responses((status = 200))
)]
pub(crate) async fn user(State(hub): Hubs, asking: Asking, Path(user): Path<String>) -> Answer {
    Ok(ok(hub.scim_user(&asking, &id("user", user)?).await?))
}

/// Say what a user is
#[utoipa::path(
    put, path = "/scim/v2/Users/{id}", tag = "scim", security(("caller" = ["hub:scim:write"])), params(("id" = String, Path)),
    request_body = Object, responses((status = 200))
)]
pub(crate) async fn replace_user(
    State(hub): Hubs,
    asking: Asking,
    Path(user): Path<String>,
    Body(attributes): Body<Map<String, Value>>,
) -> Answer {
    let edit = Edit::Replace(UserAttributes::read(&attributes)?);
    Ok(ok(hub.edit_scim_user(&asking, &id("user", user)?, &edit).await?))
}

/// Change a user
#[utoipa::path(
    patch, path = "/scim/v2/Users/{id}", tag = "scim", security(("caller" = ["hub:scim:write"])), params(("id" = String, Path)),
    request_body = Patch, responses((status = 200))
)]
pub(crate) async fn patch_user(
    State(hub): Hubs,
    asking: Asking,
    Path(user): Path<String>,
    Body(patch): Body<Patch>,
) -> Answer {
    let edit = Edit::Patch(patch.operations);
    Ok(ok(hub.edit_scim_user(&asking, &id("user", user)?, &edit).await?))
}

/// Remove a user
#[utoipa::path(
    delete, path = "/scim/v2/Users/{id}", tag = "scim", security(("caller" = ["hub:scim:write"])), params(("id" = String, Path)),
    responses((status = 204))
)]
pub(crate) async fn remove_user(
    State(hub): Hubs,
    asking: Asking,
    Path(user): Path<String>,
) -> Result<StatusCode, ScimError> {
    hub.remove_scim_user(&asking, &id("user", user)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Groups
#[utoipa::path(
    get, path = "/scim/v2/Groups", tag = "scim", security(("caller" = ["hub:scim:read"])), params(ScimList), responses((status = 200))
)]
pub(crate) async fn groups(State(hub): Hubs, asking: Asking, Asked(list): Asked<ScimList>) -> Answer {
    Ok(ok(hub.scim_groups(&asking, &list.try_into()?).await?))
}

/// Make a group
#[utoipa::path(
    post, path = "/scim/v2/Groups", tag = "scim", security(("caller" = ["hub:scim:write"])), request_body = Object,
    responses((status = 201))
)]
pub(crate) async fn make_group(State(hub): Hubs, asking: Asking, Body(group): Body<Map<String, Value>>) -> Answer {
    Ok(Scim(StatusCode::CREATED, hub.make_scim_group(&asking, GroupAttributes::read(&group)?).await?))
}

/// One group
#[utoipa::path(
    get, path = "/scim/v2/Groups/{id}", tag = "scim", security(("caller" = ["hub:scim:read"])), params(("id" = String, Path)),
    responses((status = 200))
)]
pub(crate) async fn group(State(hub): Hubs, asking: Asking, Path(group): Path<String>) -> Answer {
    Ok(ok(hub.scim_group(&asking, &id("group", group)?).await?))
}

/// Say what a group is
#[utoipa::path(
    put, path = "/scim/v2/Groups/{id}", tag = "scim", security(("caller" = ["hub:scim:write"])), params(("id" = String, Path)),
    request_body = Object, responses((status = 200))
)]
pub(crate) async fn replace_group(
    State(hub): Hubs,
    asking: Asking,
    Path(group): Path<String>,
    Body(attributes): Body<Map<String, Value>>,
) -> Answer {
    let edit = Edit::Replace(GroupAttributes::read(&attributes)?);
    Ok(ok(hub.edit_scim_group(&asking, &id("group", group)?, &edit).await?))
}

/// Change a group
#[utoipa::path(
    patch, path = "/scim/v2/Groups/{id}", tag = "scim", security(("caller" = ["hub:scim:write"])), params(("id" = String, Path)),
    request_body = Patch, responses((status = 200))
)]
pub(crate) async fn patch_group(
    State(hub): Hubs,
    asking: Asking,
    Path(group): Path<String>,
    Body(patch): Body<Patch>,
) -> Answer {
    let edit = Edit::Patch(patch.operations);
    Ok(ok(hub.edit_scim_group(&asking, &id("group", group)?, &edit).await?))
}

/// Remove a group
#[utoipa::path(
    delete, path = "/scim/v2/Groups/{id}", tag = "scim", security(("caller" = ["hub:scim:write"])), params(("id" = String, Path)),
    responses((status = 204))
)]
pub(crate) async fn remove_group(
    State(hub): Hubs,
    asking: Asking,
    Path(group): Path<String>,
) -> Result<StatusCode, ScimError> {
    hub.remove_scim_group(&asking, &id("group", group)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
