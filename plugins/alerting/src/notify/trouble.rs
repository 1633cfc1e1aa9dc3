//! Channels that do not deliver are alerts themselves: who relies on being told has to know.

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Expected, RecordId, Transaction};

use super::channel::{Channel, Kind};
use super::queue::Queue;
use super::{Delivery, Item, ItemKind};
use crate::alert::{Alert, AlertState};
use crate::labels::Labels;
use crate::rule::Severity;

/// The rule of such alerts; it stands in no file.
pub(crate) const UNDELIVERABLE: &str = "Notification undeliverable";
/// The other channels are told of one that fails once in so long, in nanoseconds.
const TOLD_EVERY: i64 = 3600 * 1_000_000_000;

/// Raises an alert for a channel, if there is none, and tells of it over the other default channels; true when there was none.
/// It is as if it had fired when they were told of it last.
pub(crate) async fn raise(
    transaction: &Transaction,
    tenant: &Tenant,
    (channel, kind): (&str, Kind),
    error: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    // What was on its way when the channel was deleted must not raise what nothing would ever end.
    if transaction.collection::<Channel>().get(tenant, &Channel::id(channel)?).await?.is_none() {
        return Ok(false);
    }
    let (id, alerts) = (id(channel)?, transaction.collection::<Alert>());
    let before = alerts.get(tenant, &id).await?;
    if before.as_ref().is_some_and(|alert| alert.body.state == AlertState::Firing) {
        return Ok(false);
    }
    let told_at = before.and_then(|alert| alert.body.fired_at);
    let told_at = told_at.filter(|told_at| now.0.saturating_sub(*told_at) < TOLD_EVERY);
    // Of a channel that fails again within the hour, every time, the others would otherwise never be told again.
    let raised = Alert { fired_at: told_at.or(Some(now.0)), ..alert(channel, kind, error, now) };
    alerts.put(tenant, &id, &raised, Expected::Any).await?;
    if told_at.is_some() {
        return Ok(true);
    }
    let (mut queue, item) = (Queue::open(transaction, tenant).await?, item(channel, kind, error, now));
    for other in queue.defaults().iter().filter(|other| other.name != channel) {
        queue.tell_somebody(&other.name, None, Delivery::AtOnce, &item).await?;
    }
    queue.write().await?;
    Ok(true)
}

/// The channel has delivered, or is gone: the alert is over, and true, if there was one.
pub(crate) async fn clear(
    transaction: &Transaction,
    tenant: &Tenant,
    channel: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let (id, alerts) = (id(channel)?, transaction.collection::<Alert>());
    let Some(alert) = alerts.get(tenant, &id).await? else { return Ok(false) };
    if alert.body.state != AlertState::Firing {
        return Ok(false);
    }
    let over = Alert { state: AlertState::Resolved, resolved_at: Some(now.0), ..alert.body };
    alerts.put(tenant, &id, &over, Expected::Version(alert.version)).await?;
    Ok(true)
}

fn id(channel: &str) -> Result<RecordId, Error> {
    RecordId::new(format!("undeliverable/{channel}"))
}

fn labels(channel: &str, kind: Kind) -> Labels {
    Labels::from_iter([("channel", channel), ("kind", kind.name())])
}

fn alert(channel: &str, kind: Kind, error: &str, now: Timestamp) -> Alert {
    let labels = labels(channel, kind);
    Alert {
        rule: UNDELIVERABLE.to_owned(),
        state: AlertState::Firing,
        severity: Severity::Critical,
        fingerprint: format!("{:016x}", labels.fingerprint()),
        labels,
        annotations: [("summary".to_owned(), format!("{channel} does not deliver: {error}"))].into(),
        value: None,
        traces: Vec::new(),
        runbook: None,
        active_since: now.0,
        fired_at: Some(now.0),
        resolved_at: None,
        last_true: None,
        muted_by: Vec::new(),
        incident: None,
    }
}

fn item(channel: &str, kind: Kind, error: &str, now: Timestamp) -> Item {
    Item {
        subject: format!("undeliverable/{channel}"),
        kind: ItemKind::Undeliverable,
        severity: Severity::Critical,
        title: format!("The channel {channel} does not deliver"),
        text: format!("Whoever is told over it is not told. It says: {error}"),
        labels: labels(channel, kind),
        annotations: [].into(),
        value: None,
        links: Vec::new(),
        at: now.0,
    }
}
