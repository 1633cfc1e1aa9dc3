//! Who is told what, when, over which channel; and that it is told.
//!
//! What is to be told is written in the transaction of what it tells of, so neither a crash nor a channel that is down loses it.

mod attempt;
mod channel;
mod deliver;
mod desk;
pub(crate) mod file;
mod message;
mod mute;
mod notification;
mod nowhere;
mod plan;
mod queue;
mod routes;
mod telemetry;
mod telling;
mod trouble;
mod unmute;
mod wording;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Expected, PAGE_MAX, Records, Table, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::channel::Channel;
use self::mute::silence::Silence;
use self::notification::Notification;
use self::queue::Queue;

pub(crate) use self::{
    deliver::deliver, desk::Desk, file::apply, message::form_encoded, routes::routes, telemetry::Outcome,
    telling::Teller, trouble::UNDELIVERABLE, unmute::unmute,
};
use crate::labels::Labels;
use crate::rule::Severity;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Item {
    /// The same for what tells of the same thing, as for firing and resolved; receivers join by it.
    pub(crate) subject: String,
    pub(crate) kind: ItemKind,
    pub(crate) severity: Severity,
    /// One line.
    pub(crate) title: String,
    /// What else there is to say; lines.
    pub(crate) text: String,
    pub(crate) labels: Labels,
    /// Of an alert, for templates.
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) value: Option<f64>,
    pub(crate) links: Vec<Link>,
    /// When; in nanoseconds since 1970, and RFC 3339 in answers.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: i64,
}

impl Item {
    /// With links that lead somewhere from everywhere: paths of ours behind the public address. What is no address is text.
    fn reachable(mut self, public_url: Option<&str>) -> Self {
        for Link { name, url } in std::mem::take(&mut self.links) {
            let url = match public_url.filter(|_| url.starts_with('/')) {
                Some(public_url) => format!("{public_url}{url}"),
                None => url,
            };
            match message::is_web(&url) {
                true => self.links.push(Link { name, url }),
                false => self.text.push_str(&format!("\n{name}: {url}")),
            }
        }
        self
    }
}

/// What is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemKind {
    AlertFiring,
    AlertResolved,
    IncidentOpened,
    IncidentEscalated,
    IncidentResolved,
    Undeliverable,
    Test,
}

/// An address with more to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) url: String,
}

/// When it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    AtOnce,
    Hourly,
    Daily,
}

/// Something that is to be told to somebody.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Name or kind of a channel, in any case: `Email`, `slack`, `ops-webhook`.
    pub(crate) channel: String,
    /// The channel's own receivers when it is not said: an address, a phone number, a Slack channel.
    pub(crate) to: Option<String>,
    pub(crate) delivery: Delivery,
    pub(crate) item: Item,
}

/// Sees to it that the orders are told. When is counted from the time of the item.
pub(crate) async fn order(transaction: &Transaction, tenant: &Tenant, orders: Vec<Order>) -> Result<(), Error> {
    if orders.is_empty() {
        return Ok(());
    }
    let mut queue = Queue::open(transaction, tenant).await?;
    for Order { channel, to, delivery, item } in orders {
        let item = item.reachable(queue.plan.public_url.as_deref());
        queue.tell_somebody(&channel, to.as_deref(), delivery, &item).await?;
    }
    queue.write().await
}

/// As it is stored, and as PagerDuty calls it.
fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Tables in SQL: `alerting.channels`, `alerting.silences`, `alerting.notifications`.
pub(crate) fn tables(records: &Records) -> Result<Vec<Table>, Error> {
    Ok(vec![records.table::<Channel>()?, records.table::<Silence>()?, records.table::<Notification>()?])
}

/// Deletes notifications and silences that have been over since before a time. To be called once a day or so.
pub(crate) async fn forget(records: &Records, before: Timestamp) -> Result<(), Error> {
    let (notifications, silences) = (records.collection::<Notification>(), records.collection::<Silence>());
    let mut list = Notification::made_before(before).limit(PAGE_MAX);
    loop {
        let page = notifications.list_everywhere(&list).await?;
        for old in page.records.iter().filter(|old| old.body.state.is_final()) {
            notifications.delete(&old.tenant, &old.id, Expected::Any).await?;
        }
        match page.next {
            Some(next) => list = list.after(next),
            None => break,
        }
    }
    queue::forget(records).await?;
    loop {
        let page = silences.list_everywhere(&Silence::ended_before(before).limit(PAGE_MAX)).await?;
        for old in &page.records {
            silences.delete(&old.tenant, &old.id, Expected::Any).await?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}
