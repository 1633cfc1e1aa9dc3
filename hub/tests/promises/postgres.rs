//! The same in PostgreSQL: two processes over one database.

use std::sync::Arc;

use http::{Method, StatusCode};
use model::Tenant;
use records::{Config, Records, Url};
use serde_json::json;
use testkit::PostgresServer;

use crate::server::{As, PASSWORD, Server, config};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_over_one_database_agree() {
    let database = match PostgresServer::start().await {
        Ok(database) => database,
        Err(skip) => return skip.tell(),
    };
    let settings = Config { url: Some(Url::new(database.url())), connect_seconds_max: 60, ..Config::default() };
    let one = Server::on(config(), Records::open(&settings).await.expect("a database")).await;
    let other = Server::on(config(), Records::open(&settings).await.expect("the same database")).await;
    assert!(other.first.is_none(), "one of them makes the owner");

    let owner = one.owner().await;
    assert_eq!(other.sign_in("owner@localhost", PASSWORD).await.status, StatusCode::OK);
    let stolen = one.sign_in("owner@localhost", PASSWORD).await.text_at("refresh_token");
    let body = || Some(json!({"refresh_token": stolen}));
    let first = one.send(Method::POST, "/session/refresh", &As::Nobody, body()).await.status;
    let second = other.send(Method::POST, "/session/refresh", &As::Nobody, body()).await.status;
    assert_eq!((first, second), (StatusCode::OK, StatusCode::UNAUTHORIZED));

    let one = Arc::new(one);
    let many = (0..8).map(|_| {
        let (one, owner) = (Arc::clone(&one), owner.clone());
        tokio::spawn(async move { one.key(&owner, &["exporter"]).await })
    });
    let many: Vec<_> = many.collect();
    for made in many {
        made.await.expect("transactions that come between are repeated");
    }
    assert_eq!(one.hub.verify_audit(&Tenant::default_tenant(), &[]).await.expect("readable"), Ok(8));
}
