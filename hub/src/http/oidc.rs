//! Signing in at an identity provider, with a browser.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use records::{List, PAGE_MAX};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Asked;
use super::status::ErrorAnswer;
use super::tenants::tenant;
use super::{Hubs, cookies};
use crate::access::Origin;
use crate::error::Error;
use crate::oidc::Provider;

/// A way to sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Choice {
    name: String,
    title: String,
}

/// Ways to sign in beside the password.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Choices {
    providers: Vec<Choice>,
}

/// Providers to sign in at
#[utoipa::path(
    get, path = "/oidc/{tenant}", tag = "session", security(()), params(("tenant" = String, Path)),
    responses((status = 200, body = Choices), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn providers(State(hub): Hubs, Path(name): Path<String>) -> Result<Json<Choices>, Error> {
    let tenant = tenant(&name)?;
    hub.directory.tenant(&tenant).ok_or_else(|| Error::not_found("tenant", name))?;
    let page = hub.records.collection::<Provider>().list(&tenant, &List::all().limit(PAGE_MAX)).await?;
    let choices =
        page.records.into_iter().map(|provider| Choice { name: provider.id.into(), title: provider.body.title });
    Ok(Json(Choices { providers: choices.collect() }))
}

/// Where to be afterwards.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ReturnTo {
    /// A page of this server; `/` when it is not said.
    return_to: String,
}

/// Begin to sign in at a provider
#[utoipa::path(
    get, path = "/oidc/{tenant}/{provider}", tag = "session", security(()),
    params(("tenant" = String, Path), ("provider" = String, Path), ReturnTo),
    responses((status = 303, description = "to the provider"), (status = 404, body = ErrorAnswer), (status = 502, body = ErrorAnswer))
)]
pub(crate) async fn begin(
    State(hub): Hubs,
    Extension(origin): Extension<Origin>,
    Path((name, provider)): Path<(String, String)>,
    Asked(asked): Asked<ReturnTo>,
) -> Result<Response, Error> {
    let begun = hub.begin_oidc(&origin, &tenant(&name)?, &provider, &asked.return_to).await?;
    let mut headers = HeaderMap::new();
    hub.set_flow_cookie(&mut headers, &begun.state);
    Ok((headers, Redirect::to(&begun.url)).into_response())
}

/// What the provider sends along.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Returned {
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Come back from a provider
#[utoipa::path(
    get, path = "/oidc/callback", tag = "session", security(()), params(Returned),
    responses((status = 303, description = "signed in"), (status = 403, body = ErrorAnswer), (status = 502, body = ErrorAnswer))
)]
pub(crate) async fn finish(
    State(hub): Hubs,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    Asked(returned): Asked<Returned>,
) -> Result<Response, Error> {
    let code = returned.code.ok_or_else(|| {
        let said = returned.error_description.or(returned.error).unwrap_or_default();
        Error::forbidden(format!(
            "the identity provider lets nobody in: {}",
            said.chars().take(200).collect::<String>()
        ))
    })?;
    let remembered = cookies::of(&headers, cookies::FLOW);
    let came_back = hub.finish_oidc(&origin, &returned.state, remembered, &code).await?;
    let mut headers = HeaderMap::new();
    hub.set_session_cookies(&mut headers, &came_back.signed_in);
    Ok((headers, Redirect::to(&came_back.return_to)).into_response())
}
