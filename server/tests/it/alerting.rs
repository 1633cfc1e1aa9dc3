//! Alerts of the whole program: rules in a directory, telemetry in, alerts out, once, whoever is killed meanwhile.

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::{Json, Router};
use opentelemetry_proto::tonic::trace::v1::Status;
use serde_json::{Value, json};
use testkit::{PostgresServer, Protocol, RedisServer, Remembers, Request, Server, Setup, Skip, span, spans, until};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::hub::owner;
use crate::own_telemetry::of_system;
use crate::{observatory, program};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server whose rules stand in a directory of its own.
fn with_rules(rules: &str) -> (Setup, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    write_rules(directory.path(), rules);
    (observatory().env("OBSERVATORY_ALERTING__DIRECTORY", directory.path().display()), directory)
}

fn write_rules(directory: &Path, rules: &str) {
    fs::create_dir_all(directory.join("rules")).expect("a folder");
    fs::write(directory.join("rules/test.yaml"), rules).expect("a file");
}

/// Requests of a service, of which some failed.
fn requests(service: &str, good: usize, failed: usize) -> Request {
    let request = |is_error: bool| {
        let mut span = span("GET /cart", Vec::new());
        span.status = Some(Status { code: if is_error { 2 } else { 0 }, ..Status::default() });
        span
    };
    spans(service, (0..good + failed).map(|number| request(number < failed)))
}

/// Whether `observatory rules …` succeeds, and what it says.
async fn command(arguments: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(program());
    command.arg("rules").args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("the program can be started");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

async fn send(server: &Server, request: Request) {
    server.client(Protocol::Grpc).deliver(&request).await;
}

async fn alerts(server: &Server, state: &str) -> Vec<Value> {
    let reply = server.api().get(&format!("/api/v1/alerting/alerts?state={state}")).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["alerts"].as_array().expect("a list").clone()
}

/// The first alert of a state, as soon as there is one.
async fn alert(server: &Server, state: &str) -> Value {
    until(&format!("an alert is {state}"), PATIENCE, async || alerts(server, state).await.into_iter().next()).await
}

#[tokio::test]
async fn a_rule_in_a_file_fires_names_its_traces_and_is_over_when_it_is_over() {
    let rules = "- {name: Errors, condition: error_count > 0, over: 10s, interval: 1s, severity: critical}";
    let (setup, directory) = with_rules(rules);
    let server = setup.start().await.expect("a server");

    send(&server, requests("checkout", 9, 3)).await;

    let firing = alert(&server, "firing").await;
    assert_eq!((&firing["rule"], &firing["labels"]), (&json!("Errors"), &json!({"service": "checkout"})), "{firing}");
    assert_eq!((firing["value"].as_f64(), firing["traces"].as_array().map(Vec::len)), (Some(3.0), Some(3)), "{firing}");
    let resolved = alert(&server, "resolved").await;
    assert_eq!(resolved["id"], firing["id"], "{resolved}");
    let rows = server.sql("select rule, state, value from alerting.alerts").await;
    assert_eq!(rows.text(), "Errors|resolved|3.0");

    write_rules(directory.path(), "- {name: Errors, condition: eror_count > 0, severity: critical}");
    let faults = until("the fault is told", PATIENCE, async || {
        let rows = server.sql("select array_to_string(faults, '; ') from alerting.files").await;
        Some(rows.text()).filter(|faults| !faults.is_empty())
    });
    assert!(faults.await.contains("did you mean error_count"), "and its rules stay");
    assert_eq!(server.sql("select count(*) from alerting.rules").await.number(), 1);
    server.stop().await;
}

#[tokio::test]
async fn the_examples_that_come_with_it_have_no_faults() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let both: &[&str] = &["notifications.yaml|", "rules/example.yaml|"];
    let rules: &[&str] = &["rules/examples.yaml|"];
    let folders = [("config/alerting", rules), ("deploy/compose/alerting", both), ("deploy/kubernetes/alerting", both)];

    for (folder, files) in folders {
        let setup = observatory().env("OBSERVATORY_ALERTING__DIRECTORY", root.join(folder).display());
        let server = setup.start().await.expect("a server");
        let read = until("the files are read", PATIENCE, async || {
            let faults = "select file, array_to_string(faults, '; ') from alerting.files order by file";
            Some(server.sql(faults).await).filter(|rows| rows.len() == files.len())
        });

        assert_eq!(read.await.text(), files.join("\n"), "{folder}");
        server.stop().await;
    }
}

#[tokio::test]
async fn what_alerting_does_is_metrics_and_spans_of_the_tenant_system() {
    let rules = "
- {name: Errors, condition: error_count > 0, over: 10m, interval: 1s, severity: critical, notification: hook}
- {name: Wrong, sql: 'select 1 / (count(*) - count(*)) as value from spans', interval: 1s, severity: warning}";
    let (setup, directory) = with_rules(rules);
    // Nobody may be called there: what is to be told is not.
    let hook = "channels: [{name: hook, webhook: {url: 'http://127.0.0.1:9'}}]";
    fs::write(directory.path().join("notifications.yaml"), hook).expect("a file");
    let server = setup.start().await.expect("a server");

    send(&server, requests("checkout", 0, 3)).await;

    const METRICS: [&str; 6] = [
        "alerting.rules",
        "alerting.alerts",
        "alerting.evaluations",
        "alerting.evaluations.failed",
        "alerting.evaluation.lateness",
        "alerting.notifications",
    ];
    let names = "select name, max(coalesce(value, value_int)) from metrics where name like 'alerting.%' \
                 and coalesce(attributes->>'state', 'firing') = 'firing' group by name order by name";
    let told = until("all metrics are there", PATIENCE, async || {
        let rows = of_system(&server, names).await;
        let told = |name: &str| rows.as_array()?.iter().find(|row| row[0] == name)?[1].as_f64();
        let are_all = METRICS.iter().all(|name| told(name).is_some());
        (are_all && told("alerting.alerts") > Some(0.0)).then_some(rows)
    });
    let told = told.await;
    let value = |name: &str| {
        let row = told.as_array().and_then(|rows| rows.iter().find(|row| row[0] == name));
        row.and_then(|row| row[1].as_f64()).unwrap_or_else(|| panic!("{name} in {told}"))
    };
    assert_eq!((value("alerting.rules"), value("alerting.alerts")), (2.0, 1.0), "{told}");
    assert!(value("alerting.evaluations") > value("alerting.evaluations.failed"), "{told}");
    assert!(value("alerting.evaluations.failed") > 0.0 && value("alerting.notifications") > 0.0, "{told}");
    assert!(value("alerting.evaluation.lateness") < 60.0, "{told}");
    until("rounds and attempts are spans", PATIENCE, async || {
        let spans = "select distinct name from spans where name in ('alerting.evaluate', 'alerting.notify')";
        (of_system(&server, spans).await.as_array()?.len() == 2).then_some(())
    })
    .await;
    assert_eq!(server.sql("select count(*) from metrics").await.number(), 0, "they are not the tenants'");
    server.stop().await;
}

/// A receiver of messages, and what it gets.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, received) = mpsc::unbounded_channel();
    let keep = async move |Json(message): Json<Value>| drop(sender.send(message));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(keep)).await });
    (url, received)
}

#[tokio::test]
async fn with_postgresql_an_alert_is_told_and_its_incident_worked_on_and_counted() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let (url, mut received) = receiver().await;
    let rules = "- {name: Errors, condition: error_count > 0, over: 10s, interval: 1s, severity: critical, \
                 notification: hook, incident: P2}";
    let (setup, directory) = with_rules(rules);
    let hook = format!("channels: [{{name: hook, webhook: {{url: '{url}'}}}}]");
    fs::write(directory.path().join("notifications.yaml"), hook).expect("a file");
    let setup = setup.env("DATABASE_URL", database.url()).yaml("outgoing: {allow_networks: [127.0.0.0/8]}");
    let server = setup.start().await.expect("a server");
    let owner = owner(&server).await;
    let act = async |path: &str, body: Value| {
        let headers = [("content-type", "application/json")];
        let reply = owner.post(&format!("/api/v1/{path}"), &headers, body.to_string()).await;
        let reply = reply.expect("an answer");
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.text());
    };
    let indicator = json!({"kind": "availability"});
    act(
        "apm/slos",
        json!({"name": "cart", "service": "checkout", "objective": 99, "window_days": 7, "indicator": indicator}),
    )
    .await;

    send(&server, requests("checkout", 1, 3)).await;

    let message = timeout(PATIENCE, received.recv()).await.expect("it is told in time").expect("a message");
    assert!(message.to_string().contains("Errors"), "{message}");
    let incident = "alerting/incidents/INC-000001";
    act(&format!("{incident}/acknowledge"), json!({})).await;
    act(&format!("{incident}/note"), json!({"text": "the card provider is down"})).await;
    alert(&server, "resolved").await;
    act(&format!("{incident}/resolve"), json!({"text": "it is up again"})).await;
    let worked_on = "select priority, status, rule, acknowledged_at >= opened_at, resolved_at >= acknowledged_at \
                     from alerting.incidents";
    assert_eq!(server.sql(worked_on).await.text(), "P2|resolved|Errors|true|true");
    let kinds = server.sql("select distinct kind from alerting.timeline order by kind").await.text();
    assert!(["acknowledged", "note", "opened", "resolved"].iter().all(|kind| kinds.contains(kind)), "{kinds}");
    let sent = "select count(*) from alerting.notifications where channel = 'hook' and state = 'sent'";
    until("that it was told is kept", PATIENCE, async || (server.sql(sent).await.number() > 0).then_some(())).await;
    until("the promise is judged", PATIENCE, async || {
        let rows = server.sql("select name, service from apm.slos").await;
        (rows.text() == "cart|checkout").then_some(())
    })
    .await;
    let kept = database.psql("select count(distinct collection) from observatory_records.documents");
    assert!(kept.parse::<u32>().is_ok_and(|kept| kept > 5), "records are in the database: {kept}");
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_alert_that_cannot_be_written_stops_no_other() {
    // Each of these characters has six bytes as JSON: an event has no room for so many.
    let columns: Vec<String> = (0..32).map(|number| format!("repeat(chr(1), 1024) as c{number}")).collect();
    let text = "{{ $labels.c0 }}".repeat(4);
    let texts: Vec<String> = (0..8).map(|number| format!("a{number}: '{text}'")).collect();
    let rules = format!(
        "
- {{name: Unwritable, sql: 'select {}', interval: 1s, severity: info, annotations: {{{}}}}}
- {{name: Errors, condition: error_count > 0, over: 10m, for: 3s, interval: 1s, severity: warning}}",
        columns.join(", "),
        texts.join(", ")
    );
    let (setup, _directory) = with_rules(&rules);
    let server = setup.start().await.expect("a server");

    send(&server, requests("checkout", 0, 1)).await;

    assert_eq!(alert(&server, "firing").await["rule"], "Errors");
    until("what cannot be written is told", PATIENCE, async || {
        server.said().contains("an alert cannot be written").then_some(())
    })
    .await;
    assert!(!server.said().contains("a plugin has stopped"), "{}", server.said());
    server.stop().await;
}

#[tokio::test]
async fn killed_while_pending_it_fires_at_the_right_time() {
    let rules = "- {name: Errors, condition: error_count > 0, over: 10m, for: 12s, interval: 1s, severity: warning}";
    let (setup, _directory) = with_rules(rules);
    let server = setup.start().await.expect("a server");
    send(&server, requests("checkout", 0, 1)).await;
    let pending = alert(&server, "pending").await;
    server.kill();

    let server = setup.start().await.expect("a server that comes back");

    let firing = alert(&server, "firing").await;
    assert_eq!((&firing["id"], &firing["active_since"]), (&pending["id"], &pending["active_since"]));
    let time = |name: &str| {
        let text = firing[name].as_str().expect("a text").to_owned();
        hub::Moment::try_from(text).expect("a time").0.0
    };
    let waited = time("fired_at") - time("active_since");
    assert!((12_000_000_000..13_000_000_000).contains(&waited), "{waited}");
    server.stop().await;
}

#[tokio::test]
async fn what_was_missed_while_nobody_was_up_is_made_up_for_and_said() {
    let rules = "- {name: Errors, condition: error_count > 0, over: 10s, interval: 10s, severity: warning}";
    let (setup, _directory) = with_rules(rules);
    let server = setup.start().await.expect("a server");
    until("rules are watched", PATIENCE, async || {
        let rows = server.sql("select count(*) from alerting.rules").await;
        Some(()).filter(|()| rows.number() == 1)
    })
    .await;
    server.stop().await;
    // The records believe that nothing was evaluated for ten minutes.
    let records = rusqlite::Connection::open(setup.data().path().join("records.sqlite")).expect("the records");
    let changed = records.execute(
        "UPDATE documents SET body = json_set(body, '$.next.measures', json_extract(body, '$.next.measures') - 600000000000)
        WHERE collection = 'alerting.progress'",
        [],
    );
    assert_eq!(changed.expect("a change"), 1);
    drop(records);

    let server = setup.start().await.expect("a server that comes back");
    let mut failed = span("GET /cart", Vec::new());
    for time in [&mut failed.start_time_unix_nano, &mut failed.end_time_unix_nano] {
        *time -= 120_000_000_000;
    }
    failed.status = Some(Status { code: 2, ..Status::default() });
    send(&server, spans("checkout", [failed])).await;

    let pause = until("the pause is told", PATIENCE, async || {
        let rows =
            server.sql("select count(*) from alerting.pauses where until - \"from\" > interval '9 minutes'").await;
        Some(rows.number()).filter(|count| *count > 0)
    });
    assert_eq!(pause.await, 1);
    server.stop().await;
}

#[tokio::test]
async fn two_servers_fire_once_and_one_goes_on_when_the_other_is_killed() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let redis = RedisServer::start(Remembers::Nothing).await.map_err(Skip::tell)?;
    let rules = "- {name: Errors, condition: error_count > 0, over: 10m, interval: 1s, severity: critical}";
    let directory = tempfile::tempdir().expect("a directory");
    write_rules(directory.path(), rules);
    let setup = || {
        observatory()
            .env("DATABASE_URL", database.url())
            .env("REDIS_URL", redis.url())
            .env("ENCRYPTION_KEY", "0123456789abcdef".repeat(4))
            .env("OBSERVATORY_ALERTING__DIRECTORY", directory.path().display())
            // What one server holds in memory, the other's queries do not see.
            .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
    };
    let (one, other) = (setup(), setup());
    let (one, other) = (one.start().await.expect("a server"), other.start().await.expect("another"));

    send(&one, requests("checkout", 0, 5)).await;
    alert(&other, "firing").await;
    let watches = |server: &Server| server.said().contains("this process watches the rules");
    let (watcher, successor) = if watches(&one) { (one, other) } else { (other, one) };
    assert!(!watches(&successor), "one of two watches");
    until("the rows are in the store", PATIENCE, async || {
        let rows = successor.sql("select count(*) from spans where service_name = 'checkout'").await;
        Some(()).filter(|()| rows.number() == 5)
    })
    .await;
    watcher.kill();
    send(&successor, requests("payment", 0, 5)).await;

    until("the other server goes on", PATIENCE, async || {
        let firing = alerts(&successor, "firing").await;
        Some(()).filter(|()| watches(&successor) && firing.len() == 2)
    })
    .await;
    let rows = successor.sql("select count(*), count(distinct fingerprint) from alerting.alerts").await;
    assert_eq!(rows.text(), "2|2");
    successor.stop().await;
    Ok(())
}

#[tokio::test]
async fn rules_are_checked_tested_and_tried_over_the_past_before_they_wake_anybody() {
    let (setup, directory) = with_rules("[]");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let rules =
        file("shop.yaml", "- {name: Errors, condition: error_rate > 10%, for: 1m, interval: 30s, severity: critical}");
    let of_products = file("products.yaml", "- {name: Burns, sql: select slo from apm.slo_burns, severity: warning}");
    let wrong = file("wrong.yaml", "- {name: Errors, sql: select servce from spans, severity: critical}");
    let tests = file(
        "tests.yaml",
        "rule_files: [shop.yaml]
tests:
  - name: a bad quarter of an hour
    spans:
      - {service: checkout, status: error, per_minute: '10x15'}
    alert_rule_test:
      - {eval_time: 30s, alertname: Errors}
      - {eval_time: 5m, alertname: Errors, exp_alerts: [{exp_labels: {service: checkout}}]}
      - {eval_time: 40m, alertname: Errors}
",
    );

    let (succeeds, said) = command(&["check", &rules]).await;
    assert!(succeeds && said.contains("1 rules, nothing wrong"), "{said}");
    let (succeeds, said) = command(&["check", &of_products]).await;
    assert!(succeeds, "what products know can be asked: {said}");
    let (succeeds, said) = command(&["check", &wrong]).await;
    assert!(!succeeds && said.contains("line 1, column 3"), "{said}");
    assert!(said.contains("'servce' not found, line 1 column 8"), "{said}");
    let (succeeds, said) = command(&["test", &tests]).await;
    assert!(succeeds && said.contains("3 expectations met, 0 not"), "{said}");

    let server = setup.start().await.expect("a server");
    let mut failed = requests("checkout", 0, 20);
    let Request::Traces(traces) = &mut failed else { unreachable!("requests are spans") };
    for span in traces.resource_spans.iter_mut().flat_map(|of| &mut of.scope_spans).flat_map(|of| &mut of.spans) {
        span.start_time_unix_nano -= 3_600_000_000_000;
        span.end_time_unix_nano -= 3_600_000_000_000;
    }
    send(&server, failed).await;
    let url = server.api_url();
    let (succeeds, said) = command(&["backtest", &rules, "--since", "2h", "--step", "30s", "--url", &url]).await;
    assert!(succeeds && said.contains("would have fired 1 times") && said.contains("service=checkout"), "{said}");
    server.stop().await;
}
