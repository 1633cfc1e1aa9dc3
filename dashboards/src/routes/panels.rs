//! What panels and variables are told, of a dashboard or of an editor that has not written it yet.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use plugin::hub::{Asking, system_clock};
use plugin::{Failure, TIME_HOW_TO, asker, near};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Desk, Refused};
use crate::ask::{self, PanelAnswer, VariableValues};
use crate::choices::{Choices, ChosenValues};
use crate::model::{Panel, VariableKind};
use crate::read::read_panel;
use crate::times::{Times, length};

/// Intervals of a chart when it is not said how wide it is.
const INTERVALS: u16 = 120;
/// Most intervals of a chart.
const INTERVALS_MAX: u16 = 1000;

/// Which times, and what is chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanelWanted {
    /// The first time, as `2026-01-31T10:00:00Z` or `now-1h`; as long before now as the dashboard says when it is not said.
    from: Option<String>,
    /// The time before which it ends; now when it is not said.
    to: Option<String>,
    /// The values that are chosen for variables; for those that are not named, what the dashboard chooses.
    #[serde(default)]
    variables: BTreeMap<String, ChosenValues>,
    /// How many intervals a chart has room for; 120 when it is not said, 1000 at most.
    width: Option<u16>,
}

/// A panel that no dashboard has, and which times.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanelTrial {
    /// The panel: YAML as a text, or an object with the same members.
    #[schema(value_type = Panel)]
    panel: serde_json::Value,
    /// As in a question to a panel of a dashboard; an hour before `to` when it is not said.
    from: Option<String>,
    /// The time before which it ends; now when it is not said.
    to: Option<String>,
    /// The variables that its statement may use, with the values that are chosen.
    #[serde(default)]
    variables: BTreeMap<String, ChosenValues>,
    /// How many intervals a chart has room for; 120 when it is not said, 1000 at most.
    width: Option<u16>,
}

/// Ask a panel of a dashboard
#[utoipa::path(
    post, path = "/{name}/panels/{id}/query", tag = "dashboards", security(("caller" = ["telemetry:rows:read"])),
    params(("name" = String, Path), ("id" = String, Path)), request_body = PanelWanted,
    responses(
        (status = 200, body = PanelAnswer),
        (status = 400, description = "The times, a choice or the statement are wrong"),
        (status = 404, description = "There is no such dashboard or panel"),
        (status = 422, description = "The query met a limit of its own"),
        (status = 503, description = "Too many queries run"),
    )
)]
pub(crate) async fn ask_panel(
    State(desk): State<Desk>,
    asking: Asking,
    Path((name, id)): Path<(String, String)>,
    body: Result<Json<PanelWanted>, JsonRejection>,
) -> Result<Json<PanelAnswer>, Failure> {
    let wanted = wanted(body)?;
    let dashboard = desk.library.find(asking.tenant(), &name).await?.dashboard;
    let Some(panel) = dashboard.panels().find(|panel| panel.id == id) else {
        let failure = Failure::not_found(format!("the dashboard '{name}' has no panel '{id}'"));
        let near = near(&id, dashboard.panels().map(|panel| panel.id.as_str()));
        let hint = format!("did you mean {}?", near.join(", "));
        return Err(if near.is_empty() { failure } else { failure.hinting(hint) });
    };
    let times = times((wanted.from, wanted.to), &dashboard.time, wanted.width, Some(panel))?;
    let choices = Choices::of(&dashboard.variables, wanted.variables)?;
    Ok(Json(ask::panel(&desk.engine, &asker(asking.caller().clone()), panel, times, &choices).await?))
}

/// Ask a panel that no dashboard has yet
#[utoipa::path(
    post, path = "/query", tag = "dashboards", security(("caller" = ["telemetry:rows:read"])), request_body = PanelTrial,
    responses(
        (status = 200, body = PanelAnswer),
        (status = 400, description = "The times, a choice or the statement are wrong"),
        (status = 422, description = "The panel is wrong: `faults`, with lines and columns; or the query met a limit of its own"),
        (status = 503, description = "Too many queries run"),
    )
)]
pub(crate) async fn try_out(
    State(desk): State<Desk>,
    asking: Asking,
    body: Result<Json<PanelTrial>, JsonRejection>,
) -> Result<Json<PanelAnswer>, Refused> {
    let trial = wanted(body)?;
    let choices = Choices::free(trial.variables)?;
    let text = match trial.panel {
        serde_json::Value::String(yaml) => yaml,
        // JSON is YAML.
        other => other.to_string(),
    };
    let (panel, _) = read_panel(&text, choices.names()).map_err(Refused::Faults)?;
    let times = times((trial.from, trial.to), "1h", trial.width, Some(&panel))?;
    Ok(Json(ask::panel(&desk.engine, &asker(asking.caller().clone()), &panel, times, &choices).await?))
}

/// Values that can be chosen for a variable
#[utoipa::path(
    post, path = "/{name}/variables/{variable}", tag = "dashboards", security(("caller" = ["telemetry:rows:read"])),
    params(("name" = String, Path), ("variable" = String, Path)), request_body = PanelWanted,
    responses(
        (status = 200, body = VariableValues),
        (status = 400, description = "The times, a choice or the statement are wrong"),
        (status = 404, description = "There is no such dashboard or variable"),
    )
)]
pub(crate) async fn ask_variable(
    State(desk): State<Desk>,
    asking: Asking,
    Path((name, variable)): Path<(String, String)>,
    body: Result<Json<PanelWanted>, JsonRejection>,
) -> Result<Json<VariableValues>, Failure> {
    let wanted = wanted(body)?;
    let dashboard = desk.library.find(asking.tenant(), &name).await?.dashboard;
    let Some(known) = dashboard.variables.iter().find(|known| known.name == variable) else {
        let names: Vec<&str> = dashboard.variables.iter().map(|known| known.name.as_str()).collect();
        let failure = Failure::not_found(format!("the dashboard '{name}' has no variable '{variable}'"));
        return Err(if names.is_empty() { failure } else { failure.hinting(format!("it has {}", names.join(", "))) });
    };
    let (VariableKind::Query, Some(sql)) = (known.kind, &known.sql) else {
        return Ok(Json(VariableValues { values: known.values.clone(), is_truncated: false, warnings: Vec::new() }));
    };
    let times = times((wanted.from, wanted.to), &dashboard.time, wanted.width, None)?;
    let choices = Choices::of(&dashboard.variables, wanted.variables)?;
    Ok(Json(ask::variable(&desk.engine, &asker(asking.caller().clone()), sql, times, &choices).await?))
}

fn wanted<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Failure> {
    body.map(|Json(wanted)| wanted).map_err(|cause| Failure::invalid(cause.body_text()))
}

/// The times that are wanted, else so long before now.
fn times(
    (from, to): (Option<String>, Option<String>),
    usual: &str,
    width: Option<u16>,
    panel: Option<&Panel>,
) -> Result<Times, Failure> {
    let from = from.unwrap_or_else(|| format!("now-{usual}"));
    let intervals = width.unwrap_or(INTERVALS).clamp(1, INTERVALS_MAX);
    let least = panel.and_then(|panel| panel.interval.as_deref()).and_then(length);
    let to = to.as_deref().unwrap_or("now");
    let times = Times::read((from.as_str(), to), intervals, least, (system_clock())().0);
    times.map_err(|problem| Failure::invalid(problem).hinting(TIME_HOW_TO))
}
