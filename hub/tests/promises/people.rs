//! People, groups and roles: who gives what to whom.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::server::{PASSWORD, Server};

#[tokio::test]
async fn somebody_who_is_invited_signs_in_and_may_do_what_their_role_allows() {
    let server = Server::start().await;
    let owner = server.owner().await;

    let (id, ada) = server.person(&owner, "ada@example.org", &["viewer"]).await;

    let me = server.get("/me", &ada).await;
    assert_eq!((me.text_at("tenant"), me.text_at("name")), ("default".to_owned(), "ada@example.org".to_owned()));
    assert_eq!(server.get("/people", &ada).await.status, StatusCode::FORBIDDEN);
    let person = server.get(&format!("/people/{id}"), &owner).await;
    assert_eq!((&person.json["status"], &person.json["roles"]), (&json!("active"), &json!(["viewer"])));
}

#[tokio::test]
async fn a_one_time_password_is_worth_nothing_after_a_week() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let invited = server.post("/people", &owner, json!({"email": "ada@example.org"})).await;
    let one_time = invited.text_at("one_time_password");

    server.wait(Duration::from_secs(8 * 86_400));
    let late = server.sign_in("ada@example.org", &one_time).await;

    assert_eq!(late.status, StatusCode::FORBIDDEN);
    assert!(late.text.contains("expired"), "{}", late.text);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_is_above_them() {
    let server = Server::start().await;
    let root = server.owner().await;
    let owner = server.tenant(&root, "acme").await;
    let (_, admin) = server.person(&owner, "admin@example.org", &["admin"]).await;
    let owner_id = server.get("/people?email=owner@acme.example", &owner).await.json["people"][0]["id"].clone();
    let owner_path = format!("/people/{}", owner_id.as_str().expect("an id"));
    let group = server.post("/groups", &owner, json!({"name": "chiefs", "roles": ["owner"]})).await;
    let group_path = format!("/groups/{}", group.text_at("id"));

    for (what, answer) in [
        (
            "invite an owner",
            server.post("/people", &admin, json!({"email": "x@example.org", "roles": ["owner"]})).await,
        ),
        ("suspend the owner", server.patch(&owner_path, &admin, json!({"suspended": true})).await),
        ("reset the owner's password", server.post(&format!("{owner_path}/password"), &admin, json!({})).await),
        ("remove the owner", server.delete(&owner_path, &admin).await),
        ("make a key of an owner", server.post("/keys", &admin, json!({"name": "k", "roles": ["owner"]})).await),
        ("make a role of everything", server.put("/roles/all", &admin, json!({"grants": ["*:*:*"]})).await),
        ("join a group of owners", server.put(&group_path, &admin, json!({"name": "chiefs", "roles": []})).await),
        ("remove a group of owners", server.delete(&group_path, &admin).await),
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "forbidden"), "{what}: {}", answer.text);
    }
    let given = server.post("/people", &admin, json!({"email": "x@example.org", "roles": ["operator"]})).await;
    assert_eq!(given.status, StatusCode::CREATED, "what they have, they give: {}", given.text);
}

#[tokio::test]
async fn a_tenant_keeps_an_owner() {
    let server = Server::start().await;
    let root = server.owner().await;
    let owner = server.tenant(&root, "acme").await;
    let id = server.get("/people?email=owner@acme.example", &owner).await.json["people"][0]["id"].clone();
    let path = format!("/people/{}", id.as_str().expect("an id"));

    for (what, answer) in [
        ("become a viewer", server.patch(&path, &owner, json!({"roles": ["viewer"]})).await),
        ("be suspended", server.patch(&path, &owner, json!({"suspended": true})).await),
        ("be removed", server.delete(&path, &owner).await),
    ] {
        assert_eq!(answer.status, StatusCode::CONFLICT, "{what}: {}", answer.text);
    }
    server.person(&owner, "other@example.org", &["owner"]).await;
    assert_eq!(server.delete(&path, &owner).await.status, StatusCode::NO_CONTENT, "with another one they can go");
}

#[tokio::test]
async fn whoever_is_suspended_is_out_at_once_and_comes_back_when_that_ends() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, ada) = server.person(&owner, "ada@example.org", &["viewer"]).await;
    let path = format!("/people/{id}");

    server.patch(&path, &owner, json!({"suspended": true})).await;
    let (with_token, with_password) =
        (server.get("/me", &ada).await.status, server.sign_in("ada@example.org", PASSWORD).await.status);
    server.patch(&path, &owner, json!({"suspended": false})).await;

    assert_eq!((with_token, with_password), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(server.get("/me", &ada).await.status, StatusCode::UNAUTHORIZED, "what was open stays closed");
    assert_eq!(server.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_role_of_ones_own_and_a_group_count_from_the_next_request_on() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, ada) = server.person(&owner, "ada@example.org", &[]).await;
    let reads = async || server.get("/people", &ada).await.status;

    assert_eq!(reads().await, StatusCode::FORBIDDEN);
    let role = server.put("/roles/people-reader", &owner, json!({"grants": ["hub:people:read"]})).await;
    assert_eq!(role.status, StatusCode::NO_CONTENT, "{}", role.text);
    let group =
        server.post("/groups", &owner, json!({"name": "readers", "roles": ["people-reader"], "members": [id]})).await;
    assert_eq!(group.status, StatusCode::CREATED, "{}", group.text);
    assert_eq!(reads().await, StatusCode::OK);

    let held = server.delete("/roles/people-reader", &owner).await;
    assert_eq!(held.status, StatusCode::CONFLICT, "{}", held.text);
    server.put("/roles/people-reader", &owner, json!({"grants": ["hub:keys:read"]})).await;
    assert_eq!(reads().await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn another_process_sees_a_change_with_its_next_look() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, key) = server.key(&owner, &["viewer"]).await;
    let beside = server.beside().await;
    assert_eq!(beside.get("/me", &key).await.status, StatusCode::OK);
    let stop = tokio_util::sync::CancellationToken::new();
    let looking = tokio::spawn(std::sync::Arc::clone(&beside.hub).run(stop.clone()));

    server.delete(&format!("/keys/{id}"), &owner).await;
    let mut status = StatusCode::OK;
    for _ in 0..500 {
        status = beside.get("/me", &key).await.status;
        if status == StatusCode::UNAUTHORIZED {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(status, StatusCode::UNAUTHORIZED);
    stop.cancel();
    looking.await.expect("it ends when it is told to");
}

#[tokio::test]
async fn somebody_who_forgot_everything_is_helped_by_an_admin_or_on_the_command_line() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (id, ada) = server.person(&owner, "ada@example.org", &["viewer"]).await;

    let reset = server.post(&format!("/people/{id}/password"), &owner, json!({})).await;
    let closed = server.get("/me", &ada).await.status;
    server.settle("ada@example.org", &reset.text_at("one_time_password")).await;
    let system = model::Tenant::system();
    let email = hub::Email::new("owner@localhost").expect("an e-mail");
    let forgotten = server.hub.forget_password(&system, &email).await.expect("there is an owner");

    assert_eq!(closed, StatusCode::UNAUTHORIZED);
    assert_eq!(server.sign_in("owner@localhost", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    server.settle("owner@localhost", forgotten.reveal()).await;
}
