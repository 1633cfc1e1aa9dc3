//! Lists incidents, and shows one with its timeline and alerts.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::records::{Cursor, List, Order, PAGE_MAX, Record};
use plugin::{Asked, Failure, Told};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::document::{Incident, Status};
use super::super::timeline::{self, Entry};
use super::{Desk, IncidentView, id, missing};
use crate::alert::Alert;
use crate::routes::{AlertDetail, rule_of};
use crate::rule::Priority;

/// Most alerts that are shown with an incident; SQL has all.
const ALERTS_SHOWN_MAX: usize = 100;

/// Which incidents.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IncidentsWanted {
    #[param(inline)]
    status: Option<Status>,
    /// True for those that are open or acknowledged, false for those that are over.
    active: Option<bool>,
    #[param(inline)]
    priority: Option<Priority>,
    /// Of this rule.
    rule: Option<String>,
    assignee: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 100 when it is not said, 1000 at most.
    limit: Option<usize>,
}

/// Some incidents, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentsPage {
    incidents: Vec<IncidentView>,
    /// `after` of the next page.
    next: Option<String>,
}

/// Incidents, the newest first
#[utoipa::path(
    get, path = "/incidents", tag = "incidents", params(IncidentsWanted),
    security(("caller" = ["alerting:incidents:read"])),
    responses((status = 200, body = IncidentsPage), (status = 400, description = "A parameter is wrong"))
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<IncidentsWanted>,
) -> Result<Json<IncidentsPage>, Failure> {
    let page = desk.incidents.records.collection::<Incident>().list(&tenant, &wanted.list()?).await?;
    let incidents = page.records.into_iter().map(IncidentView::from).collect();
    Ok(Json(IncidentsPage { incidents, next: page.next.map(String::from) }))
}

impl IncidentsWanted {
    fn list(self) -> Result<List, Failure> {
        let Self { status, active, priority, rule, assignee, after, limit } = self;
        let after: Option<Cursor> = after.map(Cursor::try_from).transpose()?;
        let texts =
            [("status", status.map(word)), ("priority", priority.map(word)), ("rule", rule), ("assignee", assignee)];
        let list = List::all().by(Order::Key("opened_at".to_owned())).descending().after(after);
        let list = list.limit(limit.unwrap_or(100).clamp(1, PAGE_MAX));
        let list = active.into_iter().fold(list, |list, active| list.equal("is_active", active));
        let said = texts.into_iter().filter_map(|(key, value)| Some((key, value?)));
        Ok(said.fold(list, |list, (key, value)| list.equal(key, value)))
    }
}

/// The word that records have for it.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("these are words, not {other:?}"),
    }
}

/// An incident with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentDetail {
    #[serde(flatten)]
    incident: IncidentView,
    #[schema(value_type = Vec<Entry>)]
    timeline: Vec<Told>,
    /// The newest alerts of it that are still kept, with what asks for the rows behind each.
    alerts_shown: Vec<AlertDetail>,
    /// True when the timeline or the alerts are more than are shown.
    is_truncated: bool,
}

/// One incident with its timeline and alerts
#[utoipa::path(
    get, path = "/incidents/{number}", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:read"])),
    responses((status = 200, body = IncidentDetail), (status = 404, description = "There is none of this number"))
)]
pub(crate) async fn show(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Path(number): Path<String>,
) -> Result<Json<IncidentDetail>, Failure> {
    let records = &desk.incidents.records;
    let found = records.collection::<Incident>().get(&tenant, &id(&number)?).await?;
    let incident = found.ok_or_else(|| missing(&number))?;
    let (timeline, is_cut) = timeline::of(records, &tenant, &number).await?;
    let timeline = timeline.iter().map(Told::of).collect();
    let alerts_shown = alerts(&desk, &tenant, &incident.body).await?;
    let is_truncated = is_cut || alerts_shown.len() < incident.body.alerts.len();
    Ok(Json(IncidentDetail { incident: incident.into(), timeline, alerts_shown, is_truncated }))
}

/// Of the newest alerts of its rule those that belong to it.
async fn alerts(desk: &Desk, tenant: &Tenant, incident: &Incident) -> Result<Vec<AlertDetail>, Failure> {
    let Some(name) = &incident.rule else { return Ok(Vec::new()) };
    let list = List::all().equal("rule", name.as_str()).by(Order::Key("fired_at".to_owned()));
    let list = list.at_least("fired_at", incident.opened_at).descending().limit(PAGE_MAX);
    let page = desk.incidents.records.collection::<Alert>().list(tenant, &list).await?;
    let rule = rule_of(&desk.incidents.records, tenant, name).await?;
    let belongs = |alert: &Record<Alert>| alert.body.incident.as_ref() == Some(&incident.number);
    let alerts = page.records.into_iter().filter(belongs).take(ALERTS_SHOWN_MAX);
    Ok(alerts.map(|alert| AlertDetail::new(alert, rule.as_ref())).collect())
}
