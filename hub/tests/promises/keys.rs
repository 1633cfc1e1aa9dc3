//! API keys: for programs.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hub::{Anonymous, Config, Permission, Refusal, Who};
use serde_json::json;

use crate::server::{Server, config};

fn bearer(key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}")).expect("ASCII"));
    headers
}

#[tokio::test]
async fn an_exporters_key_writes_telemetry_and_reads_nothing() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let made = server.post("/keys", &owner, json!({"name": "collector"})).await;
    let key = made.text_at("key");

    let caller = server.hub.access().caller(&Method::POST, &bearer(&key), None).expect("a good key");

    assert_eq!(caller.tenant().as_str(), "default");
    assert!(caller.may(&Permission::INGEST));
    assert!(!caller.may(&Permission::QUERY));
    assert!(matches!(caller.who(), Who::Key { name, .. } if name == "collector"));
    assert_eq!(server.get("/people", &key).await.status, StatusCode::FORBIDDEN);
    assert_eq!(server.get("/me", &key).await.json["kind"], "key");
}

#[tokio::test]
async fn a_key_of_the_configuration_writes_and_reads() {
    let server = Server::start().await;

    let caller =
        server.hub.access().caller(&Method::POST, &bearer("configured-key-of-default"), None).expect("a good key");

    assert_eq!(caller.tenant().as_str(), "default");
    assert!(caller.may(&Permission::INGEST) && caller.may(&Permission::QUERY));
    let mut other = HeaderMap::new();
    other.insert("x-api-key", HeaderValue::from_static("configured-key-of-default"));
    assert!(server.hub.access().caller(&Method::GET, &other, None).is_ok());
}

#[tokio::test]
async fn a_revoked_key_is_worth_nothing_with_the_next_request() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, key) = server.key(&owner, &["viewer"]).await;

    assert_eq!(server.get("/me", &key).await.status, StatusCode::OK);
    assert_eq!(server.delete(&format!("/keys/{id}"), &owner).await.status, StatusCode::NO_CONTENT);

    assert_eq!(server.get("/me", &key).await.status, StatusCode::UNAUTHORIZED);
    let keys = server.get("/keys", &owner).await;
    assert!(keys.json["keys"][0]["revoked_at"].is_string(), "what it was for stays to be read: {}", keys.text);
    assert!(!keys.text.contains(&key) && !keys.text.contains("hash"));
}

#[tokio::test]
async fn a_key_expires_and_is_for_its_networks_only() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let wanted =
        json!({"name": "k", "expires_at": "2026-01-02T00:00:00Z", "allowed_from": ["10.1.0.0/16", "2001:db8::/32"]});
    let key = server.post("/keys", &owner, wanted).await.text_at("key");
    let from = |address: &str| {
        let peer: IpAddr = address.parse().expect("an address");
        server.hub.access().caller(&Method::POST, &bearer(&key), Some(peer)).map(drop)
    };

    assert_eq!(from("10.1.2.3"), Ok(()));
    assert_eq!(from("::ffff:10.1.2.3"), Ok(()), "the same, as a listener for both kinds sees it");
    assert_eq!(from("2001:db8::7"), Ok(()));
    assert!(matches!(from("10.2.0.1"), Err(Refusal::Forbidden(_))));
    assert!(matches!(server.hub.access().caller(&Method::POST, &bearer(&key), None), Err(Refusal::Forbidden(_))));
    server.wait(Duration::from_secs(86_400));
    assert!(matches!(from("10.1.2.3"), Err(Refusal::Unauthenticated(_))));
}

#[tokio::test]
async fn a_mistyped_key_is_told_so() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (_, key) = server.key(&owner, &["exporter"]).await;

    let mistyped = server.get("/me", &format!("{}x", &key[..key.len() - 1])).await;
    let unknown = server.get("/me", "some-other-key-of-somebody").await;

    assert!(mistyped.text.contains("mistyped"), "{}", mistyped.text);
    assert!(unknown.text.contains("nobody has"), "{}", unknown.text);
}

#[tokio::test]
async fn it_is_known_when_a_key_was_last_used() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (_, key) = server.key(&owner, &["exporter"]).await;
    let last_used = async || server.get("/keys", &owner).await.json["keys"][0]["last_used_at"].clone();

    assert!(last_used().await.is_null());
    server.wait(Duration::from_secs(60));
    server.get("/me", &key).await;
    server.hub.tidy().await.expect("upkeep");

    assert_eq!(last_used().await, "2026-01-01T00:01:00Z");
}

#[tokio::test]
async fn nobody_gets_in_without_a_key_unless_the_settings_let_this_machine_in() {
    let closed = Server::start().await;
    let open = Server::with(Config { anonymous: Anonymous::Loopback, ..config() }).await;
    let here: Option<IpAddr> = Some(std::net::Ipv4Addr::LOCALHOST.into());
    let there: Option<IpAddr> = Some("192.0.2.7".parse().expect("an address"));
    let mut forwarded = HeaderMap::new();
    forwarded.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.7"));
    let mut system = HeaderMap::new();
    system.insert("x-observatory-tenant", HeaderValue::from_static("system"));
    let mut acme = HeaderMap::new();
    acme.insert("x-observatory-tenant", HeaderValue::from_static("acme"));

    for (what, server, headers, peer, expected) in [
        ("the default", &closed, HeaderMap::new(), here, None),
        ("this machine", &open, HeaderMap::new(), here, Some("default")),
        ("this machine looks at the server", &open, system, here, Some("system")),
        ("this machine looks at somebody else", &open, acme, here, None),
        ("another machine", &open, HeaderMap::new(), there, None),
        ("another machine behind a proxy of this one", &open, forwarded, here, None),
        ("a connection nobody knows", &open, HeaderMap::new(), None, None),
    ] {
        let caller = server.hub.access().caller(&Method::POST, &headers, peer).ok();
        assert_eq!(caller.as_ref().map(|caller| caller.tenant().as_str()), expected, "{what}");
        assert!(caller.is_none_or(|caller| caller.may(&Permission::INGEST) && caller.may(&Permission::QUERY)));
    }
}

#[tokio::test]
async fn only_proxies_that_are_trusted_say_who_is_behind_them() {
    let config = Config { trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")], ..config() };
    let server = Server::with(config).await;
    let owner = server.owner().await;
    let wanted = json!({"name": "k", "roles": ["viewer"], "allowed_from": ["192.0.2.0/24"]});
    let key = server.post("/keys", &owner, wanted).await.text_at("key");

    for (peer, forwarded, expected) in [
        ("10.0.0.1", "192.0.2.9", StatusCode::OK),
        ("10.0.0.1", "192.0.2.9, 10.0.0.2", StatusCode::OK),
        ("10.0.0.1", "192.0.2.9, 203.0.113.5", StatusCode::FORBIDDEN),
        ("203.0.113.5", "192.0.2.9", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/api/v1/hub/me").header("x-api-key", &key).header("x-forwarded-for", forwarded);
        let answer =
            server.raw(request.body(Body::empty()).expect("a request"), peer.parse().expect("an address")).await;
        assert_eq!(answer.status, expected, "{peer} for {forwarded}: {}", answer.text);
    }
}
