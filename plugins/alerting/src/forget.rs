//! Forgets what has been over for longer than it is kept.

use std::time::Duration;

use plugin::records::{Error, Expected, List, PAGE_MAX};
use plugin::{PluginContext, PluginError};

use crate::alert::Alert;
use crate::evaluate::before;
use crate::notify;
use crate::watch::now;

const DAY: Duration = Duration::from_secs(86_400);

/// Deletes alerts and notifications of all tenants that were over so many days ago.
pub(crate) async fn forget(context: PluginContext, days: u32) -> Result<(), PluginError> {
    let horizon = before(now(), DAY * days);
    let alerts = context.records.collection::<Alert>();
    let list = List::all().equal("state", "resolved").below("resolved_at", horizon.0).limit(PAGE_MAX);
    loop {
        let page = alerts.list_everywhere(&list).await?;
        for old in &page.records {
            delete(&alerts, old).await?;
        }
        if page.next.is_none() {
            break;
        }
    }
    Ok(notify::forget(&context.records, horizon).await?)
}

async fn delete(
    alerts: &plugin::records::Collection<Alert>,
    old: &plugin::records::Record<Alert>,
) -> Result<(), Error> {
    alerts.delete(&old.tenant, &old.id, Expected::Any).await.map(drop)
}
