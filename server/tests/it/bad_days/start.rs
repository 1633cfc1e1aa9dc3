//! A start that cannot succeed ends with code 1 and one line that says what to do.

use std::net::TcpListener;

use testkit::Setup;

use crate::observatory;

async fn refused_with(setup: Setup, words: &[&str]) {
    let ended = setup.fail().await;

    // A server that runs over the same directory says what it does in the same file.
    let lines: Vec<_> = ended.said.lines().filter(|line| !line.contains(" INFO ")).collect();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    let [line] = lines[..] else { panic!("one line, not {lines:#?}") };
    assert!(line.starts_with("observatory: "), "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} in {line}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_option_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();

    for option in ["--listen", "--otlp-grpc", "--otlp-http"] {
        refused_with(observatory().option(option, &address), &[&address, option]).await;
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused_with_the_process_that_holds_it() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");

    let data = server.data_path().display().to_string();
    refused_with(setup.clone(), &[&data, &format!("process {}", server.pid()), "--data-dir"]).await;

    assert!(server.is_ready().await, "the first is not disturbed");
    server.kill();
    setup.start().await.expect("nobody holds it any more");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    refused_with(observatory().option("--data-dir", "/dev/null/data"), &["/dev/null/data"]).await;
}

#[tokio::test]
async fn an_unknown_setting_is_named() {
    refused_with(observatory().yaml("plane:\n  segment_byte: 1000\n"), &["segment_byte"]).await;
    refused_with(observatory().yaml("plain: {}\n"), &["plain"]).await;
    refused_with(observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTE", 1000), &["segment_byte"]).await;
    refused_with(observatory().env("OBSERVATORY_PLAIN", 1), &["plain"]).await;
}

#[tokio::test]
async fn a_wrong_value_is_named_with_its_setting() {
    refused_with(observatory().env("OBSERVATORY_WAL__DURABILITY", "sometimes"), &["wal.durability", "sometimes"]).await;
    refused_with(observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTES", "many"), &["segment_bytes"]).await;
    refused_with(observatory().env("OBSERVATORY_LOG__LEVEL", "plane=loudly"), &["log.level"]).await;
    refused_with(observatory().yaml("tenants: [{name: acme, api_keys: [short]}]"), &["acme", "16"]).await;
    refused_with(observatory().option("--config", "/nowhere/config.yaml"), &["/nowhere/config.yaml"]).await;
    refused_with(observatory().yaml("server: [not, a, map"), &["config.yaml"]).await;
}

#[tokio::test]
async fn a_promised_name_without_effect_is_told() {
    let server = observatory().env("JWT_SECRET", "hunter2").start().await.expect("a server");

    let said = server.said();
    assert!(
        said.contains("JWT_SECRET is set, and has no effect: tokens are signed with keys that the hub makes"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_wrong_value_of_a_promised_name_is_named() {
    refused_with(observatory().env("DEBUG", "perhaps"), &["DEBUG", "perhaps"]).await;
    refused_with(observatory().env("MAX_WORKERS", 0), &["server.workers_max"]).await;
    refused_with(observatory().env("LOG_LEVEL", "plane=loudly"), &["log.level"]).await;
}

#[tokio::test]
async fn a_path_that_is_not_served_says_what_is() {
    let server = observatory().start().await.expect("a server");

    let reply = server.api().get("/nothing").await.expect("an answer");

    assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &"not_found".into()));
    assert!(reply.json()["error"]["hint"].as_str().is_some_and(|hint| hint.contains("/api/docs")), "{}", reply.text());
}
