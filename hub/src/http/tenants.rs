//! Tenants, for those who run the server.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use model::Tenant;
use records::{Record, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Hubs;
use super::extract::{Asked, Body, PageWanted};
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::clock::Moment;
use crate::email::Email;
use crate::error::Error;
use crate::passwords::Secret;
use crate::tenants::{TenantRecord, TenantState};

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantView {
    name: String,
    title: String,
    state: TenantState,
    #[schema(value_type = String, format = DateTime)]
    made_at: Moment,
}

impl TenantView {
    fn of(tenant: Record<TenantRecord>) -> Self {
        let TenantRecord { title, state } = tenant.body;
        Self { name: tenant.id.into(), title, state, made_at: tenant.created_at.into() }
    }
}

/// Some tenants.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tenants {
    tenants: Vec<TenantView>,
    /// `after` of the next page.
    next: Option<String>,
}

/// A tenant to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantRequest {
    /// 1 to 64 of a-z, 0-9, '-' and '_'; it cannot be changed.
    #[schema(value_type = String)]
    name: Tenant,
    #[serde(default)]
    title: String,
    /// E-mail of the first owner.
    #[schema(value_type = String)]
    owner: Email,
}

/// A tenant that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeTenant {
    name: String,
    /// Id of the first owner.
    owner: String,
    /// Told once: pass it on.
    #[schema(value_type = String)]
    one_time_password: Secret,
}

/// What is to be different of a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    title: Option<String>,
    state: Option<TenantState>,
}

/// Tenants of the server
#[utoipa::path(
    get, path = "/tenants", tag = "tenants", security(("caller" = ["server:tenants:read"])), params(PageWanted),
    responses((status = 200, body = Tenants), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(State(hub): Hubs, Asked(page): Asked<PageWanted>) -> Result<Json<Tenants>, Error> {
    let page = hub.records.collection::<TenantRecord>().list(&Tenant::system(), &page.list()?).await?;
    let tenants = page.records.into_iter().map(TenantView::of).collect();
    Ok(Json(Tenants { tenants, next: page.next.map(String::from) }))
}

/// Make a tenant with its first owner
#[utoipa::path(
    post, path = "/tenants", tag = "tenants", security(("caller" = ["server:tenants:write"])), request_body = TenantRequest,
    responses((status = 201, body = MadeTenant), (status = 403, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn make(
    State(hub): Hubs,
    asking: Asking,
    Body(request): Body<TenantRequest>,
) -> Result<(StatusCode, Json<MadeTenant>), Error> {
    let TenantRequest { name, title, owner } = request;
    let (owner, one_time_password) = hub.make_tenant(&asking, &name, &title, &owner).await?;
    Ok((StatusCode::CREATED, Json(MadeTenant { name: name.to_string(), owner: owner.into(), one_time_password })))
}

/// One tenant
#[utoipa::path(
    get, path = "/tenants/{name}", tag = "tenants", security(("caller" = ["server:tenants:read"])), params(("name" = String, Path)),
    responses((status = 200, body = TenantView), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn read(State(hub): Hubs, Path(name): Path<String>) -> Result<Json<TenantView>, Error> {
    let tenant = tenant(&name)?;
    let found =
        hub.records.collection::<TenantRecord>().get(&Tenant::system(), &RecordId::new(tenant.as_str())?).await?;
    Ok(Json(TenantView::of(found.ok_or_else(|| Error::not_found("tenant", name))?)))
}

/// Change title or state
#[utoipa::path(
    patch, path = "/tenants/{name}", tag = "tenants", security(("caller" = ["server:tenants:write"])), params(("name" = String, Path)),
    request_body = TenantChange,
    responses((status = 200, body = TenantView), (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn edit(
    State(hub): Hubs,
    asking: Asking,
    Path(name): Path<String>,
    Body(change): Body<TenantChange>,
) -> Result<Json<TenantView>, Error> {
    let changed = hub.edit_tenant(&asking, &tenant(&name)?, change.title.as_deref(), change.state).await?;
    Ok(Json(TenantView::of(changed)))
}

/// The tenant of an address; what cannot be a name is not there.
pub(crate) fn tenant(name: &str) -> Result<Tenant, Error> {
    Tenant::new(name).map_err(|_| Error::not_found("tenant", name))
}
