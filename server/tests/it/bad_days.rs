//! What goes wrong around the program is told in a line that says what to do.

use std::net::TcpListener;

use testkit::{Protocol, span, spans};

use crate::observatory;

#[tokio::test]
async fn a_port_in_use_is_named_with_its_option() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();

    let ended = observatory().option("--otlp-grpc", &address).fail().await;

    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains(&address) && ended.said.contains("--otlp-grpc"), "{}", ended.said);
}

#[tokio::test]
async fn a_data_directory_that_another_process_holds_is_refused_with_its_pid() {
    let setup = observatory();
    let holder = setup.start().await.expect("a start");

    let ended = setup.fail().await;

    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains(&format!("held by process {}", holder.pid())), "{}", ended.said);
}

#[tokio::test]
async fn an_unknown_setting_in_the_environment_stops_the_start() {
    let ended = observatory().env("OBSERVATORY_SERVER__LISTTEN", "127.0.0.1:1").fail().await;

    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains("listten") && ended.said.lines().count() == 1, "{}", ended.said);
}

#[tokio::test]
async fn a_full_log_refuses_with_a_delay_and_takes_requests_again() {
    // A log of one mebibyte that is cut every second.
    let setup = observatory()
        .env("OBSERVATORY_WAL__BYTES_MAX", 1 << 20)
        .env("OBSERVATORY_WAL__SEGMENT_BYTES", 256 << 10)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1);
    let server = setup.start().await.expect("a start");
    let client = server.client(Protocol::Http);
    let big = || spans("shop", (0..2000).map(|number| span(&format!("span {number}"), vec![])));

    let mut taken = 0;
    let refused = loop {
        let outcome = client.send(&big()).await;
        if !outcome.is_acknowledged() {
            break outcome.refused();
        }
        taken += 2000;
    };
    assert_eq!(refused.http, Some(503), "{refused:?}");
    assert!(refused.retry_after.is_some(), "{refused:?}");

    testkit::until("the log has room again", std::time::Duration::from_secs(30), async || {
        client.send(&big()).await.is_acknowledged().then_some(())
    })
    .await;
    assert_eq!(server.sql("select count(*) from spans").await.number(), taken + 2000);
}
