//! Backups of a running server, and servers that come back from them.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    Client, Http, PostgresServer, Protocol, S3Server, Server, Setup, Skip, histogram, logs, metrics, points, record,
    span, spans, until,
};

use crate::{external_folder, observatory};

/// Asks what people ask, in an order that is the same on every server.
async fn answers(server: &Server) -> Vec<String> {
    let statements = [
        "select count(*), count(distinct span_id), sum(duration_ns) from spans",
        "select service_name, name, count(*) from spans group by 1, 2 order by 1, 2",
        "select body, count(*) from logs group by 1 order by 1",
        "select name, count(*), sum(coalesce(value, value_int)) from metrics group by 1 order by 1",
        "select name, sum(count) from histograms group by 1 order by 1",
        "select attributes->>'order' as o, count(*) from spans group by 1 order by 1",
    ];
    let mut answers = Vec::new();
    for statement in statements {
        answers.push(server.sql(statement).await.text());
    }
    answers
}

async fn send(server: &Server, round: u64) {
    let client = server.client(Protocol::Http);
    let service = format!("shop-{}", round % 3);
    client.deliver(&spans(&service, [span(&format!("op-{round}"), vec![]), span("again", vec![])])).await;
    client.deliver(&logs(&service, [record(&format!("line {round}"), vec![])])).await;
    client.deliver(&metrics(&service, [points("a", [vec![], vec![]]), histogram("b", [vec![]])])).await;
}

/// Flushes often, so that rows are in the lake, in the log, and in both.
fn flushing() -> Setup {
    observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTES", 20_000)
}

#[tokio::test]
async fn a_restored_server_answers_every_query_as_the_one_that_was_backed_up() {
    let setup = flushing();
    let server = setup.start().await.expect("a server");
    for round in 0..40 {
        send(&server, round).await;
    }
    let (before, backups) = (answers(&server).await, setup.data().path().join("../backups"));
    let backups = backups.to_string_lossy().into_owned();

    let taken = setup.run(&["backup", "--to", &backups]).await;

    assert!(taken.status.success() && taken.said.contains("verified"), "{}", taken.said);
    let verified = setup.run(&["verify", "--from", &backups, "--all"]).await;
    assert!(verified.status.success() && verified.said.contains("is whole"), "{}", verified.said);
    let other = flushing();
    let restored = other.run(&["restore", "--from", &backups]).await;
    assert!(restored.status.success() && restored.said.contains("is restored to"), "{}", restored.said);
    let restored = other.start().await.expect("a restored server");
    assert_eq!(answers(&restored).await, before);
    send(&restored, 40).await;
    let rows = restored.sql("select count(*) from spans").await.number();
    assert_eq!(rows, 82, "and takes what comes next");
}

async fn post(api: &Http, path: &str, body: Value) -> Value {
    let reply = api.post(path, &[("content-type", "application/json")], body.to_string()).await.expect("an answer");
    assert!((200..300).contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
    reply.json()
}

/// The first owner, signed in.
async fn owner(server: &Server, password: &str, new_password: Option<&str>) -> Http {
    let body = json!({"email": "owner@localhost", "password": password, "new_password": new_password});
    let session = post(&server.api().with_key(None), "/api/v1/hub/session", body).await;
    server.api().with_key(session["access_token"].as_str())
}

#[tokio::test]
async fn people_and_keys_of_the_server_that_was_backed_up_are_let_in_by_the_restored_one() {
    const PASSWORD: &str = "correct horse battery";
    let setup = flushing().closed();
    let server = setup.start().await.expect("a server");
    let said = server.said();
    let one_time = said.split("with the one-time password ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let first = owner(&server, one_time.expect("it is told"), Some(PASSWORD)).await;
    let wanted = json!({"name": "collector", "roles": ["exporter", "viewer"]});
    let made = post(&first, "/api/v1/hub/keys", wanted).await;
    let key = made["key"].as_str().expect("a key");
    let collector = Client::new(Protocol::Http, &server.http_url(), Some(key));
    collector.deliver(&logs("shop", [record("before", vec![])])).await;
    let backups = setup.data().path().join("../backups").to_string_lossy().into_owned();

    let taken = setup.run(&["backup", "--to", &backups]).await;

    assert!(taken.status.success() && !taken.said.contains("PostgreSQL"), "{}", taken.said);
    let other = flushing().closed().key(key);
    let restored = other.run(&["restore", "--from", &backups]).await;
    assert!(restored.status.success(), "{}", restored.said);
    for name in ["records.sqlite", "encryption.key"] {
        let file = std::fs::metadata(other.data().path().join(name)).expect("a file of the backup");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let restored = other.start().await.expect("a restored server");
    restored.client(Protocol::Http).deliver(&logs("shop", [record("after", vec![])])).await;
    assert_eq!(restored.sql("select count(*) from logs").await.number(), 2);
    let known = owner(&restored, PASSWORD, None).await.get("/api/v1/hub/me").await.expect("an answer");
    assert_eq!(known.status, 200, "{}", known.text());
    assert!(!restored.said().contains("First sign-in"), "{}", restored.said());
    let left = std::fs::read_dir(setup.data().path()).expect("a folder").map(|file| file.expect("a file").file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().starts_with("backup-")).count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn of_records_in_a_database_a_backup_says_that_it_has_none() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let setup = observatory().env("DATABASE_URL", database.url()).env("OBSERVATORY_STORAGE__TELEMETRY", "lake");
    let server = setup.start().await.expect("a server");
    send(&server, 1).await;
    let backups = setup.data().path().join("../backups").to_string_lossy().into_owned();

    let taken = setup.run(&["backup", "--to", &backups]).await;

    assert!(taken.status.success() && taken.said.contains("records rest in PostgreSQL"), "{}", taken.said);
    let other = observatory();
    assert!(other.run(&["restore", "--from", &backups]).await.status.success());
    let has = |name: &str| other.data().path().join(name).exists();
    assert!(has("encryption.key") && !has("records.sqlite"), "the key that seals them is in the data directory");
    Ok(())
}

#[tokio::test]
async fn a_backup_under_load_has_every_row_acknowledged_before_it_and_each_once() {
    let setup = flushing();
    let server = setup.start().await.expect("a server");
    let backups = setup.data().path().join("../backups").to_string_lossy().into_owned();
    for round in 0..20 {
        send(&server, round).await;
    }
    let load = async {
        for round in 20..200 {
            send(&server, round).await;
        }
    };

    let command = ["backup", "--to", &backups];
    let (taken, ()) = tokio::join!(setup.run(&command), load);

    assert!(taken.status.success(), "{}", taken.said);
    let other = flushing();
    let restored = other.run(&["restore", "--from", &backups]).await;
    assert!(restored.status.success(), "{}", restored.said);
    let restored = other.start().await.expect("a restored server");
    let counts = "select count(*), count(distinct body) from logs";
    let seen = restored.sql(counts).await.text();
    let (rows, lines) = seen.split_once('|').expect("two numbers");
    assert_eq!(rows, lines, "each row once");
    assert!((20..=200).contains(&rows.parse::<u64>().expect("a number")), "{seen}");
    let early = restored.sql("select count(*) from logs where body in ('line 0', 'line 7', 'line 19')").await;
    assert_eq!(early.number(), 3);
    // What the restored server takes is above what its lake has: nothing hides.
    for round in 1000..1010 {
        send(&restored, round).await;
    }
    assert_eq!(restored.sql("select count(*) from logs where body like 'line 10__'").await.number(), 10);
}

#[tokio::test]
async fn a_data_directory_in_use_or_with_data_is_not_restored_into() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");
    send(&server, 1).await;
    let backups = setup.data().path().join("../backups").to_string_lossy().into_owned();
    assert!(setup.run(&["backup", "--to", &backups]).await.status.success());

    let in_use = setup.run(&["restore", "--from", &backups]).await;
    server.stop().await;
    let not_empty = setup.run(&["restore", "--from", &backups]).await;

    assert!(!in_use.status.success() && in_use.said.contains("is held by process"), "{}", in_use.said);
    assert!(!not_empty.status.success() && not_empty.said.contains("is not empty"), "{}", not_empty.said);
    let server = setup.start().await.expect("a server that was not harmed");
    assert_eq!(server.sql("select count(*) from logs").await.number(), 1);
}

#[tokio::test]
async fn a_server_does_not_start_on_half_a_restore() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");
    send(&server, 1).await;
    server.stop().await;
    let backups = setup.data().path().join("../backups").to_string_lossy().into_owned();
    assert!(setup.run(&["backup", "--to", &backups]).await.status.success());
    let files = std::path::Path::new(&backups).join("files");
    std::fs::remove_dir_all(files).expect("files of the backup");

    let other = observatory();
    let failed = other.run(&["restore", "--from", &backups]).await;
    let refused = other.fail().await;

    assert!(!failed.status.success() && failed.said.contains("missing or damaged"), "{}", failed.said);
    assert!(refused.said.contains("a restore into the data directory"), "{}", refused.said);
}

#[tokio::test]
async fn the_server_takes_its_backup_of_the_day_by_itself() {
    let setup = observatory();
    let backups = setup.data().path().join("../nightly");
    let setup = setup.env("OBSERVATORY_BACKUP__TO", backups.display());
    let server = setup.start().await.expect("a server");

    until("the backup is taken", Duration::from_secs(20), async || {
        server.said().contains("backup taken and verified").then_some(())
    })
    .await;

    let verified = setup.run(&["verify", "--from", &backups.to_string_lossy()]).await;
    assert!(verified.status.success(), "{}", verified.said);
}

#[tokio::test]
async fn a_server_on_s3_is_backed_up_to_s3_and_restored_to_disk() {
    let s3 = match S3Server::start(&external_folder()).await {
        Ok(s3) => s3,
        Err(skip) => return skip.tell(),
    };
    let with_s3 =
        |setup: Setup| s3.environment().into_iter().fold(setup, |setup, (name, value)| setup.env(name, value));
    let setup = with_s3(flushing()).env("OBSERVATORY_STORAGE__LAKE_URL", format!("{}/lake", s3.bucket_url()));
    let server = setup.start().await.expect("a server");
    for round in 0..20 {
        send(&server, round).await;
    }
    let (before, backups) = (answers(&server).await, format!("{}/backups", s3.bucket_url()));

    let taken = setup.run(&["backup", "--to", &backups]).await;

    assert!(taken.status.success(), "{}", taken.said);
    let other = with_s3(flushing());
    let restored = other.run(&["restore", "--from", &backups]).await;
    assert!(restored.status.success(), "{}", restored.said);
    assert_eq!(answers(&other.start().await.expect("a restored server")).await, before);
}
