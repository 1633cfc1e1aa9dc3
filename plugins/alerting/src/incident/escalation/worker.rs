//! Takes incidents that are due, each in one process at a time, and writes what becomes of them.
//!
//! What a tenant has due at one look is worked on one after the other, what different tenants have side by side. A tenant has only some
//! of the places: one whose incidents take long does not hold up others.

use std::collections::{BTreeMap, HashMap};
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
/// What is found due is taken for so long, until it has a place; without one it is found again then.
const TAKEN: Duration = Duration::from_secs(2);
/// A process that dies while it works on an incident holds it up for so long, and so does trouble with its tenant.
const LEASE: Duration = Duration::from_secs(30);
/// What a tenant has due gets so long, which is less than the lease; the rest is found when the lease has ended.
const TURN_MAX: Duration = Duration::from_secs(20);
/// Incidents that are worked on at once, of this process.
const PLACES: usize = 2 * CLAIMS_MAX;
/// Those of one tenant: some places are left for others.
pub(super) const PLACES_PER_TENANT_MAX: usize = PLACES / 4;
/// How often one look asks for more when what it found has no place.
const LOOKS_MAX: usize = 100;
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
    of_tenants: HashMap<Tenant, Arc<Semaphore>>,
}

impl Worker {
    pub(super) fn new(incidents: Incidents, counters: Arc<Counters>) -> Self {
        let (turns, places) = (JoinSet::new(), Arc::new(Semaphore::new(PLACES)));
        Self { incidents, counters, turns, places, of_tenants: HashMap::new() }
    }

    /// Begins a turn of each tenant that has something due and places left; gives how many incidents that are.
    pub(super) async fn look(&mut self) -> Result<usize, Error> {
        while let Some(ended) = self.turns.try_join_next() {
            if let Err(cause) = ended {
                self.counters.escalated(false);
                tracing::error!(%cause, "the steps of a tenant's incidents could not be taken, they are tried again");
            }
        }
        self.of_tenants.retain(|_, places| places.available_permits() < PLACES_PER_TENANT_MAX);
        let mut begun = 0;
        for _ in 0..LOOKS_MAX {
            let limit = self.places.available_permits().min(CLAIMS_MAX);
            if limit == 0 {
                break;
            }
            let now = self.incidents.now_timestamp();
            let claims = self.incidents.records.collection::<Incident>().claim(now, TAKEN, limit).await?;
            let is_all = claims.len() < limit;
            begun += self.begin(claims);
            if is_all {
                break;
            }
        }
        Ok(begun)
    }

    /// Begins with what has a place; gives how many incidents that are.
    fn begin(&mut self, claims: Vec<Claim<Incident>>) -> usize {
        let mut of_tenants = BTreeMap::<Tenant, Vec<Claim<Incident>>>::new();
        for claim in claims {
            of_tenants.entry(claim.record.tenant.clone()).or_default().push(claim);
        }
        let mut begun = 0;
        for (tenant, mut claims) in of_tenants {
            let of_tenant = self.of_tenants.entry(tenant.clone());
            let of_tenant = of_tenant.or_insert_with(|| Arc::new(Semaphore::new(PLACES_PER_TENANT_MAX)));
            claims.truncate(of_tenant.available_permits());
            if claims.is_empty() {
                continue;
            }
            begun += claims.len();
            let number = u32::try_from(claims.len()).expect("a claim takes few");
            let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_many_owned(number);
            let places = [&self.places, &*of_tenant].map(|places| take(places).expect("there are as many"));
            let (incidents, counters) = (self.incidents.clone(), Arc::clone(&self.counters));
            self.turns.spawn(async move {
                let _places = places;
                turn(&incidents, &counters, &tenant, claims).await
            });
        }
        begun
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
async fn turn(incidents: &Incidents, counters: &Counters, tenant: &Tenant, mut claims: Vec<Claim<Incident>>) -> usize {
    let mut taken = 0;
    let work = async {
        if let Err(cause) = incidents.keep(&mut claims).await {
            counters.escalated(false);
            tracing::error!(%tenant, %cause, "incidents that are due cannot be taken, they are looked for again");
            return;
        }
        for claim in &claims {
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
    /// Has what was found due until it is worked on; leaves out what somebody else has by now.
    async fn keep(&self, claims: &mut Vec<Claim<Incident>>) -> Result<(), Error> {
        let (incidents, now) = (self.records.collection::<Incident>(), self.now_timestamp());
        for mut claim in std::mem::take(claims) {
            match incidents.renew(&mut claim, now, LEASE).await {
                Ok(()) => claims.push(claim),
                Err(Error::Stale { .. }) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

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
