//! API keys: for programs.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hub::{Anonymous, Config, Moment, Permission, Refusal, Who};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, config};

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

#[tokio::test]
async fn a_rotated_key_and_its_successor_both_work_until_the_overlap_is_over() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, old) = server.key(&owner, &["viewer"]).await;

    let rotated = server.post(&format!("/keys/{id}/rotation"), &owner, json!({})).await;

    assert_eq!(rotated.status, StatusCode::CREATED, "{}", rotated.text);
    assert_eq!(rotated.json["old_expires_at"], "2026-01-02T00:00:00Z", "a day is the overlap when none is said");
    let (new_id, new) = (rotated.text_at("id"), rotated.text_at("key"));
    let keys = server.get("/keys", &owner).await;
    let (before, after) = (listed(&keys.json, &id), listed(&keys.json, &new_id));
    for same in ["name", "roles", "allowed_from"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!((&before["replaced_by"], &after["replaced_by"]), (&json!(new_id), &Value::Null));
    assert!(after["expires_at"].is_null(), "the old one was made for ever: {}", keys.text);
    server.wait(Duration::from_secs(86_399));
    assert_eq!([server.get("/me", &old).await.status, server.get("/me", &new).await.status], [StatusCode::OK; 2]);
    server.wait(Duration::from_secs(1));
    assert_eq!(server.get("/me", &old).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/me", &new).await.status, StatusCode::OK);
    let owner = server.sign_in("owner@localhost", PASSWORD).await.text_at("access_token");
    let trail = server.trail(&owner).await;
    assert!(trail.ends_with(&["key.made".to_owned(), "key.rotated".to_owned()]), "{trail:?}");
}

#[tokio::test]
async fn a_rotation_at_once_ends_the_old_key_with_the_next_request() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, old) = server.key(&owner, &["viewer"]).await;

    let rotated = server.post(&format!("/keys/{id}/rotation"), &owner, json!({"overlap_hours": 0})).await;

    assert_eq!(server.get("/me", &old).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/me", &rotated.text_at("key")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_successor_lasts_as_long_as_the_old_key_was_made_for_and_the_old_one_no_longer_than_that() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let make = async |expires_at: &str| {
        server.post("/keys", &owner, json!({"name": "k", "expires_at": expires_at})).await.text_at("id")
    };
    let (long, short) = (make("2040-01-01T00:00:00Z").await, make("2026-01-01T12:00:00Z").await);

    let rotated = server.post(&format!("/keys/{long}/rotation"), &owner, json!({})).await.text_at("id");
    let soon = server.post(&format!("/keys/{short}/rotation"), &owner, json!({"overlap_hours": 720})).await;

    let keys = server.get("/keys", &owner).await.json;
    let nanos = |time: &Value| {
        let time = time.as_str().expect("a time").to_owned();
        Moment::try_from(time).expect("a time").0.0
    };
    let made_for = nanos(&json!("2040-01-01T00:00:00Z")) - nanos(&listed(&keys, &long)["made_at"]);
    assert_eq!(nanos(&listed(&keys, &rotated)["expires_at"]), server.now().0 + made_for);
    assert_eq!(soon.json["old_expires_at"], "2026-01-01T12:00:00Z");
}

#[tokio::test]
async fn a_key_cannot_be_rotated_into_more_than_the_one_who_asks_has() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    let (_, admin) = server.person(&acme, "ada@acme.example", &["admin"]).await;
    let (of_owner, key) = server.key(&acme, &["owner"]).await;
    let (of_exporter, _) = server.key(&acme, &["exporter"]).await;

    let refused = server.post(&format!("/keys/{of_owner}/rotation"), &admin, json!({"overlap_hours": 0})).await;
    let allowed = server.post(&format!("/keys/{of_exporter}/rotation"), &admin, json!({})).await;

    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert_eq!(server.get("/me", &key).await.status, StatusCode::OK, "nothing has become of the key");
    assert_eq!(allowed.status, StatusCode::CREATED, "{}", allowed.text);
}

#[tokio::test]
async fn a_key_that_nobody_comes_in_with_or_that_has_a_successor_is_not_rotated() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (revoked, _) = server.key(&owner, &["viewer"]).await;
    server.delete(&format!("/keys/{revoked}"), &owner).await;
    let wanted = json!({"name": "k", "expires_at": "2026-01-01T00:01:00Z"});
    let expired = server.post("/keys", &owner, wanted).await.text_at("id");
    let (rotated, _) = server.key(&owner, &["viewer"]).await;
    server.post(&format!("/keys/{rotated}/rotation"), &owner, json!({})).await;
    let (good, _) = server.key(&owner, &["viewer"]).await;
    server.wait(Duration::from_secs(60));

    for (key, hours, status, reason) in [
        (revoked.as_str(), 24, StatusCode::CONFLICT, "revoked"),
        (expired.as_str(), 24, StatusCode::CONFLICT, "expired"),
        (rotated.as_str(), 24, StatusCode::CONFLICT, "its successor"),
        ("nobodys", 24, StatusCode::NOT_FOUND, "nobodys"),
        (good.as_str(), 721, StatusCode::BAD_REQUEST, "720"),
        (good.as_str(), 720, StatusCode::CREATED, ""),
    ] {
        let answer = server.post(&format!("/keys/{key}/rotation"), &owner, json!({"overlap_hours": hours})).await;
        assert_eq!(answer.status, status, "{reason}: {}", answer.text);
        assert!(answer.text.contains(reason), "{reason}: {}", answer.text);
    }
}

/// One of the keys that are listed.
fn listed(keys: &Value, id: &str) -> Value {
    let mut all = keys["keys"].as_array().expect("a list").iter();
    all.find(|key| key["id"] == id).unwrap_or_else(|| panic!("no {id} in {keys}")).clone()
}
