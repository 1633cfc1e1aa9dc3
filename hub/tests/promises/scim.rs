//! SCIM 2.0: another system keeps people and groups.

use http::{Method, StatusCode};
use serde_json::json;

use crate::server::{As, Server};

/// A server, its owner, and a key that may keep people and groups.
async fn set_up() -> (Server, String, String) {
    let server = Server::start().await;
    let owner = server.owner().await;
    server.put("/roles/provisioner", &owner, json!({"grants": ["hub:scim:*"]})).await;
    let (_, key) = server.key(&owner, &["provisioner"]).await;
    (server, owner, key)
}

fn ada() -> serde_json::Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Ada@Example.org", "externalId": "701984",
        "name": {"givenName": "Ada", "familyName": "King"}, "emails": [{"value": "ada@example.org", "primary": true}], "active": true,
    })
}

#[tokio::test]
async fn users_are_made_found_changed_and_removed() {
    let (server, owner, key) = set_up().await;

    let made = server.post("/scim/v2/Users", &key, ada()).await;
    let id = made.text_at("id");
    let path = format!("/scim/v2/Users/{id}");
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.headers["content-type"], "application/scim+json");
    assert_eq!((&made.json["userName"], &made.json["displayName"]), (&json!("ada@example.org"), &json!("Ada King")));
    assert_eq!(made.json["meta"]["location"], json!(format!("http://127.0.0.1:8036/api/v1/hub{path}")));

    let twice = server.post("/scim/v2/Users", &key, ada()).await;
    assert_eq!((twice.status, &twice.json["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")), "{}", twice.text);

    for (filter, expected) in [
        ("userName%20eq%20%22ADA@example.org%22", 1),
        ("externalId%20eq%20%22701984%22", 1),
        ("userName%20eq%20%22bob@example.org%22", 0),
    ] {
        let found = server.get(&format!("/scim/v2/Users?filter={filter}"), &key).await;
        assert_eq!(found.json["totalResults"], expected, "{filter}: {}", found.text);
    }
    let wrong = server.get("/scim/v2/Users?filter=userName%20co%20%22a%22", &key).await;
    assert_eq!(
        (wrong.status, &wrong.json["scimType"]),
        (StatusCode::BAD_REQUEST, &json!("invalidFilter")),
        "{}",
        wrong.text
    );

    let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    assert_eq!(server.patch(&path, &key, off).await.json["active"], json!(false));
    assert_eq!(server.get(&format!("/people/{id}"), &owner).await.json["status"], "suspended");
    let replaced =
        server.put(&path, &key, json!({"userName": "ada@example.com", "displayName": "Ada", "active": true})).await;
    assert_eq!((&replaced.json["userName"], &replaced.json["active"]), (&json!("ada@example.com"), &json!(true)));

    assert_eq!(server.delete(&path, &key).await.status, StatusCode::NO_CONTENT);
    let gone = server.get(&path, &key).await;
    assert_eq!((gone.status, &gone.json["status"]), (StatusCode::NOT_FOUND, &json!("404")), "{}", gone.text);
    let trail = server.trail(&owner).await;
    for action in ["person.provisioned", "person.changed", "person.removed"] {
        assert!(trail.iter().any(|done| done == action), "{action} in {trail:?}");
    }
}

#[tokio::test]
async fn a_group_allows_what_the_tenant_says_and_has_the_members_that_scim_says() {
    let (server, owner, key) = set_up().await;
    let id = server.post("/scim/v2/Users", &key, ada()).await.text_at("id");
    let group = server.post("/scim/v2/Groups", &key, json!({"displayName": "sre", "members": [{"value": id}]})).await;
    let group_id = group.text_at("id");
    let path = format!("/scim/v2/Groups/{group_id}");
    assert_eq!(group.json["members"][0]["value"], json!(id));

    let roles = json!({"name": "sre", "roles": ["operator"], "members": [id]});
    server.put(&format!("/groups/{group_id}"), &owner, roles).await;
    let out = json!({"Operations": [{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]});
    let without = server.patch(&path, &key, out).await;
    let wrong = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "nobody"}]}]});

    assert_eq!(without.json["members"], json!([]), "{}", without.text);
    assert_eq!(
        server.get(&format!("/groups/{group_id}"), &owner).await.json["roles"],
        json!(["operator"]),
        "roles stay"
    );
    assert_eq!(server.patch(&path, &key, wrong).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/scim/v2/Groups?filter=displayName%20eq%20%22sre%22", &key).await.json["totalResults"], 1);
    assert_eq!(server.delete(&path, &key).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_user_who_is_removed_leaves_their_groups() {
    let (server, _, key) = set_up().await;
    let id = server.post("/scim/v2/Users", &key, ada()).await.text_at("id");
    let group = server.post("/scim/v2/Groups", &key, json!({"displayName": "sre", "members": [{"value": id}]})).await;

    let user = server.get(&format!("/scim/v2/Users/{id}"), &key).await;
    server.delete(&format!("/scim/v2/Users/{id}"), &key).await;

    assert_eq!(user.json["groups"][0]["display"], "sre", "{}", user.text);
    let group = server.get(&format!("/scim/v2/Groups/{}", group.text_at("id")), &key).await;
    assert_eq!(group.json["members"], json!([]));
}

#[tokio::test]
async fn long_lists_come_in_pages_that_count_from_one() {
    let (server, _, key) = set_up().await;
    for count in 0..5 {
        server.post("/scim/v2/Users", &key, json!({"userName": format!("p{count}@example.org")})).await;
    }

    let page = server.get("/scim/v2/Users?startIndex=2&count=3", &key).await;
    let beyond = server.get("/scim/v2/Users?startIndex=9", &key).await;
    let only_count = server.get("/scim/v2/Users?count=0", &key).await;

    for (answer, total, items) in [(&page, 5, 3), (&beyond, 5, 0), (&only_count, 5, 0)] {
        assert_eq!(
            (&answer.json["totalResults"], &answer.json["itemsPerPage"]),
            (&json!(total), &json!(items)),
            "{}",
            answer.text
        );
    }
    assert_eq!(page.json["startIndex"], 2);
}

#[tokio::test]
async fn what_is_spoken_is_described_and_only_for_whoever_may() {
    let (server, owner, key) = set_up().await;
    let (_, exporter) = server.key(&owner, &["exporter"]).await;

    let config = server.get("/scim/v2/ServiceProviderConfig", &key).await;

    assert_eq!(config.json["patch"]["supported"], json!(true));
    assert_eq!(server.get("/scim/v2/ResourceTypes", &key).await.json["totalResults"], 2);
    assert_eq!(server.get("/scim/v2/Users", &exporter).await.status, StatusCode::FORBIDDEN);
    assert_eq!(server.send(Method::GET, "/scim/v2/Users", &As::Nobody, None).await.status, StatusCode::UNAUTHORIZED);
}
