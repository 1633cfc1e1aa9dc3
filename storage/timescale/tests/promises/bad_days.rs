//! Databases that are away, closed, full, read-only, or younger than the program.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use arrow::array::RecordBatch;
use model::Signal;
use store::{Store, StoreError, WriterId};
use testkit::{PostgresServer, Skip, until};
use timescale::{Config, Timescale};
use uuid::Uuid;

use crate::support::{config, count, now, open, postgres, rows, segment};

const PATIENCE: Duration = Duration::from_secs(30);

/// What an error says, with all its causes.
fn told(cause: StoreError) -> String {
    format!("{:#}", anyhow::Error::from(cause))
}

fn many(first: i64, count: i64) -> Vec<i64> {
    (0..count).map(|number| first + number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_at_the_start_is_waited_for() -> Result<(), ()> {
    let mut server = postgres().await.map_err(Skip::tell)?;
    server.stop().await;

    let store = open(&server.url()).await;

    let refused = store.table(&crate::support::tenant(), Signal::Spans).expect_err("nothing is known yet");
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    let refused = store.keep(&segment(WriterId(Uuid::new_v4()), (1, 1), &[now()])).await.expect_err("it is down");
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    server.run().await;
    until("the store finds the database", PATIENCE, async || {
        store.table(&crate::support::tenant(), Signal::Spans).ok()
    })
    .await;
    store.keep(&segment(WriterId(Uuid::new_v4()), (1, 1), &[now()])).await.expect("it is up");
    assert_eq!(count(&store).await, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waiting_does_not_mend_stops_the_start_and_says_what_to_do() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    server.psql(
        "create role nobody_special login password 'x'; create role reader login password 'x'; \
         alter role reader set default_transaction_read_only = on; grant create on database postgres to reader",
    );
    let wrong = |url: String| Timescale::open(config(&url));

    for (url, advice) in [
        (server.url_of("postgres", "wrong"), "check role and password"),
        (format!("{}_that_is_not_there", server.url()), "createdb"),
        (server.url_of("nobody_special", "x"), "GRANT CREATE"),
        (server.url_of("reader", "x"), "takes no writes"),
        ("postgres://me@localhost/db?sslmode=allow".to_owned(), "sslmode=allow is not supported"),
    ] {
        let told = told(wrong(url).await.expect_err("it cannot work"));
        assert!(told.contains(advice), "{told}");
        assert!(!told.contains("not-a-secret"), "{told}");
    }
    open(&server.url()).await;
    let told = told(wrong(server.url_of("nobody_special", "x")).await.expect_err("it owns nothing"));
    assert!(told.contains("permission denied") || told.contains("does not own"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_version_are_left_alone() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    open(&server.url()).await;
    server.psql("insert into observatory.migrations select 1000, 'from_the_future', applied_on, checksum from observatory.migrations limit 1");

    let told = told(Timescale::open(config(&server.url())).await.expect_err("it is newer"));

    assert!(told.contains("a newer version of this program"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_connection_ends_is_kept_whole_at_the_next_attempt() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let store = open(&server.url()).await;
    let segment = segment(WriterId(Uuid::new_v4()), (1, 1), &many(now(), 200_000));

    let ended = async {
        until("a COPY runs", PATIENCE, async || {
            let ended =
                server.psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where query like 'COPY %'");
            (ended != "0").then_some(())
        })
        .await;
    };
    let (kept, ()) = tokio::join!(store.keep(&segment), ended);

    let refused = kept.expect_err("its connection ended");
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    assert_eq!(count(&store).await, 0, "nothing of it shows");
    store.keep(&segment).await.expect("the next attempt");
    store.keep(&segment).await.expect("once more does nothing");
    assert_eq!(count(&store).await, 200_000);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_not_repeated() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let (writer, times) = (WriterId(Uuid::new_v4()), many(now(), 10));
    let first = open(&server.url()).await;
    let other = open(&server.url()).await;
    first.keep(&segment(writer, (1, 5), &times)).await.expect("kept");

    // It knows as little of the first attempt as one that lost the answer.
    other.keep(&segment(writer, (1, 5), &times)).await.expect("kept before");

    assert_eq!(count(&other).await, 10);
    assert_eq!(server.psql("select rows, through from observatory.ledger"), "10|5");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_at_the_same_segment_at_once_keep_it_once() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let (one, other) = (open(&server.url()).await, open(&server.url()).await);
    let segment = segment(WriterId(Uuid::new_v4()), (1, 1), &many(now(), 20_000));

    let (a, b) = tokio::join!(one.keep(&segment), other.keep(&segment));

    a.and(b).expect("both are answered");
    assert_eq!((count(&one).await, count(&other).await), (20_000, 20_000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_under_load_loses_and_doubles_nothing() -> Result<(), ()> {
    let mut server = postgres().await.map_err(Skip::tell)?;
    let store = open(&server.url()).await;
    let writer = WriterId(Uuid::new_v4());

    let keeping = async {
        for position in 1..=60 {
            let segment = segment(writer, (position, position), &many(now(), 2_000));
            until("the segment is kept", PATIENCE, async || store.keep(&segment).await.ok()).await;
        }
    };
    let killing = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            server.kill().await;
            server.run().await;
        }
    };
    tokio::join!(keeping, killing);

    let all = rows(&store, Signal::Spans).await;
    assert_eq!(all.iter().map(RecordBatch::num_rows).sum::<usize>(), 120_000);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_survived() -> Result<(), ()> {
    let disk = SmallDisk::mount().map_err(Skip::tell)?;
    let server = PostgresServer::start_in(disk.path()).await.map_err(Skip::tell)?;
    let store = Timescale::open(Config { keep_seconds_max: 60, ..config(&server.url()) }).await.expect("opens");
    let (writer, mut position) = (WriterId(Uuid::new_v4()), 0);

    let refused = loop {
        position += 1;
        if let Err(refused) = store.keep(&segment(writer, (position, position), &many(now(), 100_000))).await {
            break refused;
        }
        assert!(position < 30, "the disk never fills");
    };

    let told = told(refused);
    assert!(
        told.contains("disk is full") || told.contains("stopping or starting") || told.contains("no answer"),
        "{told}"
    );
    disk.grow();
    let again = segment(writer, (position, position), &many(now(), 100_000));
    until("there is space again", PATIENCE, async || store.keep(&again).await.ok()).await;
    assert_eq!(count(&store).await as u64, position * 100_000);
    Ok(())
}

/// A disk of memory that can grow.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, Skip> {
        let directory = tempfile::tempdir().map_err(|cause| Skip::missing(cause.to_string()))?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=160m,mode=755", "none"])
            .arg(directory.path())
            .output();
        match mounted {
            Ok(mounted) if mounted.status.success() => Ok(Self(directory)),
            _ => Err(Skip::not_allowed("a small disk cannot be mounted here")),
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn grow(&self) {
        let grown =
            Command::new("mount").args(["-o", "remount,size=2g"]).arg(self.path()).status().expect("mount is there");
        assert!(grown.success(), "the disk grows");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
