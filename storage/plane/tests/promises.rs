//! What the data plane promises, seen from outside.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use model::{Batch, Dataset, Signal, Tenant, Timestamp};
use plane::{AppendError, Config, DataPlane, Decoded, Encoding, Envelope, Event, Payload, Snapshot};
use store::conformance::spans;
use store::{Maintained, MemoryStore, Pace, Part, Segment, Store, StoreError, Stored, Work, WriterId};
use testkit::until;

fn tenant() -> Tenant {
    Tenant::default_tenant()
}

/// A request of spans that start at these times; its body is the times.
fn request(times: &[i64]) -> Decoded {
    let envelope = Envelope {
        tenant: tenant(),
        payload: Payload::Traces,
        encoding: Encoding::Protobuf,
        received: Timestamp(0),
        rejected: 0,
        refused_rows: Vec::new(),
    };
    let body: Vec<u8> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
    Decoded { envelope, batches: rows(times), body: body.into() }
}

fn rows(times: &[i64]) -> Vec<Batch> {
    spans(&tenant(), WriterId(wal_id()), (1, 1), times).batches
}

fn wal_id() -> uuid::Uuid {
    uuid::Uuid::nil()
}

#[expect(clippy::needless_pass_by_value, reason = "the plane gives the body away")]
fn decode(_: &Envelope, body: Bytes) -> Result<Vec<Batch>, String> {
    let (times, []) = body.as_chunks::<8>() else { return Err("not a list of times".to_owned()) };
    Ok(rows(&times.iter().map(|time| i64::from_le_bytes(*time)).collect::<Vec<_>>()))
}

async fn open(directory: &Path, config: &Config, store: Arc<dyn Store>) -> DataPlane {
    let opened =
        DataPlane::open(config, &directory.join("wal"), wal::Config::default(), store, Arc::new(decode), None).await;
    opened.expect("the plane opens")
}

/// Rows, of which at every instant each is summed once in each rollup.
async fn count(snapshot: Snapshot) -> usize {
    let live: usize = snapshot.live.iter().map(Batch::rows).sum();
    let stored = SessionContext::new().read_table(snapshot.stored).expect("a table").count().await.expect("a count");
    for rollup in snapshot.rollups.iter().filter(|rollup| rollup.rollup().has_services()) {
        let table = Arc::clone(&rollup.stored().table);
        let sums = SessionContext::new().read_table(table).expect("a table").collect().await.expect("sums");
        assert_eq!(requests(&rollup.live()), live, "live {}", rollup.rollup());
        assert_eq!(requests(&sums), stored, "stored {}", rollup.rollup());
    }
    live + stored
}

fn requests(sums: &[RecordBatch]) -> usize {
    let of_batch = |sums: &RecordBatch| -> i64 {
        let requests = sums.column_by_name("requests").expect("a column of the rollup");
        requests.as_primitive::<Int64Type>().values().iter().sum()
    };
    usize::try_from(sums.iter().map(of_batch).sum::<i64>()).expect("a count")
}

async fn rows_seen(plane: &DataPlane) -> usize {
    count(plane.snapshot(&tenant(), Signal::Spans).expect("a snapshot")).await
}

/// A memory store that can be switched off, or made to take its time.
#[derive(Debug, Default)]
struct Flaky {
    inner: MemoryStore,
    /// It takes nothing.
    down: AtomicBool,
    /// It does not even say what it has.
    unreachable: AtomicBool,
    /// It takes what it is given, later.
    slow: AtomicBool,
}

#[async_trait]
impl Store for Flaky {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("a store that is down", "as told"));
        }
        while self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.inner.keep(segment).await
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("a store that is down", "as told"));
        }
        self.inner.table(tenant, signal)
    }

    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError> {
        self.inner.expire(tenant, dataset, horizon).await
    }

    async fn maintain(&self, pace: &Pace) -> Maintained {
        self.inner.maintain(pace).await
    }

    async fn inventory(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError> {
        self.inner.inventory(tenant).await
    }
}

/// Segments of a few rows, so that they move all the time.
fn restless() -> Config {
    Config { segment_bytes: 16 * 1024, ..Config::default() }
}

#[tokio::test]
async fn what_is_answered_is_visible() {
    let directory = tempfile::tempdir().expect("a directory");
    let plane = open(directory.path(), &Config::default(), Arc::new(MemoryStore::default())).await;

    for number in 1..=50 {
        plane.append(request(&[number])).await.expect("an append");
        assert_eq!(rows_seen(&plane).await, usize::try_from(number).expect("small"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_shows_once_at_every_instant_of_a_flush() {
    let directory = tempfile::tempdir().expect("a directory");
    let plane = Arc::new(open(directory.path(), &restless(), Arc::new(MemoryStore::default())).await);
    let requests = 400;

    let writer = {
        let plane = Arc::clone(&plane);
        tokio::spawn(async move {
            for number in 0..requests {
                plane.append(request(&[number; 25])).await.expect("an append");
            }
        })
    };
    let mut before = 0;
    while !writer.is_finished() {
        let now = rows_seen(&plane).await;
        assert!(now >= before && now % 25 == 0, "{now} rows after {before}");
        before = now;
    }

    writer.await.expect("the writer ends well");
    assert_eq!(rows_seen(&plane).await, 25 * 400);
    assert!(plane.status().segments_flushed > 5, "segments moved meanwhile");
}

#[tokio::test]
async fn a_restart_brings_back_what_the_store_does_not_have() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Flaky::default());
    let first = open(directory.path(), &Config::default(), Arc::clone(&store) as _).await;
    first.append(request(&[1, 2])).await.expect("an append");
    first.flush().await.expect("a flush");
    first.append(request(&[3])).await.expect("an append");
    store.down.store(true, Ordering::SeqCst);
    first.close().await.expect_err("the store is down");
    drop(first);

    store.down.store(false, Ordering::SeqCst);
    let second = open(directory.path(), &Config::default(), Arc::clone(&store) as _).await;

    assert_eq!(rows_seen(&second).await, 3);
    assert_eq!(second.status().rows_live, 1, "what the store has is not replayed");
}

/// What the log and the store did, in order.
#[derive(Debug, Default)]
struct Recorder {
    inner: MemoryStore,
    done: std::sync::Mutex<Vec<&'static str>>,
}

impl Recorder {
    fn record(&self, what: &'static str) {
        self.done.lock().expect("unpoisoned").push(what);
    }
}

#[async_trait]
impl Store for Recorder {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        self.record("kept");
        self.inner.keep(segment).await
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        self.inner.table(tenant, signal)
    }

    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError> {
        self.inner.expire(tenant, dataset, horizon).await
    }

    async fn maintain(&self, pace: &Pace) -> Maintained {
        self.inner.maintain(pace).await
    }

    async fn inventory(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError> {
        self.inner.inventory(tenant).await
    }
}

#[tokio::test]
async fn without_fsync_the_log_is_synced_before_rows_leave_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Recorder::default());
    let recorder = Arc::clone(&store);
    let observe: wal::Observer = Arc::new(move |step| match step {
        wal::Step::Written => recorder.record("written"),
        wal::Step::Synced => recorder.record("synced"),
        wal::Step::HalfWritten => {}
    });
    let log = wal::Config { durability: wal::Durability::None, observe: Some(observe), ..wal::Config::default() };
    let wal_dir = directory.path().join("wal");
    let plane =
        DataPlane::open(&Config::default(), &wal_dir, log, Arc::clone(&store) as _, Arc::new(decode), None).await;
    let plane = plane.expect("the plane opens");

    plane.append(request(&[1])).await.expect("an append");
    plane.append(request(&[2])).await.expect("an append");
    plane.flush().await.expect("a flush");

    assert_eq!(*store.done.lock().expect("unpoisoned"), ["written", "written", "synced", "kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_wait_for_a_store_that_is_down() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Flaky::default());
    store.down.store(true, Ordering::SeqCst);
    let plane = open(directory.path(), &restless(), Arc::clone(&store) as _).await;

    for number in 0..100 {
        plane.append(request(&[number; 25])).await.expect("an append");
    }
    assert_eq!(rows_seen(&plane).await, 2500);
    store.down.store(false, Ordering::SeqCst);
    plane.flush().await.expect("the store is back");

    assert_eq!(rows_seen(&plane).await, 2500);
    assert_eq!(plane.status().rows_live, 0);
    assert_eq!(plane.status().memory_bytes, 0, "memory is given back");
}

/// Full with a few requests.
fn tiny() -> Config {
    Config { memory_bytes_max: 256 * 1024, segment_bytes: 64 * 1024, wait_millis_max: 20, ..Config::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_memory_refuses_with_a_delay_and_recovers() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Flaky::default());
    store.slow.store(true, Ordering::SeqCst);
    let plane = open(directory.path(), &tiny(), Arc::clone(&store) as _).await;

    let mut taken = 0;
    let refused = loop {
        match plane.append(request(&[taken; 25])).await {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, AppendError::Overloaded { retry_after, .. } if retry_after >= Duration::from_secs(1)));
    store.slow.store(false, Ordering::SeqCst);
    plane.flush().await.expect("the store has time");

    plane.append(request(&[0; 25])).await.expect("there is room again");
    assert_eq!(rows_seen(&plane).await, 25 * usize::try_from(taken + 1).expect("small"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_for_memory_before_it_is_refused() {
    for (wait_millis_max, is_admitted) in [(20, false), (60_000, true)] {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Arc::new(Flaky::default());
        store.slow.store(true, Ordering::SeqCst);
        let config = Config { wait_millis_max, ..tiny() };
        let plane = Arc::new(open(directory.path(), &config, Arc::clone(&store) as _).await);
        while plane.append(request(&[1; 25])).await.is_ok() {}

        let waiting = tokio::spawn({
            let plane = Arc::clone(&plane);
            async move { plane.admit().await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        store.slow.store(false, Ordering::SeqCst);

        let admitted = waiting.await.expect("it does not panic");
        assert_eq!(admitted.is_ok(), is_admitted, "{admitted:?}");
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

async fn all_rows_are_back(plane: &DataPlane, rows: usize) {
    until("the store has caught up", PATIENCE, async || {
        (plane.status().frames_waiting == 0 && plane.snapshot(&tenant(), Signal::Spans).is_ok()).then_some(())
    })
    .await;
    assert_eq!(rows_seen(plane).await, rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_takes_what_memory_cannot_while_the_store_is_away() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Flaky::default());
    store.down.store(true, Ordering::SeqCst);
    let plane = Arc::new(open(directory.path(), &tiny(), Arc::clone(&store) as _).await);

    let mut requests = 0;
    while plane.status().frames_waiting < 300 {
        // Until the store was asked once, memory may be full.
        requests += usize::from(plane.append(request(&[requests as i64; 25])).await.is_ok());
        tokio::task::yield_now().await;
    }

    let status = plane.status();
    assert!(status.memory_bytes <= status.memory_bytes_max, "{status:?}");
    let refused = plane.snapshot(&tenant(), Signal::Spans).expect_err("it cannot show all that was acknowledged");
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    let writer = {
        let plane = Arc::clone(&plane);
        tokio::spawn(async move {
            for number in 0..500 {
                while plane.append(request(&[number; 25])).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        })
    };
    store.down.store(false, Ordering::SeqCst);
    writer.await.expect("it does not panic");
    all_rows_are_back(&plane, 25 * (requests + 500)).await;

    plane.append(request(&[1; 25])).await.expect("an append");
    assert_eq!(rows_seen(&plane).await, 25 * (requests + 501), "visible at once again");
    plane.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_the_store_away_takes_requests_and_brings_each_row_back_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(Flaky::default());
    let first = open(directory.path(), &Config::default(), Arc::clone(&store) as _).await;
    first.append(request(&[1; 25])).await.expect("an append");
    first.flush().await.expect("kept, and the log not cut behind it in full");
    first.append(request(&[2; 25])).await.expect("an append");
    store.down.store(true, Ordering::SeqCst);
    first.close().await.expect_err("the store is down");
    drop(first);

    store.unreachable.store(true, Ordering::SeqCst);
    let second = open(directory.path(), &Config::default(), Arc::clone(&store) as _).await;
    second.append(request(&[3; 25])).await.expect("requests are taken");
    second.snapshot(&tenant(), Signal::Spans).expect_err("nobody knows what the store has");
    second.close().await.expect("nothing waits in memory");
    drop(second);
    let third = open(directory.path(), &Config::default(), Arc::clone(&store) as _).await;
    store.unreachable.store(false, Ordering::SeqCst);
    store.down.store(false, Ordering::SeqCst);

    all_rows_are_back(&third, 75).await;
}

#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_missed() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Config { subscription_requests_max: 4, ..Config::default() };
    let plane = open(directory.path(), &config, Arc::new(MemoryStore::default())).await;
    let mut logs = plane.subscribe(&[Signal::Logs]);
    let mut spans = plane.subscribe(&[Signal::Spans]);

    for number in 0..10 {
        plane.append(request(&[number])).await.expect("an append");
    }

    assert!(matches!(spans.next().await, Some(Event::Missed(6))));
    for position in 7..=10 {
        assert!(matches!(spans.next().await, Some(Event::Rows(rows)) if rows.position == position));
    }
    assert!(matches!(logs.next().await, Some(Event::Missed(6))));
}

#[tokio::test]
async fn a_thousand_small_requests_do_not_become_a_thousand_batches() {
    let directory = tempfile::tempdir().expect("a directory");
    let plane = open(directory.path(), &Config::default(), Arc::new(MemoryStore::default())).await;

    for number in 0..1000 {
        plane.append(request(&[number])).await.expect("an append");
    }

    let live = plane.snapshot(&tenant(), Signal::Spans).expect("a snapshot").live;
    assert!(live.len() < 100, "{} batches", live.len());
    assert_eq!(live.iter().map(Batch::rows).sum::<usize>(), 1000);
}
