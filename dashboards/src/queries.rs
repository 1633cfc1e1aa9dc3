//! Statements that people keep for the SQL workbench: saved ones, which all of the tenant share, and each person's last ones.

use std::time::Duration;

use plugin::hub::{Asking, system_clock};
use plugin::records::{Document, Error, Expected, Key, List, Order, PAGE_MAX, RecordId, Records};
use plugin::{PluginContext, PluginError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Saved statements of a tenant.
pub(crate) const SAVED_MAX: usize = 500;
/// Statements that are remembered of each person; the oldest makes room.
pub(crate) const REMEMBERED_MAX: u64 = 200;
/// A statement is remembered so long.
const REMEMBERED_FOR: Duration = Duration::from_secs(90 * 86_400);
/// Longest saved statement, as long as one that the engine takes, in bytes.
pub(crate) const SQL_BYTES_MAX: usize = 64 * 1024;
/// Longest statement that is remembered, in bytes.
pub(crate) const REMEMBERED_BYTES_MAX: usize = 16 * 1024;

/// A saved statement; `dashboards.queries` in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SavedQuery {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) sql: String,
    /// Who saved it last.
    pub(crate) by: String,
}

impl Document for SavedQuery {
    const COLLECTION: &'static str = "dashboards.queries";
    const KEYS: &'static [Key] = &[Key::unique("name")];
}

/// A statement that somebody asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) who: String,
    pub(crate) sql: String,
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
    pub(crate) took_ms: Option<u64>,
    pub(crate) rows: Option<u64>,
}

impl Document for Remembered {
    const COLLECTION: &'static str = "dashboards.history";
    const KEYS: &'static [Key] = &[Key::lookup("who"), Key::lookup("at")];
    const TIMES: &'static [&'static str] = &["at"];
}

/// How many statements of somebody were remembered, ever: the next one takes the place of the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places {
    pub(crate) taken: u64,
}

impl Document for Places {
    const COLLECTION: &'static str = "dashboards.places";
}

/// Remembers a statement for the one who asked it.
pub(crate) async fn remember(
    records: &Records,
    asking: &Asking,
    (sql, took_ms, rows): (String, Option<u64>, Option<u64>),
) -> Result<(), Error> {
    let (who, at, tenant) = (asking.caller().who().to_string(), (system_clock())().0, asking.tenant());
    let (id, remembered) = (&RecordId::new(who.clone())?, &Remembered { who, sql, at, took_ms, rows });
    let remember = records.transaction(|transaction| async move {
        let places = transaction.collection::<Places>();
        let taken = places.get(tenant, id).await?.map(|known| known.body.taken).unwrap_or_default();
        places.put(tenant, id, &Places { taken: taken + 1 }, Expected::Any).await?;
        let place = RecordId::new(format!("{id}/{:03}", taken % REMEMBERED_MAX))?;
        transaction.collection::<Remembered>().put(tenant, &place, remembered, Expected::Any).await?;
        Ok::<_, Error>(())
    });
    remember.await
}

/// What somebody asked, the last one first.
pub(crate) fn of(who: &str) -> List {
    List::all().equal("who", who).by(Order::Key("at".to_owned())).descending()
}

/// Forgets all that the one who asks has asked.
pub(crate) async fn forget_own(records: &Records, asking: &Asking) -> Result<(), Error> {
    let (who, remembered) = (asking.caller().who().to_string(), records.collection::<Remembered>());
    loop {
        let page = remembered.list(asking.tenant(), &of(&who).limit(PAGE_MAX)).await?;
        for record in &page.records {
            remembered.delete(asking.tenant(), &record.id, Expected::Any).await?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}

/// The job: what was asked long ago is forgotten, of all tenants.
pub(crate) async fn forget(context: PluginContext) -> Result<(), PluginError> {
    let kept = i64::try_from(REMEMBERED_FOR.as_nanos()).unwrap_or(i64::MAX);
    let horizon = (system_clock())().0.saturating_sub(kept);
    let remembered = context.records.collection::<Remembered>();
    let list = List::all().below("at", horizon).limit(PAGE_MAX);
    loop {
        let page = remembered.list_everywhere(&list).await?;
        for old in &page.records {
            remembered.delete(&old.tenant, &old.id, Expected::Version(old.version)).await.or_else(overtaken)?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}

/// Somebody has asked anew in its place.
fn overtaken(cause: Error) -> Result<bool, Error> {
    if matches!(cause, Error::Conflict { .. }) { Ok(false) } else { Err(cause) }
}
