//! The routes: SLOs are listed, made, read, changed and removed.

use std::collections::BTreeMap;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use plugin::hub::Asking;
use plugin::hub::audit::Deed;
use plugin::model::Tenant;
use plugin::near;
use plugin::records::{Expected, List, PAGE_MAX, Record, RecordId, Transaction};
use plugin::{Asked, Failure, PluginContext};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::IntoParams;

use super::burn::RULES_MAX;
use super::document::{Discarded, Indicator, Minutes, Slo, SloBurn, Standing};
use super::evaluate::standings;
use super::file::{self, SlosPut};
use super::ratio;
use super::view::{SloView, Slos};
use super::wanted::SloWanted;
use crate::rows::Source;

/// SLOs of one tenant.
pub(crate) const SLOS_MAX: usize = 500;

/// Which SLOs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SlosWanted {
    /// Only those of this service.
    service: Option<String>,
}

/// Which version.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct VersionWanted {
    /// The version that was read, when nothing else may have changed since.
    version: Option<u64>,
}

/// SLOs with what is left of their budgets and how fast they burn
#[utoipa::path(
    get, path = "/slos", tag = "slos", security(("caller" = ["apm:slos:read"])), params(SlosWanted),
    responses((status = 200, body = Slos))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<SlosWanted>,
) -> Result<Json<Slos>, Failure> {
    let all = List::all().limit(PAGE_MAX);
    let list = wanted.service.iter().fold(all, |list, service| list.equal("service", service.as_str()));
    let slos = context.records.collection::<Slo>().list(&tenant, &list).await?.records;
    let mut standings = standings(&context, &tenant).await?;
    let mut burns = BTreeMap::<String, Vec<SloBurn>>::new();
    let mut after = None;
    loop {
        let page = context.records.collection::<SloBurn>();
        let page = page.list(&tenant, &List::all().limit(PAGE_MAX).after(after)).await?;
        for burn in page.records {
            burns.entry(burn.body.slo.clone()).or_default().push(burn.body);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let view = |slo: Record<Slo>| {
        let (standing, burns) = (standings.remove(&slo.body.name), burns.remove(&slo.body.name));
        SloView::of(slo, standing, &burns.unwrap_or_default())
    };
    Ok(Json(Slos { slos: slos.into_iter().map(view).collect() }))
}

/// Make an SLO; or put all SLOs of some YAML, where those of the same name are replaced
#[utoipa::path(
    post, path = "/slos", tag = "slos", security(("caller" = ["apm:slos:write"])),
    request_body(content((SloWanted = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 200, description = "The SLOs of the YAML are put", body = SlosPut),
        (status = 201, body = SloView),
        (status = 400, description = "It is no SLO, or there are too many"),
        (status = 409, description = "There is one of that name"),
    )
)]
pub(crate) async fn make(
    State(context): State<PluginContext>,
    asking: Asking,
    request: Request,
) -> Result<Response, Failure> {
    if is_yaml(request.headers()) {
        let yaml = String::from_request(request, &()).await;
        let yaml = yaml.map_err(|cause| Failure::invalid(cause.body_text()))?;
        return Ok(Json(file::put(&context, &asking, &yaml).await?).into_response());
    }
    let wanted = wanted(Json::from_request(request, &()).await)?;
    Ok((StatusCode::CREATED, Json(make_one(&context, &asking, wanted).await?)).into_response())
}

fn is_yaml(headers: &HeaderMap) -> bool {
    let written = headers.get(CONTENT_TYPE).and_then(|written| written.to_str().ok());
    let written = written.and_then(|written| written.split(';').next()).map(str::trim);
    written.is_some_and(|written| ["application/yaml", "application/x-yaml", "text/yaml"].contains(&written))
}

async fn make_one(context: &PluginContext, asking: &Asking, wanted: SloWanted) -> Result<SloView, Failure> {
    let slo = read_wanted(context, asking.tenant(), wanted).await?;
    let (audit, slo, id) = (&context.audit, &slo, &slo.id()?);
    let tenant = asking.tenant();
    let made = context.records.transaction(|transaction| async move {
        let slos = transaction.collection::<Slo>();
        if slos.list(tenant, &List::all().limit(SLOS_MAX)).await?.records.len() >= SLOS_MAX {
            return Err(Failure::invalid(format!("a tenant has at most {SLOS_MAX} SLOs")).hinting("remove one first"));
        }
        slos.put(tenant, id, slo, Expected::Absent).await?;
        audit.by(&transaction, asking, deed("slo.made", slo)).await?;
        found(&transaction, tenant, &slo.name).await
    });
    Ok(SloView::of(made.await?, None, &[]))
}

/// One SLO with what is left of its budget and how fast it burns
#[utoipa::path(
    get, path = "/slos/{name}", tag = "slos", security(("caller" = ["apm:slos:read"])), params(("name" = String, Path)),
    responses((status = 200, body = SloView), (status = 404, description = "There is no such SLO"))
)]
pub(crate) async fn read(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
) -> Result<Json<SloView>, Failure> {
    let slo = known(&context, &tenant, &name).await?;
    Ok(Json(told(&context, &tenant, slo).await?))
}

/// Say what an SLO is to be; counting begins anew when what is counted changes
#[utoipa::path(
    put, path = "/slos/{name}", tag = "slos", security(("caller" = ["apm:slos:write"])),
    params(("name" = String, Path)), request_body = SloWanted,
    responses(
        (status = 200, body = SloView),
        (status = 400, description = "It is no SLO"),
        (status = 404, description = "There is no such SLO"),
        (status = 409, description = "It has changed since that version"),
    )
)]
pub(crate) async fn replace(
    State(context): State<PluginContext>,
    asking: Asking,
    Path(name): Path<String>,
    body: Result<Json<SloWanted>, JsonRejection>,
) -> Result<Json<SloView>, Failure> {
    let wanted = wanted(body)?;
    let version = wanted.version;
    let slo = read_wanted(&context, asking.tenant(), wanted).await?;
    if slo.name != name {
        let message = format!("'name' is '{}', but the SLO is '{name}'", slo.name);
        return Err(Failure::invalid(message).hinting("names stay what they are; make another one"));
    }
    known(&context, asking.tenant(), &name).await?;
    let (asking, audit, tenant, slo) = (&asking, &context.audit, asking.tenant(), &slo);
    let changed = context.records.transaction(|transaction| async move {
        let before = found(&transaction, tenant, &slo.name).await?;
        let expected = Expected::Version(version.unwrap_or(before.version));
        take_place(&transaction, tenant, slo, &before, expected).await?;
        audit.by(&transaction, asking, deed("slo.changed", slo)).await?;
        found(&transaction, tenant, &slo.name).await
    });
    let changed = changed.await?;
    Ok(Json(told(&context, tenant, changed).await?))
}

/// Remove an SLO with all that was counted for it
#[utoipa::path(
    delete, path = "/slos/{name}", tag = "slos", security(("caller" = ["apm:slos:write"])),
    params(("name" = String, Path), VersionWanted),
    responses(
        (status = 204),
        (status = 404, description = "There is no such SLO"),
        (status = 409, description = "It has changed since that version"),
    )
)]
pub(crate) async fn remove(
    State(context): State<PluginContext>,
    asking: Asking,
    Path(name): Path<String>,
    Asked(VersionWanted { version }): Asked<VersionWanted>,
) -> Result<StatusCode, Failure> {
    known(&context, asking.tenant(), &name).await?;
    let (asking, audit, tenant, name) = (&asking, &context.audit, asking.tenant(), name.as_str());
    let removed = context.records.transaction(|transaction| async move {
        let slo = found(&transaction, tenant, name).await?;
        discard(&transaction, tenant, &slo).await?;
        let expected = Expected::Version(version.unwrap_or(slo.version));
        transaction.collection::<Slo>().delete(tenant, &slo.id, expected).await?;
        audit.by(&transaction, asking, deed("slo.deleted", &slo.body)).await?;
        Ok::<_, Failure>(())
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(body: Result<Json<SloWanted>, JsonRejection>) -> Result<SloWanted, Failure> {
    body.map(|Json(wanted)| wanted).map_err(|cause| Failure::invalid(cause.body_text()))
}

/// The SLO, whose statement answers what it should.
pub(crate) async fn read_wanted(context: &PluginContext, tenant: &Tenant, wanted: SloWanted) -> Result<Slo, Failure> {
    let mut slo = wanted.read()?;
    if let Indicator::Sql { statement, by_minute } = &mut slo.indicator {
        let now = OffsetDateTime::now_utc().unix_timestamp_nanos();
        let until = Minutes::of(i64::try_from(now).unwrap_or(i64::MAX));
        let source = Source::of_telemetry(&context.engine, tenant.clone());
        *by_minute = ratio::is_by_minute(&source, until, statement).await?;
    }
    Ok(slo)
}

/// The SLO, or names that are near.
pub(crate) async fn known(context: &PluginContext, tenant: &Tenant, name: &str) -> Result<Record<Slo>, Failure> {
    let slos = context.records.collection::<Slo>();
    if let Some(slo) = slos.get(tenant, &RecordId::new(name)?).await? {
        return Ok(slo);
    }
    let all = slos.list(tenant, &List::all().limit(PAGE_MAX)).await?.records;
    let near = near(name, all.iter().map(|slo| slo.body.name.as_str()));
    let failure = missing(name);
    Err(if near.is_empty() { failure } else { failure.hinting(format!("did you mean {}?", near.join(", "))) })
}

/// What the audit trail says of an SLO.
pub(crate) fn deed<'a>(action: &'a str, slo: &'a Slo) -> Deed<'a> {
    let details = json!({"service": slo.service, "objective": slo.objective, "window_days": slo.window_days});
    Deed { action, subject: ("slo", &slo.name), details }
}

fn missing(name: &str) -> Failure {
    Failure::not_found(format!("there is no SLO '{name}'"))
}

async fn found(transaction: &Transaction, tenant: &Tenant, name: &str) -> Result<Record<Slo>, Failure> {
    let slo = transaction.collection::<Slo>().get(tenant, &RecordId::new(name)?).await?;
    slo.ok_or_else(|| missing(name))
}

async fn told(context: &PluginContext, tenant: &Tenant, slo: Record<Slo>) -> Result<SloView, Failure> {
    let standing = context.records.collection::<Standing>().get(tenant, &slo.id).await?;
    let list = List::all().equal("slo", slo.body.name.as_str());
    let burns = context.records.collection::<SloBurn>().list(tenant, &list).await?;
    let burns: Vec<SloBurn> = burns.records.into_iter().map(|burn| burn.body).collect();
    Ok(SloView::of(slo, standing.map(|standing| standing.body), &burns))
}

/// Puts the SLO where another was; what was counted stays where both count the same.
pub(crate) async fn take_place(
    transaction: &Transaction,
    tenant: &Tenant,
    slo: &Slo,
    before: &Record<Slo>,
    expected: Expected,
) -> Result<(), Failure> {
    let mut slo = slo.clone();
    if slo.counts_as(&before.body) {
        slo.series.clone_from(&before.body.series);
        slo.generation = before.body.generation;
    } else {
        slo.generation = before.body.generation + 1;
        discard(transaction, tenant, before).await?;
    }
    transaction.collection::<Slo>().put(tenant, &before.id, &slo, expected).await?;
    Ok(())
}

/// Forgets what was counted; hours are many, so the job deletes them.
async fn discard(transaction: &Transaction, tenant: &Tenant, slo: &Record<Slo>) -> Result<(), Failure> {
    let series = slo.body.series.clone();
    let id = RecordId::new(series.as_str())?;
    transaction.collection::<Discarded>().put(tenant, &id, &Discarded { series }, Expected::Any).await?;
    transaction.collection::<Standing>().delete(tenant, &slo.id, Expected::Any).await?;
    for row in 0..RULES_MAX {
        let id = SloBurn::id(&slo.body.name, row)?;
        transaction.collection::<SloBurn>().delete(tenant, &id, Expected::Any).await?;
    }
    Ok(())
}
