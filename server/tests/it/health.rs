//! What the server says of its health, to everybody and on every port.

use serde_json::json;
use testkit::{Http, PostgresServer, Reply, Skip, until};

use crate::observatory;

#[tokio::test]
async fn on_the_embedded_default_every_check_is_ok_and_says_what_it_is_of() {
    let server = observatory().start().await.expect("a server");

    let told = server.api().get("/health").await.expect("an answer");

    let body = told.json();
    assert_eq!((told.status, &body["status"]), (200, &json!("healthy")), "{body}");
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    let expected = json!({
        "data_plane": "ok", "memory": "ok", "database": "ok", "records": "ok", "hub": "ok", "redis": "ok", "products": "ok",
    });
    assert_eq!(body["checks"], expected);
    assert_eq!(body["details"]["data_plane"]["requests_waiting_for_the_store"], 0);
    assert!(body["timestamp"].as_str().is_some_and(|time| time.len() == 20 && time.ends_with('Z')), "{body}");
    for (path, check, of) in
        [("/health/db", "database", "Parquet files in"), ("/health/redis", "redis", "in this process")]
    {
        let told = server.api().get(path).await.expect("an answer");
        let body = told.json();
        assert_eq!((told.status, &body["checks"]), (200, &json!({check: "ok"})), "{path}: {body}");
        assert!(body["details"][check]["embedded"].as_str().is_some_and(|place| place.contains(of)), "{body}");
    }
    assert_eq!(server.api().get("/health/nothing").await.expect("an answer").status, 404);
}

#[tokio::test]
async fn the_ports_of_otlp_tell_it_too() {
    let server = observatory().start().await.expect("a server");

    for url in [server.grpc_url(), server.http_url()] {
        for path in ["/health/live", "/health/ready"] {
            assert_eq!(Http::new(&url).get(path).await.expect("an answer").status, 200, "{url}{path}");
        }
    }
}

#[tokio::test]
async fn a_lake_that_is_gone_is_unhealthy_by_name() {
    let server = observatory().start().await.expect("a server");

    std::fs::rename(server.data_path().join("lake"), server.data_path().join("elsewhere")).expect("a directory");

    // An answer counts for a moment.
    let told = until("it shows", std::time::Duration::from_secs(10), async || {
        server.api().get("/health").await.ok().filter(|told| told.status == 503)
    });
    let body = told.await.json();
    assert_eq!((&body["status"], &body["checks"]["data_plane"]), (&json!("unhealthy"), &json!("ok")), "{body}");
    assert!(body["checks"]["database"].as_str().is_some_and(|reason| reason.contains("/lake")), "{body}");
}

#[tokio::test]
async fn a_database_that_is_away_is_named_and_requests_are_still_taken() -> Result<(), ()> {
    let mut database = PostgresServer::start().await.map_err(Skip::tell)?;
    let server = observatory().env("DATABASE_URL", database.url()).start().await.expect("a server");
    assert_eq!(server.api().get("/health").await.expect("an answer").status, 200);

    database.stop().await;

    let told = until("it shows", std::time::Duration::from_secs(10), async || {
        // Each answer counts for a moment, and theirs do not end at once.
        let away = |told: &Reply| ["database", "records"].iter().all(|name| told.json()["checks"][name] != "ok");
        server.api().get("/health").await.ok().filter(away)
    });
    let body = told.await.json();
    assert_eq!(body["checks"]["data_plane"], "ok");
    assert!(body["checks"]["records"].as_str().is_some_and(|reason| reason.contains("not available")), "{body}");
    assert!(body["checks"]["database"].as_str().is_some_and(|reason| reason.contains("unavailable")), "{body}");
    assert!(!body.to_string().contains("not-a-secret"), "{body}");
    assert_eq!(server.api().get("/health/db").await.expect("an answer").status, 503);
    assert_eq!(server.api().get("/health/ready").await.expect("an answer").status, 200);
    Ok(())
}
