//! Sends notifications when they are due. Several processes may: each notification is claimed by one.
//!
//! A channel has only some of the places, and so has a tenant: one that is slow does not hold up others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use plugin::Shutdown;
use plugin::model::{Tenant, Timestamp};
use plugin::records::{Claim, Error, RecordId};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::attempt::{LEASE, attempt, given_up};
use super::channel::Channel;
use super::desk::Desk;
use super::notification::{Notification, State};
use super::telemetry;

/// Messages on their way at once, of this process.
pub(crate) const SENDS_MAX: usize = 32;
/// Messages of one tenant on their way at once, of this process: some places are left for others.
pub(crate) const SENDS_PER_TENANT_MAX: usize = 24;
/// Messages on their way over one channel at once, of this process.
pub(crate) const SENDS_PER_CHANNEL_MAX: usize = 4;
/// How often it is looked whether something is due.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// Messages that are on their way get so long to end when the process does.
const STOP_MAX: Duration = Duration::from_secs(8);
/// What finds its channel busy waits for a turn of its own, one after the other in this distance: no more of them are due than it can
/// take, and none of them stands before what other channels have to send.
const TURN: i64 = 1_000_000_000 / 8;
/// How often one round looks again when all that it found was put off.
const LOOKS_MAX: usize = 100;
/// What has to wait for another one is looked at again after so long.
const BEHIND: i64 = 5 * 1_000_000_000;
const MINUTE: i64 = 60 * 1_000_000_000;

/// Sends what is due, until `shutdown`.
pub(crate) async fn deliver(desk: Desk, shutdown: Shutdown) {
    let mut courier = Courier::new(desk);
    while !shutdown.is_cancelled() {
        if let Err(error) = courier.round().await {
            telemetry::unread(&error);
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sleep(LOOKS_EVERY) => {}
        }
    }
    // Who is cut off is found sending, and its message is sent once more.
    if timeout(STOP_MAX, courier.idle()).await.is_err() {
        telemetry::cut_off(courier.sends.len());
    }
}

/// Takes notifications and sends them.
#[derive(Debug)]
pub(crate) struct Courier {
    desk: Desk,
    loads: Loads,
    sends: JoinSet<()>,
}

/// What each channel has to do here.
type Loads = Arc<Mutex<HashMap<(Tenant, String), Load>>>;

#[derive(Debug, Default)]
struct Load {
    /// Messages on their way.
    sends: usize,
    /// When messages were begun, in the last minute.
    begun: VecDeque<i64>,
    /// The last turn that was given to a message that found it busy.
    last_turn: i64,
}

impl Courier {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk, loads: Loads::default(), sends: JoinSet::new() }
    }

    /// Begins to send what is due and has a place; gives how many that are.
    pub(crate) async fn round(&mut self) -> Result<usize, Error> {
        while self.sends.try_join_next().is_some() {}
        let mut begun = 0;
        self.forget_idle(self.desk.now());
        for _ in 0..LOOKS_MAX {
            let places = SENDS_MAX - self.sends.len().min(SENDS_MAX);
            if places == 0 {
                break;
            }
            let now = self.desk.now();
            let claims = self.desk.records.collection::<Notification>().claim(now, LEASE, places).await?;
            let is_all = claims.len() < places;
            for claim in claims {
                begun += usize::from(self.begin(claim, now).await);
            }
            if is_all {
                break;
            }
        }
        Ok(begun)
    }

    /// Begins to send it, if its channel has a place; otherwise it is due at its turn.
    async fn begin(&mut self, claim: Claim<Notification>, now: Timestamp) -> bool {
        let channel = (claim.record.tenant.clone(), claim.record.body.channel.clone());
        match Place::take(&self.loads, &channel, now) {
            Ok(place) => {
                self.sends.spawn(send(self.desk.clone(), claim, place));
                true
            }
            Err(turn) => {
                let notifications = self.desk.records.collection::<Notification>();
                told(notifications.reschedule(&claim, turn).await.map(drop));
                false
            }
        }
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn idle(&mut self) {
        while self.sends.join_next().await.is_some() {}
    }

    fn forget_idle(&self, now: Timestamp) {
        self.loads.lock().retain(|_, load| {
            load.begun.retain(|begun| now.0.saturating_sub(*begun) < MINUTE);
            load.sends > 0 || !load.begun.is_empty() || load.last_turn > now.0
        });
    }
}

/// A place of a channel's, until it is dropped.
struct Place {
    loads: Loads,
    channel: (Tenant, String),
}

impl Place {
    /// A place, or when its turn is.
    fn take(loads: &Loads, channel: &(Tenant, String), now: Timestamp) -> Result<Self, Timestamp> {
        let mut all = loads.lock();
        let of_tenant: usize =
            all.iter().filter(|((tenant, _), _)| *tenant == channel.0).map(|(_, load)| load.sends).sum();
        let load = all.entry(channel.clone()).or_default();
        if load.sends >= SENDS_PER_CHANNEL_MAX || of_tenant >= SENDS_PER_TENANT_MAX {
            load.last_turn = load.last_turn.max(now.0).saturating_add(TURN);
            return Err(Timestamp(load.last_turn));
        }
        load.sends += 1;
        Ok(Self { loads: Arc::clone(loads), channel: channel.clone() })
    }

    /// Counts a message, if there may be one more in this minute; otherwise tells when.
    fn begin(&self, per_minute: Option<u32>, now: Timestamp) -> Result<(), Timestamp> {
        let mut all = self.loads.lock();
        let load = all.entry(self.channel.clone()).or_default();
        let Some(per_minute) = per_minute.and_then(|rate| usize::try_from(rate).ok()) else { return Ok(()) };
        load.begun.retain(|begun| now.0.saturating_sub(*begun) < MINUTE);
        if load.begun.len() >= per_minute {
            let first = load.begun.front().copied().unwrap_or(now.0);
            return Err(Timestamp(first.saturating_add(MINUTE)));
        }
        load.begun.push_back(now.0);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(load) = self.loads.lock().get_mut(&self.channel) {
            load.sends = load.sends.saturating_sub(1);
        }
    }
}

async fn send(desk: Desk, claim: Claim<Notification>, place: Place) {
    told(send_over(&desk, claim, &place).await);
}

async fn send_over(desk: &Desk, claim: Claim<Notification>, place: &Place) -> Result<(), Error> {
    let notifications = desk.records.collection::<Notification>();
    let (tenant, name) = (&claim.record.tenant, &claim.record.body.channel);
    let Some(channel) = desk.records.collection::<Channel>().get(tenant, &Channel::id(name)?).await? else {
        telemetry::channel_is_gone(&desk.counters, tenant, name);
        let gone = claim.record.body.clone().ended(State::Failed, Some("the channel is not there any more".to_owned()));
        let (claim, gone) = (&claim, &gone);
        let written = desk.records.transaction(|transaction| async move {
            transaction.collection().complete(claim, gone).await?;
            desk.audit.by_server(&transaction, &claim.record.tenant, given_up(claim, gone)).await
        });
        return written.await;
    };
    if let Some(due) = wait(desk, &claim).await? {
        return notifications.reschedule(&claim, due).await.map(drop);
    }
    match place.begin(channel.body.rate_per_minute, desk.now()) {
        Ok(()) => {
            let span = telemetry::notify(tenant, channel.body.kind);
            attempt(desk, claim, &channel.body).instrument(span).await
        }
        Err(due) => notifications.reschedule(&claim, due).await.map(drop),
    }
}

/// When to look again, while the one before is not through.
async fn wait(desk: &Desk, claim: &Claim<Notification>) -> Result<Option<Timestamp>, Error> {
    let Some(before) = &claim.record.body.after else { return Ok(None) };
    let (tenant, id) = (&claim.record.tenant, RecordId::new(before.as_str())?);
    let before = desk.records.collection::<Notification>().get(tenant, &id).await?;
    let is_through = before.is_none_or(|before| before.body.state.is_final());
    Ok((!is_through).then(|| Timestamp(desk.now().0.saturating_add(BEHIND))))
}

/// What others have changed or taken is theirs; what could not be written is found when the lease has ended.
fn told(written: Result<(), Error>) {
    match written {
        Ok(()) | Err(Error::Stale { .. } | Error::Conflict { .. }) => {}
        Err(error) => telemetry::unwritten(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(loads: &Loads, tenant: &str, channel: usize) -> Result<Place, Timestamp> {
        Place::take(loads, &(Tenant::new(tenant).expect("a name"), channel.to_string()), Timestamp(0))
    }

    #[test]
    fn one_tenant_does_not_take_all_places() {
        let loads = Loads::default();

        let taken: Vec<Place> = (0..SENDS_MAX).filter_map(|channel| take(&loads, "acme", channel).ok()).collect();

        assert_eq!(taken.len(), SENDS_PER_TENANT_MAX);
        assert!(take(&loads, "globex", 0).is_ok());
        drop(taken);
        assert!(take(&loads, "acme", 0).is_ok());
    }

    #[test]
    fn who_finds_a_channel_busy_comes_one_after_the_other() {
        let loads = Loads::default();
        let taken: Vec<Place> = (0..SENDS_PER_CHANNEL_MAX).filter_map(|_| take(&loads, "acme", 0).ok()).collect();

        let turns: Vec<i64> = (0..3).filter_map(|_| take(&loads, "acme", 0).err()).map(|turn| turn.0).collect();

        assert_eq!((taken.len(), turns), (SENDS_PER_CHANNEL_MAX, vec![TURN, 2 * TURN, 3 * TURN]));
    }
}
