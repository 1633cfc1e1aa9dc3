//! From what is to be told to notifications that wait: which channels, which receivers, with what else.
//!
//! All of it is in the transaction of what is told of. What goes the same way at the same time is one message, and however much of it is
//! told in one transaction, plan and channels are read once and each message is read and written once.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin::model::Tenant;
use plugin::records::{Document, Error, Expected, List, PAGE_MAX, Record, RecordId, Records, Transaction};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::channel::{Channel, Kind};
use super::notification::{Notification, State};
use super::nowhere::Nowhere;
use super::plan::Plan;
use super::{Delivery, Item, severity_name, telemetry};
use crate::pages::all_of;

/// Receivers of one alert over all channels: who was told is one document, and telling them one transaction.
const WAYS_MAX: usize = 400;
/// Notifications that are held back to be written once; behind them they are written, and read again if there is more for them.
const HELD_MAX: usize = 500;
/// Why somebody is not told.
const NO_DEFAULT: &str = "there is no default channel: say `default: true` at one, or name channels in the rule";
const NO_CHANNEL: &str = "no channel has this name or is of this kind";

/// One receiver over one channel, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    pub(crate) channel: String,
    pub(crate) kind: Kind,
    pub(crate) to: Option<String>,
    pub(crate) delivery: Delivery,
}

/// The notification that still takes items of one way; its id says of which. No table shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gathering {
    notification: RecordId,
}

impl Document for Gathering {
    const COLLECTION: &'static str = "alerting.gatherings";
}

/// Deletes what leads to notifications that are not there any more.
pub(crate) async fn forget(records: &Records) -> Result<(), Error> {
    let (gatherings, notifications) = (records.collection::<Gathering>(), records.collection::<Notification>());
    let mut list = List::all().limit(PAGE_MAX);
    loop {
        let page = gatherings.list_everywhere(&list).await?;
        for gathering in &page.records {
            if notifications.get(&gathering.tenant, &gathering.body.notification).await?.is_none() {
                let unchanged = Expected::Version(gathering.version);
                match gatherings.delete(&gathering.tenant, &gathering.id, unchanged).await {
                    Ok(_) | Err(Error::Conflict { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        match page.next {
            Some(next) => list = list.after(next),
            None => return Ok(()),
        }
    }
}

/// Writes notifications, in a transaction of somebody else. What it is told to put is not there before [`Queue::write`].
#[derive(Debug)]
pub(crate) struct Queue<'a> {
    transaction: &'a Transaction,
    tenant: &'a Tenant,
    pub(crate) plan: Arc<Plan>,
    channels: Vec<Arc<Channel>>,
    /// Notifications with something new in them, by their gatherings.
    held: BTreeMap<RecordId, Held>,
}

/// A notification that is to be written.
#[derive(Debug)]
struct Held {
    id: RecordId,
    expected: Expected,
    body: Notification,
}

impl<'a> Queue<'a> {
    pub(crate) async fn open(transaction: &'a Transaction, tenant: &'a Tenant) -> Result<Self, Error> {
        let plan = Arc::new(Plan::read(&transaction.collection(), tenant).await?);
        // Those of the file and those of the API have a limit each.
        let channels = all_of(&transaction.collection::<Channel>(), tenant, &List::all()).await?;
        let channels = channels.into_iter().map(|record| Arc::new(record.body)).collect();
        Ok(Self { transaction, tenant, plan, channels, held: BTreeMap::new() })
    }

    /// The channels of a name, else of a kind.
    fn named(&self, name: &str) -> Vec<Arc<Channel>> {
        let named = self.channels.iter().filter(|channel| channel.name.eq_ignore_ascii_case(name));
        let named: Vec<Arc<Channel>> = named.cloned().collect();
        if !named.is_empty() {
            return named;
        }
        self.channels.iter().filter(|channel| channel.kind.name().eq_ignore_ascii_case(name)).cloned().collect()
    }

    /// Channels for who names none.
    pub(crate) fn defaults(&self) -> Vec<Arc<Channel>> {
        self.channels.iter().filter(|channel| channel.default).cloned().collect()
    }

    /// Tells an item over channels by their names or kinds, over the default ones when there are none. Gives the ways it takes. A name
    /// that leads nowhere is recorded each time, and told in the log once.
    pub(crate) async fn tell(&mut self, names: &[String], item: &Item, nowhere: &Nowhere) -> Result<Vec<Way>, Error> {
        let mut channels: Vec<Arc<Channel>> = Vec::new();
        if names.is_empty() {
            channels = self.defaults();
            if nowhere.is_news(self.tenant, None, !channels.is_empty()) {
                telemetry::nobody_is_told(self.tenant, "default", &item.subject, NO_DEFAULT);
            }
            if channels.is_empty() {
                self.record_nowhere("default", item, NO_DEFAULT).await?;
            }
        }
        for name in names {
            let named = self.named(name);
            if nowhere.is_news(self.tenant, Some(name), !named.is_empty()) {
                telemetry::nobody_is_told(self.tenant, name, &item.subject, NO_CHANNEL);
            }
            if named.is_empty() {
                self.record_nowhere(name, item, NO_CHANNEL).await?;
            }
            channels.extend(named);
        }
        let mut ways = Vec::new();
        for channel in &channels {
            let delivery = channel.delivery(item.severity, &self.plan);
            for way in self.ways(channel, None, delivery, item).await? {
                if ways.contains(&way) {
                    continue;
                }
                if ways.len() >= WAYS_MAX {
                    let why = format!("an alert is told to {WAYS_MAX} receivers, and to no more");
                    self.lead_nowhere(&way.channel, item, &why).await?;
                    return Ok(ways);
                }
                self.put(&way, item.clone()).await?;
                ways.push(way);
            }
        }
        Ok(ways)
    }

    /// Tells an item to somebody over the channels of one name or kind, whenever it is wanted.
    pub(crate) async fn tell_somebody(
        &mut self,
        name: &str,
        to: Option<&str>,
        delivery: Delivery,
        item: &Item,
    ) -> Result<(), Error> {
        let channels = self.named(name);
        if channels.is_empty() {
            return self.lead_nowhere(name, item, NO_CHANNEL).await;
        }
        for channel in &channels {
            for way in self.ways(channel, to, delivery, item).await? {
                self.put(&way, item.clone()).await?;
            }
        }
        Ok(())
    }

    /// Who is reached over a channel: whoever is named, else its own receivers.
    async fn ways(
        &self,
        channel: &Channel,
        to: Option<&str>,
        delivery: Delivery,
        item: &Item,
    ) -> Result<Vec<Way>, Error> {
        let way = |to: Option<String>| Way { channel: channel.name.clone(), kind: channel.kind, to, delivery };
        if let Some(to) = to {
            return match channel.kind.check_receiver(to) {
                Ok(()) => Ok(vec![way(Some(to.to_owned()))]),
                Err(why) => self.lead_nowhere(&channel.name, item, &why).await.map(|()| Vec::new()),
            };
        }
        if channel.receivers.is_empty() && channel.kind.needs_receiver() {
            self.lead_nowhere(&channel.name, item, "the channel has no receiver").await?;
            return Ok(Vec::new());
        }
        let receivers = channel.receivers.iter().cloned().map(Some);
        Ok(if channel.receivers.is_empty() { vec![way(None)] } else { receivers.map(way).collect() })
    }

    /// Adds an item to the notification that goes the same way, or makes one.
    pub(crate) async fn put(&mut self, way: &Way, item: Item) -> Result<(), Error> {
        let (now, place) = (item.at, self.gathering(way, &item)?);
        match self.held.get_mut(&place) {
            Some(held) if held.body.gathers(now) => {
                held.body.add(item, now);
                return Ok(());
            }
            // It takes no more, and is to be found as the one before.
            Some(_) => self.write().await?,
            None => {}
        }
        let held = match self.gathered(&place).await? {
            Some(before) if before.body.gathers(now) => {
                let mut body = before.body;
                body.add(item, now);
                Held { id: before.id, expected: Expected::Version(before.version), body }
            }
            before => Held {
                id: RecordId::unique(),
                expected: Expected::Absent,
                body: self.new_notification(way, item, before.as_ref()),
            },
        };
        self.held.insert(place, held);
        if self.held.len() >= HELD_MAX { self.write().await } else { Ok(()) }
    }

    /// The notification that was the last to take items of a gathering.
    async fn gathered(&self, place: &RecordId) -> Result<Option<Record<Notification>>, Error> {
        match self.transaction.collection::<Gathering>().get(self.tenant, place).await? {
            Some(gathering) => self.transaction.collection().get(self.tenant, &gathering.body.notification).await,
            None => Ok(None),
        }
    }

    fn new_notification(&self, way: &Way, item: Item, before: Option<&Record<Notification>>) -> Notification {
        let now = item.at;
        let before = before.filter(|before| way.kind.keeps_subjects() && !before.body.state.is_final());
        let new = Notification::new(&way.channel, way.delivery, item, now);
        Notification {
            kind: Some(way.kind),
            to: way.to.clone(),
            due: Some(self.due(way, now)),
            after: before.map(|before| before.id.to_string()),
            ..new
        }
    }

    /// Writes what was put: each notification once.
    pub(crate) async fn write(&mut self) -> Result<(), Error> {
        let (notifications, gatherings) = (self.transaction.collection(), self.transaction.collection::<Gathering>());
        for (place, Held { id, expected, body }) in std::mem::take(&mut self.held) {
            notifications.put(self.tenant, &id, &body, expected).await?;
            if expected == Expected::Absent {
                gatherings.put(self.tenant, &place, &Gathering { notification: id }, Expected::Any).await?;
            }
        }
        Ok(())
    }

    /// What is not gathered with others need not wait for them.
    fn due(&self, way: &Way, now: i64) -> i64 {
        let is_alone = way.kind.keeps_subjects() && way.delivery == Delivery::AtOnce;
        if is_alone { now } else { self.plan.due(way.delivery, now) }
    }

    /// Where the gathering of a way is, and of the labels by which the plan gathers.
    fn gathering(&self, way: &Way, item: &Item) -> Result<RecordId, Error> {
        let mut hash = Xxh3::new();
        let mut add = |part: &str| {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        };
        add(&way.channel);
        add(way.to.as_deref().unwrap_or_default());
        add(match way.delivery {
            Delivery::AtOnce => "at_once",
            Delivery::Hourly => "hourly",
            Delivery::Daily => "daily",
        });
        if way.kind.keeps_subjects() {
            add(&item.subject);
        }
        for name in &self.plan.gather_by {
            add(match name.as_str() {
                "severity" => severity_name(item.severity),
                name => item.labels.get(name).unwrap_or_default(),
            });
        }
        RecordId::new(format!("{:032x}", hash.digest128()))
    }

    /// Records that somebody was not told, and why.
    pub(crate) async fn suppress(&self, item: &Item, muted_by: &[String]) -> Result<(), Error> {
        let told = Notification::new("", Delivery::AtOnce, item.clone(), item.at);
        let muted = Notification { muted_by: muted_by.to_vec(), ..told.ended(State::Suppressed, None) };
        self.add(&muted).await
    }

    async fn lead_nowhere(&self, name: &str, item: &Item, why: &str) -> Result<(), Error> {
        telemetry::nobody_is_told(self.tenant, name, &item.subject, why);
        self.record_nowhere(name, item, why).await
    }

    async fn record_nowhere(&self, name: &str, item: &Item, why: &str) -> Result<(), Error> {
        let notification = Notification::new(name, Delivery::AtOnce, item.clone(), item.at);
        self.add(&notification.ended(State::NoChannel, Some(why.to_owned()))).await
    }

    async fn add(&self, notification: &Notification) -> Result<(), Error> {
        self.transaction
            .collection()
            .put(self.tenant, &RecordId::unique(), notification, Expected::Absent)
            .await
            .map(drop)
    }
}
