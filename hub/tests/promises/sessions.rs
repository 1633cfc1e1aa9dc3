//! Signing in, staying in, and being thrown out.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{As, PASSWORD, Server};

async fn refresh(server: &Server, token: &str) -> crate::server::Answer {
    server.send(Method::POST, "/session/refresh", &As::Nobody, Some(json!({"refresh_token": token}))).await
}

#[tokio::test]
async fn the_first_owner_replaces_the_one_time_password_and_works_in_default() {
    let server = Server::start().await;
    let (email, one_time) = server.first.clone().expect("the first start");

    let asked = server.sign_in(&email, &one_time).await;
    let token = server.settle(&email, &one_time).await;
    let me = server.get("/me", &token).await;

    assert_eq!((asked.status, asked.code()), (StatusCode::FORBIDDEN, "password_change_needed"));
    assert_eq!(me.json["home"], "system");
    assert_eq!(me.json["tenant"], "default");
    assert_eq!(me.json["tenants"], json!(["default", "system"]));
    assert_eq!(me.json["grants"], json!(["*:*:*"]));
    assert_eq!(server.sign_in(&email, &one_time).await.status, StatusCode::UNAUTHORIZED, "it was good once");
    assert!(server.beside().await.first.is_none(), "the next start makes no other owner");
}

#[tokio::test]
async fn a_new_password_that_is_guessed_first_is_refused() {
    let server = Server::start().await;
    let (email, one_time) = server.first.clone().expect("the first start");

    for new in ["short", "aaaaaaaaaaaaaaaaa", &one_time, "owner@localhost!"] {
        let body = json!({"email": email, "password": one_time, "new_password": new});
        let answer = server.send(Method::POST, "/session", &As::Nobody, Some(body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{new}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_access_token_lasts_ten_minutes_and_a_refresh_brings_the_next() {
    let server = Server::start().await;
    server.owner().await;
    let session = server.sign_in("owner@localhost", PASSWORD).await;
    let access = session.text_at("access_token");

    server.wait(Duration::from_secs(599));
    let before = server.get("/me", &access).await.status;
    server.wait(Duration::from_secs(1));
    let after = server.get("/me", &access).await.status;
    let refreshed = refresh(&server, &session.text_at("refresh_token")).await;

    assert_eq!((before, after), (StatusCode::OK, StatusCode::UNAUTHORIZED));
    assert_eq!(session.json["expires_in"], 600);
    assert_eq!(server.get("/me", &refreshed.text_at("access_token")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_session_at_once() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let stolen = server.sign_in("owner@localhost", PASSWORD).await.text_at("refresh_token");
    let rightful = refresh(&server, &stolen).await;

    let thief = refresh(&server, &stolen).await;

    assert_eq!(thief.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        refresh(&server, &rightful.text_at("refresh_token")).await.status,
        StatusCode::UNAUTHORIZED,
        "the whole family"
    );
    assert_eq!(
        server.get("/me", &rightful.text_at("access_token")).await.status,
        StatusCode::UNAUTHORIZED,
        "also its access"
    );
    assert_eq!(server.get("/me", &owner).await.status, StatusCode::OK, "another session goes on");
    let trail = server.send(Method::GET, "/audit?limit=1000", &As::In("system", &owner), None).await;
    assert!(trail.text.contains("session.stolen"), "{}", trail.text);
    assert_eq!(server.hub.telemetry().refresh_tokens_stolen(), 1);
}

#[tokio::test]
async fn a_guess_at_a_refresh_token_ends_nothing() {
    let server = Server::start().await;
    server.owner().await;
    let token = server.sign_in("owner@localhost", PASSWORD).await.text_at("refresh_token");
    let parts: Vec<&str> = token.split('.').collect();
    let session = parts[2];

    for guess in [format!("obr.system.{session}.aaaa.bbbb"), format!("obr.default.{session}.{}.{}", parts[3], parts[4])]
    {
        assert_eq!(refresh(&server, &guess).await.status, StatusCode::UNAUTHORIZED, "{guess}");
    }
    assert_eq!(refresh(&server, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn two_refreshes_at_the_same_time_have_one_winner_at_most() {
    let server = Server::start().await;
    server.owner().await;
    let token = server.sign_in("owner@localhost", PASSWORD).await.text_at("refresh_token");

    let answers = tokio::join!(refresh(&server, &token), refresh(&server, &token), refresh(&server, &token));

    let good = [answers.0, answers.1, answers.2].iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(good, 1);
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_in_any_case_after_thirty_days() {
    let server = Server::start().await;
    server.owner().await;
    let mut used = server.sign_in("owner@localhost", PASSWORD).await.text_at("refresh_token");
    let idle = server.sign_in("owner@localhost", PASSWORD).await.text_at("refresh_token");
    let day = Duration::from_secs(86_400);

    server.wait(day * 2);
    used = refresh(&server, &used).await.text_at("refresh_token");
    server.wait(day * 2);

    assert_eq!(refresh(&server, &idle).await.status, StatusCode::UNAUTHORIZED);
    for _ in 0..13 {
        used = refresh(&server, &used).await.text_at("refresh_token");
        server.wait(day * 2);
    }
    assert_eq!(refresh(&server, &used).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_access_tokens() {
    let server = Server::start().await;
    server.owner().await;
    let session = server.sign_in("owner@localhost", PASSWORD).await;
    let body = Some(json!({"refresh_token": session.text_at("refresh_token")}));

    let out = server.send(Method::DELETE, "/session", &As::Nobody, body).await;

    assert_eq!(out.status, StatusCode::NO_CONTENT, "{}", out.text);
    assert_eq!(server.get("/me", &session.text_at("access_token")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(&server, &session.text_at("refresh_token")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_browser_changes_nothing_without_the_header_that_goes_with_its_cookies() {
    let server = Server::start().await;
    server.owner().await;
    let body = json!({"email": "owner@localhost", "password": PASSWORD, "cookies": true});
    let session = server.send(Method::POST, "/session", &As::Nobody, Some(body)).await;
    let (cookies, csrf) = (session.cookies(), session.text_at("csrf_token"));
    let rename = || Some(json!({"name": "Ada"}));

    for cookie in session.headers.get_all(SET_COOKIE) {
        let cookie = cookie.to_str().expect("ASCII");
        assert!(cookie.contains("SameSite=Strict"), "{cookie}");
        assert_eq!(cookie.contains("HttpOnly"), !cookie.starts_with("observatory_csrf"), "{cookie}");
    }
    assert_eq!((&session.json["access_token"], &session.json["refresh_token"]), (&Value::Null, &Value::Null));
    for (method, path, csrf, body, expected) in [
        (Method::GET, "/me", None, None, StatusCode::OK),
        (Method::PATCH, "/me", None, rename(), StatusCode::FORBIDDEN),
        (Method::PATCH, "/me", Some("guessed"), rename(), StatusCode::FORBIDDEN),
        (Method::PATCH, "/me", Some(csrf.as_str()), rename(), StatusCode::NO_CONTENT),
        (Method::POST, "/session/refresh", None, None, StatusCode::FORBIDDEN),
        (Method::DELETE, "/session", None, None, StatusCode::FORBIDDEN),
        (Method::POST, "/session/refresh", Some(csrf.as_str()), None, StatusCode::OK),
    ] {
        let answer = server.send(method.clone(), path, &As::Cookies(&cookies, csrf), body).await;
        assert_eq!(answer.status, expected, "{method} {path} with {csrf:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn one_flipped_byte_of_a_token_is_noticed_wherever_it_is() {
    let server = Server::start().await;
    let token = server.owner().await;

    for place in 0..token.len() {
        let mut flipped = token.clone().into_bytes();
        flipped[place] ^= 1;
        if let Ok(flipped) = String::from_utf8(flipped) {
            let answer = server.get("/me", &flipped).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "byte {place}: {}", answer.text);
        }
    }
    assert_eq!(server.get("/me", &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn keys_roll_over_while_tokens_of_the_old_one_are_good() {
    let server = Server::start().await;
    server.owner().await;
    let jwks = server.send(Method::GET, "/jwks", &As::Nobody, None).await;
    assert_eq!(jwks.json["keys"].as_array().map(Vec::len), Some(2), "the one that signs and the next: {}", jwks.text);

    server.wait(Duration::from_secs(30 * 86_400 - 60));
    let old = server.sign_in("owner@localhost", PASSWORD).await.text_at("access_token");
    server.wait(Duration::from_secs(120));
    server.hub.tidy().await.expect("upkeep");
    let new = server.sign_in("owner@localhost", PASSWORD).await.text_at("access_token");

    assert_ne!(old.split('.').next(), new.split('.').next(), "another key signs");
    assert_eq!(server.get("/me", &old).await.status, StatusCode::OK);
    assert_eq!(server.get("/me", &new).await.status, StatusCode::OK);
    let jwks = server.send(Method::GET, "/jwks", &As::Nobody, None).await;
    assert_eq!(
        jwks.json["keys"].as_array().map(Vec::len),
        Some(3),
        "the one before is known, and there is a next again"
    );
}

#[tokio::test]
async fn replaced_signing_keys_make_all_access_tokens_worthless_and_no_refresh_token() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let session = server.sign_in("owner@localhost", PASSWORD).await;

    let replaced = server.post("/signing-keys", &owner, json!({})).await;

    assert_eq!(replaced.status, StatusCode::NO_CONTENT, "{}", replaced.text);
    assert_eq!(server.get("/me", &owner).await.status, StatusCode::UNAUTHORIZED);
    let refreshed = refresh(&server, &session.text_at("refresh_token")).await;
    assert_eq!(server.get("/me", &refreshed.text_at("access_token")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_replaced_password_closes_everything_that_was_open() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let other = server.sign_in("owner@localhost", PASSWORD).await;
    let change = json!({"current": PASSWORD, "new": "another long password"});

    let wrong = server.put("/me/password", &owner, json!({"current": "wrong", "new": "another long password"})).await;
    let changed = server.put("/me/password", &owner, change).await;

    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.text);
    for token in [&owner, &other.text_at("access_token")] {
        assert_eq!(server.get("/me", token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(refresh(&server, &other.text_at("refresh_token")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.sign_in("owner@localhost", "another long password").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_email_of_two_tenants_needs_the_tenant() {
    let server = Server::start().await;
    let root = server.owner().await;
    let (acme, globex) = (server.tenant(&root, "acme").await, server.tenant(&root, "globex").await);
    server.person(&acme, "ada@example.org", &["viewer"]).await;
    let invited = server.post("/people", &globex, json!({"email": "ada@example.org", "roles": ["viewer"]})).await;

    let unclear = server.sign_in("ada@example.org", PASSWORD).await;
    let body = json!({"email": "Ada@Example.org", "password": PASSWORD, "tenant": "acme"});
    let clear = server.send(Method::POST, "/session", &As::Nobody, Some(body)).await;

    assert_eq!(
        invited.status,
        StatusCode::CREATED,
        "the e-mail of a person of another tenant is free: {}",
        invited.text
    );
    assert_eq!(unclear.status, StatusCode::UNAUTHORIZED);
    assert!(unclear.text.contains("name the tenant"), "{}", unclear.text);
    assert_eq!(clear.json["tenant"], "acme", "{}", clear.text);
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_ends_it() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let other = server.sign_in("owner@localhost", PASSWORD).await;

    let sessions = server.get("/me/sessions", &owner).await;
    let ended = server.delete(&format!("/me/sessions/{}", other.text_at("session")), &owner).await;

    let current: Vec<&Value> =
        sessions.json["sessions"].as_array().expect("a list").iter().map(|session| &session["is_current"]).collect();
    assert_eq!(current, [&json!(false), &json!(true)], "the newest first: {}", sessions.text);
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{}", ended.text);
    assert_eq!(server.get("/me", &other.text_at("access_token")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn ending_all_sessions_of_a_person_ends_each_of_them() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    let (ada, first) = server.person(&acme, "ada@acme.example", &["viewer"]).await;
    let second = server.sign_in("ada@acme.example", PASSWORD).await;
    let path = format!("/people/{ada}/sessions");

    let ended = server.delete(&path, &acme).await;
    let again = server.delete(&path, &acme).await;

    assert_eq!((ended.status, &ended.json), (StatusCode::OK, &json!({"ended": 2})), "{}", ended.text);
    assert_eq!(again.json, json!({"ended": 0}));
    for token in [&first, &second.text_at("access_token")] {
        assert_eq!(server.get("/me", token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(refresh(&server, &second.text_at("refresh_token")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/me", &acme).await.status, StatusCode::OK, "those of others go on");
    let trail = server.trail(&acme).await;
    assert_eq!(trail.iter().filter(|action| *action == "sessions.ended").count(), 1, "{trail:?}");
    assert_eq!(server.delete("/people/nobody/sessions", &acme).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.sign_in("ada@acme.example", PASSWORD).await.status, StatusCode::OK, "she may come in again");
}

#[tokio::test]
async fn ending_ones_other_sessions_keeps_the_one_it_is_done_in() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let others = [server.sign_in("owner@localhost", PASSWORD).await, server.sign_in("owner@localhost", PASSWORD).await];
    let (_, key) = server.key(&owner, &["owner"]).await;

    let ended = server.delete("/me/sessions", &owner).await;

    assert_eq!((ended.status, &ended.json), (StatusCode::OK, &json!({"ended": 2})), "{}", ended.text);
    assert_eq!(server.get("/me", &owner).await.status, StatusCode::OK);
    for other in others {
        assert_eq!(server.get("/me", &other.text_at("access_token")).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.delete("/me/sessions", &key).await.status, StatusCode::FORBIDDEN, "a key has no sessions");
}
