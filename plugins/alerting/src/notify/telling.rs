//! Who was told that an alert fires: the same are told when it is over, and nobody else.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use plugin::hub::audit::Trail;
use plugin::model::{Tenant, Timestamp};
use plugin::records::{
    Collection, Document, Error, Expected, Key, List, Order, PAGE_MAX, Record, RecordId, Transaction,
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::desk::Desk;
use super::mute::{Mutes, matched};
use super::nowhere::Nowhere;
use super::plan::Plan;
use super::queue::{Queue, Way};
use super::{Item, ItemKind, Link, telemetry};
use crate::alert::{Alert, AlertState, Change};
use crate::incident;
use crate::labels::Labels;
use crate::notify::message::{form_encoded, is_web};
use crate::rule::Rule;
use crate::stored::{StoredRule, rule_id};
use crate::watch::is_passing;

/// Traces that a message leads to.
const TRACES_MAX: usize = 3;
/// Alerts that are told of in one transaction when nothing mutes them any more.
const BATCH: usize = 50;

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

/// Tells of alerts of one tenant that change in one transaction: what there is to know is read once, and each message is written once.
/// What it tells is not there before [`Teller::write`].
#[derive(Debug)]
pub(crate) struct Teller<'a> {
    transaction: &'a Transaction,
    tenant: &'a Tenant,
    nowhere: &'a Nowhere,
    queue: Option<Queue<'a>>,
    mutes: Option<Mutes>,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(transaction: &'a Transaction, tenant: &'a Tenant, nowhere: &'a Nowhere) -> Self {
        Self { transaction, tenant, nowhere, queue: None, mutes: None }
    }

    /// Sees to it that whom the rule names is told of what has become of its alert, unless it is muted; says so in `muted_by`.
    ///
    /// Who is told that it is over is who was told that it fires. [`sweep`] tells of it when it is not muted any more, and changes
    /// `muted_by` in the records.
    pub(crate) async fn alert_changed(&mut self, rule: &Rule, alert: &mut Alert, change: Change) -> Result<(), Error> {
        match change {
            Change::Fired => self.fired(&rule.channels, alert).await,
            Change::Resolved => self.resolved(alert).await,
            Change::Began | Change::Passed | Change::Noted => Ok(()),
        }
    }

    /// Writes what was told.
    pub(crate) async fn write(self) -> Result<(), Error> {
        match self.queue {
            Some(mut queue) => queue.write().await,
            None => Ok(()),
        }
    }

    async fn queue(&mut self) -> Result<&mut Queue<'a>, Error> {
        if self.queue.is_none() {
            self.queue = Some(Queue::open(self.transaction, self.tenant).await?);
        }
        Ok(self.queue.as_mut().expect("it is open by now"))
    }

    /// What mutes an alert, which from now on may explain others itself.
    async fn muted_by(&mut self, labels: &Labels, plan: &Plan, now: Timestamp) -> Result<Vec<String>, Error> {
        if self.mutes.is_none() {
            self.mutes = Some(Mutes::read(&self.transaction.collection(), self.tenant, now).await?);
        }
        let mutes = self.mutes.as_mut().expect("they are read by now");
        let muted_by = mutes.of(&self.transaction.collection(), (self.tenant, plan), labels, now.0).await?;
        mutes.fires(labels);
        Ok(muted_by)
    }

    async fn fired(&mut self, channels: &[String], alert: &mut Alert) -> Result<(), Error> {
        let now = Timestamp(alert.fired_at.unwrap_or(alert.active_since));
        let plan = Arc::clone(&self.queue().await?.plan);
        let (item, labels) = (item(alert, ItemKind::AlertFiring, now, &plan), matched(alert));
        alert.muted_by = self.muted_by(&labels, &plan, now).await?;
        let is_muted = !alert.muted_by.is_empty();
        let nowhere = self.nowhere;
        let queue = self.queue().await?;
        let ways = match is_muted {
            true => queue.suppress(&item, &alert.muted_by).await.map(|()| Vec::new())?,
            false => queue.tell(channels, &item, nowhere).await?,
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
        self.transaction.collection().put(self.tenant, &id, &telling, Expected::Any).await.map(drop)
    }

    /// Tells those who know that it fired that it is over.
    async fn resolved(&mut self, alert: &Alert) -> Result<(), Error> {
        if let Some(mutes) = &mut self.mutes {
            mutes.is_over(&matched(alert));
        }
        let (tenant, tellings) = (self.tenant, self.transaction.collection::<Telling>());
        let queue = self.queue().await?;
        let now = Timestamp(alert.resolved_at.unwrap_or(alert.active_since));
        let item = item(alert, ItemKind::AlertResolved, now, &queue.plan);
        let id = id(&item)?;
        let Some(telling) = tellings.get(tenant, &id).await? else { return Ok(()) };
        for way in &telling.body.ways {
            queue.put(way, item.clone()).await?;
        }
        tellings.delete(tenant, &id, Expected::Version(telling.version)).await.map(drop)
    }

    /// Writes why an alert is muted now; when nothing mutes it, tells of it.
    async fn unmute(&mut self, audit: &Trail, changed: &Changed<'_>, now: Timestamp) -> Result<(), Error> {
        let Changed { telling, alert, rule, muted_by } = changed;
        let (transaction, tenant, nowhere) = (self.transaction, self.tenant, self.nowhere);
        let (alerts, tellings) = (transaction.collection::<Alert>(), transaction.collection::<Telling>());
        let seen = (telling.version, telling.created_at);
        let there = tellings.get(tenant, &telling.id).await?;
        // Otherwise it was resolved or told meanwhile, or it fires anew.
        let Some(there) = there.filter(|there| (there.version, there.created_at) == seen) else { return Ok(()) };
        let alert = match alert {
            Some(id) => alerts.get(tenant, id).await?.filter(|alert| alert.body.state == AlertState::Firing),
            None => None,
        };
        let Some(mut alert) = alert else {
            // It ended without a word, as when its rule is deleted.
            return tellings.delete(tenant, &there.id, Expected::Version(there.version)).await.map(drop);
        };
        let mut body = there.body;
        (body.muted_by, body.is_muted) = (muted_by.clone(), !muted_by.is_empty());
        if !body.is_muted {
            let item = Item { at: now.0, ..body.item.clone() };
            body.ways = self.queue().await?.tell(&body.channels, &item, nowhere).await?;
        }
        tellings.put(tenant, &there.id, &body, Expected::Version(there.version)).await?;
        alert.body.muted_by = muted_by.clone();
        if let Some(rule) = rule {
            incident::alert_changed(transaction, audit, tenant, rule, &mut alert.body, Change::Noted).await?;
        }
        alerts.put(tenant, &alert.id, &alert.body, Expected::Version(alert.version)).await.map(drop)
    }
}

/// Tells of alerts that still fire and are not muted any more; what goes wrong with one tenant holds up no other.
pub(crate) async fn sweep(desk: &Desk) -> Result<(), Error> {
    let tellings = desk.records.collection::<Telling>();
    let mut list = List::all().equal("is_muted", true).by(Order::Key("is_muted".to_owned())).limit(PAGE_MAX);
    loop {
        let page = tellings.list_everywhere(&list).await?;
        // In this order a tenant's are together.
        for of_tenant in page.records.chunk_by(|one, next| one.tenant == next.tenant) {
            match sweep_tenant(desk, of_tenant).await {
                Err(cause @ (Error::Unavailable { .. } | Error::Refused { .. })) => return Err(cause),
                Err(cause) => telemetry::tenant_unswept(&of_tenant[0].tenant, &cause),
                Ok(()) => {}
            }
        }
        match page.next {
            Some(next) => list = list.after(next),
            None => return Ok(()),
        }
    }
}

/// An alert that something else mutes now, or nothing.
#[derive(Debug)]
struct Changed<'a> {
    telling: &'a Record<Telling>,
    alert: Option<RecordId>,
    rule: Option<Arc<Rule>>,
    muted_by: Vec<String>,
}

/// What is known of a rule whose alerts are muted otherwise now.
#[derive(Debug)]
struct OfRule {
    rule: Option<Arc<Rule>>,
    firing: HashMap<String, RecordId>,
}

impl OfRule {
    async fn read(desk: &Desk, tenant: &Tenant, name: &str) -> Result<Self, Error> {
        let stored = desk.records.collection::<StoredRule>().get(tenant, &rule_id(name)?).await?;
        let rule = stored.and_then(|stored| stored.body.rule().ok());
        Ok(Self { rule, firing: firing_of(&desk.records.collection(), tenant, name).await? })
    }
}

async fn sweep_tenant(desk: &Desk, muted: &[Record<Telling>]) -> Result<(), Error> {
    let Some(tenant) = muted.first().map(|telling| &telling.tenant) else { return Ok(()) };
    let changed = changed(desk, tenant, muted).await?;
    for batch in changed.chunks(BATCH) {
        match unmute(desk, tenant, batch).await {
            Ok(()) => {}
            Err(cause) if is_passing(&cause) && !matches!(cause, Error::Busy(_)) => return Err(cause),
            Err(_) => unmute_one_by_one(desk, tenant, batch).await?,
        }
    }
    Ok(())
}

/// One that cannot be written must not hold up the others.
async fn unmute_one_by_one(desk: &Desk, tenant: &Tenant, batch: &[Changed<'_>]) -> Result<(), Error> {
    for one in batch {
        match unmute(desk, tenant, std::slice::from_ref(one)).await {
            Err(cause) if is_passing(&cause) => return Err(cause),
            Err(cause) => telemetry::not_unmuted(tenant, &one.telling.body.item.subject, &cause),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn changed<'a>(desk: &Desk, tenant: &Tenant, muted: &'a [Record<Telling>]) -> Result<Vec<Changed<'a>>, Error> {
    let (records, now) = (&desk.records, desk.now());
    let plan = Plan::read(&records.collection(), tenant).await?;
    let mut mutes = Mutes::read(&records.collection(), tenant, now).await?;
    let mut changed = Vec::new();
    for telling in muted {
        let labels = &telling.body.labels;
        let muted_by = mutes.of(&records.collection(), (tenant, &plan), labels, now.0).await?;
        if muted_by != telling.body.muted_by {
            changed.push((telling, muted_by));
        }
    }
    let names: BTreeSet<&str> = changed.iter().map(|(telling, _)| telling.body.rule.as_str()).collect();
    // Once for each rule: a thousand alerts may be muted no more at the same moment.
    let mut rules = HashMap::new();
    for name in names {
        rules.insert(name, OfRule::read(desk, tenant, name).await?);
    }
    let with_rule = changed.into_iter().map(|(telling, muted_by)| {
        let of_rule = rules.get(telling.body.rule.as_str());
        let alert = of_rule.and_then(|of_rule| of_rule.firing.get(&telling.body.fingerprint).cloned());
        Changed { telling, alert, rule: of_rule.and_then(|of_rule| of_rule.rule.clone()), muted_by }
    });
    Ok(with_rule.collect())
}

async fn unmute(desk: &Desk, tenant: &Tenant, batch: &[Changed<'_>]) -> Result<(), Error> {
    let (audit, now) = (&desk.audit, desk.now());
    let written = desk.records.transaction(|transaction| async move {
        let mut teller = Teller::new(&transaction, tenant, &desk.nowhere);
        for changed in batch {
            teller.unmute(audit, changed, now).await?;
        }
        teller.write().await
    });
    match written.await {
        Err(Error::Conflict { .. }) => Ok(()),
        written => written,
    }
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
    let (severity, annotations, value) = (alert.severity, alert.annotations.clone(), alert.value);
    Item { subject, kind, severity, title, text, labels, annotations, value, links, at: now.0 }
}
