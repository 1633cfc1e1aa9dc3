//! What a tenant may send and how long it is kept, as it holds now. A tenant sees its own, `system` those of all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hub::Asking;
use ingest::Usage;
use model::{Dataset, Tenant};
use plane::Retention;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::reload::Reload;

/// `GET /api/v1/system/retention` and `quotas`.
pub(crate) fn routes(settings: &Arc<Reload>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(retention)).routes(routes!(quotas)).with_state(Arc::clone(settings))
}

/// How long rows are kept.
#[derive(Serialize, ToSchema)]
struct RetentionInUse {
    tables: Vec<KeptTable>,
}

/// How long rows of one table are kept.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct KeptTable {
    /// Whose; null for tenants without settings of their own.
    tenant: Option<String>,
    /// As in SQL.
    table_name: &'static str,
    /// By the rows' own time; null for ever.
    days: Option<u32>,
}

/// Quotas.
#[derive(Serialize, ToSchema)]
struct Quotas {
    quotas: Vec<Quota>,
}

/// One limit of one tenant.
#[derive(Serialize, ToSchema)]
struct Quota {
    tenant: String,
    /// `bytes_per_day`, `active_series` or `attribute_keys`.
    quota: &'static str,
    used: u64,
    limit: u64,
    /// Requests (of bytes) or rows (of the others) that this process has refused since its start.
    refused: u64,
}

impl From<Usage> for Quota {
    fn from(Usage { tenant, quota, used, limit, refused }: Usage) -> Self {
        Self { tenant: tenant.to_string(), quota, used, limit, refused }
    }
}

/// How long rows are kept
///
/// In the tenant `system`: of all tenants that have settings of their own, and of all others.
#[utoipa::path(
    get, path = "/api/v1/system/retention", tag = "server", security(("caller" = ["telemetry:limits:read"])),
    responses((status = 200, body = RetentionInUse))
)]
async fn retention(State(settings): State<Arc<Reload>>, asking: Asking) -> Json<RetentionInUse> {
    let tables = kept(&settings.config.lock().retention, asking.tenant());
    Json(RetentionInUse { tables })
}

/// How much of quotas is used
///
/// In the tenant `system`: of all tenants that have a quota and have sent something.
#[utoipa::path(
    get, path = "/api/v1/system/quotas", tag = "server", security(("caller" = ["telemetry:limits:read"])),
    responses((status = 200, body = Quotas))
)]
async fn quotas(State(settings): State<Arc<Reload>>, asking: Asking) -> Json<Quotas> {
    let usage = match asking.tenant() {
        tenant if *tenant == Tenant::system() => settings.quotas.usage(),
        tenant => settings.quotas.usage_of(tenant),
    };
    Json(Quotas { quotas: usage.into_iter().map(Quota::from).collect() })
}

fn kept(retention: &Retention, asking: &Tenant) -> Vec<KeptTable> {
    let of = |tenant: Option<&Tenant>| {
        let table = |dataset: Dataset| KeptTable {
            tenant: tenant.map(Tenant::to_string),
            table_name: dataset.table_name(),
            days: retention.days(tenant, dataset),
        };
        Dataset::all().map(table).collect::<Vec<_>>()
    };
    if *asking != Tenant::system() {
        return of(Some(asking));
    }
    [None].into_iter().chain(retention.tenants.keys().map(Some)).flat_map(of).collect()
}
