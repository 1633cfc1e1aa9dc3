//! Secrets come from files or the environment, and are never told.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use testkit::{PostgresServer, Protocol, Skip, logs, record};

use crate::observatory;

const ACME: &str = "acme-0123456789abcdef";

/// A file with a secret, and the folder it goes with.
fn secret(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("secret");
    fs::write(&file, text).expect("a file");
    (folder, file)
}

#[tokio::test]
async fn keys_come_from_a_file_that_the_environment_names() {
    let (_folder, file) = secret(&format!("[{{name=acme, api_keys=[\"{ACME}\"]}}]\n"));
    let setup = observatory().closed().env("OBSERVATORY_TENANTS_FILE", file.display()).key(ACME);

    let server = setup.start().await.expect("a server");

    server.client(Protocol::Http).deliver(&logs("shop", [record("with a key", vec![])])).await;
    assert_eq!(server.sql("select count(*) from logs").await.number(), 1);
    let nobody = server.api().with_key(None).post("/api/v1/sql", &[("content-type", "text/plain")], "select 1").await;
    assert_eq!(nobody.expect("an answer").status, 401);
}

#[tokio::test]
async fn the_database_and_its_password_come_from_a_file() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let (_folder, file) = secret(&format!("{}\n", database.url()));

    let server = observatory().env("DATABASE_URL_FILE", file.display()).start().await.expect("a server");

    assert!(server.said().contains("schema observatory"), "{}", server.said());
    assert!(!server.said().contains("not-a-secret"), "no password is told");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_used_is_named_and_not_told() {
    let (_folder, file) = secret("[{name=acme, api_keys=\"hunter2-hunter2-hunter2\"}]");
    let both = observatory().env("JWT_SECRET", "hunter2").env("JWT_SECRET_FILE", file.display());
    let gone = observatory().env("ENCRYPTION_KEY_FILE", "/nowhere/key");
    let wrong = observatory().env("OBSERVATORY_TENANTS_FILE", file.display());
    let short = observatory().yaml("tenants: [{name: acme, api_keys: [hunter2]}]");

    for (setup, named) in [
        (both, "JWT_SECRET and JWT_SECRET_FILE"),
        (gone, "ENCRYPTION_KEY_FILE: /nowhere/key"),
        (wrong, "tenants.0.api_keys"),
        (short, "an API key of tenant acme"),
    ] {
        let ended = setup.fail().await;

        assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
        assert!(ended.said.contains(named) && ended.said.lines().count() == 1, "{}", ended.said);
        assert!(!ended.said.contains("hunter2"), "{}", ended.said);
    }
}
