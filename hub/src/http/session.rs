//! Signing in, staying in, signing out; and what others need to check our tokens.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use model::Tenant;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::extract::Body;
use super::status::ErrorAnswer;
use super::{Hubs, cookies};
use crate::Hub;
use crate::access::{Asking, Origin};
use crate::audit::Deed;
use crate::change::What;
use crate::clock::Moment;
use crate::email::Email;
use crate::error::Error;
use crate::passwords::Secret;
use crate::sessions::SignedIn;
use crate::sign_in::SignIn;
use crate::tokens::{self, PublicKeys};

/// What somebody sends to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInRequest {
    #[schema(value_type = String)]
    email: Email,
    #[schema(value_type = String)]
    password: Secret,
    /// Replaces a one-time password.
    #[schema(value_type = Option<String>)]
    new_password: Option<Secret>,
    /// Where the e-mail is in several tenants.
    #[schema(value_type = Option<String>)]
    tenant: Option<Tenant>,
    /// Whether tokens come in cookies that scripts cannot read; for browsers.
    #[serde(default)]
    cookies: bool,
}

/// What comes with a refresh or a sign-out that has no cookies.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RefreshRequest {
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
}

/// Somebody is in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    tenant: String,
    person: String,
    session: String,
    /// For `Authorization: Bearer`; absent when it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    access_token: Option<Secret>,
    /// Seconds for which the access token is good.
    expires_in: u64,
    /// Good for one use; absent when it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
    /// With cookies: what every change sends in `X-CSRF-Token`; also in the cookie `observatory_csrf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// When somebody has to sign in again in any case.
    #[schema(value_type = String, format = DateTime)]
    session_expires_at: Moment,
}

fn answer(hub: &Hub, signed_in: SignedIn) -> Response {
    let mut headers = HeaderMap::new();
    let in_cookies = signed_in.csrf.is_some();
    if in_cookies {
        hub.set_session_cookies(&mut headers, &signed_in);
    }
    let SignedIn { tenant, person, session, access, refresh, csrf, expires_at } = signed_in;
    let answer = SessionAnswer {
        tenant: tenant.to_string(),
        person: person.to_string(),
        session: session.to_string(),
        access_token: Some(access).filter(|_| !in_cookies),
        expires_in: hub.directory.tokens.lasts().as_secs(),
        refresh_token: Some(refresh).filter(|_| !in_cookies),
        csrf_token: csrf,
        session_expires_at: Moment(expires_at),
    };
    (headers, Json(answer)).into_response()
}

/// Sign in with e-mail and password
#[utoipa::path(
    post, path = "/session", tag = "session", security(()), request_body = SignInRequest,
    responses((status = 200, body = SessionAnswer), (status = 401, body = ErrorAnswer), (status = 429, body = ErrorAnswer))
)]
pub(crate) async fn start(
    State(hub): Hubs,
    Extension(origin): Extension<Origin>,
    Body(request): Body<SignInRequest>,
) -> Result<Response, Error> {
    let SignInRequest { email, password, new_password, tenant, cookies } = request;
    let signed_in =
        hub.sign_in(&origin, &SignIn { email, password, new_password, tenant, in_cookies: cookies }).await?;
    Ok(answer(&hub, signed_in))
}

/// Exchange a refresh token for the next one and an access token
///
/// A token is good for one use: when it comes again, the session ends, for it was copied.
#[utoipa::path(
    post, path = "/session/refresh", tag = "session", security(()), request_body = Option<RefreshRequest>,
    responses((status = 200, body = SessionAnswer), (status = 401, body = ErrorAnswer))
)]
pub(crate) async fn refresh(
    State(hub): Hubs,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    request: Bytes,
) -> Result<Response, Error> {
    let token = refresh_token(&headers, &request)?;
    let signed_in = hub.refresh(&origin, &token, cookies::csrf(&headers)).await?;
    Ok(answer(&hub, signed_in))
}

/// Sign out
#[utoipa::path(
    delete, path = "/session", tag = "session", security(()), request_body = Option<RefreshRequest>,
    responses((status = 204), (status = 401, body = ErrorAnswer))
)]
pub(crate) async fn end(
    State(hub): Hubs,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    request: Bytes,
) -> Result<Response, Error> {
    let token = refresh_token(&headers, &request)?;
    hub.sign_out(&origin, &token, cookies::csrf(&headers)).await?;
    let mut headers = HeaderMap::new();
    hub.clear_session_cookies(&mut headers);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

fn refresh_token(headers: &HeaderMap, request: &[u8]) -> Result<Secret, Error> {
    let request = if request.is_empty() { b"{}" } else { request };
    let request: RefreshRequest = serde_json::from_slice(request).map_err(|cause| Error::Invalid(cause.to_string()))?;
    let sent = request.refresh_token;
    let token = sent.or_else(|| cookies::of(headers, cookies::REFRESH).map(Secret::new));
    token.ok_or_else(|| Error::unauthenticated("a refresh token is needed, in the body or in the cookie"))
}

/// Public keys of access tokens
#[utoipa::path(get, path = "/jwks", tag = "session", security(()), responses((status = 200, body = PublicKeys)))]
pub(crate) async fn public_keys(State(hub): Hubs) -> Json<PublicKeys> {
    Json(hub.directory.tokens.public())
}

/// Make all access tokens worthless
///
/// Their keys are replaced; sessions go on with their refresh tokens.
#[utoipa::path(
    post, path = "/signing-keys", tag = "session", security(("caller" = ["server:tokens:write"])),
    responses((status = 204), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn replace_signing_keys(State(hub): Hubs, asking: Asking) -> Result<StatusCode, Error> {
    let (hub, asking, system) = (&hub, &asking, &Tenant::system());
    hub.changes
        .make(|change| async move {
            tokens::replace(change.transaction(), &hub.ring, hub.directory.tokens.lasts(), change.now).await?;
            let deed = Deed { action: "signing_keys.replaced", subject: ("server", "tokens"), details: json!({}) };
            change.audit(system, asking.by(), deed).await?;
            change.changed(system, What::SigningKeys);
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
