//! A disk that is full refuses, with a delay, and takes again when there is room.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::{Outcome, Protocol, Skip, logs, record, until};
use tonic::Code;

use crate::observatory;

/// A file system of its own size over a folder, until dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path, options: &str) -> Result<Self, Skip> {
        std::fs::create_dir_all(folder).expect("a folder");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
        match mount {
            Ok(mounted) if mounted.status.success() => Ok(Self(folder)),
            other => Err(Skip::not_allowed(format!("a small disk needs the right to mount one: {other:?}"))),
        }
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: the server may hold it for a moment longer.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_for_a_while_and_loses_nothing() {
    const LINE_BYTES: usize = 1000;
    const LINES: u64 = 200;
    let setup = observatory().env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 3600);
    let folder = setup.data().path();
    let disk = match SmallDisk::mount(&folder, "size=16m") {
        Ok(disk) => disk,
        Err(skip) => return skip.tell(),
    };
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 10 << 20]).expect("room for it");
    let server = setup.start().await.expect("a server");
    let clients = Protocol::ALL.map(|protocol| server.client(protocol));
    let request = logs("shop", (0..LINES).map(|number| record(&format!("{number:0LINE_BYTES$}"), vec![])));

    let mut acknowledged = 0;
    let mut refused = Vec::new();
    for turn in 0.. {
        match clients[turn % 2].send(&request).await {
            Outcome::Accepted { rejected: 0 } if turn < 1000 => acknowledged += LINES,
            other => refused.push(other.refused()),
        }
        if refused.len() == 2 {
            break;
        }
    }

    for refusal in refused {
        assert_eq!(refusal.code, Code::Unavailable, "{refusal:?}");
        assert!(matches!(refusal.http, None | Some(503)), "{refusal:?}");
        assert!(refusal.retry_after.is_some_and(|delay| delay > Duration::ZERO), "{refusal:?}");
        assert!(refusal.message.contains("log"), "{refusal:?}");
    }
    assert!(!server.is_ready().await, "a server that takes nothing says so");
    let rows = "select count(*) from logs where service_name = 'shop'";
    assert_eq!(server.sql(rows).await.number(), acknowledged, "what is there can be asked for");

    std::fs::remove_file(&ballast).expect("it was there");
    until("it takes requests again, without a restart", Duration::from_secs(30), async || {
        let outcome = clients[0].send(&request).await;
        outcome.is_acknowledged().then_some(())
    })
    .await;
    acknowledged += LINES;
    assert!(server.is_ready().await);
    assert_eq!(server.sql(rows).await.number(), acknowledged);
    server.kill();
    let server = setup.start().await.expect("a server");
    assert_eq!(server.sql(rows).await.number(), acknowledged, "after a crash: none missing, none of the refused");
    drop(server);
    drop(disk);
}

#[tokio::test]
async fn a_read_only_disk_is_refused_at_the_start() {
    let setup = observatory();
    let folder = setup.data().path();
    let disk = match SmallDisk::mount(&folder, "size=1m,ro") {
        Ok(disk) => disk,
        Err(skip) => return skip.tell(),
    };

    let ended = setup.fail().await;

    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains(&folder.display().to_string()), "{}", ended.said);
    assert!(ended.said.contains("Read-only file system"), "{}", ended.said);
    drop(disk);
}

#[tokio::test]
async fn a_log_at_its_limit_refuses_until_the_store_has_caught_up() {
    let setup = observatory()
        .env("OBSERVATORY_WAL__BYTES_MAX", 2_000_000)
        .env("OBSERVATORY_WAL__SEGMENT_BYTES", 100_000)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 3);
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    let request = logs("shop", (0..100).map(|number| record(&format!("{number:01000}"), vec![])));

    let mut acknowledged = 0;
    let refused = loop {
        match client.send(&request).await {
            Outcome::Accepted { rejected: 0 } if acknowledged < 10_000 => acknowledged += 100,
            other => break other.refused(),
        }
    };

    assert_eq!(refused.code, Code::Unavailable, "{refused:?}");
    assert!(refused.retry_after.is_some(), "{refused:?}");
    until("the store has caught up", Duration::from_secs(30), async || {
        client.send(&request).await.is_acknowledged().then_some(())
    })
    .await;
    let rows = server.sql("select count(*) from logs").await.number();
    assert_eq!(rows, acknowledged + 100);
}
