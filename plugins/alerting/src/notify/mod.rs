//! Who is told what, when, over which channel; and that it is told.
//!
//! What is to be told is written in the transaction of what it tells of, so neither a crash nor a channel that is down loses it.

use plugin::model::Tenant;
use plugin::records::{Error, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::alert::{Alert, Change};
use crate::labels::Labels;
use crate::rule::{Rule, Severity};

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
    pub(crate) links: Vec<Link>,
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
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
#[serde(rename_all = "lowercase")]
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

/// Sees to it that the orders are told.
pub(crate) async fn order(_transaction: &Transaction, _tenant: &Tenant, _orders: Vec<Order>) -> Result<(), Error> {
    Ok(())
}

/// Sees to it that whom the rule names is told of what has become of its alert, unless it is muted; says so in `muted_by`.
pub(crate) async fn alert_changed(
    _transaction: &Transaction,
    _tenant: &Tenant,
    _rule: &Rule,
    _alert: &mut Alert,
    _change: Change,
) -> Result<(), Error> {
    Ok(())
}
