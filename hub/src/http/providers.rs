//! Identity providers of the tenant.

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
use crate::oidc::Provider;
use crate::passwords::Secret;
use crate::roles::RoleName;

/// A provider, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderView {
    name: String,
    title: String,
    issuer: String,
    client_id: String,
    scopes: Vec<String>,
    groups_claim: Option<String>,
    makes_people: bool,
    default_roles: Vec<String>,
}

/// All providers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Providers {
    providers: Vec<ProviderView>,
}

/// What a provider is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderRequest {
    /// What people read who sign in.
    title: String,
    /// As in `https://login.example.org`.
    issuer: String,
    client_id: String,
    /// The one there is stays when it is not sent.
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret>,
    /// Beside `openid`.
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    /// The claim that lists a person's groups, if it decides who is in those of the same name here.
    groups_claim: Option<String>,
    /// Whether people who come for the first time become people of the tenant.
    #[serde(default)]
    makes_people: bool,
    /// What those may do.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    default_roles: Vec<RoleName>,
}

fn scopes() -> Vec<String> {
    vec!["email".to_owned(), "profile".to_owned()]
}

/// Identity providers of the tenant
#[utoipa::path(
    get, path = "/providers", tag = "providers", security(("caller" = ["hub:providers:read"])),
    responses((status = 200, body = Providers), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(State(hub): Hubs, asking: Asking) -> Result<Json<Providers>, Error> {
    let page = hub.records.collection::<Provider>().list(asking.tenant(), &List::all().limit(PAGE_MAX)).await?;
    let providers = page.records.into_iter().map(|provider| {
        let Provider { title, issuer, client_id, scopes, groups_claim, makes_people, default_roles } = provider.body;
        let default_roles = default_roles.into_iter().map(String::from).collect();
        ProviderView {
            name: provider.id.into(),
            title,
            issuer,
            client_id,
            scopes,
            groups_claim,
            makes_people,
            default_roles,
        }
    });
    Ok(Json(Providers { providers: providers.collect() }))
}

/// Make a provider or change it
///
/// Its redirect address is `<public_url>/api/v1/hub/oidc/callback`.
#[utoipa::path(
    put, path = "/providers/{name}", tag = "providers", security(("caller" = ["hub:providers:write"])), params(("name" = String, Path)),
    request_body = ProviderRequest,
    responses((status = 204), (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn put(
    State(hub): Hubs,
    asking: Asking,
    Path(name): Path<String>,
    Body(request): Body<ProviderRequest>,
) -> Result<StatusCode, Error> {
    let ProviderRequest { title, issuer, client_id, client_secret, scopes, groups_claim, makes_people, default_roles } =
        request;
    let provider = Provider { title, issuer, client_id, scopes, groups_claim, makes_people, default_roles };
    hub.put_provider(&asking, &name, &provider, client_secret.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a provider
#[utoipa::path(
    delete, path = "/providers/{name}", tag = "providers", security(("caller" = ["hub:providers:write"])), params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn remove(State(hub): Hubs, asking: Asking, Path(name): Path<String>) -> Result<StatusCode, Error> {
    hub.remove_provider(&asking, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
