//! What people do with an incident. Each act is one transaction with its entry in the timeline.

use axum::Json;
use axum::extract::{Path, State};
use plugin::Failure;
use plugin::hub::Asking;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::document::{Incident, Stage, Status};
use super::super::policy::Level;
use super::super::timeline::{EntryKind, NOTES_MAX};
use super::{Act, Body, Desk, IncidentView, Seen, TEXT_BYTES_MAX, TITLE_BYTES_MAX, said};
use crate::rule::Priority;

/// Most actions of a review.
const ACTIONS_MAX: usize = 100;

/// Take an incident: no level is told any more for want of an answer
#[utoipa::path(
    post, path = "/incidents/{number}/acknowledge", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Seen,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is not open"), (status = 404), (status = 409))
)]
pub(crate) async fn acknowledge(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Seen { version }): Body<Seen>,
) -> Result<Json<IncidentView>, Failure> {
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "acknowledged", |incident, entries, actor, now| {
        if incident.status != Status::Open {
            return Err(wrong_status(incident, "acknowledge"));
        }
        incident.acknowledge(now);
        incident.assignee.get_or_insert_with(|| actor.who.clone());
        entries.add(incident, actor, (EntryKind::Acknowledged, ""), now);
        Ok(())
    });
    changed.await
}

/// Whose it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// A person of the policy or of the hub, or a team.
    assignee: String,
    #[serde(default)]
    version: Option<u64>,
}

/// Give an incident to somebody
#[utoipa::path(
    post, path = "/incidents/{number}/assign", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Assignment,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is over"), (status = 404), (status = 409))
)]
pub(crate) async fn assign(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Assignment { assignee, version }): Body<Assignment>,
) -> Result<Json<IncidentView>, Failure> {
    let assignee = said("assignee", &assignee, TITLE_BYTES_MAX)?;
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "assigned", |incident, entries, actor, now| {
        must_be_active(incident, "assign")?;
        incident.respond(now);
        incident.assignee = Some(assignee.clone());
        entries.add(incident, actor, (EntryKind::Assigned, format!("to {assignee}")), now);
        Ok(())
    });
    changed.await
}

/// Something to remember.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    text: String,
    /// What people are at from now on, while it is active.
    #[serde(default)]
    stage: Option<Stage>,
    #[serde(default)]
    version: Option<u64>,
}

/// Add a note to the timeline
#[utoipa::path(
    post, path = "/incidents/{number}/note", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Note,
    responses((status = 200, body = IncidentView), (status = 400, description = "Nothing is said, or too much"), (status = 404), (status = 409))
)]
pub(crate) async fn note(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Note { text, stage, version }): Body<Note>,
) -> Result<Json<IncidentView>, Failure> {
    let text = said("text", &text, TEXT_BYTES_MAX)?;
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "noted", |incident, entries, actor, now| {
        if incident.entries >= NOTES_MAX {
            let message = format!("the timeline has {} entries, and takes notes up to {NOTES_MAX}", incident.entries);
            return Err(Failure::invalid(message).hinting("open another incident, or write it into the review"));
        }
        if let Some(stage) = stage {
            must_be_active(incident, "change the stage of")?;
            incident.stage = stage;
        }
        incident.respond(now);
        entries.add(incident, actor, (EntryKind::Note, text.clone()), now);
        Ok(())
    });
    changed.await
}

/// Where it is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Escalation {
    to: Level,
    reason: String,
    #[serde(default)]
    version: Option<u64>,
}

/// Bring an incident before another level, which is told within seconds
#[utoipa::path(
    post, path = "/incidents/{number}/escalate", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Escalation,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is over, or there already"), (status = 404), (status = 409))
)]
pub(crate) async fn escalate(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Escalation { to, reason, version }): Body<Escalation>,
) -> Result<Json<IncidentView>, Failure> {
    let reason = said("reason", &reason, TEXT_BYTES_MAX)?;
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "escalated", |incident, entries, actor, now| {
        must_be_active(incident, "escalate")?;
        if incident.level == to {
            return Err(
                Failure::invalid(format!("{} is with {to} already", incident.number)).hinting("name another level")
            );
        }
        incident.respond(now);
        entries.add(incident, actor, (EntryKind::EscalationDecision, reason.clone()), now);
        if to > incident.level {
            incident.escalated(now);
        }
        incident.move_to(to, now);
        if !incident.to_tell.contains(&to) {
            incident.to_tell.push(to);
        }
        incident.due = Some(now);
        entries.add(incident, actor, (EntryKind::Escalated, format!("to {to}")), now);
        Ok(())
    });
    changed.await
}

/// What was done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    text: String,
    /// 1 to 5, from whom it was resolved for.
    #[serde(default)]
    satisfaction: Option<u8>,
    #[serde(default)]
    version: Option<u64>,
}

/// Say that an incident is over
#[utoipa::path(
    post, path = "/incidents/{number}/resolve", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Resolution,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is over already"), (status = 404), (status = 409))
)]
pub(crate) async fn resolve(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Resolution { text, satisfaction, version }): Body<Resolution>,
) -> Result<Json<IncidentView>, Failure> {
    let (text, satisfaction) = (said("text", &text, TEXT_BYTES_MAX)?, grade(satisfaction)?);
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "resolved", |incident, entries, actor, now| {
        must_be_active(incident, "resolve")?;
        incident.respond(now);
        incident.resolve(now);
        incident.resolution = Some(text.clone());
        incident.satisfaction = satisfaction.or(incident.satisfaction);
        entries.add(incident, actor, (EntryKind::Resolved, text.clone()), now);
        Ok(())
    });
    changed.await
}

/// Why it is not over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reopening {
    reason: String,
    #[serde(default)]
    version: Option<u64>,
}

/// Say that an incident was not over: its times count anew
#[utoipa::path(
    post, path = "/incidents/{number}/reopen", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Reopening,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is not over"), (status = 404), (status = 409))
)]
pub(crate) async fn reopen(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Reopening { reason, version }): Body<Reopening>,
) -> Result<Json<IncidentView>, Failure> {
    let reason = said("reason", &reason, TEXT_BYTES_MAX)?;
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "reopened", |incident, entries, actor, now| {
        if incident.is_active {
            return Err(wrong_status(incident, "reopen"));
        }
        incident.reopen(now);
        entries.add(incident, actor, (EntryKind::Reopened, reason.clone()), now);
        Ok(())
    });
    changed.await
}

/// What was learned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// Why it happened.
    causes: String,
    /// What is done against it.
    #[serde(default)]
    actions: Vec<String>,
    /// 1 to 5, from whom it was resolved for.
    #[serde(default)]
    satisfaction: Option<u8>,
    #[serde(default)]
    version: Option<u64>,
}

/// Write down what was learned from an incident that is over; again to correct it
#[utoipa::path(
    post, path = "/incidents/{number}/review", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = Review,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is not over"), (status = 404), (status = 409))
)]
pub(crate) async fn review(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(Review { causes, actions, satisfaction, version }): Body<Review>,
) -> Result<Json<IncidentView>, Failure> {
    let (causes, satisfaction) = (said("causes", &causes, TEXT_BYTES_MAX)?, grade(satisfaction)?);
    if actions.len() > ACTIONS_MAX {
        let message = format!("{} actions, over the limit of {ACTIONS_MAX}", actions.len());
        return Err(Failure::invalid(message).hinting("put some together"));
    }
    let actions =
        actions.iter().map(|action| said("actions", action, TITLE_BYTES_MAX)).collect::<Result<Vec<_>, _>>()?;
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "reviewed", |incident, entries, actor, now| {
        if incident.is_active {
            return Err(wrong_status(incident, "review"));
        }
        incident.review(causes.clone(), actions.clone(), now);
        incident.satisfaction = satisfaction.or(incident.satisfaction);
        entries.add(incident, actor, (EntryKind::Reviewed, causes.clone()), now);
        Ok(())
    });
    changed.await
}

/// What is to be different.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IncidentChange {
    /// Its times count from now on.
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    version: Option<u64>,
}

/// Change the priority or the title of an incident
#[utoipa::path(
    patch, path = "/incidents/{number}", tag = "incidents", params(("number" = String, Path)),
    security(("caller" = ["alerting:incidents:write"])), request_body = IncidentChange,
    responses((status = 200, body = IncidentView), (status = 400, description = "It is over"), (status = 404), (status = 409))
)]
pub(crate) async fn change(
    State(desk): State<Desk>,
    asking: Asking,
    Path(number): Path<String>,
    Body(IncidentChange { priority, title, version }): Body<IncidentChange>,
) -> Result<Json<IncidentView>, Failure> {
    let title = title.map(|title| said("title", &title, TITLE_BYTES_MAX)).transpose()?;
    let act = Act { asking: &asking, number: &number, version };
    let changed = desk.act(act, "changed", |incident, entries, actor, now| {
        must_be_active(incident, "change")?;
        if let Some(title) = &title {
            entries.add(incident, actor, (EntryKind::Note, format!("it is called '{title}' now")), now);
            incident.title.clone_from(title);
        }
        if let Some(priority) = priority.filter(|priority| *priority != incident.priority) {
            let text = format!("{priority:?}, it was {:?}", incident.priority);
            incident.set_priority(priority, now);
            entries.add(incident, actor, (EntryKind::Priority, text), now);
        }
        Ok(())
    });
    changed.await
}

fn must_be_active(incident: &Incident, act: &str) -> Result<(), Failure> {
    if incident.is_active { Ok(()) } else { Err(wrong_status(incident, act)) }
}

fn wrong_status(incident: &Incident, act: &str) -> Failure {
    let status = match incident.status {
        Status::Open => "open",
        Status::Acknowledged => "acknowledged",
        Status::Resolved => "resolved",
        Status::Reviewed => "reviewed",
    };
    Failure::invalid(format!("cannot {act} {}, which is {status}", incident.number))
        .hinting("read it again, then decide again")
}

fn grade(satisfaction: Option<u8>) -> Result<Option<u8>, Failure> {
    match satisfaction {
        Some(grade) if !(1..=5).contains(&grade) => {
            Err(Failure::invalid(format!("'satisfaction' is {grade}")).hinting("give 1 (worst) to 5 (best)"))
        }
        satisfaction => Ok(satisfaction),
    }
}
