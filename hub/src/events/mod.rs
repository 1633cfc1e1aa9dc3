//! Events between products: published with a transaction, delivered at least once to everybody who wants them.
//!
//! The outbox of the records is the log, so what is published lasts as long as what it is about. From there consumers take events in this
//! process, or through Redis Streams in all processes. A consumer that fails gets the event again, a bounded number of times; then it is
//! a dead letter, with the reason. A consumer may see an event twice and tells by its id.

mod config;
mod delivery;
mod error;
mod event;
mod letter;
mod local;
mod streams;
mod subscription;
mod telemetry;
mod transport;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use model::Tenant;
use records::{Collection, Expected, RecordId, Records, Sequence};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use uuid::Uuid;

pub use self::config::Config;
pub use self::delivery::{Deliveries, Delivery};
pub use self::error::EventsError;
pub use self::event::{EVENT_BYTES_MAX, Event, NewEvent, TYPE_BYTES_MAX};
pub use self::letter::{Letter, REASON_BYTES_MAX};
pub use self::telemetry::Counts;

use self::event::Types;
use self::local::Local;
use self::streams::Streams;
use self::subscription::Subscription;
use self::telemetry::Telemetry;
use self::transport::Transport;
use crate::redis::Redis;

/// Longest name of a consumer, in bytes.
pub const CONSUMER_BYTES_MAX: usize = 64;
/// How often events and letters that are too old are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// The events of all products. Clones mean the same events.
#[derive(Clone, Debug)]
pub struct Events {
    records: Records,
    transport: Arc<dyn Transport>,
    config: Config,
    telemetry: Arc<Telemetry>,
    carried: watch::Sender<Sequence>,
}

impl Events {
    /// Events of these records: within this process, or through Redis with all processes that have the same records and Redis.
    pub fn new(records: &Records, redis: Option<&Redis>, config: &Config) -> Self {
        let telemetry = Arc::new(Telemetry::default());
        let (outbox, own) = (records.outbox(), Arc::clone(&telemetry));
        let transport: Arc<dyn Transport> = match redis {
            Some(redis) => Arc::new(Streams::new(redis.clone(), outbox, config, own)),
            None => Arc::new(Local::new(outbox, config.in_flight_max, own)),
        };
        Self {
            records: records.clone(),
            transport,
            config: config.clone(),
            telemetry,
            carried: watch::Sender::default(),
        }
    }

    /// Publishes an event that belongs to no other change; [`NewEvent::publish`] is for one that does. It lasts when this answers.
    pub async fn publish(&self, tenant: &Tenant, event: &NewEvent) -> Result<Uuid, EventsError> {
        self.records.transaction(|transaction| async move { event.publish(&transaction, tenant).await }).await
    }

    /// Begins to deliver events of these types (`catalog.*` are all that begin so) to a consumer.
    ///
    /// A consumer is known by its name, for ever: it goes on where it was, a new one begins with the oldest that is kept. Subscriptions of
    /// the same name take turns in one process, and share the events between processes.
    pub fn subscribe(&self, consumer: &str, types: &[&str]) -> Result<Deliveries, EventsError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if consumer.is_empty() || consumer.len() > CONSUMER_BYTES_MAX || !consumer.bytes().all(allowed) {
            let name = consumer.chars().take(CONSUMER_BYTES_MAX).collect();
            return Err(EventsError::InvalidName { what: "consumer", name, bytes_max: CONSUMER_BYTES_MAX });
        }
        let (deliveries, incoming) = mpsc::channel(self.config.in_flight_max + 1);
        let subscription = Subscription {
            consumer: consumer.to_owned(),
            types: Types::new(types),
            config: self.config.clone(),
            transport: Arc::clone(&self.transport),
            letters: self.letters(),
            telemetry: Arc::clone(&self.telemetry),
            carried: self.carried.subscribe(),
            deliveries,
        };
        Ok(Deliveries::new(incoming, tokio::spawn(subscription.run())))
    }

    /// Carries what is published to those who have subscribed, and drops what is too old, until the shutdown.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut next_tidy = Instant::now() + TIDY_EVERY;
        loop {
            if let Err(cause) = self.turn(&mut next_tidy).await {
                self.telemetry.stuck(&cause);
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = sleep(self.config.poll()) => {}
            }
        }
    }

    async fn turn(&self, next_tidy: &mut Instant) -> Result<(), EventsError> {
        let last = self.transport.carry().await?;
        self.carried.send_if_modified(|before| std::mem::replace(before, last) != last);
        if *next_tidy <= Instant::now() {
            self.tidy(SystemTime::now()).await?;
            *next_tidy = Instant::now() + TIDY_EVERY;
        }
        Ok(())
    }

    /// Drops events that all consumers have or that are too many, and letters that nobody has looked at for too long.
    pub async fn tidy(&self, now: SystemTime) -> Result<(), EventsError> {
        self.records.outbox().trim().await?;
        self.records.outbox().cut(self.config.kept_max).await?;
        let kept = Duration::from_secs(u64::from(self.config.dead_letter_days) * 24 * 60 * 60);
        let horizon = now.checked_sub(kept).and_then(|horizon| horizon.duration_since(SystemTime::UNIX_EPOCH).ok());
        let horizon = horizon.map_or(0, |horizon| i64::try_from(horizon.as_nanos()).unwrap_or(i64::MAX));
        let oldest = self.letters().list_everywhere(&Letter::dead()).await?.records;
        for letter in oldest.iter().filter(|letter| letter.created_at.0 < horizon) {
            // Somebody who revives it at this moment is faster.
            let deleted = self.letters().delete(&letter.tenant, &letter.id, Expected::Version(letter.version)).await;
            match deleted {
                Ok(_) | Err(records::Error::Conflict { .. }) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// The events that failed: `is_dead` ones until somebody revives or deletes them, the others until they are tried again.
    pub fn letters(&self) -> Collection<Letter> {
        self.records.collection()
    }

    /// Lets a dead letter be tried again, as often as a new event; says whether there was one.
    pub async fn revive(&self, tenant: &Tenant, id: &RecordId) -> Result<bool, EventsError> {
        let Some(record) = self.letters().get(tenant, id).await?.filter(|record| record.body.is_dead) else {
            return Ok(false);
        };
        let version = Expected::Version(record.version);
        self.letters().put(tenant, id, &record.body.revived(), version).await?;
        Ok(true)
    }

    /// How many events each consumer has before it, as far as is written down.
    pub async fn backlog(&self) -> Result<Vec<(String, u64)>, EventsError> {
        let outbox = self.records.outbox();
        let (last, consumers) = (outbox.number().await?, outbox.consumers().await?);
        Ok(consumers.into_iter().map(|(consumer, offset)| (consumer, last.0.saturating_sub(offset.0))).collect())
    }

    /// What has happened in this process.
    pub fn counts(&self) -> Counts {
        self.telemetry.counts()
    }
}
