//! The OTLP checklist, row by row, against the program.

use bench::conform::{self, Target};

use crate::observatory;

const EVERY_ROW: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_otlp_checklist_is_kept() {
    let server = observatory().start().await.expect("a start");
    let target = Target::new(&server.grpc_url(), &server.http_url()).expect("addresses");
    let sql = format!("{}/api/v1/sql", server.api_url()).parse().expect("an address");
    // It ends with SIGTERM while requests are under way: the last row.
    let target = Target { sql: Some(sql), memory_pid: Some(server.pid()), allow_stop: true, ..target };

    let matrix = conform::run(&target, &EVERY_ROW).await.expect("a run");

    assert_eq!(matrix.failures().count(), 0, "{matrix}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_refused_for_good() {
    let yaml = "tenants: [{name: acme, api_keys: [0123456789abcdef]}]";
    let server = observatory().yaml(yaml).start().await.expect("a start");
    let mut target = Target::new(&server.grpc_url(), &server.http_url()).expect("addresses");
    target.auth_required = true;
    target.headers.insert("authorization", "Bearer 0123456789abcdef".parse().expect("a header"));

    let matrix = conform::run(&target, &["R7"]).await.expect("a run");

    assert_eq!(matrix.failures().count(), 0, "{matrix}");
}
