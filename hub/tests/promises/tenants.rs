//! Two tenants on one server: nothing of one is there for the other.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::routes::operations;
use crate::server::{As, PASSWORD, Server};

#[tokio::test]
async fn nothing_of_one_tenant_is_there_for_the_other() {
    let server = Server::start().await;
    let root = server.owner().await;
    let (acme, globex) = (server.tenant(&root, "acme").await, server.tenant(&root, "globex").await);
    let (person, _) = server.person(&acme, "ada@acme.example", &["viewer"]).await;
    let (key, _) = server.key(&acme, &["exporter"]).await;
    let group = server.post("/groups", &acme, json!({"name": "g"})).await.text_at("id");
    server.put("/roles/mine", &acme, json!({"grants": ["hub:keys:read"]})).await;
    let session = server.get("/me/sessions", &acme).await.json["sessions"][0]["id"].clone();
    let session = session.as_str().expect("an id");

    for (method, path, body) in [
        (Method::GET, format!("/people/{person}"), None),
        (Method::PATCH, format!("/people/{person}"), Some(json!({"name": "x"}))),
        (Method::DELETE, format!("/people/{person}"), None),
        (Method::POST, format!("/people/{person}/password"), Some(json!({}))),
        (Method::GET, format!("/groups/{group}"), None),
        (Method::PUT, format!("/groups/{group}"), Some(json!({"name": "x"}))),
        (Method::DELETE, format!("/groups/{group}"), None),
        (Method::DELETE, format!("/keys/{key}"), None),
        (Method::POST, format!("/keys/{key}/rotation"), Some(json!({}))),
        (Method::DELETE, format!("/people/{person}/sessions"), None),
        (Method::DELETE, format!("/sessions/{session}"), None),
        (Method::DELETE, "/roles/mine".to_owned(), None),
        (Method::GET, format!("/scim/v2/Users/{person}"), None),
        (Method::DELETE, format!("/scim/v2/Groups/{group}"), None),
    ] {
        let answer = server.send(method.clone(), &path, &As::Bearer(&globex), body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.text);
    }
    for path in ["/people", "/keys", "/groups", "/roles", "/sessions", "/audit", "/scim/v2/Users"] {
        let listed = server.get(path, &globex).await;
        assert_eq!(listed.status, StatusCode::OK, "{path}");
        for foreign in ["acme", person.as_str(), key.as_str(), group.as_str(), session, "mine"] {
            assert!(!listed.text.contains(foreign), "{path} shows {foreign}: {}", listed.text);
        }
    }
}

#[tokio::test]
async fn those_who_run_the_server_make_tenants_and_see_nothing_in_them() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;

    for (tenant, expected) in [("default", StatusCode::OK), ("system", StatusCode::OK), ("acme", StatusCode::FORBIDDEN)]
    {
        let answer = server.send(Method::GET, "/people", &As::In(tenant, &root), None).await;
        assert_eq!(answer.status, expected, "{tenant}: {}", answer.text);
    }
    for (method, path, body) in [
        (Method::GET, "/tenants", None),
        (Method::GET, "/tenants/acme", None),
        (Method::POST, "/tenants", Some(json!({"name": "mine", "owner": "x@example.org"}))),
        (Method::PATCH, "/tenants/acme", Some(json!({"title": "x"}))),
        (Method::PUT, "/licence", Some(Value::String("x".to_owned()))),
        (Method::POST, "/signing-keys", None),
    ] {
        let answer = server.send(method.clone(), path, &As::Bearer(&acme), body).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "an owner of a tenant is not one of the server: {method} {path}"
        );
    }
}

#[tokio::test]
async fn a_tenant_that_is_suspended_is_shut_for_people_and_keys_until_it_is_not() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    let (_, key) = server.key(&acme, &["viewer"]).await;

    let suspended = server.patch("/tenants/acme", &root, json!({"state": "suspended"})).await;
    assert_eq!(suspended.status, StatusCode::OK, "{}", suspended.text);
    for token in [&acme, &key] {
        assert_eq!(server.get("/me", token).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(server.sign_in("owner@acme.example", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    server.patch("/tenants/acme", &root, json!({"state": "active"})).await;
    assert_eq!(server.get("/me", &key).await.status, StatusCode::OK);
    assert_eq!(
        server.patch("/tenants/system", &root, json!({"state": "suspended"})).await.status,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn a_server_without_a_licence_has_three_tenants_beside_its_own() {
    let server = Server::start().await;
    let root = server.owner().await;
    server.tenant(&root, "acme").await;
    server.tenant(&root, "globex").await;

    let fourth = server.post("/tenants", &root, json!({"name": "initech", "owner": "x@example.org"})).await;
    let again = server.post("/tenants", &root, json!({"name": "acme", "owner": "x@example.org"})).await;

    assert_eq!((fourth.status, fourth.code()), (StatusCode::FORBIDDEN, "not_licensed"), "{}", fourth.text);
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

/// Names that a tenant could have, and some it could not.
fn guess(seed: &mut u64) -> String {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    match *seed >> 61 {
        0 => "../acme".to_owned(),
        1 => format!("globex{}", *seed >> 50),
        2 => "ACME".to_owned(),
        _ => format!("t{:x}", *seed >> 20),
    }
}

#[tokio::test]
async fn a_thousand_other_tenants_are_closed_on_every_route() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    server.tenant(&root, "globex").await;
    let (_, key) = server.key(&acme, &["owner"]).await;
    let operations = operations(&server.description);
    let mut seed = 20_260_101;
    println!("seed {seed}");

    for count in 0..1000 {
        let tenant = if count == 0 { "globex".to_owned() } else { guess(&mut seed) };
        for operation in operations.iter().filter(|operation| operation.rule != "everybody") {
            let answer =
                server.send(operation.method.clone(), &operation.address("x"), &As::In(&tenant, &key), None).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} in {tenant}: {}", operation.name(), answer.text);
        }
        let encoded = tenant.replace('/', "%2F");
        for path in [format!("/tenants/{encoded}"), format!("/oidc/{encoded}"), format!("/oidc/{encoded}/okta")] {
            let answer = server.send(Method::GET, &path, &As::Bearer(&key), None).await;
            let is_shut = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&answer.status);
            assert!(is_shut || tenant == "globex", "{path}: {} {}", answer.status, answer.text);
        }
    }
}
