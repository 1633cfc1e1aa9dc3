//! Channels as people write them, in `notifications.yaml` and through the API: the same members in both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use plugin::hub::Secret as Plain;
use serde::Deserialize;
use utoipa::ToSchema;

use super::email::{Email, Encryption, mailbox};
use super::pagerduty::{self, PagerDuty};
use super::slack::Slack;
use super::sms::{self, Sms};
use super::teams::Teams;
use super::webhook::Webhook;
use super::{Channel, Kind, Origin, RECEIVERS_MAX, Secret, Settings, Vault};
use crate::notify::Delivery;
use crate::notify::wording::Wording;
use crate::rule::Severity;

/// Longest name of a channel, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest of all other texts, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// A channel; one of `email`, `slack`, `teams`, `pagerduty`, `sms`, `webhook` says of which kind. Each secret may instead be named by
/// `<secret>_file` or `<secret>_env`, in `notifications.yaml` only.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelWritten {
    /// 1 to 64 of `a-z 0-9 - _`.
    pub(crate) name: String,
    /// Who names no channel is told over this one.
    #[serde(default)]
    default: bool,
    /// Mail addresses, phone numbers as in `+15550100`, Slack channels.
    #[serde(default)]
    receivers: Vec<String>,
    /// More wait for their turn. Of each process.
    rate_per_minute: Option<u32>,
    /// When those of a severity are told, where it differs: `{"warning": "at_once"}`.
    #[serde(default)]
    delivery: BTreeMap<Severity, Delivery>,
    /// A template for the title: `{{ .Status }}: {{ .CommonLabels.service }}`.
    title: Option<String>,
    /// A template for the text, in the markup of the receiver.
    text: Option<String>,
    /// A template for all that a webhook is sent, as JSON.
    body: Option<String>,
    email: Option<EmailWritten>,
    slack: Option<HookWritten>,
    teams: Option<HookWritten>,
    pagerduty: Option<PagerDutyWritten>,
    sms: Option<SmsWritten>,
    webhook: Option<WebhookWritten>,
}

/// A mail server.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmailWritten {
    server: String,
    /// 587, or 465 with `tls: tls`, or 25 without encryption.
    port: Option<u16>,
    #[serde(default)]
    tls: Encryption,
    /// Says that mail and password may travel in clear text; needed for `tls: none` unless the server is on this machine.
    #[serde(default)]
    allow_clear_text: bool,
    #[schema(value_type = Option<String>)]
    ca_file: Option<PathBuf>,
    from: String,
    user: Option<String>,
    #[schema(value_type = Option<String>)]
    password: Option<Plain>,
    #[schema(value_type = Option<String>)]
    password_file: Option<PathBuf>,
    password_env: Option<String>,
}

/// An incoming webhook of Slack, or one of Workflows of Teams; its address is a secret.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HookWritten {
    #[schema(value_type = Option<String>)]
    url: Option<Plain>,
    #[schema(value_type = Option<String>)]
    url_file: Option<PathBuf>,
    url_env: Option<String>,
}

/// A service of PagerDuty.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PagerDutyWritten {
    #[schema(value_type = Option<String>)]
    routing_key: Option<Plain>,
    #[schema(value_type = Option<String>)]
    routing_key_file: Option<PathBuf>,
    routing_key_env: Option<String>,
    /// `https://events.pagerduty.com` if it is not said.
    url: Option<String>,
}

/// An account of Twilio, or of who speaks as Twilio does.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SmsWritten {
    account: String,
    #[schema(value_type = Option<String>)]
    token: Option<Plain>,
    #[schema(value_type = Option<String>)]
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    from: String,
    /// `https://api.twilio.com` if it is not said.
    url: Option<String>,
}

/// A receiver of JSON.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookWritten {
    url: String,
    #[schema(value_type = Option<String>)]
    secret: Option<Plain>,
    #[schema(value_type = Option<String>)]
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
}

impl ChannelWritten {
    /// The channel, when it is one.
    pub(crate) fn read(&self, vault: &Vault<'_>) -> Result<Channel, String> {
        check_name(&self.name)?;
        let settings = self.settings(vault).map_err(|cause| format!("channel '{}': {cause}", self.name))?;
        let origin = if matches!(vault, Vault::File) { Origin::File } else { Origin::Api };
        let wording = self.wording();
        wording.check().map_err(|(member, wrong)| {
            let (text, problem, remedy) = (self.template(member), &wrong.problem, &wrong.remedy);
            let (line, column) = place(text, wrong.offset);
            format!("channel '{}': {member}, line {line}, column {column}: {problem}; {remedy}", self.name)
        })?;
        if wording.body.is_some() && settings.kind() != Kind::Webhook {
            return Err(format!("channel '{}': only a webhook has a body: write title and text", self.name));
        }
        let channel = Channel {
            name: self.name.clone(),
            kind: settings.kind(),
            default: self.default,
            receivers: self.receivers.clone(),
            rate_per_minute: self.rate_per_minute,
            delivery: self.delivery.clone(),
            wording,
            origin,
            settings,
        };
        channel.check().map_err(|cause| format!("channel '{}': {cause}", self.name))?;
        Ok(channel)
    }

    /// Its own words, unchecked.
    pub(crate) fn wording(&self) -> Wording {
        Wording { title: self.title.clone(), text: self.text.clone(), body: self.body.clone() }
    }

    fn template(&self, member: &str) -> &str {
        let template = match member {
            "title" => &self.title,
            "text" => &self.text,
            _ => &self.body,
        };
        template.as_deref().unwrap_or_default()
    }

    fn settings(&self, vault: &Vault<'_>) -> Result<Settings, String> {
        let Self { name, email, slack, teams, pagerduty, sms, webhook, .. } = self;
        let kinds = [
            email.as_ref().map(|email| email.read(name, vault).map(Settings::Email)),
            slack.as_ref().map(|slack| slack.read(Kind::Slack, name, vault).map(|url| Settings::Slack(Slack { url }))),
            teams.as_ref().map(|teams| teams.read(Kind::Teams, name, vault).map(|url| Settings::Teams(Teams { url }))),
            pagerduty.as_ref().map(|pagerduty| pagerduty.read(name, vault).map(Settings::PagerDuty)),
            sms.as_ref().map(|sms| sms.read(name, vault).map(Settings::Sms)),
            webhook.as_ref().map(|webhook| webhook.read(name, vault).map(Settings::Webhook)),
        ];
        let mut said = kinds.into_iter().flatten();
        match (said.next(), said.next()) {
            (Some(settings), None) => settings,
            _ => Err("it must have exactly one of email, slack, teams, pagerduty, sms, webhook".to_owned()),
        }
    }
}

impl EmailWritten {
    fn read(&self, channel: &str, vault: &Vault<'_>) -> Result<Email, String> {
        let password = vault.take(
            channel,
            ("password", self.password.as_ref(), self.password_file.as_ref(), self.password_env.as_ref()),
        )?;
        let port = self.port.unwrap_or(match self.tls {
            Encryption::StartTls => 587,
            Encryption::Tls => 465,
            Encryption::None => 25,
        });
        let (server, user, from) = (text("server", &self.server)?, self.user.clone(), self.from.clone());
        let mut email = Email { server, port, tls: self.tls, ca_file: self.ca_file.clone(), from, user, password };
        email.password = kept(vault, email.password.take(), |settings| match settings {
            Settings::Email(before) if email.has_receiver_of(before) => before.password.as_ref(),
            _ => None,
        });
        mailbox(&self.from)?;
        if email.user.is_some() != email.password.is_some() {
            return Err("user and password come together or not at all".to_owned());
        }
        if self.ca_file.is_some() && !matches!(vault, Vault::File) {
            return Err("only notifications.yaml may say ca_file".to_owned());
        }
        if self.tls == Encryption::None && !self.allow_clear_text && !is_this_machine(&self.server) {
            return Err(format!(
                "tls is none, so everybody on the way to {} could read along: use starttls or tls, or say allow_clear_text: true",
                self.server
            ));
        }
        Ok(email)
    }
}

impl Email {
    /// The password goes to the same server in the same way.
    fn has_receiver_of(&self, other: &Self) -> bool {
        (&self.server, self.port, self.tls, &self.user) == (&other.server, other.port, other.tls, &other.user)
    }
}

impl HookWritten {
    fn read(&self, kind: Kind, channel: &str, vault: &Vault<'_>) -> Result<Secret, String> {
        if let Some(url) = &self.url {
            address("url", url.reveal()).map_err(|_| "url is no http or https address".to_owned())?;
        }
        let url = vault.take(channel, ("url", self.url.as_ref(), self.url_file.as_ref(), self.url_env.as_ref()))?;
        let url = kept(vault, url, |settings| match settings {
            Settings::Slack(slack) if kind == Kind::Slack => Some(&slack.url),
            Settings::Teams(teams) if kind == Kind::Teams => Some(&teams.url),
            _ => None,
        });
        url.ok_or_else(|| missing("url"))
    }
}

impl PagerDutyWritten {
    fn read(&self, channel: &str, vault: &Vault<'_>) -> Result<PagerDuty, String> {
        let written = (self.routing_key.as_ref(), self.routing_key_file.as_ref(), self.routing_key_env.as_ref());
        let key = vault.take(channel, ("routing_key", written.0, written.1, written.2))?;
        let url = address("url", self.url.as_deref().unwrap_or(pagerduty::URL))?;
        let key = kept(vault, key, |settings| match settings {
            Settings::PagerDuty(before) if before.url == url => Some(&before.routing_key),
            _ => None,
        });
        Ok(PagerDuty { routing_key: key.ok_or_else(|| missing("routing_key"))?, url })
    }
}

impl SmsWritten {
    fn read(&self, channel: &str, vault: &Vault<'_>) -> Result<Sms, String> {
        let written = ("token", self.token.as_ref(), self.token_file.as_ref(), self.token_env.as_ref());
        let token = vault.take(channel, written)?;
        let url = address("url", self.url.as_deref().unwrap_or(sms::URL))?;
        let is_account = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.account.is_empty() || !self.account.bytes().all(is_account) {
            return Err(format!("'{}' is no account: it has letters, digits, '-' and '_'", self.account));
        }
        let token = kept(vault, token, |settings| match settings {
            Settings::Sms(before) if before.url == url && before.account == self.account => Some(&before.token),
            _ => None,
        });
        let (account, token) = (self.account.clone(), token.ok_or_else(|| missing("token"))?);
        Ok(Sms { account, token, from: text("from", &self.from)?, url })
    }
}

impl WebhookWritten {
    fn read(&self, channel: &str, vault: &Vault<'_>) -> Result<Webhook, String> {
        let written = ("secret", self.secret.as_ref(), self.secret_file.as_ref(), self.secret_env.as_ref());
        let (url, secret) = (address("url", &self.url)?, vault.take(channel, written)?);
        let secret = kept(vault, secret, |settings| match settings {
            Settings::Webhook(before) if before.url == url => before.secret.as_ref(),
            _ => None,
        });
        Ok(Webhook { url, secret })
    }
}

/// The secret, or the one that was there before. It is not kept for another receiver, which would get to know it.
fn kept<'a>(
    vault: &Vault<'a>,
    secret: Option<Secret>,
    before: impl FnOnce(&'a Settings) -> Option<&'a Secret>,
) -> Option<Secret> {
    let Vault::Api { before: Some(channel), .. } = vault else { return secret };
    let sealed = |secret: &&Secret| matches!(secret, Secret::Sealed(_));
    secret.or_else(|| before(&channel.settings).filter(sealed).cloned())
}

impl Settings {
    fn kind(&self) -> Kind {
        match self {
            Self::Email(_) => Kind::Email,
            Self::Slack(_) => Kind::Slack,
            Self::Teams(_) => Kind::Teams,
            Self::PagerDuty(_) => Kind::PagerDuty,
            Self::Sms(_) => Kind::Sms,
            Self::Webhook(_) => Kind::Webhook,
        }
    }
}

impl Channel {
    fn check(&self) -> Result<(), String> {
        if self.receivers.len() > RECEIVERS_MAX {
            return Err(format!("{} receivers, over the limit of {RECEIVERS_MAX}", self.receivers.len()));
        }
        if self.rate_per_minute == Some(0) {
            return Err("rate_per_minute is 0, must be at least 1".to_owned());
        }
        let unique: BTreeSet<&String> = self.receivers.iter().collect();
        if unique.len() < self.receivers.len() {
            return Err("a receiver is named twice".to_owned());
        }
        self.receivers.iter().try_for_each(|receiver| self.kind.check_receiver(receiver))
    }
}

impl Kind {
    /// Says what is wrong with a receiver, if anything is.
    pub(crate) fn check_receiver(self, receiver: &str) -> Result<(), String> {
        let is_phone = || {
            let digits = receiver.strip_prefix('+').unwrap_or_default();
            (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        };
        match self {
            Self::Email => mailbox(receiver).map(drop),
            Self::Sms if !is_phone() => Err(format!("'{receiver}' is no phone number: write it as in +15550100")),
            _ => text("a receiver", receiver).map(drop),
        }
    }
}

/// Line and column of a byte of a text; the first are 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    match (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        true => Ok(()),
        false => Err(format!("'{name}' is no name of a channel: use 1 to {NAME_BYTES_MAX} of a-z, 0-9, '-' and '_'")),
    }
}

fn text(name: &str, text: &str) -> Result<String, String> {
    match (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!("{name} must have 1 to {TEXT_BYTES_MAX} bytes, and no control characters")),
    }
}

fn address(name: &str, url: &str) -> Result<String, String> {
    let uri: Result<::http::Uri, _> = text(name, url)?.parse();
    let is_web = |uri: &::http::Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    match uri {
        Ok(uri) if is_web(&uri) => Ok(url.to_owned()),
        _ => Err(format!("{name} is '{url}', must be an http or https address")),
    }
}

fn missing(name: &str) -> String {
    format!("there is no {name}; when the receiver changes, it must be said again")
}

/// True when nothing is sent over a network.
fn is_this_machine(server: &str) -> bool {
    server.eq_ignore_ascii_case("localhost") || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
