//! Takes incidents that are due, each in one process at a time, and writes what becomes of them.
//!
//! The incidents of a tenant are taken one after the other, those of different tenants side by side: what goes wrong with one tenant,
//! or takes long, is its own trouble.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plugin::model::Tenant;
use plugin::records::{CLAIMS_MAX, Claim, Error};
use plugin::{PluginError, Shutdown};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::super::document::Incident;
use super::super::{Incidents, deed, happened};
use super::{Advance, advance};
use crate::notify;
use crate::telemetry::{self, Counters};
use crate::watch::is_passing;

/// How often it is looked for incidents that are due; the delay of what is told at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A process that dies holds an incident up for so long, and so does trouble with its tenant.
const LEASE: Duration = Duration::from_secs(30);
/// What a tenant has due gets so long, which is less than the lease; the rest is found when the lease has ended.
const TURN_MAX: Duration = Duration::from_secs(20);
/// Incidents that are worked on at once, of this process.
const PLACES: usize = 2 * CLAIMS_MAX;
/// Steps that are being written get so long to end when the process does.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Escalates what is due, until `shutdown`. Any number of processes may do so at once.
pub(crate) async fn escalate(
    incidents: Incidents,
    counters: Arc<Counters>,
    shutdown: Shutdown,
) -> Result<(), PluginError> {
    let mut worker = Worker::new(incidents, counters);
    while !shutdown.is_cancelled() {
        match worker.look().await {
            Err(cause) if is_passing(&cause) => {
                tracing::warn!(%cause, "incidents that are due cannot be read, they are looked for again");
            }
            looked => {
                looked?;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
    // What is cut off is not written, and another process takes it.
    if timeout(STOP_MAX, worker.idle()).await.is_err() {
        tracing::warn!("steps of incidents are cut off, they are taken again");
    }
    Ok(())
}

/// Takes incidents that are due, and has them worked on.
#[derive(Debug)]
pub(super) struct Worker {
    incidents: Incidents,
    counters: Arc<Counters>,
    /// Each gives how many incidents had a step.
    pub(super) turns: JoinSet<usize>,
    places: Arc<Semaphore>,
}

impl Worker {
    pub(super) fn new(incidents: Incidents, counters: Arc<Counters>) -> Self {
        Self { incidents, counters, turns: JoinSet::new(), places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// Begins a turn of each tenant that has something due; gives how many incidents that are.
    pub(super) async fn look(&mut self) -> Result<usize, Error> {
        while let Some(ended) = self.turns.try_join_next() {
            if let Err(cause) = ended {
                self.counters.escalated(false);
                tracing::error!(%cause, "the steps of a tenant's incidents could not be taken, they are tried again");
            }
        }
        let mut begun = 0;
        loop {
            let limit = self.places.available_permits().min(CLAIMS_MAX);
            if limit == 0 {
                return Ok(begun);
            }
            let now = self.incidents.now_timestamp();
            let claims = self.incidents.records.collection::<Incident>().claim(now, LEASE, limit).await?;
            let number = claims.len();
            self.begin(claims);
            begun += number;
            if number < limit {
                return Ok(begun);
            }
        }
    }

    fn begin(&mut self, claims: Vec<Claim<Incident>>) {
        let mut of_tenants = BTreeMap::<Tenant, Vec<Claim<Incident>>>::new();
        for claim in claims {
            of_tenants.entry(claim.record.tenant.clone()).or_default().push(claim);
        }
        for (tenant, claims) in of_tenants {
            let number = u32::try_from(claims.len()).expect("a claim takes few");
            let place = Arc::clone(&self.places).try_acquire_many_owned(number).expect("only as many are claimed");
            let (incidents, counters) = (self.incidents.clone(), Arc::clone(&self.counters));
            self.turns.spawn(async move {
                let _place = place;
                turn(&incidents, &counters, &tenant, &claims).await
            });
        }
    }

    /// Waits until nothing is being worked on; gives how many incidents had a step.
    pub(super) async fn idle(&mut self) -> usize {
        let mut taken = 0;
        while let Some(turn) = self.turns.join_next().await {
            taken += turn.unwrap_or(0);
        }
        taken
    }
}

/// What one tenant has due. Passing trouble ends its turn: what is left would have it as well, and is found when its lease has ended.
async fn turn(incidents: &Incidents, counters: &Counters, tenant: &Tenant, claims: &[Claim<Incident>]) -> usize {
    let mut taken = 0;
    let work = async {
        for claim in claims {
            let number = &claim.record.body.number;
            match incidents.advance(claim).instrument(telemetry::escalate(tenant, number)).await {
                Ok(is_taken) => {
                    taken += usize::from(is_taken);
                    counters.escalated(true);
                }
                Err(cause) => {
                    counters.escalated(false);
                    tracing::error!(%tenant, number, %cause, "a step of an incident could not be written, it is tried again");
                    if is_passing(&cause) {
                        return;
                    }
                }
            }
        }
    };
    if timeout(TURN_MAX, work).await.is_err() {
        counters.escalated(false);
        tracing::error!(%tenant, limit = ?TURN_MAX, "the steps of a tenant's incidents take too long, they are tried again");
    }
    taken
}

impl Incidents {
    /// True when the incident went on; false when somebody was faster.
    pub(super) async fn advance(&self, claim: &Claim<Incident>) -> Result<bool, Error> {
        let (tenant, number) = (&claim.record.tenant, &claim.record.body.number);
        let policy = self.policies.of(tenant).await;
        let advance = advance(&policy, &claim.record.body, self.now());
        match self.write(claim, &advance).await {
            Ok(()) => {
                telemetry::escalated(advance.events.len(), advance.orders.len());
                Ok(true)
            }
            // Somebody changed it meanwhile: it is looked at anew as it is now.
            Err(Error::Conflict { .. }) => {
                if let Err(cause) = self.records.collection::<Incident>().release(claim).await {
                    tracing::debug!(%tenant, number, %cause, "an incident is due again only after its lease");
                }
                Ok(false)
            }
            Err(Error::Stale { .. }) => Ok(false),
            Err(cause) => Err(cause),
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
