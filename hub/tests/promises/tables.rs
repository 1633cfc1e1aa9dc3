//! The hub in SQL: what its tables show, and to whom.

use futures::TryStreamExt;
use model::Tenant;
use serde_json::json;

use crate::server::Server;

/// Rows of each table, for one tenant.
async fn rows(server: &Server, tenant: &str) -> Vec<(&'static str, usize)> {
    let tenant = Tenant::new(tenant).expect("a name");
    let mut rows = Vec::new();
    for table in server.hub.tables().expect("their columns are known") {
        let pages: Vec<_> = table.rows(&tenant).try_collect().await.expect("readable");
        rows.push((table.name(), pages.iter().map(|page| page.num_rows()).sum()));
    }
    rows
}

#[tokio::test]
async fn each_tenant_sees_its_own_people_keys_and_deeds() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    server.person(&acme, "ada@acme.example", &["viewer"]).await;
    server.key(&acme, &["exporter"]).await;
    server.put("/roles/mine", &acme, json!({"grants": ["hub:keys:read"]})).await;

    assert_eq!(
        rows(&server, "acme").await,
        [
            ("hub.people", 2),
            ("hub.groups", 0),
            ("hub.roles", 1),
            ("hub.keys", 1),
            ("hub.sessions", 2),
            ("hub.providers", 0),
            ("hub.tenants", 0),
            ("hub.audit", 6),
        ]
    );
    let of_default = rows(&server, "default").await;
    assert!(of_default.iter().all(|(_, rows)| *rows == 0), "{of_default:?}");
    assert!(rows(&server, "system").await.contains(&("hub.tenants", 3)));
}

#[tokio::test]
async fn no_column_holds_a_secret_or_the_hash_of_one() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    let (_, key) = server.key(&acme, &["exporter"]).await;
    let mut shown = String::new();
    for table in server.hub.tables().expect("their columns are known") {
        for field in table.schema().fields() {
            let is_of_trail = table.name() == "hub.audit" && ["hash", "previous"].contains(&field.name().as_str());
            let is_secret =
                ["hash", "secret", "password", "token", "csrf"].iter().any(|word| field.name().contains(word));
            assert!(!is_secret || is_of_trail, "{}.{}", table.name(), field.name());
        }
        let pages: Vec<_> = table.rows(&Tenant::new("acme").expect("a name")).try_collect().await.expect("readable");
        shown += &format!("{pages:?}");
    }

    assert!(shown.contains("owner@acme.example") && shown.contains("session.started"), "{shown}");
    for secret in [key.as_str(), &key[17..], acme.as_str(), "argon2", "obr."] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}
