//! What alerts make of incidents: the first one of a rule opens one, further ones join it, and its end is noted when all are over.

use plugin::hub::audit::Trail;
use plugin::model::Tenant;
use plugin::records::{Document, Error, Expected, Key, Record, RecordId, Transaction};
use serde::{Deserialize, Serialize};

use super::document::{Incident, Opening};
use super::timeline::{ALERT_ENTRIES_MAX, Actor, Entries, EntryKind};
use super::{deed, happened};
use crate::alert::{Alert, AlertState, Change};
use crate::notify::Link;
use crate::rule::{Priority, Rule};

/// Labels that name a service.
const SERVICES: [&str; 3] = ["service", "service_name", "service.name"];

/// How many incidents a tenant has had.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Counter {
    last: u64,
}

impl Document for Counter {
    const COLLECTION: &'static str = "alerting.counters";
    const KEYS: &'static [Key] = &[];
}

/// Opens an incident for an alert that fires, adds it to the one its rule has open already, and notes in its timeline when it is resolved.
///
/// An alert that is muted opens none, until it is muted no more. Nobody is told here: the incident is due, and the next look at what
/// is due tells of it.
pub(crate) async fn alert_changed(
    transaction: &Transaction,
    audit: &Trail,
    tenant: &Tenant,
    rule: &Rule,
    alert: &mut Alert,
    change: Change,
) -> Result<(), Error> {
    let is_without = alert.incident.is_none() && alert.state == AlertState::Firing;
    match (change, rule.incident) {
        (Change::Fired | Change::Noted, Some(_)) if !alert.muted_by.is_empty() => Ok(()),
        (Change::Fired, Some(priority)) => {
            fired(transaction, audit, tenant, rule, alert, (priority, alert.fired_at)).await
        }
        // Its time begins now: while it was muted nobody could have answered.
        (Change::Noted, Some(priority)) if is_without => {
            fired(transaction, audit, tenant, rule, alert, (priority, None)).await
        }
        (Change::Resolved, _) => resolved(transaction, tenant, alert).await,
        _ => Ok(()),
    }
}

async fn fired(
    transaction: &Transaction,
    audit: &Trail,
    tenant: &Tenant,
    rule: &Rule,
    alert: &mut Alert,
    (priority, at): (Priority, Option<i64>),
) -> Result<(), Error> {
    let actor = Actor::rule(&rule.name);
    let open = transaction.collection::<Incident>().find(tenant, "open_rule", rule.name.as_str()).await?;
    let (mut incident, expected) = match open {
        Some(Record { version, body, .. }) => (body, Expected::Version(version)),
        None => {
            let title = alert.annotations.get("summary").unwrap_or(&rule.name).clone();
            let opening = Opening {
                title,
                priority,
                opened_by: actor.who.clone(),
                rule: Some(rule.name.clone()),
                services: Vec::new(),
                links: Vec::new(),
            };
            (open_next(transaction, tenant, at, opening).await?, Expected::Absent)
        }
    };
    let (mut entries, at) = (Entries::default(), at.unwrap_or(incident.opened_at));
    if expected == Expected::Absent {
        let text = format!("{:?}: {}", incident.priority, incident.title);
        entries.add(&mut incident, &actor, (EntryKind::Opened, text), at);
    }
    join(&mut incident, alert);
    note(&mut entries, &mut incident, alert, (EntryKind::AlertFiring, at));
    alert.incident = Some(incident.number.clone());
    put(transaction, tenant, &incident, expected).await?;
    entries.write(transaction, tenant).await?;
    if expected == Expected::Absent {
        happened(transaction, tenant, "alerting.incident.opened", &incident).await?;
        audit.by_server(transaction, tenant, deed("incident.opened", &incident)).await?;
    }
    Ok(())
}

async fn resolved(transaction: &Transaction, tenant: &Tenant, alert: &Alert) -> Result<(), Error> {
    let Some(number) = &alert.incident else { return Ok(()) };
    let found = transaction.collection::<Incident>().get(tenant, &RecordId::new(number.as_str())?).await?;
    let Some(Record { version, body: mut incident, .. }) = found else { return Ok(()) };
    let at = alert.resolved_at.unwrap_or(alert.active_since);
    let (mut entries, actor) = (Entries::default(), Actor::rule(&alert.rule));
    let is_quiet = incident.leave(&alert.fingerprint, at);
    note(&mut entries, &mut incident, alert, (EntryKind::AlertResolved, at));
    if is_quiet {
        entries.add(&mut incident, &actor, (EntryKind::Quiet, "all its alerts are over"), at);
        // The policy may say that it is resolved by that.
        if incident.is_active {
            incident.due = Some(at);
        }
    }
    put(transaction, tenant, &incident, Expected::Version(version)).await?;
    entries.write(transaction, tenant).await
}

/// The next incident of the tenant; its number is taken with the transaction, whose time it has when none is said.
pub(super) async fn open_next(
    transaction: &Transaction,
    tenant: &Tenant,
    at: Option<i64>,
    opening: Opening,
) -> Result<Incident, Error> {
    let (counters, id) = (transaction.collection::<Counter>(), RecordId::new("incidents")?);
    let found = counters.get(tenant, &id).await?;
    let expected = found.as_ref().map_or(Expected::Absent, |counter| Expected::Version(counter.version));
    let last = found.map_or(0, |counter| counter.body.last) + 1;
    let written = counters.put(tenant, &id, &Counter { last }, expected).await?;
    Ok(Incident::open(last, at.unwrap_or(written.updated_at.0), opening))
}

pub(super) async fn put(
    transaction: &Transaction,
    tenant: &Tenant,
    incident: &Incident,
    expected: Expected,
) -> Result<(), Error> {
    let id = RecordId::new(incident.number.as_str())?;
    transaction.collection::<Incident>().put(tenant, &id, incident, expected).await?;
    Ok(())
}

/// What the alert says of the cause becomes the incident's.
fn join(incident: &mut Incident, alert: &Alert) {
    incident.join(&alert.fingerprint);
    SERVICES.iter().filter_map(|label| alert.labels.get(label)).for_each(|service| incident.add_service(service));
    for trace in &alert.traces {
        incident.add_link(Link { name: format!("trace {trace}"), url: format!("/api/v1/apm/traces/{trace}") });
    }
    if let Some(url) = &alert.runbook {
        incident.add_link(Link { name: "runbook".to_owned(), url: url.clone() });
    }
}

/// Alerts that come and go all the time must not fill the timeline.
fn note(entries: &mut Entries, incident: &mut Incident, alert: &Alert, (kind, at): (EntryKind, i64)) {
    if incident.entries >= ALERT_ENTRIES_MAX {
        incident.unlisted += 1;
        return;
    }
    let labels = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let text = match told(alert).filter(|_| kind == EntryKind::AlertFiring) {
        Some(told) if labels.is_empty() => told,
        Some(told) => format!("{labels}: {told}"),
        None => labels,
    };
    entries.add(incident, &Actor::rule(&alert.rule), (kind, text), at);
}

/// What is wrong, as the alert says it to people.
fn told(alert: &Alert) -> Option<String> {
    let summary = alert.annotations.get("summary").cloned();
    summary.or_else(|| alert.value.map(|value| format!("value {value}")))
}

#[cfg(test)]
mod tests;
