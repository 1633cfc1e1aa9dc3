//! A notification: one message to one receiver, from when the first of it was to be told until it was.

use std::collections::BTreeSet;

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Document, Key, List, Order};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::channel::Kind;
use super::message::Message;
use super::plan::Plan;
use super::wording::Words;
use super::{Delivery, Item, ItemKind, Link};
use crate::labels::Labels;
use crate::rule::Severity;

/// Subjects of one message; more are counted.
pub(crate) const SUBJECTS_MAX: usize = 50;
/// Size of the items of one message as JSON, in bytes; more are counted.
const ITEMS_BYTES_MAX: usize = 128 << 10;
/// Longest title, in bytes; it is cut.
const TITLE_BYTES_MAX: usize = 300;
/// Longest text, in bytes; it is cut.
const TEXT_BYTES_MAX: usize = 2000;
/// Longest value of a label, in bytes; it is cut.
const LABEL_BYTES_MAX: usize = 200;
/// Links of one item; more are left out.
const LINKS_MAX: usize = 10;
/// What has been tried for so long takes no more items, in nanoseconds: they would be given up with it.
const GATHER_MAX: i64 = 3600 * 1_000_000_000;
/// News are a reason to try again within so long, in nanoseconds, whatever the pause.
const NEWS_AFTER: i64 = 30 * 1_000_000_000;

/// A notification as the records have it; `alerting.notifications` in SQL.
// Times are nanoseconds since 1970 here, and RFC 3339 in answers, which are [`plugin::Told`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Notification {
    /// Its name; what was asked for, when that leads nowhere.
    pub(crate) channel: String,
    pub(crate) kind: Option<Kind>,
    pub(crate) to: Option<String>,
    /// The worst of its items.
    pub(crate) severity: Severity,
    pub(crate) delivery: Delivery,
    pub(crate) state: State,
    /// When it is sent or tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due: Option<i64>,
    /// So long the receiver does not want to be asked again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) not_before: Option<i64>,
    pub(crate) attempts: u32,
    /// What went wrong last.
    pub(crate) last_error: Option<String>,
    /// In the order in which they happened; of each subject and kind the last.
    pub(crate) items: Vec<Item>,
    /// What had no room.
    pub(crate) more: u64,
    /// Why it is not sent, if it was suppressed.
    pub(crate) muted_by: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) first_attempt_at: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) sent_at: Option<i64>,
    /// How often it was sent again though it may have arrived; then it says so.
    pub(crate) repeats: u32,
    /// How often who sent it died before writing down what had become of it.
    pub(crate) interrupted: u32,
    /// The notification that must have ended before this is sent.
    pub(crate) after: Option<String>,
}

/// Where a notification is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationState)]
pub(crate) enum State {
    Waiting,
    /// A process is about it; whether it arrived is not known before it says so.
    Sending,
    Sent,
    /// Nobody was told, and it is not tried any more.
    Failed,
    /// There is no such channel.
    NoChannel,
    /// Muted.
    Suppressed,
}

impl Document for Notification {
    const COLLECTION: &'static str = "alerting.notifications";
    const KEYS: &'static [Key] =
        &[Key::lookup("state"), Key::lookup("channel"), Key::lookup("created"), Key::due("due")];
    const TIMES: &'static [&'static str] = &["due", "not_before", "created", "first_attempt_at", "sent_at"];

    fn example() -> Option<Self> {
        let item = Item {
            subject: "alert/Slow/1".to_owned(),
            kind: ItemKind::AlertFiring,
            severity: Severity::Critical,
            title: "Slow".to_owned(),
            text: "slow".to_owned(),
            labels: Labels::from_iter([("service", "checkout")]),
            annotations: [("summary".to_owned(), "slow".to_owned())].into(),
            value: Some(1.0),
            links: vec![Link { name: "Runbook".to_owned(), url: "https://example.org".to_owned() }],
            at: 1,
        };
        let example = Self {
            kind: Some(Kind::Email),
            to: Some("ops@example.org".to_owned()),
            last_error: Some("451 later".to_owned()),
            muted_by: vec!["silence 1".to_owned()],
            not_before: Some(1),
            first_attempt_at: Some(1),
            sent_at: Some(1),
            after: Some("1".to_owned()),
            ..Self::new("ops", Delivery::AtOnce, item, 1)
        };
        Some(example)
    }
}

impl Notification {
    /// With its first item; it waits, and is due now.
    pub(crate) fn new(channel: &str, delivery: Delivery, item: Item, now: i64) -> Self {
        Self {
            channel: channel.to_owned(),
            kind: None,
            to: None,
            severity: item.severity,
            delivery,
            state: State::Waiting,
            due: Some(now),
            not_before: None,
            attempts: 0,
            last_error: None,
            items: vec![trimmed(item)],
            more: 0,
            muted_by: Vec::new(),
            created: now,
            first_attempt_at: None,
            sent_at: None,
            repeats: 0,
            interrupted: 0,
            after: None,
        }
    }

    /// The same as something that is not sent at all.
    pub(crate) fn ended(self, state: State, why: Option<String>) -> Self {
        Self { state, due: None, last_error: why.or(self.last_error), ..self }
    }

    /// True while items can be added: nothing of it has been seen by anybody, or that does not matter.
    pub(crate) fn gathers(&self, now: i64) -> bool {
        if self.kind.is_some_and(Kind::keeps_subjects) {
            return self.state == State::Waiting;
        }
        let is_fresh = self.first_attempt_at.is_none_or(|first| now.saturating_sub(first) < GATHER_MAX);
        self.state == State::Waiting && self.repeats == 0 && is_fresh
    }

    /// Adds an item; one of the same subject and kind is not told twice. What has no room is counted.
    pub(crate) fn add(&mut self, item: Item, now: i64) {
        self.severity = self.severity.max(item.severity);
        self.items.retain(|known| (&known.subject, known.kind) != (&item.subject, item.kind));
        let subjects: BTreeSet<&String> = self.items.iter().map(|known| &known.subject).collect();
        let is_known = subjects.contains(&item.subject);
        let bytes = serde_json::to_vec(&self.items).map_or(0, |json| json.len());
        if is_known || (subjects.len() < SUBJECTS_MAX && bytes < ITEMS_BYTES_MAX) {
            self.items.push(trimmed(item));
        } else {
            self.more += 1;
        }
        if self.attempts > 0 {
            let sooner = now.saturating_add(NEWS_AFTER).max(self.not_before.unwrap_or(i64::MIN));
            self.due = self.due.map(|due| due.min(sooner));
        }
    }

    /// Whether something in it is of the subject; what had no room is not known any more.
    pub(crate) fn tells_of(&self, subject: &str) -> bool {
        self.items.iter().any(|item| item.subject == subject)
    }

    pub(crate) fn message(&self, id: &str, tenant: &Tenant, plan: &Plan) -> Message {
        Message {
            id: id.to_owned(),
            tenant: tenant.clone(),
            severity: self.severity,
            items: self.items.clone(),
            more: self.more,
            is_repeat: self.repeats > 0,
            public_url: plan.public_url.clone(),
            words: Words::default(),
        }
    }

    /// Those that were made before a time, the oldest first.
    pub(crate) fn made_before(time: Timestamp) -> List {
        List::all().at_least("created", i64::MIN).below("created", time.0).by(Order::Key("created".to_owned()))
    }
}

impl State {
    /// As it is stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::NoChannel => "no_channel",
            Self::Suppressed => "suppressed",
        }
    }

    /// Nothing becomes of it any more.
    pub(crate) const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Sending)
    }
}

/// Small enough for a message that has others.
fn trimmed(mut item: Item) -> Item {
    shorten(&mut item.title, TITLE_BYTES_MAX);
    shorten(&mut item.text, TEXT_BYTES_MAX);
    item.links.truncate(LINKS_MAX);
    item.annotations.values_mut().for_each(|annotation| shorten(annotation, TEXT_BYTES_MAX));
    let labels = item.labels.iter().map(|(name, value)| {
        let mut value = value.to_owned();
        shorten(&mut value, LABEL_BYTES_MAX);
        (name.to_owned(), value)
    });
    item.labels = labels.collect();
    item
}

/// At most so many bytes, the last of which say that there was more.
fn shorten(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - '…'.len_utf8()));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(subject: usize, kind: ItemKind) -> Item {
        let (labels, links, annotations) = (Labels::default(), Vec::new(), [].into());
        let (subject, title, text) = (subject.to_string(), "é".repeat(400), String::new());
        let severity = Severity::Warning;
        Item { subject, kind, severity, title, text, labels, annotations, value: None, links, at: 0 }
    }

    #[test]
    fn the_same_is_told_once_and_what_has_no_room_is_counted() {
        let mut notification = Notification::new("ops", Delivery::Hourly, item(0, ItemKind::AlertFiring), 0);

        for subject in (0..SUBJECTS_MAX + 10).chain(0..10) {
            notification.add(item(subject, ItemKind::AlertFiring), 0);
        }
        notification.add(item(3, ItemKind::AlertResolved), 0);

        assert_eq!((notification.items.len(), notification.more), (SUBJECTS_MAX + 1, 10));
        assert!(notification.items[0].title.len() <= TITLE_BYTES_MAX && notification.items[0].title.ends_with('…'));
    }

    #[test]
    fn news_shorten_the_pause_of_what_is_tried_again() {
        let mut notification = Notification::new("ops", Delivery::AtOnce, item(0, ItemKind::AlertFiring), 0);
        (notification.attempts, notification.due) = (3, Some(600 * 1_000_000_000));

        notification.add(item(1, ItemKind::AlertFiring), 0);

        assert_eq!(notification.due, Some(NEWS_AFTER));
        (notification.due, notification.not_before) = (Some(600 * 1_000_000_000), Some(500 * 1_000_000_000));
        notification.add(item(2, ItemKind::AlertFiring), 0);
        assert_eq!(notification.due, Some(500 * 1_000_000_000));
        notification.first_attempt_at = Some(0);
        assert!(notification.gathers(GATHER_MAX - 1) && !notification.gathers(GATHER_MAX));
    }
}
