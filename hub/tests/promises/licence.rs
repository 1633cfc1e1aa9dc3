//! Licences: what they allow, and what never stops.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hub::{Error, Licence, Permission, Standing};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, issuer};

const DAY: Duration = Duration::from_secs(86_400);

/// A licence from the first of January to the end of it.
fn file(by: &SigningKey) -> String {
    let licence = json!({
        "id": "L-1", "customer": "Acme", "products": ["compliance"], "limits": {"users": 3, "gb_day": 10},
        "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-01-31T00:00:00Z", "features": [],
    })
    .to_string();
    let signature = STANDARD.encode(by.sign(licence.as_bytes()).to_bytes());
    format!("{licence}\n{signature}\n")
}

async fn install(server: &Server, root: &str, file: &str) -> crate::server::Answer {
    server.put("/licence", root, Value::String(file.to_owned())).await
}

/// Whether somebody who may everything may this, with the licence there is.
fn check(server: &Server, permission: &str) -> bool {
    let permission: Permission = permission.parse().expect("a permission");
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("configured-key-of-default"));
    let access = server.hub.access();
    let caller = access.caller(&Method::POST, &headers, None).expect("a good key");
    match access.check(&caller, &permission) {
        Ok(()) => true,
        Err(Error::NotLicensed(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_licence_says_what_is_allowed_and_then_expires_gently() {
    let server = Server::start().await;
    let root = server.owner().await;
    assert!(check(&server, "insights:models:read"), "without a licence everything works");

    let installed = install(&server, &root, &file(&issuer())).await;

    assert_eq!(installed.status, StatusCode::OK, "{}", installed.text);
    assert_eq!(
        (&installed.json["standing"], &installed.json["licence"]["customer"]),
        (&json!("valid"), &json!("Acme"))
    );
    assert!(check(&server, "compliance:controls:read") && !check(&server, "insights:models:read"));

    server.wait(DAY * 31);
    assert!(matches!(server.hub.access().licence(), Standing::Grace(_, _)));
    assert!(check(&server, "compliance:controls:read"));

    server.wait(DAY * 14);
    assert!(matches!(server.hub.access().licence(), Standing::ReadOnly(Some(_), _)));
    assert!(check(&server, "compliance:controls:read"), "reading goes on");
    for always in [Permission::INGEST, Permission::QUERY] {
        assert!(check(&server, &always.to_string()), "{always} never stops");
    }
    let owner = server.sign_in("owner@localhost", PASSWORD).await.text_at("access_token");
    let key = server.post("/keys", &owner, json!({"name": "k"})).await;
    assert_eq!(key.status, StatusCode::CREATED, "who gets in stays manageable: {}", key.text);
    assert_eq!(server.get("/licence", &owner).await.json["standing"], "read_only");
}

#[tokio::test]
async fn a_licence_that_somebody_else_signed_or_changed_is_refused() {
    let server = Server::start().await;
    let root = server.owner().await;

    let foreign = install(&server, &root, &file(&SigningKey::from_bytes(&[8; 32]))).await;
    let more = install(&server, &root, &file(&issuer()).replace("\"users\":3", "\"users\":9")).await;

    assert_eq!((foreign.status, more.status), (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST));
    assert_eq!(server.get("/licence", &root).await.json["standing"], "none");
}

#[test]
fn one_flipped_bit_of_a_licence_is_refused_wherever_it_is() {
    let (file, issuers) = (file(&issuer()), [issuer().verifying_key()]);
    let text = file.trim_end();
    assert!(Licence::read(text, &issuers).is_ok());

    for place in 0..text.len() {
        for bit in 0..7 {
            let mut flipped = text.to_owned().into_bytes();
            flipped[place] ^= 1 << bit;
            let flipped = String::from_utf8(flipped).expect("ASCII");
            // White space behind the signature is no part of it.
            if flipped.trim_end() != text {
                assert!(Licence::read(&flipped, &issuers).is_err(), "bit {bit} of byte {place}");
            }
        }
    }
}

#[tokio::test]
async fn a_clock_that_was_put_back_by_more_than_a_day_does_not_make_a_licence_younger() {
    let server = Server::start().await;
    let root = server.owner().await;
    install(&server, &root, &file(&issuer())).await;
    server.wait(DAY * 20);
    let owner = server.sign_in("owner@localhost", PASSWORD).await;
    assert_eq!(owner.status, StatusCode::OK);

    server.put_clock_back(DAY - Duration::from_secs(1));
    assert!(matches!(server.hub.access().licence(), Standing::Valid(_)), "clocks are corrected now and then");
    server.put_clock_back(Duration::from_secs(2));
    assert!(matches!(server.hub.access().licence(), Standing::ReadOnly(Some(_), _)));
    assert!(check(&server, &Permission::INGEST.to_string()), "telemetry is taken whatever the clock says");
    let beside = server.beside().await;
    assert!(matches!(beside.hub.access().licence(), Standing::ReadOnly(Some(_), _)), "a restart does not help");
}

#[tokio::test]
async fn a_licence_for_three_people_has_no_room_for_a_fourth() {
    let server = Server::start().await;
    let root = server.owner().await;
    install(&server, &root, &file(&issuer())).await;
    server.person(&root, "a@example.org", &["viewer"]).await;
    let (id, _) = server.person(&root, "b@example.org", &["viewer"]).await;

    let fourth = server.post("/people", &root, json!({"email": "c@example.org"})).await;
    server.patch(&format!("/people/{id}"), &root, json!({"suspended": true})).await;
    let instead = server.post("/people", &root, json!({"email": "c@example.org"})).await;

    assert_eq!((fourth.status, fourth.code()), (StatusCode::FORBIDDEN, "not_licensed"), "{}", fourth.text);
    assert_eq!(instead.status, StatusCode::CREATED, "{}", instead.text);
}
