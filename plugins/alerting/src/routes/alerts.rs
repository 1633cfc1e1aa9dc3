//! Alerts: what is wrong now, and what was.

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::records::{List, Order, Record};
use plugin::{Asked, Failure, Told};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Desk;
use super::rules::PageWanted;
use crate::alert::Alert;

/// Which alerts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct AlertsWanted {
    /// `pending`, `firing` or `resolved`; firing when it is not said.
    state: Option<String>,
    /// Only those of this rule.
    rule: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 200 when it is not said, 1000 at most.
    limit: Option<usize>,
}

/// Some alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alerts {
    alerts: Vec<AlertView>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
}

/// An alert and its id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertView {
    id: String,
    #[serde(flatten)]
    #[schema(value_type = Alert)]
    alert: Told,
}

impl From<Record<Alert>> for AlertView {
    fn from(record: Record<Alert>) -> Self {
        Self { alert: Told::of(&record.body), id: record.id.into() }
    }
}

/// Alerts of one state, the newest first
#[utoipa::path(
    get, path = "/alerts", tag = "alerting", security(("caller" = ["alerting:alerts:read"])), params(AlertsWanted),
    responses((status = 200, body = Alerts), (status = 400, description = "There is no such state"))
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<AlertsWanted>,
) -> Result<Json<Alerts>, Failure> {
    let state = wanted.state.as_deref().unwrap_or("firing");
    if !["pending", "firing", "resolved"].contains(&state) {
        let failure = Failure::invalid(format!("'{state}' is no state of an alert"));
        return Err(failure.hinting("ask for pending, firing or resolved"));
    }
    let order = if state == "resolved" { Order::Key("resolved_at".to_owned()) } else { Order::Created };
    let list = List::all().equal("state", state).by(order).descending();
    let list = wanted.rule.iter().fold(list, |list, rule| list.equal("rule", rule.as_str()));
    let page = PageWanted::new(wanted.after, wanted.limit).list(list)?;
    let page = desk.context.records.collection::<Alert>().list(&tenant, &page).await?;
    let alerts = page.records.into_iter().map(AlertView::from).collect();
    Ok(Json(Alerts { alerts, next: page.next.map(String::from) }))
}
