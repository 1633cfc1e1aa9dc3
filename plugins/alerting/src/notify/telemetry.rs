//! What the log says of notifications. No texts of messages, no receivers, no secrets.

use std::error::Error as StdError;

use plugin::model::Tenant;
use plugin::records::{Claim, Error};

use super::notification::{Notification, State};

pub(crate) fn nobody_is_told(tenant: &Tenant, channel: &str, subject: &str, reason: &str) {
    tracing::warn!(%tenant, channel, subject, reason, "nobody is told");
}

/// What an attempt has come to.
pub(crate) fn attempted(claim: &Claim<Notification>, now: &Notification) {
    let (tenant, id, channel) = (&claim.record.tenant, &claim.record.id, &now.channel);
    let (attempts, reason) = (now.attempts, now.last_error.as_deref().unwrap_or_default());
    match now.state {
        State::Sent => tracing::debug!(%tenant, %id, channel, attempts, "a notification is sent"),
        State::Failed => tracing::error!(%tenant, %id, channel, attempts, reason, "a notification is given up"),
        _ => tracing::warn!(%tenant, %id, channel, attempts, reason, "a notification is sent later"),
    }
}

pub(crate) fn channel_is_gone(tenant: &Tenant, channel: &str) {
    tracing::warn!(%tenant, channel, "a notification is not sent: its channel is not there any more");
}

pub(crate) fn unread(error: &Error) {
    tracing::warn!(error = error as &dyn StdError, "notifications cannot be read, they wait");
}

pub(crate) fn unwritten(error: &Error) {
    tracing::warn!(error = error as &dyn StdError, "what has become of a notification is not written");
}

pub(crate) fn cut_off(messages: usize) {
    tracing::warn!(messages, "messages are cut off, they may be sent again");
}
