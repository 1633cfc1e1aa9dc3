//! What records promise, on every database they can be in.

mod bad_days;
mod crash;
mod snapshot;
mod tables;

use records::{Config, Records, Url, conformance};
use testkit::PostgresServer;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_conforms() {
    let records = Records::in_memory().expect("a database");

    conformance::check(&records).await;
    conformance::check_together(&[records]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_on_disk_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Records::sqlite(folder.path().join("records.sqlite"));
    let handles = [open().await.expect("a database"), open().await.expect("the same database")];

    conformance::check(&handles[0]).await;
    conformance::check_together(&handles).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    let server = match PostgresServer::start().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let config = Config { url: Some(Url::new(server.url())), connect_seconds_max: 60, ..Config::default() };
    let open = || Records::open(&config);
    let handles = [open().await.expect("a database"), open().await.expect("the same database")];

    conformance::check(&handles[0]).await;
    conformance::check_together(&handles).await;
}
