//! Bad days: somebody guesses passwords, and others go on working.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hub::Config;
use records::Records;
use serde_json::json;

use crate::server::{Answer, PASSWORD, Server, config};

async fn sign_in_from(server: &Server, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    let request = Request::post("/api/v1/hub/session").header(CONTENT_TYPE, "application/json").body(Body::from(body));
    server.raw(request.expect("a request"), address.parse::<IpAddr>().expect("an address")).await
}

#[tokio::test]
async fn five_wrong_passwords_lock_an_account_whether_or_not_it_exists() {
    let server = Server::start().await;
    server.owner().await;

    for email in ["owner@localhost", "nobody@example.org"] {
        for _ in 0..5 {
            server.sign_in(email, "wrong").await;
        }
        let right = server.sign_in(email, PASSWORD).await;
        assert_eq!(right.status, StatusCode::UNAUTHORIZED, "{email} is locked also for the right password");
        assert!(right.text.contains("wrong, or the account is locked"), "{}", right.text);
    }
    server.wait(Duration::from_secs(15 * 60));
    assert_eq!(server.sign_in("owner@localhost", PASSWORD).await.status, StatusCode::OK, "a quarter of an hour later");
    for _ in 0..4 {
        server.sign_in("owner@localhost", "wrong").await;
    }
    assert_eq!(
        server.sign_in("owner@localhost", PASSWORD).await.status,
        StatusCode::OK,
        "a right one forgives four wrong ones"
    );
}

#[tokio::test]
async fn an_account_that_is_locked_goes_on_with_the_sessions_it_has() {
    let server = Server::start().await;
    let owner = server.owner().await;

    for _ in 0..5 {
        server.sign_in("owner@localhost", "wrong").await;
    }

    assert_eq!(server.get("/me", &owner).await.status, StatusCode::OK);
    let trail = server.send(Method::GET, "/audit?limit=1000", &crate::server::As::In("system", &owner), None).await;
    assert!(trail.text.contains("person.locked"), "{}", trail.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_passwords_neither_unlock_nor_hold_up_others() {
    let server = Server::with(Config { passwords_at_once: 1, ..Config::default() }).await;
    server.owner().await;
    let key = {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::from_static("configured-key-of-default"));
        headers
    };
    let server = std::sync::Arc::new(server);

    let attacks = (0..5_u8).map(|attacker| {
        let server = std::sync::Arc::clone(&server);
        tokio::spawn(async move {
            let mut statuses = std::collections::BTreeMap::new();
            for guess in 0..2000 {
                let address = format!("192.0.2.{attacker}");
                let answer = sign_in_from(&server, &address, "owner@localhost", &format!("guess number {guess}")).await;
                *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
            }
            statuses
        })
    });
    let attacks: Vec<_> = attacks.collect();
    let mut slowest = Duration::ZERO;
    while !attacks.iter().all(tokio::task::JoinHandle::is_finished) {
        let started = Instant::now();
        server.hub.access().caller(&Method::POST, &key, None).expect("a good key");
        let health = server.send(Method::GET, "/jwks", &crate::server::As::Nobody, None).await;
        slowest = slowest.max(started.elapsed());
        assert!([StatusCode::OK, StatusCode::TOO_MANY_REQUESTS].contains(&health.status));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let mut statuses = std::collections::BTreeMap::new();
    for attack in attacks {
        for (status, count) in attack.await.expect("an attack") {
            *statuses.entry(status).or_insert(0) += count;
        }
    }
    println!("{statuses:?}, the slowest request of another: {slowest:?}");
    assert_eq!(statuses.values().sum::<i32>(), 10_000);
    assert_eq!(statuses.get(&200), None);
    assert!(
        statuses.get(&401).copied().unwrap_or(0) <= 5 * 31 * 10,
        "each address has thirty attempts a minute: {statuses:?}"
    );
    let locked = sign_in_from(&server, "198.51.100.1", "owner@localhost", PASSWORD).await;
    assert_eq!(locked.status, StatusCode::UNAUTHORIZED);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_guess_at_once_do_not_get_in_by_the_crowd() {
    let server = std::sync::Arc::new(Server::with(Config { passwords_at_once: 1, ..config() }).await);
    server.owner().await;

    let guesses = (0..30).map(|_| {
        let server = std::sync::Arc::clone(&server);
        tokio::spawn(async move { server.sign_in("owner@localhost", "wrong").await.status })
    });
    let guesses: Vec<_> = guesses.collect();
    for guess in guesses {
        assert_eq!(guess.await.expect("a guess"), StatusCode::UNAUTHORIZED);
    }

    assert_eq!(server.sign_in("owner@localhost", PASSWORD).await.status, StatusCode::UNAUTHORIZED, "locked");
    server.wait(Duration::from_secs(15 * 60));
    assert_eq!(
        server.sign_in("owner@localhost", PASSWORD).await.status,
        StatusCode::OK,
        "once, not once for each guess"
    );
}

#[tokio::test]
async fn what_nobody_should_remember_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.sqlite");
    let server = Server::on(config(), Records::sqlite(&path).await.expect("a database")).await;
    let count = |collection: &str| -> i64 {
        let file = rusqlite::Connection::open(&path).expect("the file");
        let count = "SELECT count(*) FROM documents WHERE collection = ?1";
        file.query_row(count, [collection], |row| row.get(0)).expect("a count")
    };
    server.owner().await;
    server.sign_in("nobody@example.org", "wrong").await;
    assert_eq!((count("hub.attempts"), count("hub.sessions"), count("hub.refresh_tokens")), (1, 1, 1));

    server.wait(Duration::from_secs(3 * 86_400));
    server.hub.tidy().await.expect("upkeep");
    assert_eq!((count("hub.attempts"), count("hub.sessions")), (0, 1), "what somebody may ask about stays");

    server.wait(Duration::from_secs(130 * 86_400));
    server.hub.tidy().await.expect("upkeep");
    assert_eq!((count("hub.sessions"), count("hub.refresh_tokens")), (0, 0));
}

#[tokio::test]
async fn how_long_a_refusal_takes_does_not_tell_whether_somebody_exists() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let mut took = [Vec::new(), Vec::new()];
    for round in 0..8 {
        // Four each, so that none is locked.
        let known = format!("p{round}@example.org");
        server.person(&owner, &known, &["viewer"]).await;
        for _ in 0..4 {
            for (place, email) in [&known, &format!("nobody{round}@example.org")].into_iter().enumerate() {
                let started = Instant::now();
                server.sign_in(email, "wrong").await;
                took[place].push(started.elapsed());
            }
        }
    }

    let [known, unknown] = took.map(|mut took| {
        took.sort();
        took[took.len() / 2]
    });
    println!("known {known:?}, unknown {unknown:?}");
    // Five in a hundred on a quiet machine; others are at work on this one.
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    assert!((0.7..1.4).contains(&ratio), "known {known:?}, unknown {unknown:?}");
}
