//! The suite that every store passes.

use store::Store;
use testkit::Skip;
use timescale::Timescale;

use crate::support::{Hypertables, open, postgres};

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_postgresql_conform() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };

    store::conformance::check(&open(&server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_hypertables_conform() -> Result<(), ()> {
    let database = Hypertables::start().await.map_err(Skip::tell)?;
    let store = Timescale::open(database.config()).await.expect("the store opens");

    store::conformance::check(&store as &dyn Store).await;
    Ok(())
}
