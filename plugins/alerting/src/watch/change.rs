//! Writes what has become of alerts: the alert, who is to be told, and the incident, together or not at all.

use std::sync::Arc;

use futures::future::join_all;
use plugin::PluginError;
use plugin::hub::audit::{Deed, Trail};
use plugin::hub::events::NewEvent;
use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Expected, RecordId, Transaction};
use serde_json::json;
use tokio::time::timeout;

use super::{Kept, Lane, OfTenant, Watch};
use crate::alert::{Alert, Change};
use crate::evaluate::{TRACES_LOOKED_FOR_MAX, TRACES_TIME_MAX};
use crate::incident;
use crate::notify::Teller;
use crate::rule::Rule;
use crate::stored::{Progress, the_only};

/// Changes that are written in one transaction.
pub(super) const BATCH: usize = 50;

/// What becomes of one alert.
#[derive(Clone, Debug)]
struct Written {
    rule: Arc<Rule>,
    /// None when the alert is new.
    known: Option<RecordId>,
    alert: Alert,
    change: Change,
}

impl Watch<'_> {
    pub(super) async fn write_changes(
        &mut self,
        tenant: &Tenant,
        lane: Lane,
        changes: Vec<(Arc<Rule>, Alert, Change)>,
        at: i64,
    ) -> Result<(), Error> {
        let mut all: Vec<Written> = changes.into_iter().map(|change| self.to_write(tenant, change)).collect();
        let fired = all.iter_mut().filter(|written| written.change == Change::Fired && written.alert.traces.is_empty());
        let evaluator = &self.evaluators[&lane];
        let looked_for = fired.take(TRACES_LOOKED_FOR_MAX).map(|written| async move {
            written.alert.traces =
                evaluator.examples(tenant, &written.rule, &written.alert.labels, Timestamp(at)).await;
        });
        // The rules of all tenants wait meanwhile, and so does who is to be told.
        if timeout(TRACES_TIME_MAX, join_all(looked_for)).await.is_err() {
            tracing::warn!(tenant = tenant.as_str(), "alerts are told without traces: to find them took too long");
        }
        for batch in all.chunks(BATCH) {
            match self.write_batch(tenant, batch).await {
                Ok(kept) => self.remember(tenant, batch, kept),
                Err(cause) if is_passing(&cause) && !matches!(cause, Error::Busy(_)) => return Err(cause),
                Err(_) => self.write_one_by_one(tenant, batch).await?,
            }
        }
        Ok(())
    }

    /// One that cannot be written must not hold up the others, of this tenant or of others. The next evaluation finds it again.
    async fn write_one_by_one(&mut self, tenant: &Tenant, batch: &[Written]) -> Result<(), Error> {
        for written in batch {
            let one = std::slice::from_ref(written);
            match self.write_batch(tenant, one).await {
                Ok(kept) => self.remember(tenant, one, kept),
                Err(cause) if is_passing(&cause) => return Err(cause),
                Err(cause) => {
                    let Alert { rule, fingerprint, .. } = &written.alert;
                    tracing::error!(tenant = tenant.as_str(), rule, fingerprint, %cause, "an alert cannot be written");
                }
            }
        }
        Ok(())
    }

    fn to_write(&self, tenant: &Tenant, (rule, alert, change): (Arc<Rule>, Alert, Change)) -> Written {
        let of_rule = self.tenants.get(tenant).and_then(|of| of.rules.get(&alert.rule));
        let known =
            of_rule.and_then(|watched| watched.alerts.iter().find(|kept| kept.alert.fingerprint == alert.fingerprint));
        Written { rule, known: known.map(|kept| kept.id.clone()), alert, change }
    }

    /// The alerts as they are now; those that have passed are gone.
    async fn write_batch(&mut self, tenant: &Tenant, batch: &[Written]) -> Result<Vec<Option<Kept>>, Error> {
        let (lease, audit, nowhere) = (&self.lease, &self.context.audit, &self.notifications.nowhere);
        // Who watches next begins with what is under way here, which then changes nothing; as of an earlier time, an alert that fires now
        // would not be true yet.
        let now_done = self.tenants.get(tenant).map(OfTenant::progress).unwrap_or_default();
        let progress = &now_done;
        let write = self.context.records.transaction(|transaction| async move {
            transaction.hold(lease).await?;
            let mut teller = Teller::new(&transaction, tenant, nowhere);
            let mut kept = Vec::with_capacity(batch.len());
            for written in batch {
                kept.push(written.write(&transaction, audit, &mut teller, tenant).await?);
            }
            teller.write().await?;
            transaction.collection::<Progress>().put(tenant, &the_only(), progress, Expected::Any).await?;
            if let Some(deed) = deed(batch) {
                audit.by_server(&transaction, tenant, deed).await?;
            }
            Ok::<_, PluginError>(kept)
        });
        let kept = write.await.map_err(as_record_error)?;
        self.wrote_progress(tenant, now_done);
        Ok(kept)
    }

    fn remember(&mut self, tenant: &Tenant, batch: &[Written], kept: Vec<Option<Kept>>) {
        let Some(of_tenant) = self.tenants.get_mut(tenant) else { return };
        for (written, kept) in batch.iter().zip(kept) {
            let Some(watched) = of_tenant.rules.get_mut(&written.alert.rule) else { continue };
            watched.alerts.retain(|known| known.alert.fingerprint != written.alert.fingerprint);
            let is_over = matches!(written.change, Change::Resolved | Change::Passed);
            watched.alerts.extend(kept.filter(|_| !is_over));
        }
    }
}

impl Written {
    async fn write(
        &self,
        transaction: &Transaction,
        audit: &Trail,
        teller: &mut Teller<'_>,
        tenant: &Tenant,
    ) -> Result<Option<Kept>, PluginError> {
        let alerts = transaction.collection::<Alert>();
        let id = self.known.clone().unwrap_or_else(RecordId::unique);
        if self.change == Change::Passed {
            alerts.delete(tenant, &id, Expected::Any).await?;
            return Ok(None);
        }
        let mut alert = self.alert.clone();
        let mut expected = Expected::Absent;
        // What others write of an alert, stays; its state is written under the lease alone.
        if let Some(stored) = alerts.get(tenant, &id).await? {
            alert.muted_by = stored.body.muted_by;
            alert.incident = stored.body.incident;
            expected = Expected::Version(stored.version);
        }
        if matches!(self.change, Change::Fired | Change::Resolved) {
            // Whether it is muted decides whether it opens an incident.
            teller.alert_changed(&self.rule, &mut alert, self.change).await?;
            incident::alert_changed(transaction, audit, tenant, &self.rule, &mut alert, self.change).await?;
            let kind = if self.change == Change::Fired { "firing" } else { "resolved" };
            NewEvent::new(&format!("alerting.alert.{kind}"), &alert)?.publish(transaction, tenant).await?;
        }
        alerts.put(tenant, &id, &alert, expected).await?;
        Ok(Some(Kept { id, alert }))
    }
}

/// What the audit trail says of a batch; pending alerts are nobody's business yet.
fn deed(batch: &[Written]) -> Option<Deed<'static>> {
    let named = |change: Change| -> Vec<String> {
        let of_change = batch.iter().filter(|written| written.change == change);
        of_change.map(|written| format!("{}{}", written.alert.rule, written.alert.labels)).collect()
    };
    let (fired, resolved) = (named(Change::Fired), named(Change::Resolved));
    let is_something = !fired.is_empty() || !resolved.is_empty();
    is_something.then(|| Deed {
        action: "alerts.changed",
        subject: ("alerts", "rules"),
        details: json!({"fired": fired, "resolved": resolved}),
    })
}

/// Whether it is about the records or the lease and not about what was written: the same may be written later.
pub(crate) fn is_passing(cause: &Error) -> bool {
    matches!(
        cause,
        Error::Stale { .. }
            | Error::Contended { .. }
            | Error::Busy(_)
            | Error::Unavailable { .. }
            | Error::Refused { .. }
    )
}

/// Why the records could not be written, whoever of the parts found out.
fn as_record_error(cause: PluginError) -> Error {
    match cause.downcast::<Error>() {
        Ok(cause) => *cause,
        Err(cause) => Error::Invalid(cause.to_string()),
    }
}
