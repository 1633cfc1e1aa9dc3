//! `observatory doctor` measures, names what is wrong, and says what to do.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use testkit::{PostgresServer, RedisServer, Remembers, S3Server, Setup, Skip};

use crate::{external_folder, faketime, observatory};

/// What the doctor found, and how it ended.
struct Found {
    checks: Vec<Value>,
    code: Option<i32>,
    said: String,
}

impl Found {
    /// Runs it with ports of the system's choice, or these.
    async fn by(setup: &Setup, ports: &[&str]) -> Self {
        let free = ["--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"];
        let ports = if ports.is_empty() { &free } else { ports };
        let ended = setup.run(&[&["doctor", "--format", "json"], ports].concat()).await;
        let json = serde_json::Deserializer::from_str(&ended.said).into_iter::<Value>().next();
        let json = json.and_then(Result::ok).unwrap_or_else(|| panic!("JSON, not {}", ended.said));
        let checks = json["checks"].as_array().expect("a list").clone();
        Self { checks, code: ended.status.code(), said: ended.said }
    }

    /// The verdict of a check, and its fact and advice as one text.
    fn of(&self, check: &str) -> (&str, String) {
        let found = self.checks.iter().find(|found| found["check"] == check);
        let found = found.unwrap_or_else(|| panic!("{check} is not in {}", self.said));
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        (text("verdict"), format!("{} -> {}", text("fact"), text("next")))
    }

    fn names(&self, check: &str) -> bool {
        self.checks.iter().any(|found| found["check"] == check)
    }
}

#[tokio::test]
async fn before_the_first_start_everything_is_measured_and_nothing_is_left() {
    let setup = observatory();

    let found = Found::by(&setup, &[]).await;

    for check in ["configuration", "data_dir", "clock", "listen", "otlp_grpc", "otlp_http"] {
        assert_eq!(found.of(check).0, "ok", "{}", found.said);
    }
    let (_, latency) = found.of("disk_latency");
    assert!(latency.contains("fsync takes") && latency.contains(" ms"), "{latency}");
    assert!(found.of("disk_space").1.contains("are free ("), "{}", found.said);
    assert!(found.of("memory").1.contains("settings allow"), "{}", found.said);
    assert!(found.of("open_files").1.contains("a process may open"), "{}", found.said);
    assert!(!["database", "redis", "lake"].iter().any(|check| found.names(check)), "{}", found.said);
    let failed = found.checks.iter().any(|found| found["verdict"] == "fail");
    assert_eq!(found.code, Some(i32::from(failed)), "{}", found.said);
    assert!(!setup.data().path().exists(), "the data directory is not made");
    let beside = setup.data().path();
    let beside = fs::read_dir(beside.parent().expect("a folder")).expect("a folder").flatten().count();
    assert_eq!(beside, 0, "what was measured with is removed");
}

#[tokio::test]
async fn in_words_each_line_has_a_verdict_and_what_is_wrong_a_next_step() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();

    let ended = observatory().run(&["doctor", "--listen", &address]).await;

    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    let mut lines = ended.said.lines();
    let line = lines.find(|line| line.contains(&address)).expect("the port's line");
    assert!(line.starts_with("FAIL  listen") && line.contains("something else than Observatory"), "{line}");
    assert!(lines.next().is_some_and(|next| next.contains("-> ") && next.contains("--listen")), "{}", ended.said);
    assert!(ended.said.contains("checks failed"), "{}", ended.said);
}

#[tokio::test]
async fn beside_a_running_server_its_ports_are_its_own() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");
    let [api, grpc, http] = [server.api_url(), server.grpc_url(), server.http_url()]
        .map(|url| url.trim_start_matches("http://").to_owned());

    let found = Found::by(&setup, &["--listen", &api, "--otlp-grpc", &grpc, "--otlp-http", &http]).await;

    for check in ["listen", "otlp_grpc", "otlp_http"] {
        let (verdict, text) = found.of(check);
        assert!(verdict == "ok" && text.contains("a running Observatory"), "{check}: {text}");
    }
    assert!(server.is_ready().await);
    server.stop().await;
}

#[tokio::test]
async fn wrong_settings_are_the_finding() {
    let found = Found::by(&observatory().yaml("plane: {segment_byte: 1}"), &[]).await;

    let (verdict, text) = found.of("configuration");
    assert!(verdict == "fail" && text.contains("plane.segment_byte"), "{text}");
    assert_eq!(found.code, Some(1));
}

#[tokio::test]
async fn a_data_directory_that_is_open_or_half_restored_is_told() {
    let setup = observatory();
    let data = setup.data().path();
    fs::create_dir(&data).expect("a directory");
    fs::set_permissions(&data, Permissions::from_mode(0o777)).expect("it is ours");
    let found = Found::by(&setup, &[]).await;
    let (verdict, text) = found.of("data_dir");
    assert!(verdict == "warn" && text.contains("mode 0777") && text.contains("chmod o-rwx"), "{text}");

    fs::set_permissions(&data, Permissions::from_mode(0o750)).expect("it is ours");
    assert_eq!(Found::by(&setup, &[]).await.of("data_dir").0, "ok");

    fs::write(data.join("RESTORING"), "").expect("a file");
    let found = Found::by(&setup, &[]).await;
    let (verdict, text) = found.of("data_dir");
    assert!(verdict == "fail" && text.contains("restore again"), "{text}");
    assert_eq!(found.code, Some(1));
}

#[tokio::test]
async fn a_file_from_the_future_says_that_the_clock_went_back() {
    let setup = observatory();
    fs::create_dir_all(setup.data().path().join("wal")).expect("a directory");
    let file = fs::File::create(setup.data().path().join("wal/segment")).expect("a file");
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(86_400);
    file.set_modified(tomorrow).expect("a time");

    let found = Found::by(&setup, &[]).await;

    let (verdict, text) = found.of("clock");
    assert!(verdict == "warn" && text.contains("wal/segment") && text.contains("NTP"), "{text}");
}

#[tokio::test]
async fn secrets_that_everybody_can_read_are_told_by_file() {
    let setup = observatory().yaml("tenants: [{name: acme, api_keys: [0123456789abcdef]}]");
    let file = setup.data().configuration();
    fs::write(&file, "").expect("a file");
    for (mode, expected) in [(0o644, "warn"), (0o640, "ok")] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("it is ours");

        let found = Found::by(&setup, &[]).await;

        let (verdict, text) = found.of("permissions");
        assert_eq!(verdict, expected, "{text}");
        assert_eq!(text.contains("config.yaml (mode 0644)"), mode == 0o644, "{text}");
        assert!(!found.said.contains("0123456789abcdef"), "{}", found.said);
    }
}

#[tokio::test]
async fn memory_that_is_not_there_is_told_before_it_is_missed() {
    let setup = observatory().env("OBSERVATORY_PLANE__MEMORY_BYTES_MAX", 1_u64 << 50);

    let found = Found::by(&setup, &[]).await;

    let (verdict, text) = found.of("memory");
    assert!(verdict == "fail" && text.contains("1024.0 TiB") && text.contains("plane.memory_bytes_max"), "{text}");
}

#[tokio::test]
async fn a_database_is_examined_and_nothing_is_made_in_it() -> Result<(), ()> {
    let mut database = PostgresServer::start().await.map_err(Skip::tell)?;
    database.psql("create role guest login password 'not-a-secret'");
    let with = |url: String| observatory().env("DATABASE_URL", url);

    let owner = Found::by(&with(database.url()), &[]).await;
    let guest = Found::by(&with(database.url_of("guest", "not-a-secret")), &[]).await;
    let stranger = Found::by(&with(database.url_of("guest", "wrong")), &[]).await;
    database.psql("create schema observatory authorization guest; create table observatory.logs (); alter table observatory.logs owner to postgres");
    let of_other = Found::by(&with(database.url_of("guest", "not-a-secret")), &[]).await;
    database.psql("drop schema observatory cascade; create schema observatory authorization guest");
    let of_guest = Found::by(&with(database.url_of("guest", "not-a-secret")), &[]).await;
    let made = database.psql(
        "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'observatory'",
    );
    database.stop().await;
    let nobody = Found::by(&with(database.url()), &[]).await;

    for found in [&owner, &of_guest] {
        let (verdict, text) = found.of("database");
        assert!(verdict == "ok" && text.contains("without TimescaleDB") && text.contains(" ms"), "{text}");
        assert_eq!(found.of("database_clock").0, "ok", "{}", found.said);
    }
    for (found, advice) in [
        (&guest, "GRANT CREATE ON DATABASE postgres TO guest"),
        (&stranger, "check role and password"),
        (&of_other, "the role guest does not own the tables"),
        (&nobody, "is the database up"),
    ] {
        let (verdict, text) = found.of("database");
        assert!(verdict == "fail" && text.contains(advice), "{advice}: {text}");
        assert!(found.code == Some(1) && !found.said.contains("not-a-secret"), "{}", found.said);
    }
    assert_eq!(made, "0", "the doctor makes nothing");
    Ok(())
}

#[tokio::test]
async fn redis_is_asked_for_an_answer_its_version_and_its_clock() -> Result<(), ()> {
    let mut redis = RedisServer::start(Remembers::Nothing).await.map_err(Skip::tell)?;
    let with = |url: String| observatory().env("REDIS_URL", url);

    let found = Found::by(&with(redis.url()), &[]).await;
    let refused = Found::by(&with(redis.url().replace("not-a-secret", "hunter2")), &[]).await;
    // Its clock is right, ours is not: from here it looks the other way round.
    let late = with(redis.url()).env("LD_PRELOAD", faketime().map_err(Skip::tell)?).env("FAKETIME", "+1d");
    let late = Found::by(&late.env("FAKETIME_DONT_FAKE_MONOTONIC", 1), &[]).await;
    redis.stop().await;
    let gone = Found::by(&with(redis.url()), &[]).await;

    let (verdict, text) = found.of("redis");
    assert!(verdict == "ok" && text.contains("Redis ") && text.contains(" ms"), "{text}");
    assert_eq!(found.of("redis_clock").0, "ok", "{}", found.said);
    let (verdict, text) = refused.of("redis");
    assert!(verdict == "fail" && text.contains("check user and password"), "{text}");
    let (verdict, text) = gone.of("redis");
    assert!(verdict == "fail" && text.contains("is it running"), "{text}");
    let (verdict, text) = late.of("redis_clock");
    assert!(verdict == "warn" && text.contains("behind ours"), "{text}");
    for found in [&found, &refused, &gone, &late] {
        assert!(!found.said.contains("not-a-secret") && !found.said.contains("hunter2"), "{}", found.said);
    }
    Ok(())
}

#[tokio::test]
async fn a_bucket_must_take_an_object_once_and_not_twice() {
    let s3 = match S3Server::start(&external_folder()).await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let with = |url: String| {
        let setup = observatory().env("OBSERVATORY_STORAGE__LAKE_URL", url);
        s3.environment().into_iter().fold(setup, |setup, (name, value)| setup.env(name, value))
    };

    let found = Found::by(&with(format!("{}/lake", s3.bucket_url())), &[]).await;
    let missing = Found::by(&with("s3://not-there/lake".to_owned()), &[]).await;

    let (verdict, text) = found.of("lake");
    assert!(verdict == "ok" && text.contains("each only once"), "{text}");
    let (verdict, text) = missing.of("lake");
    assert!(verdict == "fail" && text.contains("check bucket"), "{text}");
}
