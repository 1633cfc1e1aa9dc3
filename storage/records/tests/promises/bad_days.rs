//! What happens when the database is away, wrong, or wanted by two at once.

use std::time::{Duration, Instant};

use model::Tenant;
use records::{Config, Document, Error, Expected, RecordId, Records, Url};
use serde::{Deserialize, Serialize};
use testkit::PostgresServer;
use tokio::time::sleep;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Document for Note {
    const COLLECTION: &'static str = "test.notes";
}

async fn put(records: &Records, id: &str) -> Result<(), Error> {
    let (acme, id) = (Tenant::new("acme").expect("a tenant"), RecordId::new(id).expect("an id"));
    records.collection().put(&acme, &id, &Note { text: "there".to_owned() }, Expected::Absent).await.map(drop)
}

async fn is_there(records: &Records, id: &str) -> bool {
    let (acme, id) = (Tenant::new("acme").expect("a tenant"), RecordId::new(id).expect("an id"));
    records.collection::<Note>().get(&acme, &id).await.expect("an answer").is_some()
}

fn config(url: String) -> Config {
    Config { url: Some(Url::new(url)), start_seconds_max: 0, connect_seconds_max: 60, ..Config::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_missed_and_found_again() {
    let mut server = match PostgresServer::start().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let config = config(server.url());
    let records = Records::open(&config).await.expect("a database");
    put(&records, "before").await.expect("it is put");

    server.stop().await;
    let away = put(&records, "away").await;
    let at_start = Records::open(&config).await;
    let transaction = records.transaction(|tx| async move { tx.publish(&Tenant::system(), "test", &1).await }).await;
    let patient = Config { start_seconds_max: 120, ..config };
    let waiting = tokio::spawn(async move { Records::open(&patient).await });
    server.run().await;

    assert!(matches!(away, Err(Error::Unavailable { .. })), "{away:?}");
    assert!(matches!(at_start, Err(Error::Unavailable { .. })), "{at_start:?}");
    assert!(matches!(transaction, Err(Error::Unavailable { .. })), "{transaction:?}");
    waiting.await.expect("no panic").expect("who waits at the start comes up with the server");
    put(&records, "after").await.expect("connections are made again");
    assert!(is_there(&records, "before").await && !is_there(&records, "away").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_in_no_error() {
    let server = match PostgresServer::start().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let wrong_role = server.url_of("postgres", "opensesame");
    let nobody = "postgres://postgres:opensesame@127.0.0.1:1/db".to_owned();
    let unreadable = "postgres://postgres:opensesame@localhost:port/db?connect_timeout=opensesame".to_owned();

    for (url, is_expected) in [
        (wrong_role, (|error| matches!(error, Error::Refused { .. })) as fn(&Error) -> bool),
        (nobody, |error| matches!(error, Error::Unavailable { .. })),
        (unreadable, |error| matches!(error, Error::Invalid(_))),
    ] {
        let config = config(url);
        let error = Records::open(&config).await.expect_err("it cannot be opened");
        assert!(is_expected(&error), "{error:?}");
        assert!(!format!("{error} {error:?} {config:?}").contains("opensesame"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_at_once_on_an_empty_database_shares_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut configs = vec![Config { path: folder.path().join("records.sqlite"), ..Config::default() }];
    let server = PostgresServer::start().await.map_err(|skip| skip.tell());
    configs.extend(server.as_ref().ok().map(|server| config(server.url())));

    for config in configs {
        let open = || {
            let config = config.clone();
            tokio::spawn(async move { Records::open(&config).await })
        };
        let opening: Vec<_> = (0..6).map(|_| open()).collect();

        let mut opened = Vec::new();
        for records in opening {
            opened.push(records.await.expect("no panic").expect("it is opened"));
        }

        for (number, records) in opened.iter().enumerate() {
            put(records, &number.to_string()).await.expect("it is put");
        }
        for number in 0..opened.len() {
            assert!(is_there(&opened[0], &number.to_string()).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text");
    std::fs::write(&text, "a text that is longer than the head of a database file. ".repeat(20)).expect("written");

    for path in [text, folder.path().join("missing/records.sqlite"), folder.path().to_owned()] {
        let refused = Records::sqlite(&path).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{path:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_hangs_ends_and_lets_others_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut configs = vec![Config { path: folder.path().join("records.sqlite"), ..Config::default() }];
    let server = PostgresServer::start().await.map_err(|skip| skip.tell());
    configs.extend(server.as_ref().ok().map(|server| config(server.url())));

    for config in configs {
        let records = Records::open(&config).await.expect("a database");
        put(&records, "first").await.expect("it is put");
        let hanging = Config { transaction_seconds_max: 1, ..config };
        let hanging = Records::open(&hanging).await.expect("the same database");
        let begun = Instant::now();
        let hanging = tokio::spawn(async move {
            hanging
                .transaction(|tx| async move {
                    let (acme, id) = (Tenant::system(), RecordId::unique());
                    tx.collection().put(&acme, &id, &Note { text: String::new() }, Expected::Absent).await?;
                    sleep(Duration::from_secs(600)).await;
                    Ok::<_, Error>(())
                })
                .await
        });

        let ended = hanging.await.expect("no panic");

        assert!(matches!(ended, Err(Error::Busy(_))), "{ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(60));
        put(&records, "second").await.expect("others can write");
    }
}
