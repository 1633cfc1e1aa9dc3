//! The audit trail: what was done is in it, and stays as it was.

use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use hub::audit::{Broken, Root};
use model::Tenant;
use records::Records;
use serde_json::json;

use crate::server::{Server, config};

#[tokio::test]
async fn it_says_who_did_what_when_from_where_and_as_part_of_which_trace() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let request = Request::post("/api/v1/hub/keys")
        .header(AUTHORIZATION, format!("Bearer {owner}"))
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "terraform/1.9")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .body(json!({"name": "collector"}).to_string().into());
    let made = server.raw(request.expect("a request"), "192.0.2.7".parse().expect("an address")).await;

    let trail = server.get("/audit", &owner).await;

    let entry = &trail.json["entries"][0];
    let me = server.get("/me", &owner).await.text_at("id");
    for (member, expected) in [
        ("sequence", json!(1)),
        ("time", json!("2026-01-01T00:00:00Z")),
        ("who", json!(format!("person/{me}"))),
        ("who_name", json!("owner@localhost")),
        ("action", json!("key.made")),
        ("subject", json!(format!("key/{}", made.text_at("id")))),
        ("address", json!("192.0.2.7")),
        ("agent", json!("terraform/1.9")),
        ("trace_id", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
    ] {
        assert_eq!(entry[member], expected, "{member} in {entry}");
    }
    assert_eq!(entry["details"]["roles"], json!(["exporter"]));
    assert!(!trail.text.contains(&made.text_at("key")));
}

#[tokio::test]
async fn everything_that_is_done_is_in_it_and_nothing_that_failed() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    let (id, _) = server.person(&acme, "ada@example.org", &["viewer"]).await;
    let (key, _) = server.key(&acme, &["exporter"]).await;
    server.post("/people", &acme, json!({"email": "ada@example.org"})).await;
    server.post("/keys", &acme, json!({"name": "k", "roles": ["nothing"]})).await;
    server.delete(&format!("/keys/{key}"), &acme).await;
    server.patch(&format!("/people/{id}"), &acme, json!({"name": "Ada"})).await;
    server.sign_in("ada@example.org", "wrong").await;
    server.delete(&format!("/people/{id}"), &acme).await;

    assert_eq!(
        server.trail(&acme).await,
        [
            "person.invited",
            "session.started",
            "person.invited",
            "session.started",
            "key.made",
            "key.revoked",
            "person.changed",
            "session.refused",
            "person.removed",
        ]
    );
    let whole = server.get("/audit/verification", &acme).await;
    assert_eq!((&whole.json["is_whole"], &whole.json["entries"]), (&json!(true), &json!(9)), "{}", whole.text);
}

/// A trail of five entries on disk, and the way to its file.
async fn trail() -> (tempfile::TempDir, Server, Tenant) {
    let folder = tempfile::tempdir().expect("a folder");
    let records = Records::sqlite(folder.path().join("records.sqlite")).await.expect("a database");
    let server = Server::on(config(), records).await;
    let owner = server.owner().await;
    for _ in 0..5 {
        server.key(&owner, &["exporter"]).await;
    }
    (folder, server, Tenant::default_tenant())
}

/// Does to the file what the hub never does.
fn tamper(folder: &tempfile::TempDir, sql: &str) {
    let file = rusqlite::Connection::open(folder.path().join("records.sqlite")).expect("the file");
    let changed = file.execute(sql, []).expect("a statement");
    assert!(changed > 0, "{sql} changes something");
}

const OF_DEFAULT: &str = "log = 'hub.audit' AND tenant = 'default'";

#[tokio::test]
async fn an_entry_that_was_changed_removed_or_moved_is_found() {
    for (sql, expected) in [
        (format!("UPDATE entries SET body = replace(body, 'key.made', 'key.mads') WHERE {OF_DEFAULT} AND sequence = 3"), Broken::Changed(3)),
        (format!("UPDATE entries SET body = replace(body, '\"who\"', '\"whp\"') WHERE {OF_DEFAULT} AND sequence = 2"), Broken::Changed(2)),
        (format!("DELETE FROM entries WHERE {OF_DEFAULT} AND sequence = 1"), Broken::Removed(2)),
        (format!("DELETE FROM entries WHERE {OF_DEFAULT} AND sequence = 4"), Broken::Removed(5)),
        (format!("DELETE FROM entries WHERE {OF_DEFAULT} AND sequence >= 4"), Broken::Shortened { found: 3, expected: 5 }),
        (format!("DELETE FROM entries WHERE {OF_DEFAULT}"), Broken::Shortened { found: 0, expected: 5 }),
        (
            "UPDATE entries SET body = (SELECT body FROM entries WHERE log = 'hub.audit' AND tenant = 'system' AND sequence = 2) \
             WHERE log = 'hub.audit' AND tenant = 'default' AND sequence = 2"
                .to_owned(),
            Broken::Changed(2),
        ),
    ] {
        let (folder, server, tenant) = trail().await;
        assert_eq!(server.hub.verify_audit(&tenant, &[]).await.expect("readable"), Ok(5));

        tamper(&folder, &sql);

        assert_eq!(server.hub.verify_audit(&tenant, &[]).await.expect("readable"), Err(expected), "{sql}");
    }
}

#[tokio::test]
async fn one_flipped_byte_of_an_entry_is_found_wherever_it_is() {
    let (folder, server, tenant) = trail().await;
    let file = rusqlite::Connection::open(folder.path().join("records.sqlite")).expect("the file");
    let body: String = file
        .query_row(&format!("SELECT body FROM entries WHERE {OF_DEFAULT} AND sequence = 3"), [], |row| row.get(0))
        .expect("a row");
    let write = |body: &str| {
        file.execute(&format!("UPDATE entries SET body = ?1 WHERE {OF_DEFAULT} AND sequence = 3"), [body])
            .expect("a row");
    };

    for place in 0..body.len() {
        let mut flipped = body.clone().into_bytes();
        flipped[place] ^= 1;
        write(&String::from_utf8(flipped).expect("ASCII"));
        let found = server.hub.verify_audit(&tenant, &[]).await.expect("readable");
        assert_eq!(found, Err(Broken::Changed(3)), "byte {place} of {body}");
    }
    write(&body);
    assert_eq!(server.hub.verify_audit(&tenant, &[]).await.expect("readable"), Ok(5));
}

#[tokio::test]
async fn a_whole_new_chain_is_told_by_the_root_that_was_exported() {
    let (_, server, tenant) = trail().await;
    let exported = server.hub.audit_roots().await.expect("readable");
    let (_, another, _) = trail().await;
    let root = exported.iter().find(|root| root.tenant == tenant).expect("a root of default").clone();

    assert_eq!(server.hub.verify_audit(&tenant, &exported).await.expect("readable"), Ok(5));
    assert_eq!(
        another.hub.verify_audit(&tenant, std::slice::from_ref(&root)).await.expect("readable"),
        Err(Broken::Rewritten(5))
    );
    let later = Root { sequence: records::Sequence(9), ..root };
    let shortened = Broken::Shortened { found: 5, expected: 9 };
    assert_eq!(server.hub.verify_audit(&tenant, &[later]).await.expect("readable"), Err(shortened));
}

#[tokio::test]
async fn an_auditor_reads_the_trail_and_changes_nothing() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let (_, auditor) = server.person(&owner, "auditor@example.org", &["auditor"]).await;

    assert_eq!(server.get("/audit", &auditor).await.status, StatusCode::OK);
    assert_eq!(server.get("/audit/verification", &auditor).await.json["is_whole"], json!(true));
    assert_eq!(server.post("/keys", &auditor, json!({"name": "k"})).await.status, StatusCode::FORBIDDEN);
}
