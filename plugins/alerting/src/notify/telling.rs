//! Who was told that an alert fires: the same are told when it is over, and nobody else.

use std::collections::{BTreeSet, HashMap};

use plugin::hub::audit::Trail;
use plugin::model::{Tenant, Timestamp};
use plugin::records::{
    Collection, Document, Error, Expected, Key, List, Order, PAGE_MAX, Record, RecordId, Transaction,
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::desk::Desk;
use super::mute::{Mutes, matched};
use super::plan::Plan;
use super::queue::{Queue, Way};
use super::{Item, ItemKind, Link};
use crate::alert::{Alert, AlertState, Change};
use crate::incident;
use crate::labels::Labels;
use crate::notify::message::{form_encoded, is_web};
use crate::stored::{StoredRule, rule_id};

/// Traces that a message leads to.
const TRACES_MAX: usize = 3;

/// Of an alert that fires; its id is of the subject. No table shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Telling {
    /// What is told when it is not muted any more.
    item: Item,
    /// What matchers see.
    labels: Labels,
    rule: String,
    fingerprint: String,
    /// Names or kinds, as the rule has them.
    channels: Vec<String>,
    /// Who was told.
    ways: Vec<Way>,
    /// Why nobody was.
    muted_by: Vec<String>,
    is_muted: bool,
}

impl Document for Telling {
    const COLLECTION: &'static str = "alerting.tellings";
    const KEYS: &'static [Key] = &[Key::lookup("is_muted")];
}

/// Tells of an alert that fires, unless it is muted.
pub(crate) async fn fired(
    transaction: &Transaction,
    tenant: &Tenant,
    channels: &[String],
    alert: &mut Alert,
) -> Result<(), Error> {
    let queue = Queue::open(transaction, tenant).await?;
    let now = Timestamp(alert.fired_at.unwrap_or(alert.active_since));
    let (item, labels) = (item(alert, ItemKind::AlertFiring, now, &queue.plan), matched(alert));
    let collections = (&transaction.collection(), &transaction.collection());
    let mutes = Mutes::read(collections, tenant, &queue.plan, std::slice::from_ref(&labels), now).await?;
    alert.muted_by = mutes.of(&labels);
    let is_muted = !alert.muted_by.is_empty();
    let ways = match is_muted {
        true => queue.suppress(&item, &alert.muted_by).await.map(|()| Vec::new())?,
        false => queue.tell(channels, &item).await?,
    };
    let id = id(&item)?;
    let telling = Telling {
        item,
        labels,
        rule: alert.rule.clone(),
        fingerprint: alert.fingerprint.clone(),
        channels: channels.to_vec(),
        ways,
        muted_by: alert.muted_by.clone(),
        is_muted,
    };
    transaction.collection().put(tenant, &id, &telling, Expected::Any).await.map(drop)
}

/// Tells those who know that it fired that it is over.
pub(crate) async fn resolved(transaction: &Transaction, tenant: &Tenant, alert: &Alert) -> Result<(), Error> {
    let queue = Queue::open(transaction, tenant).await?;
    let now = Timestamp(alert.resolved_at.unwrap_or(alert.active_since));
    let item = item(alert, ItemKind::AlertResolved, now, &queue.plan);
    let (id, tellings) = (id(&item)?, transaction.collection::<Telling>());
    let Some(telling) = tellings.get(tenant, &id).await? else { return Ok(()) };
    for way in &telling.body.ways {
        queue.put(way, item.clone()).await?;
    }
    tellings.delete(tenant, &id, Expected::Version(telling.version)).await.map(drop)
}

/// Tells of alerts that still fire and are not muted any more. To be called every few seconds.
pub(crate) async fn sweep(desk: &Desk) -> Result<(), Error> {
    let tellings = desk.records.collection::<Telling>();
    let mut list = List::all().equal("is_muted", true).by(Order::Key("is_muted".to_owned())).limit(PAGE_MAX);
    loop {
        let page = tellings.list_everywhere(&list).await?;
        // In this order a tenant's are together.
        for of_tenant in page.records.chunk_by(|one, next| one.tenant == next.tenant) {
            sweep_tenant(desk, of_tenant).await?;
        }
        match page.next {
            Some(next) => list = list.after(next),
            None => return Ok(()),
        }
    }
}

async fn sweep_tenant(desk: &Desk, muted: &[Record<Telling>]) -> Result<(), Error> {
    let Some(tenant) = muted.first().map(|telling| &telling.tenant) else { return Ok(()) };
    let (records, now) = (&desk.records, desk.now());
    let plan = Plan::read(&records.collection(), tenant).await?;
    let labels: Vec<Labels> = muted.iter().map(|telling| telling.body.labels.clone()).collect();
    let collections = (&records.collection(), &records.collection());
    let mutes = Mutes::read(collections, tenant, &plan, &labels, now).await?;
    let muted_by = muted.iter().map(|telling| (telling, mutes.of(&telling.body.labels)));
    let changed: Vec<_> = muted_by.filter(|(telling, muted_by)| *muted_by != telling.body.muted_by).collect();
    let rules: BTreeSet<&str> = changed.iter().map(|(telling, _)| telling.body.rule.as_str()).collect();
    // Once for each rule: a thousand alerts may be muted no more at the same moment.
    let mut firing = HashMap::new();
    for rule in rules {
        firing.insert(rule, firing_of(&records.collection(), tenant, rule).await?);
    }
    for (telling, muted_by) in &changed {
        let (telling, muted_by): (&Record<Telling>, &[String]) = (telling, muted_by);
        let alerts = firing.get(telling.body.rule.as_str());
        let alert = alerts.and_then(|alerts| alerts.get(&telling.body.fingerprint));
        let written = records.transaction(|transaction| async move {
            unmute(&transaction, &desk.audit, (telling, alert), muted_by, now).await
        });
        match written.await {
            // It was resolved or told meanwhile.
            Ok(()) | Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes why an alert is muted now; when nothing mutes it, tells of it.
async fn unmute(
    transaction: &Transaction,
    audit: &Trail,
    (telling, alert): (&Record<Telling>, Option<&RecordId>),
    muted_by: &[String],
    now: Timestamp,
) -> Result<(), Error> {
    let (tenant, mut body) = (&telling.tenant, telling.body.clone());
    let (alerts, tellings) = (transaction.collection::<Alert>(), transaction.collection::<Telling>());
    let alert = match alert {
        Some(id) => alerts.get(tenant, id).await?.filter(|alert| alert.body.state == AlertState::Firing),
        None => None,
    };
    let Some(mut alert) = alert else {
        // It ended without a word, as when its rule is deleted.
        return tellings.delete(tenant, &telling.id, Expected::Version(telling.version)).await.map(drop);
    };
    (body.muted_by, body.is_muted) = (muted_by.to_vec(), !muted_by.is_empty());
    if !body.is_muted {
        let queue = Queue::open(transaction, tenant).await?;
        let item = Item { at: now.0, ..body.item.clone() };
        body.ways = queue.tell(&body.channels, &item).await?;
    }
    tellings.put(tenant, &telling.id, &body, Expected::Version(telling.version)).await?;
    alert.body.muted_by = muted_by.to_vec();
    let rule = transaction.collection::<StoredRule>().get(tenant, &rule_id(&alert.body.rule)?).await?;
    if let Some(Ok(rule)) = rule.map(|rule| rule.body.rule()) {
        incident::alert_changed(transaction, audit, tenant, &rule, &mut alert.body, Change::Noted).await?;
    }
    alerts.put(tenant, &alert.id, &alert.body, Expected::Version(alert.version)).await.map(drop)
}

/// The alerts of a rule that fire, by their fingerprints.
async fn firing_of(
    alerts: &Collection<Alert>,
    tenant: &Tenant,
    rule: &str,
) -> Result<HashMap<String, RecordId>, Error> {
    let mut firing = HashMap::new();
    let mut list = List::all().equal("rule", rule).equal("state", "firing").limit(PAGE_MAX);
    loop {
        let page = alerts.list(tenant, &list).await?;
        firing.extend(page.records.into_iter().map(|alert| (alert.body.fingerprint, alert.id)));
        match page.next {
            Some(next) => list = list.after(next),
            None => return Ok(firing),
        }
    }
}

/// A rule may be called what no record can.
fn id(item: &Item) -> Result<RecordId, Error> {
    RecordId::new(format!("{:032x}", xxh3_128(item.subject.as_bytes())))
}

fn item(alert: &Alert, kind: ItemKind, now: Timestamp, plan: &Plan) -> Item {
    let title = match alert.annotations.get("summary") {
        Some(summary) => format!("{}: {summary}", alert.rule),
        None => alert.rule.clone(),
    };
    let mut text = alert.annotations.get("description").cloned().unwrap_or_default();
    if let Some(value) = alert.value {
        text.push_str(&format!("\nValue: {value}"));
    }
    let mut links = Vec::new();
    match &alert.runbook {
        Some(runbook) if is_web(runbook) => {
            links.push(Link { name: "Runbook".to_owned(), url: runbook.clone() });
        }
        Some(runbook) => text.push_str(&format!("\nRunbook: {runbook}")),
        None => {}
    }
    if let Some(url) = &plan.public_url {
        links.push(Link { name: "Alert".to_owned(), url: format!("{url}/alerts?rule={}", form_encoded(&alert.rule)) });
        let trace = |id: &String| Link { name: "Trace".to_owned(), url: format!("{url}/traces/{}", form_encoded(id)) };
        links.extend(alert.traces.iter().take(TRACES_MAX).map(trace));
    }
    let subject = format!("alert/{}/{}", alert.rule, alert.fingerprint);
    let mut labels = alert.labels.clone();
    labels.set("rule", alert.rule.as_str());
    Item { subject, kind, severity: alert.severity, title, text, labels, links, at: now.0 }
}
