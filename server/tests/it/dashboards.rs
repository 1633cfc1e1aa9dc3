//! Dashboards of the whole program: those that come along have nothing wrong and live on what the simulated shop sends; files are
//! followed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::simulator::{Fault, Shop};
use serde_json::Value;
use testkit::{Protocol, Request, Server, now_nanos, until};

use crate::{observatory, program};

const SEED: u64 = 36;
const STEP: Duration = Duration::from_secs(10);
/// Long enough for a fault to set in.
const STEPS: u64 = 15;
const PATIENCE: Duration = Duration::from_secs(30);

/// Where those that come along are.
fn built_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

/// Whether `observatory dashboards check` succeeds, and what it says.
async fn check(path: &Path) -> (bool, String) {
    let mut command = std::process::Command::new(program());
    command.args(["dashboards", "check"]).arg(path);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("the program can be started");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

async fn ask(server: &Server, path: &str) -> Value {
    let headers = [("content-type", "application/json")];
    let path = format!("/api/v1/dashboards/{path}");
    let reply = server.api().post(&path, &headers, "{}").await.expect("an answer");
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

#[tokio::test]
async fn those_that_come_along_have_nothing_wrong_and_a_column_that_is_not_there_is_told() {
    let (is_well, said) = check(&built_in()).await;
    assert!(is_well && said.matches("nothing wrong").count() == 4, "{said}");

    let text = fs::read_to_string(built_in().join("product.yaml")).expect("it is there");
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("product.yaml");
    fs::write(&file, text.replacen("http_route AS page", "http_rout AS page", 1)).expect("a file");
    let (is_well, said) = check(&file).await;
    let line = text.lines().position(|line| line.contains("http_route AS page")).expect("it is there") + 1;
    assert!(!is_well && said.contains(&format!("line {line}, column 18:")) && said.contains("http_rout"), "{said}");
}

#[tokio::test]
async fn every_panel_that_comes_along_lives_on_what_the_shop_sends() {
    let server = observatory().start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    let mut shop = Shop::new(SEED, &[Fault::FailingPayment]);
    let from = now_nanos() - STEPS * STEP.as_nanos() as u64;
    for step in 0..STEPS {
        let telemetry = shop.step(from + step * STEP.as_nanos() as u64, STEP, 10.0);
        client.deliver(&Request::Traces(telemetry.traces)).await;
        client.deliver(&Request::Logs(telemetry.logs)).await;
        client.deliver(&Request::Metrics(telemetry.metrics)).await;
    }

    for name in ["executive", "operations", "product", "technical"] {
        let reply = server.api().get(&format!("/api/v1/dashboards/{name}")).await.expect("an answer");
        let dashboard = reply.json()["dashboard"].clone();
        for variable in dashboard["variables"].as_array().into_iter().flatten() {
            let told = ask(&server, &format!("{name}/variables/{}", variable["name"].as_str().expect("a name"))).await;
            assert!(told["values"].as_array().is_some_and(|values| !values.is_empty()), "{name}: {variable}: {told}");
        }
        let rows = dashboard["rows"].as_array().expect("rows").iter();
        for panel in rows.flat_map(|row| row["panels"].as_array().expect("panels")) {
            if panel["kind"] != "markdown" {
                let told = ask(&server, &format!("{name}/panels/{}/query", panel["id"].as_str().expect("an id"))).await;
                let is_alive = told["rows"].as_array().is_some_and(|rows| !rows.is_empty());
                assert!(is_alive && told["warnings"] == serde_json::json!([]), "{name}: {panel}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn a_dashboard_of_a_file_is_there_within_seconds_and_gone_with_it() {
    let place = tempfile::tempdir().expect("a directory");
    let setup = observatory().env("OBSERVATORY_DASHBOARDS__DIRECTORY", place.path().display());
    let server = setup.start().await.expect("a server");
    let origin = async || {
        let reply = server.api().get("/api/v1/dashboards/shop").await.expect("an answer");
        reply.json()["origin"].as_str().map(str::to_owned)
    };
    assert_eq!(origin().await, None);

    let text = "name: shop\ntitle: Shop\nrows:\n  - panels: [{title: A, kind: stat, sql: SELECT 1}]\n";
    fs::write(place.path().join("shop.yaml"), text).expect("a file");
    until("the dashboard is there", PATIENCE, async || origin().await.filter(|origin| origin == "file")).await;

    fs::remove_file(place.path().join("shop.yaml")).expect("it was there");
    until("the dashboard is gone", PATIENCE, async || origin().await.is_none().then_some(())).await;
}
