//! Who is on call, and by which policy.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header::CONTENT_TYPE;
use plugin::hub::Moment;
use plugin::model::{Tenant, Timestamp};
use plugin::{Asked, Failure};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::policy::{Level, Person};
use super::Desk;

/// When.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DutyWanted {
    /// As `2026-01-31T10:00:00Z`; now when it is not said.
    #[param(value_type = Option<String>)]
    at: Option<Moment>,
}

/// Who is on call on each level.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OnCall {
    #[schema(format = DateTime)]
    at: String,
    levels: Vec<Duty>,
}

/// Who is on call on a level.
#[derive(Debug, Serialize, ToSchema)]
struct Duty {
    level: Level,
    name: String,
    /// Whether its hours count now.
    is_open: bool,
    /// Nobody: orders go to the channels' own receivers.
    people: Vec<Person>,
}

/// Who is on call on each level
#[utoipa::path(
    get, path = "/on-call", tag = "incidents", params(DutyWanted), security(("caller" = ["alerting:on_call:read"])),
    responses((status = 200, body = OnCall), (status = 400, description = "The time is none"))
)]
pub(crate) async fn on_call(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<DutyWanted>,
) -> Result<Json<OnCall>, Failure> {
    let policy = desk.incidents.policies.of(&tenant).await;
    let at = wanted.at.map_or_else(|| desk.incidents.now(), |at| at.0.0);
    let duty = |level| {
        let standing = policy.standing(level);
        let people = policy.on_call(level, at).into_iter().cloned().collect();
        Duty { level, name: standing.name.clone(), is_open: standing.hours.is_active(at), people }
    };
    let levels = Level::ALL.into_iter().map(duty).collect();
    Ok(Json(OnCall { at: Moment(Timestamp(at)).to_string(), levels }))
}

/// The policy of escalation that holds, as YAML
///
/// When the file has faults, they stand before it as comments, and what follows is the policy before the faults.
#[utoipa::path(
    get, path = "/escalation", tag = "incidents", security(("caller" = ["alerting:on_call:read"])),
    responses((status = 200, body = String, content_type = "application/yaml"))
)]
pub(crate) async fn escalation(State(desk): State<Desk>, Extension(tenant): Extension<Tenant>) -> Response {
    let (policy, faults) = desk.incidents.policies.with_faults(&tenant).await;
    let faults: String = faults.iter().map(|fault| format!("# not in force: {fault}\n").replace('\r', "")).collect();
    ([(CONTENT_TYPE, "application/yaml")], format!("{faults}{}", policy.to_yaml())).into_response()
}
