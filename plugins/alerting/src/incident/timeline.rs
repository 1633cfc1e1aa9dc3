//! What has happened to an incident, one entry after the other.

use plugin::model::Tenant;
use plugin::records::{Document, Error, Expected, Key, List, RecordId, Records, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Incident;

/// Entries of an incident beyond which changes of its alerts are only counted.
pub(crate) const ALERT_ENTRIES_MAX: u32 = 500;
/// Entries of an incident beyond which nobody can add a note.
pub(crate) const NOTES_MAX: u32 = 900;
/// Entries that are shown at once; SQL has all.
pub(crate) const SHOWN_MAX: usize = 1000;

/// Who it is when the platform itself does something.
pub(crate) const PLATFORM: &str = "platform";

/// One thing that has happened; `alerting.timeline` in SQL.
// Times are nanoseconds since 1970 here, and RFC 3339 in answers, which are [`plugin::Told`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Entry {
    pub(crate) incident: String,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: i64,
    /// `platform`, `rule/<name>`, or a person or key as the audit trail has them.
    pub(crate) who: String,
    /// The name they had.
    pub(crate) who_name: Option<String>,
    pub(crate) kind: EntryKind,
    pub(crate) text: String,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntryKind {
    Opened,
    AlertFiring,
    AlertResolved,
    /// No alert of it fires any more.
    Quiet,
    Acknowledged,
    Assigned,
    Note,
    Priority,
    EscalationDecision,
    Escalated,
    Told,
    Resolved,
    Reopened,
    Reviewed,
}

impl Document for Entry {
    const COLLECTION: &'static str = "alerting.timeline";
    const KEYS: &'static [Key] = &[Key::lookup("incident")];
    const TIMES: &'static [&'static str] = &["at"];
}

/// Who does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) who: String,
    pub(crate) name: Option<String>,
}

impl Actor {
    pub(crate) fn platform() -> Self {
        Self { who: PLATFORM.to_owned(), name: None }
    }

    pub(crate) fn rule(name: &str) -> Self {
        Self { who: format!("rule/{name}"), name: None }
    }
}

/// Entries that are to be written, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries(Vec<Entry>);

impl Entries {
    /// Notes what happens to the incident.
    pub(crate) fn add(
        &mut self,
        incident: &mut Incident,
        actor: &Actor,
        (kind, text): (EntryKind, impl Into<String>),
        at: i64,
    ) {
        incident.entries += 1;
        let Actor { who, name } = actor.clone();
        self.0.push(Entry { incident: incident.number.clone(), at, who, who_name: name, kind, text: text.into() });
    }

    /// Writes them with the transaction.
    pub(crate) async fn write(&self, transaction: &Transaction, tenant: &Tenant) -> Result<(), Error> {
        let timeline = transaction.collection::<Entry>();
        for entry in &self.0 {
            timeline.put(tenant, &RecordId::unique(), entry, Expected::Absent).await?;
        }
        Ok(())
    }
}

/// The first entries of an incident, and whether there are more.
pub(crate) async fn of(records: &Records, tenant: &Tenant, number: &str) -> Result<(Vec<Entry>, bool), Error> {
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let list = List::all().equal("incident", number).limit(SHOWN_MAX - entries.len()).after(after);
        let page = records.collection::<Entry>().list(tenant, &list).await?;
        entries.extend(page.records.into_iter().map(|record| record.body));
        if page.next.is_none() || entries.len() >= SHOWN_MAX {
            // Ids follow the clocks of several processes, and alerts name their own times.
            entries.sort_by_key(|entry: &Entry| entry.at);
            return Ok((entries, page.next.is_some()));
        }
        after = page.next;
    }
}
