//! The machine's clock jumps under the running program, as after a suspend or a wrong time server.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use testkit::{Protocol, logs, record, until};

use crate::{faketime, observatory};

#[tokio::test]
async fn no_row_is_lost_or_doubled_when_the_clock_jumps() {
    let faketime = match faketime() {
        Ok(library) => library,
        Err(skip) => return skip.tell(),
    };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let clock = folder.path().join("clock");
    let set_clock = |offset: &str| fs::write(&clock, offset).expect("a file");
    let setup = observatory()
        .env("LD_PRELOAD", faketime)
        .env("FAKETIME_TIMESTAMP_FILE", clock.display())
        .env("FAKETIME_NO_CACHE", 1)
        // It is the clock that never jumps.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", 1)
        .env("OBSERVATORY_OWN_TELEMETRY__ENABLED", false)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1);
    set_clock("+0");
    let server = setup.start().await.expect("a server");

    let (mut sent, mut told) = (0, BTreeSet::new());
    for offset in ["+0", "-2d", "+3d", "-400d"] {
        set_clock(offset);
        let health = server.api().get("/health").await.expect("an answer").json();
        told.insert(health["timestamp"].as_str().expect("a time")[..10].to_owned());
        let files = server.parquet_files().len();
        for protocol in Protocol::ALL {
            server.client(protocol).deliver(&logs("shop", [record("one", vec![]), record("two", vec![])])).await;
            sent += 2;
        }
        assert_eq!(server.sql("select count(*) from logs").await.number(), sent, "at {offset}");
        until("rows go to the store at any hour", Duration::from_secs(20), async || {
            (server.parquet_files().len() > files).then_some(())
        })
        .await;
        assert_eq!(server.sql("select count(*) from logs").await.number(), sent, "at rest, at {offset}");
    }
    assert_eq!(told.len(), 4, "the program believed every one of them: {told:?}");
    set_clock("-30d");
    server.kill();
    let server = setup.start().await.expect("a server");

    assert_eq!(server.sql("select count(*) from logs").await.number(), sent, "after a crash in another month");
    server.stop().await;
    set_clock("+0");
    let server = setup.start().await.expect("a server");
    assert_eq!(server.sql("select count(*) from logs").await.number(), sent);
}
