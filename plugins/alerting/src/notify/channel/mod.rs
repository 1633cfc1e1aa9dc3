//! Channels: ways to people and machines. A kind is a file; what differs between kinds is in it and nowhere else.

mod email;
mod http;
mod pagerduty;
mod secret;
mod shown;
mod slack;
mod sms;
mod teams;
mod webhook;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use plugin::model::Timestamp;
use plugin::records::{Document, Error, Key, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::email::Email;
use self::pagerduty::PagerDuty;
pub(crate) use self::secret::{Secret, Vault};
use self::slack::Slack;
use self::sms::Sms;
use self::teams::Teams;
use self::webhook::Webhook;
pub(crate) use self::written::ChannelWritten;
use super::desk::Desk;
use super::message::Message;
use super::wording::Wording;
use super::{Delivery, plan::Plan};
use crate::rule::Severity;

/// Channels of a tenant.
pub(crate) const CHANNELS_MAX: usize = 200;
/// Receivers of a channel.
pub(crate) const RECEIVERS_MAX: usize = 100;

/// A channel as the records have it; `alerting.channels` in SQL, without its settings. Its id is its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Who names no channel is told over this one.
    pub(crate) default: bool,
    /// Who is told when it is not said: addresses, phone numbers, Slack channels. Some kinds need none.
    pub(crate) receivers: Vec<String>,
    pub(crate) rate_per_minute: Option<u32>,
    /// When those of a severity are told, where it differs from the plan.
    pub(crate) delivery: BTreeMap<Severity, Delivery>,
    #[serde(default)]
    pub(crate) wording: Wording,
    pub(crate) origin: Origin,
    pub(crate) settings: Settings,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Email,
    Slack,
    Teams,
    PagerDuty,
    Sms,
    Webhook,
}

/// Where a channel was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// In `notifications.yaml`, and it is changed there.
    File,
    Api,
}

/// What a kind needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Settings {
    Email(Email),
    Slack(Slack),
    Teams(Teams),
    PagerDuty(PagerDuty),
    Sms(Sms),
    Webhook(Webhook),
}

impl Document for Channel {
    const COLLECTION: &'static str = "alerting.channels";
    const KEYS: &'static [Key] = &[Key::lookup("kind"), Key::lookup("origin")];
    const HIDDEN: &'static [&'static str] = &["settings"];

    fn example() -> Option<Self> {
        Some(Self {
            name: "ops".to_owned(),
            kind: Kind::Slack,
            default: true,
            receivers: vec!["#ops".to_owned()],
            rate_per_minute: Some(60),
            delivery: [(Severity::Warning, Delivery::AtOnce)].into(),
            wording: Wording {
                title: Some("{{ .Title }}".to_owned()),
                text: Some("{{ .Title }}".to_owned()),
                body: Some("{}".to_owned()),
            },
            origin: Origin::Api,
            settings: Settings::Slack(Slack { url: Secret::Env("URL".to_owned()) }),
        })
    }
}

/// Why a message was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsent {
    pub(crate) reason: String,
    pub(crate) again: Again,
}

/// Whether it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would be refused again.
    Never,
    /// It was not taken now; not before so long, if the receiver has said so.
    Later(Option<Duration>),
    /// It may have been taken: nobody has said.
    Unclear,
}

impl Unsent {
    pub(crate) fn never(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: Again::Never }
    }

    pub(crate) fn later(reason: impl Into<String>, after: Option<Duration>) -> Self {
        Self { reason: reason.into(), again: Again::Later(after) }
    }

    pub(crate) fn unclear(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: Again::Unclear }
    }
}

/// One message on its way: what a kind of channel is given.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) channel: &'a Channel,
    pub(crate) to: Option<&'a str>,
    pub(crate) message: &'a Message,
    pub(crate) now: Timestamp,
}

impl Sending<'_> {
    /// Sends it in the channel's own words, and gives what the receiver said.
    pub(crate) async fn send(&self) -> Result<String, Unsent> {
        let words = self.channel.wording.words(self.message, (&self.channel.name, self.channel.kind));
        let message = &Message { words, ..self.message.clone() };
        let sending = &Sending { desk: self.desk, channel: self.channel, to: self.to, message, now: self.now };
        match &self.channel.settings {
            Settings::Email(email) => email.send(sending).await,
            Settings::Slack(slack) => slack.send(sending).await,
            Settings::Teams(teams) => teams.send(sending).await,
            Settings::PagerDuty(pagerduty) => pagerduty.send(sending).await,
            Settings::Sms(sms) => sms.send(sending).await,
            Settings::Webhook(webhook) => webhook.send(sending).await,
        }
    }

    async fn open(&self, secret: &Secret, name: &str) -> Result<String, Unsent> {
        let opened = secret.open(&self.desk.keyring, &self.message.tenant, &self.channel.name, name).await;
        // The operator may put the file there, so it is worth trying again.
        opened.map_err(|reason| Unsent::later(reason, None))
    }

    fn to(&self) -> Result<&str, Unsent> {
        self.to.ok_or_else(|| Unsent::never("the channel has no receiver"))
    }
}

impl Channel {
    pub(crate) fn id(name: &str) -> Result<RecordId, Error> {
        RecordId::new(name)
    }

    /// When those of this severity are told over it.
    pub(crate) fn delivery(&self, severity: Severity, plan: &Plan) -> Delivery {
        self.delivery.get(&severity).copied().unwrap_or_else(|| plan.delivery(severity))
    }
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::PagerDuty => "pagerduty",
            Self::Sms => "sms",
            Self::Webhook => "webhook",
        }
    }

    /// What makes text of what comes from outside, where it stands in a text of the channel's own.
    pub(crate) fn escapes(self) -> fn(&str) -> String {
        match self {
            Self::Slack => slack::escaped,
            Self::Email | Self::Teams | Self::PagerDuty | Self::Sms | Self::Webhook => str::to_owned,
        }
    }

    /// Somebody must be named: the address of the channel is not that of people.
    pub(crate) const fn needs_receiver(self) -> bool {
        matches!(self, Self::Email | Self::Sms)
    }

    /// The receiver keeps each subject by itself, and joins what it is told of it: nothing else is in a message, it may be sent again
    /// and again, and that something is over is not told before that it began.
    pub(crate) const fn keeps_subjects(self) -> bool {
        matches!(self, Self::PagerDuty)
    }
}
