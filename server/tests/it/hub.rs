//! Who may come in: from the first start to two servers that share people, as a user does it.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    Client, Http, PostgresServer, Protocol, RedisServer, Remembers, Server, Setup, Skip, logs, record, until,
};
use tonic::Code;

use crate::observatory;

pub(crate) const PASSWORD: &str = "correct horse battery";
const PATIENCE: Duration = Duration::from_secs(60);

/// The e-mail and the one-time password that a first start prints.
pub(crate) fn first_owner(said: &str) -> (String, String) {
    let line = said.lines().find_map(|line| line.trim().strip_prefix("First sign-in"));
    let line = line.unwrap_or_else(|| panic!("no owner was told of: {said}"));
    let (email, rest) = line.trim().split_once(" with the one-time password ").expect("both are told");
    (email.to_owned(), rest.split_whitespace().next().expect("a password").to_owned())
}

async fn send(api: &Http, path: &str, body: Value) -> (u16, Value) {
    let reply = api.post(path, &[("content-type", "application/json")], body.to_string()).await.expect("an answer");
    let told = if reply.body.is_empty() { Value::Null } else { reply.json() };
    (reply.status, told)
}

/// Signs in and gives a client with the access token.
async fn signed_in(server: &Server, email: &str, password: &str, new_password: Option<&str>) -> Http {
    let body = json!({"email": email, "password": password, "new_password": new_password});
    let (status, told) = send(&server.api(), "/api/v1/hub/session", body).await;
    assert_eq!(status, 200, "{told}");
    server.api().with_key(told["access_token"].as_str())
}

/// The first owner, signed in.
pub(crate) async fn owner(server: &Server) -> Http {
    let (email, password) = first_owner(&server.said());
    signed_in(server, &email, &password, Some(PASSWORD)).await
}

async fn key(owner: &Http, name: &str, roles: &[&str]) -> String {
    let (status, made) = send(owner, "/api/v1/hub/keys", json!({"name": name, "roles": roles})).await;
    assert_eq!(status, 201, "{made}");
    made["key"].as_str().expect("a key").to_owned()
}

/// A tenant with an owner of its own, signed in.
async fn tenant(server: &Server, root: &Http, name: &str) -> Http {
    let email = format!("owner@{name}.test");
    let (status, made) = send(root, "/api/v1/hub/tenants", json!({"name": name, "owner": email})).await;
    assert_eq!(status, 201, "{made}");
    let password = made["one_time_password"].as_str().expect("a password");
    signed_in(server, &email, password, Some(PASSWORD)).await
}

async fn rows(api: &Http, sql: &str) -> Value {
    let reply = api.post("/api/v1/sql", &[("content-type", "text/plain")], sql.to_owned()).await.expect("an answer");
    assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
    reply.json()["rows"].clone()
}

fn client(server: &Server, protocol: Protocol, key: Option<&str>) -> Client {
    let url = if protocol == Protocol::Grpc { server.grpc_url() } else { server.http_url() };
    Client::new(protocol, &url, key)
}

#[tokio::test]
async fn the_first_owner_signs_in_makes_a_key_and_an_exporter_writes_with_it() {
    let setup = observatory().closed();
    let server = setup.start().await.expect("a server");
    let (email, one_time) = first_owner(&server.said());
    let body = json!({"email": email, "password": one_time});
    let (status, told) = send(&server.api(), "/api/v1/hub/session", body).await;
    assert_eq!((status, &told["error"]["code"]), (403, &json!("password_change_needed")), "{told}");

    let owner = signed_in(&server, &email, &one_time, Some(PASSWORD)).await;
    let exporter = key(&owner, "collector", &["exporter"]).await;

    for protocol in Protocol::ALL {
        let refused = client(&server, protocol, None).send(&logs("shop", [record("out", vec![])])).await.refused();
        assert_eq!(refused.code, Code::Unauthenticated, "{refused:?}");
        client(&server, protocol, Some(&exporter)).deliver(&logs("shop", [record("in", vec![])])).await;
    }
    assert_eq!(rows(&owner, "select body, count(*) from logs group by 1").await, json!([["in", 2]]));
    let blind = server.api().with_key(Some(&exporter));
    let refused = blind.post("/api/v1/sql", &[("content-type", "text/plain")], "select 1").await.expect("an answer");
    assert_eq!(refused.status, 403, "{}", refused.text());

    server.stop().await;
    let server = setup.start().await.expect("a server");
    assert_eq!(server.said().matches("First sign-in").count(), 1, "it is told once");
    let owner = signed_in(&server, &email, PASSWORD, None).await;
    assert_eq!(rows(&owner, "select count(*) from logs").await, json!([[2]]));
}

#[tokio::test]
async fn two_tenants_see_their_own_telemetry_people_and_keys_and_nothing_of_the_other() {
    let server = observatory().closed().start().await.expect("a server");
    let root = owner(&server).await;
    for (name, count) in [("acme", 3), ("globex", 5)] {
        let owner = tenant(&server, &root, name).await;
        let exporter = key(&owner, &format!("collector of {name}"), &["exporter"]).await;
        let client = client(&server, Protocol::Grpc, Some(&exporter));
        client.deliver(&logs(name, (0..count).map(|_| record(name, vec![])))).await;

        assert_eq!(rows(&owner, "select service_name, count(*) from logs group by 1").await, json!([[name, count]]));
        let people = rows(&owner, "select email from hub.people").await;
        assert_eq!(people, json!([[format!("owner@{name}.test")]]));
        assert_eq!(rows(&owner, "select name from hub.keys").await, json!([[format!("collector of {name}")]]));
        let trail = rows(&owner, "select distinct who_name from hub.audit where action = 'key.made'").await;
        assert_eq!(trail, json!([[format!("owner@{name}.test")]]));
        let elsewhere = format!("select distinct tenant from system.segments where tenant <> '{name}'");
        assert_eq!(rows(&owner, &elsewhere).await, json!([]));
    }
}

#[tokio::test]
async fn what_was_done_is_in_the_trail_and_a_changed_entry_is_found() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let setup = observatory().closed().env("OBSERVATORY_AUDIT__ROOTS_TO", elsewhere.path().display());
    let server = setup.start().await.expect("a server");
    let root = owner(&server).await;
    let acme = tenant(&server, &root, "acme").await;
    key(&acme, "collector", &["exporter"]).await;
    let done = rows(&acme, "select action, who_name, address from hub.audit where action = 'key.made'").await;
    assert_eq!(done, json!([["key.made", "owner@acme.test", "127.0.0.1"]]));
    let whole = setup.run(&["audit", "verify"]).await;
    assert!(whole.status.success() && whole.said.contains("acme: "), "{}", whole.said);
    let exported = std::fs::read_dir(elsewhere.path()).expect("a directory").count();
    assert_eq!(exported, 1, "roots are exported at the start and every hour");
    let roots = setup.run(&["audit", "roots"]).await;
    let known = setup.data().path().join("roots.json");
    std::fs::write(&known, &roots.said).expect("a file of the test");
    server.stop().await;

    let database = rusqlite::Connection::open(setup.data().path().join("records.sqlite")).expect("the records");
    let changed = database.execute(
        "UPDATE entries SET body = replace(body, 'owner@acme.test', 'nobody@acme.test') WHERE tenant = 'acme' AND log = 'hub.audit'",
        [],
    );
    assert!(changed.expect("a table of the records") > 0);
    drop(database);

    let broken = setup.run(&["audit", "verify", "--tenant", "acme"]).await;
    assert!(!broken.status.success() && broken.said.contains("acme: entry 1 was changed"), "{}", broken.said);
    let others = setup.run(&["audit", "verify", "--tenant", "system", "--roots", &known.display().to_string()]).await;
    assert!(others.status.success(), "{}", others.said);
}

#[tokio::test]
async fn whoever_runs_the_machine_lets_an_owner_in_again_and_sees_the_licence() {
    let setup = observatory().closed();
    let server = setup.start().await.expect("a server");
    let (email, _) = first_owner(&server.said());

    let made = setup.run(&["password", &email]).await;
    let licence = setup.run(&["licence", "show"]).await;
    let forged = setup.data().path().join("licence");
    std::fs::write(&forged, "{\"id\": \"mine\"}\nc2lnbmVk\n").expect("a file of the test");
    let refused = setup.run(&["licence", "install", &forged.display().to_string()]).await;

    let password = made.said.split(" signs in once with ").nth(1).and_then(|rest| rest.split(' ').next());
    signed_in(&server, &email, password.unwrap_or_else(|| panic!("{}", made.said)), Some(PASSWORD)).await;
    assert!(licence.status.success() && licence.said.contains("\"none\""), "{}", licence.said);
    assert!(!refused.status.success() && refused.said.contains("the licence was not installed"), "{}", refused.said);
}

/// Two servers of one database and one Redis, as two machines would be.
fn pair(database: &PostgresServer, redis: &RedisServer) -> [Setup; 2] {
    [(); 2].map(|()| {
        observatory()
            .closed()
            .env("DATABASE_URL", database.url())
            .env("REDIS_URL", redis.url())
            .env("ENCRYPTION_KEY", "9b1c6f2f0a4d4b7c8e5d3a2b1c0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a29")
            .env("OBSERVATORY_PRODUCTS__ENABLED", "[example]")
            .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
    })
}

#[tokio::test]
async fn two_servers_that_start_at_once_share_people_keys_and_work() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let redis = RedisServer::start(Remembers::Nothing).await.map_err(Skip::tell)?;
    let [one, other] = pair(&database, &redis);
    let (one, other) = tokio::join!(one.start(), other.start());
    let (one, other) = (one.expect("a server"), other.expect("a server"));
    let told = [one.said(), other.said()].concat();
    assert_eq!(told.matches("First sign-in").count(), 1, "of two that start at once, one makes the owner: {told}");
    let (email, one_time) = first_owner(&told);

    let owner = signed_in(&one, &email, &one_time, Some(PASSWORD)).await;
    let exporter = key(&owner, "collector", &["exporter", "operator"]).await;

    // What one server knows, the other knows within seconds.
    let elsewhere = other.api().with_key(Some(&exporter));
    until("the key counts at the other server", PATIENCE, async || {
        let asked =
            elsewhere.post("/api/v1/sql", &[("content-type", "text/plain")], "select 1").await.expect("an answer");
        (asked.status == 200).then_some(())
    })
    .await;
    client(&other, Protocol::Grpc, Some(&exporter)).deliver(&logs("shop", [record("in", vec![])])).await;
    until("the row shows at the first server", PATIENCE, async || {
        (rows(&owner, "select count(*) from logs").await == json!([[1]])).then_some(())
    })
    .await;
    for server in [&one, &other] {
        let health = server.api().get("/health").await.expect("an answer").json();
        assert_eq!((&health["checks"]["redis"], &health["checks"]["hub"]), (&json!("ok"), &json!("ok")), "{health}");
    }
    Ok(())
}

#[tokio::test]
async fn another_sealing_key_than_the_one_of_the_database_is_told() -> Result<(), ()> {
    let database = PostgresServer::start().await.map_err(Skip::tell)?;
    let setup = observatory().env("DATABASE_URL", database.url());
    setup.start().await.expect("a server").stop().await;

    let ended = observatory().env("DATABASE_URL", database.url()).fail().await;

    assert!(ended.said.contains("is not in ENCRYPTION_KEY"), "{}", ended.said);
    Ok(())
}

#[tokio::test]
async fn a_server_starts_without_its_redis_says_so_and_finds_it_later() -> Result<(), ()> {
    let mut redis = RedisServer::stopped(Remembers::Nothing).map_err(Skip::tell)?;
    let server = observatory().env("REDIS_URL", redis.url()).start().await.expect("a start without Redis");
    let health = async || server.api().get("/health/redis").await.expect("an answer");

    let away = health().await;
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("meanwhile", vec![])])).await;
    redis.run().await;

    assert_eq!(away.status, 503);
    assert!(away.text().contains("does not answer") && !away.text().contains("not-a-secret"), "{}", away.text());
    until("it is found", PATIENCE, async || (health().await.status == 200).then_some(())).await;
    Ok(())
}

#[tokio::test]
async fn a_start_without_the_database_of_the_records_says_what_is_missing() -> Result<(), ()> {
    let mut database = PostgresServer::start().await.map_err(Skip::tell)?;
    database.stop().await;

    let setup = observatory().env("DATABASE_URL", database.url()).env("OBSERVATORY_RECORDS__START_SECONDS_MAX", 1);
    let ended = setup.fail().await;

    assert!(!ended.status.success());
    assert!(ended.said.contains("records cannot be used") && ended.said.contains("not available"), "{}", ended.said);
    assert!(!ended.said.contains("not-a-secret"), "{}", ended.said);
    Ok(())
}

#[tokio::test]
async fn whoever_is_refused_is_counted_on_every_port() {
    const OPERATOR: &str = "operator-0123456789abcdef";
    let setup =
        observatory().closed().env("HUB_API_KEY", OPERATOR).env("OBSERVATORY_OWN_TELEMETRY__METRICS_SECONDS", 1);
    let server = setup.start().await.expect("a server");

    client(&server, Protocol::Grpc, Some("nobody-has-this-key"))
        .send(&logs("shop", [record("out", vec![])]))
        .await
        .refused();
    assert_eq!(server.api().get("/api/v1/hub/me").await.expect("an answer").status, 401);

    let operator = server.api().with_key(Some(OPERATOR));
    for name in ["observatory.ingest.requests.refused", "observatory.hub.requests.refused"] {
        let counted = format!(
            "select max(coalesce(value_int, value)) >= 1 from metrics where name = '{name}' and attributes->>'reason' = 'unauthenticated'"
        );
        until("it is counted", PATIENCE, async || (rows(&operator, &counted).await == json!([[true]])).then_some(()))
            .await;
    }
}
