//! The audit trail of the tenant; also in SQL as `hub.audit`.

use axum::Json;
use axum::extract::State;
use records::{PAGE_MAX, Sequence};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Hubs;
use super::extract::Asked;
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::audit::AuditEntry;
use crate::clock::Moment;
use crate::error::Error;

/// One thing that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Counts from 1 without gaps.
    sequence: u64,
    #[schema(value_type = String, format = DateTime)]
    time: Moment,
    /// `person/<id>`, `key/<id>`, `anonymous` or `server`.
    who: String,
    who_name: String,
    action: String,
    /// As in `person/<id>`.
    subject: String,
    #[schema(value_type = Object)]
    details: Value,
    address: Option<String>,
    agent: Option<String>,
    trace_id: Option<String>,
    /// SHA-256 over this entry and the hash of the one before.
    hash: String,
}

/// Some of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trail {
    entries: Vec<EntryView>,
    /// `after` of the next page.
    next: Option<u64>,
}

/// Which part of the trail.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TrailWanted {
    /// Entries behind this one; from the beginning when it is not said.
    after: u64,
    /// At most so many; 100 when it is not said, 1000 at most.
    limit: Option<usize>,
}

/// Who did what, oldest first
#[utoipa::path(
    get, path = "/audit", tag = "audit", security(("caller" = ["hub:audit:read"])), params(TrailWanted),
    responses((status = 200, body = Trail), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(
    State(hub): Hubs,
    asking: Asking,
    Asked(wanted): Asked<TrailWanted>,
) -> Result<Json<Trail>, Error> {
    let limit = wanted.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let entries = hub.records.log::<AuditEntry>().read(asking.tenant(), Sequence(wanted.after), limit).await?;
    let next = entries.last().filter(|_| entries.len() == limit).map(|last| last.sequence.0);
    let entries = entries.into_iter().map(|entry| {
        let AuditEntry { time, who, who_name, action, subject, details, address, agent, trace_id, hash, .. } =
            entry.body;
        EntryView {
            sequence: entry.sequence.0,
            time: time.into(),
            who,
            who_name,
            action,
            subject,
            details: serde_json::from_str(&details).unwrap_or(Value::String(details)),
            address,
            agent,
            trace_id,
            hash: hash.to_string(),
        }
    });
    Ok(Json(Trail { entries: entries.collect(), next }))
}

/// Whether the trail is whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verification {
    is_whole: bool,
    /// Entries that were read; all of them when it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    /// The first thing that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<String>,
}

/// Read the whole trail and check that nothing was changed or removed
#[utoipa::path(
    get, path = "/audit/verification", tag = "audit", security(("caller" = ["hub:audit:read"])),
    responses((status = 200, body = Verification), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn verify(State(hub): Hubs, asking: Asking) -> Result<Json<Verification>, Error> {
    Ok(Json(match hub.verify_audit(asking.tenant(), &[]).await? {
        Ok(entries) => Verification { is_whole: true, entries: Some(entries), wrong: None },
        Err(broken) => Verification { is_whole: false, entries: None, wrong: Some(broken.to_string()) },
    }))
}
