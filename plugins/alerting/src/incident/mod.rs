//! Incidents: from the first alert or call to the review, with who is told and when it goes up a level.
//!
//! Whatever changes an incident makes it due; one worker, in any process, takes what is due and tells those who have to know.

mod alerts;
mod document;
mod escalation;
mod policies;
mod policy;
mod routes;
mod timeline;

use std::fmt;
use std::sync::Arc;

use plugin::PluginTable;
use plugin::hub::Clock;
use plugin::hub::audit::{Deed, Trail};
use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Records, Transaction};
use serde::Serialize;
use serde_json::json;

pub(crate) use self::alerts::alert_changed;
use self::document::{Incident, Status};
pub(crate) use self::escalation::escalate;
pub(crate) use self::policies::Policies;
use self::policy::Level;
pub(crate) use self::routes::{Desk, routes};
use crate::rule::Priority;

/// What incidents are worked on with; cheap to clone.
#[derive(Clone)]
pub(crate) struct Incidents {
    records: Records,
    audit: Trail,
    policies: Arc<Policies>,
    clock: Clock,
}

impl Incidents {
    pub(crate) fn new(records: Records, audit: Trail, policies: Arc<Policies>, clock: Clock) -> Self {
        Self { records, audit, policies, clock }
    }

    /// Nanoseconds since 1970.
    fn now(&self) -> i64 {
        self.now_timestamp().0
    }

    fn now_timestamp(&self) -> Timestamp {
        (self.clock)()
    }
}

impl fmt::Debug for Incidents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incidents").field("policies", &self.policies).finish_non_exhaustive()
    }
}

/// `alerting.incidents` and `alerting.timeline` in SQL.
pub(crate) fn tables(records: &Records) -> Result<Vec<PluginTable>, Error> {
    Ok(vec![records.table::<Incident>()?.into(), records.table::<timeline::Entry>()?.into()])
}

/// What other products are told of an incident.
#[derive(Debug, Serialize)]
struct Happened<'a> {
    number: &'a str,
    title: &'a str,
    priority: Priority,
    status: Status,
    level: Level,
    services: &'a [String],
    rule: Option<&'a str>,
}

/// What the audit trail says of an incident; what people write is in its timeline alone.
fn deed<'a>(action: &'a str, incident: &'a Incident) -> Deed<'a> {
    let Incident { number, priority, status, level, assignee, rule, .. } = incident;
    let details = json!({"priority": priority, "status": status, "level": level, "assignee": assignee, "rule": rule});
    Deed { action, subject: ("incident", number), details }
}

/// Publishes an event with the transaction: `alerting.incident.opened`, `escalated`, `resolved` and more.
async fn happened(transaction: &Transaction, tenant: &Tenant, kind: &str, incident: &Incident) -> Result<(), Error> {
    let Incident { number, title, priority, status, level, services, rule, .. } = incident;
    let happened = Happened {
        number,
        title,
        priority: *priority,
        status: *status,
        level: *level,
        services,
        rule: rule.as_deref(),
    };
    transaction.publish(tenant, kind, &happened).await.map(drop)
}
