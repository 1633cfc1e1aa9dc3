//! A process that publishes and consumes, for tests.

use std::ops::Range;
use std::time::Duration;

use hub::events::{Config, Deliveries, Delivery, Events, Letter, NewEvent};
use model::Tenant;
use records::{List, Record, Records};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::place::Place;

pub(crate) const SOON: Duration = Duration::from_secs(30);
const KIND: &str = "test.counted";

/// Settings with which nobody has to wait.
pub(crate) fn quick() -> Config {
    Config { poll_ms: 10, retry_ms_min: 20, retry_ms_max: 100, silent_ms_max: 400, ..Config::default() }
}

pub(crate) fn acme() -> Tenant {
    Tenant::new("acme").expect("a valid name")
}

pub(crate) fn event(number: u64) -> NewEvent {
    NewEvent::new(KIND, &number).expect("a valid type")
}

pub(crate) fn numbers(numbers: Range<u64>) -> Vec<u64> {
    numbers.collect()
}

pub(crate) fn number(delivery: &Delivery) -> u64 {
    delivery.event().data.as_u64().expect("events of tests are numbers")
}

/// The next delivery.
///
/// # Panics
/// When there is none soon.
pub(crate) async fn next(deliveries: &mut Deliveries) -> Delivery {
    timeout(SOON, deliveries.next()).await.expect("an event comes soon").expect("it is not closed")
}

/// Acknowledges so many events and gives their numbers in the order they came.
pub(crate) async fn handle(deliveries: &mut Deliveries, events: usize) -> Vec<u64> {
    let mut handled = Vec::new();
    for _ in 0..events {
        let delivery = next(deliveries).await;
        handled.push(number(&delivery));
        delivery.ack();
    }
    handled
}

pub(crate) struct Process {
    pub(crate) records: Records,
    pub(crate) events: Events,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Process {
    /// With records of its own.
    pub(crate) fn start(place: &Place, config: &Config) -> Self {
        Self::over(place, Records::in_memory().expect("records"), config)
    }

    pub(crate) fn over(place: &Place, records: Records, config: &Config) -> Self {
        config.check().expect("valid settings");
        // What the hub says of itself is shown beside a test that fails.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let events = Events::new(&records, place.redis.as_ref(), config);
        let (stop, stopped) = oneshot::channel();
        let running = events.clone();
        let task = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
        Self { records, events, stop, task }
    }

    /// A consumer of all events of tests.
    pub(crate) fn subscribe(&self, consumer: &str) -> Deliveries {
        self.events.subscribe(consumer, &[KIND]).expect("a valid name")
    }

    pub(crate) async fn publish(&self, numbers: Range<u64>) {
        for number in numbers {
            self.events.publish(&acme(), &event(number)).await.expect("it is published");
        }
    }

    /// Events that the consumer has before it.
    pub(crate) async fn backlog(&self, consumer: &str) -> u64 {
        let backlog = self.events.backlog().await.expect("records");
        backlog.into_iter().find(|(name, _)| name == consumer).map_or(u64::MAX, |(_, events)| events)
    }

    /// Whether the consumer has nothing before it; false also when the records do not answer.
    pub(crate) async fn is_settled(&self, consumer: &str) -> bool {
        let backlog = self.events.backlog().await.unwrap_or_default();
        let letters = self.events.letters().list(&acme(), &List::all().equal("consumer", consumer)).await;
        backlog.contains(&(consumer.to_owned(), 0)) && letters.is_ok_and(|letters| letters.records.is_empty())
    }

    pub(crate) async fn letters(&self) -> Vec<Record<Letter>> {
        self.events.letters().list(&acme(), &List::all()).await.expect("records").records
    }

    pub(crate) async fn tidy(&self) {
        self.events.tidy(std::time::SystemTime::now()).await.expect("records");
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("no panic");
    }
}
