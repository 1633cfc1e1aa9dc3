//! Dashboards: listed, shown, written, checked and removed.

use axum::Json;
use axum::extract::rejection::StringRejection;
use axum::extract::{Path, State};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, StatusCode};
use plugin::hub::Asking;
use plugin::yaml::{Fault, Place};
use plugin::{Asked, Failure};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Desk, Refused};
use crate::files::FaultyFile;
use crate::library::{DashboardOrigin, DashboardSummary, Found, YAML_BYTES_MAX};
use crate::model::Dashboard;
use crate::plan;
use crate::read::{Read, read};

const YAML: &str = "application/yaml";

/// All dashboards of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DashboardList {
    dashboards: Vec<DashboardSummary>,
    /// Files with a fault; what they said before stays.
    files: Vec<FaultyFile>,
}

/// A dashboard and where it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DashboardView {
    dashboard: Dashboard,
    origin: DashboardOrigin,
    /// Below the directory, when it stands in a file.
    file: Option<String>,
    /// Counts up with each change in the app; null when it was not written there.
    version: Option<u64>,
}

impl From<Found> for DashboardView {
    fn from(found: Found) -> Self {
        let Found { dashboard, origin, file, version, .. } = found;
        Self { dashboard: Dashboard::clone(&dashboard), origin, file, version }
    }
}

/// What is wrong with a dashboard, if anything is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckedDashboard {
    faults: Vec<Fault>,
}

/// Which version.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct VersionWanted {
    /// The version that was read, when nothing else may have changed since; 0 when nobody may have written it in the app.
    version: Option<u64>,
}

/// Dashboards by name, and what is wrong with files of them
#[utoipa::path(
    get, path = "/", tag = "dashboards", security(("caller" = ["dashboards:dashboard:read"])),
    responses((status = 200, body = DashboardList))
)]
pub(crate) async fn list(State(desk): State<Desk>, asking: Asking) -> Result<Json<DashboardList>, Failure> {
    let dashboards = desk.library.all(asking.tenant()).await?;
    Ok(Json(DashboardList { dashboards, files: desk.library.shelf().faults(asking.tenant()) }))
}

/// One dashboard
#[utoipa::path(
    get, path = "/{name}", tag = "dashboards", security(("caller" = ["dashboards:dashboard:read"])),
    params(("name" = String, Path)),
    responses((status = 200, body = DashboardView), (status = 404, description = "There is none"))
)]
pub(crate) async fn show(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<Json<DashboardView>, Failure> {
    Ok(Json(desk.library.find(asking.tenant(), &name).await?.into()))
}

/// One dashboard as it is written, to be put among the files
#[utoipa::path(
    get, path = "/{name}/yaml", tag = "dashboards", security(("caller" = ["dashboards:dashboard:read"])),
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "YAML", content_type = "application/yaml", body = String),
        (status = 404, description = "There is none"),
    )
)]
pub(crate) async fn yaml(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<([(HeaderName, &'static str); 1], String), Failure> {
    let found = desk.library.find(asking.tenant(), &name).await?;
    Ok(([(CONTENT_TYPE, YAML)], found.yaml.to_string()))
}

/// Write a dashboard, new or in the place of one of that name
///
/// YAML is kept as it is written; JSON, which has the same members, becomes YAML.
#[utoipa::path(
    put, path = "/{name}", tag = "dashboards", security(("caller" = ["dashboards:dashboard:write"])),
    params(("name" = String, Path), VersionWanted),
    request_body(content((String = "application/yaml"), (Dashboard = "application/json"))),
    responses(
        (status = 200, body = DashboardView),
        (status = 409, description = "It has changed since that version"),
        (status = 422, description = "Something is wrong with it: `faults`, with lines and columns"),
    )
)]
pub(crate) async fn put(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
    Asked(VersionWanted { version }): Asked<VersionWanted>,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Result<Json<DashboardView>, Refused> {
    let text = text(body)?;
    let read = checked(&desk, &asking, &text).await.map_err(Refused::Faults)?;
    if read.dashboard.name != name {
        let problem = format!("the name is '{}', but the address says '{name}'", read.dashboard.name);
        let remedy = "names stay what they are; write another one".to_owned();
        return Err(Refused::Faults(vec![Fault { place: read.name_place, problem, remedy }]));
    }
    let yaml = if is_json(&headers) { read.dashboard.yaml() } else { text };
    // What JSON becomes may be longer, and is written again as it stands.
    check_length(&yaml).map_err(Refused::Faults)?;
    desk.library.write(&asking, &read.dashboard, &yaml, version).await?;
    Ok(Json(desk.library.find(asking.tenant(), &name).await?.into()))
}

/// Say what is wrong with a dashboard, without writing it
#[utoipa::path(
    post, path = "/check", tag = "dashboards", security(("caller" = ["dashboards:dashboard:read"])),
    request_body(content((String = "application/yaml"), (Dashboard = "application/json"))),
    responses((status = 200, body = CheckedDashboard))
)]
pub(crate) async fn check(
    State(desk): State<Desk>,
    asking: Asking,
    body: Result<String, StringRejection>,
) -> Result<Json<CheckedDashboard>, Failure> {
    let faults = match checked(&desk, &asking, &text(body)?).await {
        Ok(_) => Vec::new(),
        Err(faults) => faults,
    };
    Ok(Json(CheckedDashboard { faults }))
}

/// Remove a dashboard that was written in the app; one of that name in a file or of the program is there again
#[utoipa::path(
    delete, path = "/{name}", tag = "dashboards", security(("caller" = ["dashboards:dashboard:write"])),
    params(("name" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It stands in a file or comes with the program"),
    )
)]
pub(crate) async fn remove(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    desk.library.remove(&asking, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The dashboard that this text is, or what is wrong with it.
async fn checked(desk: &Desk, asking: &Asking, text: &str) -> Result<Read, Vec<Fault>> {
    check_length(text)?;
    let read = read(text)?;
    let faults = plan::faults(&desk.engine, asking.tenant(), text, &read).await;
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

fn check_length(text: &str) -> Result<(), Vec<Fault>> {
    if text.len() <= YAML_BYTES_MAX {
        return Ok(());
    }
    let problem = format!("the dashboard has {} bytes as YAML, more than {YAML_BYTES_MAX}", text.len());
    Err(vec![Fault { place: Place::TOP, problem, remedy: "leave something out".to_owned() }])
}

fn text(body: Result<String, StringRejection>) -> Result<String, Failure> {
    body.map_err(|cause| Failure::invalid(cause.body_text()))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}
