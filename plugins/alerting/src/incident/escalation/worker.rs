//! Takes incidents that are due, each in one process at a time, and writes what becomes of them.

use std::time::Duration;

use plugin::records::{CLAIMS_MAX, Claim, Error};
use plugin::{PluginError, Shutdown};
use tracing::Instrument;

use super::super::document::Incident;
use super::super::{Incidents, deed, happened};
use super::{Advance, advance};
use crate::{notify, telemetry};

/// How often it is looked for incidents that are due; the delay of what is told at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A process that dies holds an incident up for so long.
const LEASE: Duration = Duration::from_secs(30);

/// Escalates what is due, until `shutdown`. Any number of processes may do so at once.
pub(crate) async fn escalate(incidents: Incidents, shutdown: Shutdown) -> Result<(), PluginError> {
    loop {
        incidents.escalate_due().await?;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Incidents {
    /// Takes all steps that are due, and says how many incidents had some.
    pub(crate) async fn escalate_due(&self) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            let claims = self.records.collection::<Incident>().claim(self.now_timestamp(), LEASE, CLAIMS_MAX).await?;
            let number = claims.len();
            for claim in claims {
                let span = telemetry::escalate(&claim.record.tenant, &claim.record.body.number);
                taken += usize::from(self.advance(&claim).instrument(span).await);
            }
            if number < CLAIMS_MAX {
                return Ok(taken);
            }
        }
    }

    /// True when the incident went on. One that cannot be written must not keep the others from being told of.
    pub(super) async fn advance(&self, claim: &Claim<Incident>) -> bool {
        let (tenant, number) = (&claim.record.tenant, &claim.record.body.number);
        let policy = self.policies.of(tenant).await;
        let advance = advance(&policy, &claim.record.body, self.now());
        match self.write(claim, &advance).await {
            Ok(()) => {
                telemetry::escalated(advance.events.len(), advance.orders.len());
                true
            }
            // Somebody changed it meanwhile: it is looked at anew as it is now.
            Err(Error::Conflict { .. }) => {
                if let Err(cause) = self.records.collection::<Incident>().release(claim).await {
                    tracing::debug!(%tenant, number, %cause, "an incident is due again only after its lease");
                }
                false
            }
            Err(Error::Stale { .. }) => false,
            Err(cause) => {
                tracing::error!(%tenant, number, %cause, "a step of an incident could not be written, it is tried again");
                false
            }
        }
    }

    async fn write(&self, claim: &Claim<Incident>, advance: &Advance) -> Result<(), Error> {
        let tenant = &claim.record.tenant;
        let write = self.records.transaction(|transaction| async move {
            transaction.collection::<Incident>().complete(claim, &advance.incident).await?;
            advance.entries.write(&transaction, tenant).await?;
            for event in &advance.events {
                happened(&transaction, tenant, event, &advance.incident).await?;
                let action = event.strip_prefix("alerting.").unwrap_or(event);
                self.audit.by_server(&transaction, tenant, deed(action, &advance.incident)).await?;
            }
            notify::order(&transaction, tenant, advance.orders.clone()).await
        });
        write.await
    }
}
