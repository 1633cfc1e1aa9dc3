//! What is said and counted of notifications. No texts of messages, no receivers, no secrets.

use std::error::Error as StdError;

use plugin::model::Tenant;
use plugin::records::{Claim, Error};

use tracing::{Span, field, info_span};

use super::channel::Kind;
use super::notification::{Notification, State};
use crate::telemetry::Counters;

/// The span of one attempt.
pub(crate) fn notify(tenant: &Tenant, kind: Kind) -> Span {
    let (tenant, channel) = (tenant.as_str(), kind.name());
    info_span!("alerting.notify", tenant, channel, outcome = field::Empty, attempts = field::Empty)
}

pub(crate) fn nobody_is_told(tenant: &Tenant, channel: &str, subject: &str, reason: &str) {
    tracing::warn!(%tenant, channel, subject, reason, "nobody is told");
}

/// What an attempt can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    Later,
    GivenUp,
}

impl Outcome {
    pub(crate) const ALL: [Self; 3] = [Self::Sent, Self::Later, Self::GivenUp];

    fn of(state: State) -> Self {
        match state {
            State::Sent => Self::Sent,
            State::Failed => Self::GivenUp,
            _ => Self::Later,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Later => "later",
            Self::GivenUp => "given_up",
        }
    }
}

/// What an attempt has come to.
pub(crate) fn attempted(counters: &Counters, claim: &Claim<Notification>, now: &Notification) {
    let outcome = Outcome::of(now.state);
    counters.attempted(outcome);
    Span::current().record("outcome", outcome.name()).record("attempts", now.attempts);
    let (tenant, id, channel) = (&claim.record.tenant, &claim.record.id, &now.channel);
    let (attempts, reason) = (now.attempts, now.last_error.as_deref().unwrap_or_default());
    match now.state {
        State::Sent => tracing::debug!(%tenant, %id, channel, attempts, "a notification is sent"),
        State::Failed => tracing::error!(%tenant, %id, channel, attempts, reason, "a notification is given up"),
        _ => tracing::warn!(%tenant, %id, channel, attempts, reason, "a notification is sent later"),
    }
}

pub(crate) fn channel_is_gone(counters: &Counters, tenant: &Tenant, channel: &str) {
    counters.attempted(Outcome::GivenUp);
    tracing::warn!(%tenant, channel, "a notification is not sent: its channel is not there any more");
}

pub(crate) fn unread(error: &Error) {
    tracing::warn!(error = error as &dyn StdError, "notifications cannot be read, they wait");
}

pub(crate) fn unwritten(error: &Error) {
    tracing::warn!(error = error as &dyn StdError, "what has become of a notification is not written");
}

pub(crate) fn not_unmuted(tenant: &Tenant, subject: &str, error: &Error) {
    tracing::error!(%tenant, subject, error = error as &dyn StdError, "what is muted no more cannot be told");
}

pub(crate) fn tenant_unswept(tenant: &Tenant, error: &Error) {
    tracing::warn!(%tenant, error = error as &dyn StdError, "alerts that may be muted no more are looked at later");
}

pub(crate) fn unswept(error: &Error) {
    tracing::warn!(error = error as &dyn StdError, "alerts that are muted cannot be read, they are looked at later");
}

pub(crate) fn cut_off(messages: usize) {
    tracing::warn!(messages, "messages are cut off, they may be sent again");
}
