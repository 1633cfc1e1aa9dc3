//! What has to be done from time to time: hearing of other processes' changes, writing down what was used, forgetting what is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::{Tenant, Timestamp};
use records::{Document, Expected, List, PAGE_MAX};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::Hub;
use crate::audit::{self, AuditEntry, Broken, Root};
use crate::change::What;
use crate::clock::{MINUTE, before};
use crate::error::Error;
use crate::keys::ApiKey;
use crate::lockout::Attempts;
use crate::oidc::Flow;
use crate::sessions::{Family, Session};
use crate::tokens;

/// How long a session can be read about after it is over.
const SESSIONS_KEPT: Duration = Duration::from_secs(90 * 86_400);

impl Hub {
    /// Works until it is told to stop. Without it, changes of other processes are not seen.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut soon = interval(Duration::from_secs(self.config.refresh_seconds));
        let mut later = interval(MINUTE);
        soon.set_missed_tick_behavior(MissedTickBehavior::Delay);
        later.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => break,
                _ = soon.tick() => self.directory.catch_up(&self.records, self.now()).await,
                _ = later.tick() => self.tidy().await,
            };
            if let Err(cause) = done {
                tracing::warn!(error = %cause, "the hub's upkeep failed; it is tried again");
            }
        }
        if let Err(cause) = self.write_down_used_keys().await {
            tracing::warn!(error = %cause, "it is not written down which keys were used last");
        }
    }

    /// What is done each minute.
    pub async fn tidy(&self) -> Result<(), Error> {
        let now = self.now();
        self.limits.tidy();
        self.directory.forget_ended(now);
        self.write_down_used_keys().await?;
        self.roll_over().await?;
        self.forget::<Attempts>("forget_at", now).await?;
        self.forget::<Flow>("expires_at", now).await?;
        self.forget_sessions(before(now, SESSIONS_KEPT)).await
    }

    /// Reads a tenant's audit trail from its beginning: how many entries it has, or the first that was changed or removed.
    pub async fn verify_audit(&self, tenant: &Tenant, exported: &[Root]) -> Result<Result<u64, Broken>, Error> {
        audit::verify(&self.records, tenant, exported).await
    }

    /// The newest hash of every trail, to be kept where nobody who can write to the records can write.
    pub async fn audit_roots(&self) -> Result<Vec<Root>, Error> {
        let mut roots = Vec::new();
        for tenant in self.directory.tenants() {
            roots.extend(audit::root(&self.records, &tenant).await?);
        }
        Ok(roots)
    }

    /// All tenants, for those who do something for each.
    pub fn tenants(&self) -> Vec<Tenant> {
        self.directory.tenants()
    }

    pub(crate) async fn remember_newest_audit(&self) -> Result<(), Error> {
        for tenant in self.directory.tenants() {
            if let Some(last) = self.records.log::<AuditEntry>().last(&tenant).await? {
                self.directory.licences.saw(last.body.time);
            }
        }
        Ok(())
    }

    async fn roll_over(&self) -> Result<(), Error> {
        let lasts = self.directory.tokens.lasts();
        self.changes
            .make(|change| async move {
                if tokens::roll_over(change.transaction(), &self.ring, lasts, change.now).await? {
                    change.changed(&Tenant::system(), What::SigningKeys);
                }
                Ok(())
            })
            .await
    }

    async fn write_down_used_keys(&self) -> Result<(), Error> {
        let keys = self.records.collection::<ApiKey>();
        // A minute more than between two times, so that none is missed when one of them comes late.
        for known in self.directory.used_keys(before(self.now(), MINUTE * 2)) {
            let Some(key) = keys.get(&known.tenant, &known.id).await? else { continue };
            let last_used_at = Some(Timestamp(known.last_used.load(Ordering::Relaxed)));
            if key.body.last_used_at >= last_used_at {
                continue;
            }
            let used = ApiKey { last_used_at, ..key.body };
            match keys.put(&known.tenant, &known.id, &used, Expected::Version(key.version)).await {
                // Somebody changes it right now; the next minute is early enough.
                Ok(_) | Err(records::Error::Conflict { .. }) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    async fn forget<T: Document>(&self, key: &str, now: Timestamp) -> Result<(), Error> {
        let collection = self.records.collection::<T>();
        for record in collection.list_everywhere(&List::all().below(key, now).limit(PAGE_MAX)).await?.records {
            collection.delete(&record.tenant, &record.id, Expected::Any).await?;
        }
        Ok(())
    }

    async fn forget_sessions(&self, oldest: Timestamp) -> Result<(), Error> {
        let (sessions, families) = (self.records.collection::<Session>(), self.records.collection::<Family>());
        for session in sessions.list_everywhere(&List::all().below("expires_at", oldest).limit(PAGE_MAX)).await?.records
        {
            families.delete(&session.tenant, &session.id, Expected::Any).await?;
            sessions.delete(&session.tenant, &session.id, Expected::Any).await?;
        }
        Ok(())
    }
}
