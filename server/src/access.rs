//! Who is asking: a tenant by its API key.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use ingest::Unauthorized;
use model::Tenant;
use parking_lot::RwLock;
use query::Asker;
use serde::{Deserialize, Serialize};

use crate::config::TenantConfig;

/// The key's header, beside `Authorization: Bearer`.
const API_KEY: &str = "x-api-key";
/// Chooses between the tenants of an operator without keys: `default` and `system`.
const TENANT: &str = "x-observatory-tenant";

/// A secret that stands for a tenant; never shown.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ApiKey(String);

impl ApiKey {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ApiKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// The keys of all tenants.
#[derive(Debug)]
pub(crate) struct Access {
    by_key: RwLock<HashMap<ApiKey, Tenant>>,
}

impl Access {
    pub(crate) fn new(tenants: &[TenantConfig]) -> Self {
        Self { by_key: RwLock::new(by_key(tenants)) }
    }

    /// Asks for the keys of these tenants, and no others, from now on.
    pub(crate) fn exchange(&self, tenants: &[TenantConfig]) {
        *self.by_key.write() = by_key(tenants);
    }

    /// The tenant that the headers stand for.
    pub(crate) fn tenant(&self, headers: &HeaderMap) -> Result<Tenant, Unauthorized> {
        let by_key = self.by_key.read();
        if by_key.is_empty() {
            return anonymous(headers);
        }
        let key = key(headers).ok_or_else(|| {
            Unauthorized::Unauthenticated(
                "an API key is needed: send it as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'".to_owned(),
            )
        })?;
        // Looked up by hash with a random seed: the time it takes says nothing about how much of a key was right.
        let tenant = by_key.get(key).cloned();
        tenant.ok_or_else(|| Unauthorized::Unauthenticated("nobody has this API key".to_owned()))
    }
}

fn by_key(tenants: &[TenantConfig]) -> HashMap<ApiKey, Tenant> {
    let keys = tenants.iter().flat_map(|tenant| tenant.api_keys.iter().map(|key| (key.clone(), tenant.name.clone())));
    keys.collect()
}

fn anonymous(headers: &HeaderMap) -> Result<Tenant, Unauthorized> {
    match headers.get(TENANT).map(|name| name.to_str()) {
        None | Some(Ok("default")) => Ok(Tenant::default_tenant()),
        Some(Ok("system")) => Ok(Tenant::system()),
        Some(_) => Err(Unauthorized::Forbidden(format!("without API keys {TENANT} is 'default' or 'system'"))),
    }
}

fn key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer =
        bearer.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    bearer.map(|(_, key)| key.trim()).or_else(|| headers.get(API_KEY)?.to_str().ok())
}

/// Puts the tenant into the request, for the API.
pub(crate) async fn identify(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    match access.tenant(request.headers()) {
        Ok(tenant) => {
            request.extensions_mut().insert(tenant.clone());
            request.extensions_mut().insert(Asker::new(tenant));
            next.run(request).await
        }
        Err(Unauthorized::Unauthenticated(message)) => refuse(StatusCode::UNAUTHORIZED, "unauthenticated", &message),
        Err(Unauthorized::Forbidden(message)) => refuse(StatusCode::FORBIDDEN, "forbidden", &message),
    }
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let hint = "keys are listed under `tenants` in the server's configuration";
    (status, axum::Json(serde_json::json!({"error": {"code": code, "message": message, "hint": hint}}))).into_response()
}
