//! The OTLP receiver checklist, row by row, against the running program.

use bench::conform::{Outcome, Target, run};
use testkit::Server;

use crate::observatory;

fn target(server: &Server) -> Target {
    let target = Target::new(&server.grpc_url(), &server.http_url()).expect("addresses");
    let sql = format!("{}/api/v1/sql", server.api_url()).parse().expect("an address");
    Target { sql: Some(sql), memory_pid: Some(server.pid()), ..target }
}

#[tokio::test]
async fn every_row_of_the_checklist_is_kept() {
    let server = observatory().start().await.expect("a server");
    let target = Target { allow_stop: true, ..target(&server) };

    let matrix = run(&target, &[""; 0]).await.expect("a target");

    println!("{matrix}");
    let broken: Vec<_> = matrix.failures().map(|(row, _)| row.id).collect();
    assert_eq!(broken, Vec::<&str>::new(), "{matrix}");
    let untried =
        matrix.rows.iter().filter(|row| row.cells.iter().any(|cell| matches!(cell.outcome, Outcome::Skipped(_))));
    // R7 is tried below, with keys. A 5xx to an overload is not owed by a receiver that takes it all.
    let untried: Vec<_> = untried.map(|row| row.id).filter(|id| !["R7", "R4", "R2", "R6"].contains(id)).collect();
    assert_eq!(untried, Vec::<&str>::new(), "{matrix}");
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_for_good() {
    const KEY: &str = "conform-0123456789abcdef";
    let setup = observatory().closed().yaml(format!("tenants: [{{name: conform, api_keys: [{KEY}]}}]"));
    let server = setup.start().await.expect("a server");
    let key = format!("Bearer {KEY}").parse().expect("ASCII");
    let headers = [(http::header::AUTHORIZATION, key)].into_iter().collect();
    let target = Target { auth_required: true, headers, ..target(&server) };

    let matrix = run(&target, &["E1", "E2", "R5", "R7", "S3"]).await.expect("a target");

    println!("{matrix}");
    let broken: Vec<_> = matrix.failures().map(|(row, _)| row.id).collect();
    assert_eq!(broken, Vec::<&str>::new(), "{matrix}");
}
