//! Order, callbacks, group commit, close.

use std::{
    fs,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use bytes::Bytes;
use wal::{AppendError, Config, Durability, Observer, Position, Step, Wal, WalError};

use crate::{append, directory, fill, frame, open, replay};

#[test]
fn frames_come_back_in_order_with_their_positions() {
    let directory = directory();
    let payloads: Vec<Vec<u8>> = (0..50).map(|i| vec![i as u8; i * 7]).collect();
    let config = Config { segment_bytes: 1000, ..Config::default() };

    fill(directory.path(), config.clone(), &payloads);
    let (wal, replayed) = open(directory.path(), config);

    let expected: Vec<_> = payloads.iter().enumerate().map(|(i, payload)| frame(i as u64 + 1, payload)).collect();
    assert_eq!(replayed, expected);
    assert_eq!(wal.last(), Position(50));
    assert!(wal.segments() > 5);
}

#[tokio::test]
async fn parts_come_back_as_one_payload() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config::default());
    // More buffers than one system call takes.
    let parts: Vec<_> = (0..3000).map(|i: u32| Bytes::from(vec![i as u8; i as usize % 3])).collect();

    wal.append(parts.clone(), |_| {}).await.expect("appended");
    wal.append(Vec::new(), |_| {}).await.expect("appended");
    drop(wal);

    assert_eq!(replay(directory.path()), [frame(1, &parts.concat()), frame(2, b"")]);
}

#[test]
fn frames_larger_than_the_read_buffer_come_back() {
    let directory = directory();
    let payloads = [vec![1; 300_000], vec![2; 10], vec![3; 131_072], vec![4; 131_000]];

    fill(directory.path(), Config::default(), &payloads);

    let expected: Vec<_> = payloads.iter().enumerate().map(|(i, payload)| frame(i as u64 + 1, payload)).collect();
    assert_eq!(replay(directory.path()), expected);
}

#[test]
fn frames_appended_after_opening_are_not_replayed() {
    let directory = directory();
    fill(directory.path(), Config::default(), &["old"]);

    let (wal, mut replay) = Wal::open(directory.path(), Config::default()).expect("opens");
    append(&wal, b"new").expect("appended");

    assert_eq!(replay.by_ref().map(|replayed| replayed.expect("readable")).collect::<Vec<_>>(), [frame(1, b"old")]);
    assert_eq!(replay.bytes_read(), replay.bytes_total());
}

#[test]
fn a_log_keeps_its_identity() {
    let (one, other) = (directory(), directory());

    let first = open(one.path(), Config::default()).0.id();

    assert_eq!(open(one.path(), Config::default()).0.id(), first);
    assert_ne!(open(other.path(), Config::default()).0.id(), first);
}

#[test]
fn a_log_with_frames_and_no_identity_is_refused() {
    let directory = directory();
    fill(directory.path(), Config::default(), &["frame"]);

    fs::remove_file(directory.path().join("id")).expect("removed");

    assert!(matches!(Wal::open(directory.path(), Config::default()), Err(WalError::IdentityLost { .. })));
}

#[test]
fn a_log_is_open_only_once() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config::default());

    assert!(matches!(Wal::open(directory.path(), Config::default()), Err(WalError::Locked { .. })));

    wal.close().expect("closed");
    open(directory.path(), Config::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fsync_serves_all_waiting_appends() {
    let directory = directory();
    let syncs = Arc::new(AtomicUsize::new(0));
    let gate = Gate::new();
    let observe: Observer = {
        let (syncs, gate) = (Arc::clone(&syncs), Arc::clone(&gate));
        Arc::new(move |step| match step {
            Step::HalfWritten => gate.pass(),
            Step::Written => {}
            Step::Synced => _ = syncs.fetch_add(1, Ordering::SeqCst),
        })
    };
    let (wal, _) = open(directory.path(), Config { observe: Some(observe), ..Config::default() });

    let mut held = Box::pin(wal.append(vec![Bytes::from_static(b"first")], |_| {}));
    assert!(is_pending(&mut held).await);
    gate.entered();
    let mut waiting: Vec<_> =
        (0..100).map(|_| Box::pin(wal.append(vec![Bytes::from_static(b"next")], |_| {}))).collect();
    for append in &mut waiting {
        assert!(is_pending(append).await);
    }
    gate.open();
    held.await.expect("appended");
    for append in waiting {
        append.await.expect("appended");
    }

    assert_eq!(syncs.load(Ordering::SeqCst), 2);
    assert_eq!(wal.last(), Position(101));
}

#[tokio::test]
async fn callbacks_run_in_order_even_when_the_caller_has_gone() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config::default());
    let seen = Arc::new(Mutex::new(Vec::new()));

    for i in 1..=200 {
        let seen = Arc::clone(&seen);
        let append = wal.append(vec![Bytes::from(vec![0; i])], move |position| {
            seen.lock().expect("unpoisoned").push(position.0);
        });
        let mut append = Box::pin(append);
        // Every third caller waits, the others leave as soon as their frame is queued.
        if i % 3 == 0 {
            assert_eq!(append.await.expect("appended"), Position(i as u64));
        } else {
            is_pending(&mut append).await;
        }
    }
    wal.close().expect("closed");

    assert_eq!(*seen.lock().expect("unpoisoned"), (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_append_after_close_is_refused() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config::default());

    wal.close().expect("closed");
    let refused = wal.append(vec![Bytes::from_static(b"late")], |_| panic!("never kept")).await;

    assert!(matches!(refused, Err(AppendError::Closed)));
    wal.close().expect("closed twice");
}

#[tokio::test]
async fn close_finishes_queued_frames() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config::default());

    for i in 0..100 {
        is_pending(&mut Box::pin(wal.append(vec![Bytes::from(vec![i; 9])], |_| {}))).await;
    }
    wal.close().expect("closed");
    drop(wal);

    assert_eq!(replay(directory.path()).len(), 100);
}

#[tokio::test]
async fn a_callback_that_panics_ends_the_log() {
    let directory = directory();
    let (wal, _) = open(directory.path(), Config::default());

    let answer = wal.append(vec![Bytes::from_static(b"kept")], |_| panic!("on purpose")).await;

    assert!(matches!(answer, Err(AppendError::Closed)));
    assert!(matches!(wal.append(Vec::new(), |_| {}).await, Err(AppendError::Closed)));
    assert!(matches!(wal.close(), Err(WalError::WriterPanicked)));
}

#[test]
fn an_interval_log_is_synced_after_the_interval() {
    let directory = directory();
    let (synced, sync) = mpsc::channel();
    let observe: Observer = Arc::new(move |step| {
        if step == Step::Synced {
            _ = synced.send(());
        }
    });
    let durability = Durability::Interval(Duration::from_millis(20));
    let (wal, _) = open(directory.path(), Config { durability, observe: Some(observe), ..Config::default() });

    append(&wal, b"frame").expect("appended");

    sync.recv_timeout(Duration::from_secs(10)).expect("synced while nobody appends");
    sync.try_recv().expect_err("synced once");
}

#[test]
fn settings_without_a_value_are_refused() {
    let directory = directory();
    let config = Config { queued_frames_max: 0, ..Config::default() };

    let refused = Wal::open(directory.path(), config).expect_err("refused");

    assert_eq!(refused.to_string(), "queued_frames_max is 0, at least 1 is needed");
}

/// Polls once; whether the future still waits.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}

/// Holds the first who passes until it is opened.
struct Gate {
    passed: AtomicUsize,
    entered: Barrier,
    opened: Barrier,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self { passed: AtomicUsize::new(0), entered: Barrier::new(2), opened: Barrier::new(2) })
    }

    fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) == 0 {
            self.entered.wait();
            self.opened.wait();
        }
    }

    fn entered(&self) {
        self.entered.wait();
    }

    fn open(&self) {
        self.opened.wait();
    }
}
