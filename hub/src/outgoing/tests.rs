use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect};
use axum::routing::any;
use http::StatusCode;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use super::*;

/// Settings with which this machine may be called.
fn loopback() -> Config {
    Config { allow_networks: vec!["127.0.0.1/32".parse().expect("a network")], ..Config::default() }
}

/// A server on this address of loopback that answers as told; it ends with the test.
async fn serve(address: &str, answer: Router) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, answer).await });
    address
}

async fn get(outgoing: &Outgoing, url: &str) -> Result<http::Response<Bytes>, OutgoingError> {
    outgoing.send(http::Request::get(url).body(Bytes::new()).expect("a request")).await
}

fn rule(answer: Result<http::Response<Bytes>, OutgoingError>) -> Rule {
    match answer {
        Err(OutgoingError::Refused { rule, .. }) => rule,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_in_every_spelling() {
    let outgoing = Outgoing::new(&Config::default()).expect("a client");
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://10.0.0.1:8080/",
        "http://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[fd00:ec2::254]/",
        "http://localhost/",
    ] {
        let refusal = get(&outgoing, url).await.expect_err(url);

        assert!(matches!(refusal, OutgoingError::Refused { rule: Rule::Address { .. }, .. }), "{url}: {refusal:?}");
        assert!(refusal.to_string().contains("outgoing.allow_networks"), "{refusal}");
        assert!(!refusal.is_temporary());
    }
    assert_eq!(rule(get(&outgoing, "ftp://example.org/").await), Rule::Scheme);
}

#[tokio::test]
async fn what_is_allowed_is_called() {
    let there = serve("127.0.0.1", Router::new().route("/", any(|| async { "hello" }))).await;
    let by_host = Config { allow_hosts: vec!["LocalHost".to_owned()], ..Config::default() };
    for (config, host) in [(loopback(), "127.0.0.1"), (loopback(), "localhost"), (by_host, "localhost")] {
        let outgoing = Outgoing::new(&config).expect("a client");

        let answer = get(&outgoing, &format!("http://{host}:{}/", there.port())).await.expect("an answer");

        assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::OK, &b"hello"[..]));
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_a_moment_later_gains_nothing() {
    let good = serve("127.0.0.1", Router::new().route("/", any(|| async { "good" }))).await;
    let answers = [vec!["127.0.0.2", "127.0.0.1"], vec!["127.0.0.2"]];
    let answers: Mutex<VecDeque<Vec<IpAddr>>> = Mutex::new(
        answers.map(|found| found.iter().map(|address| address.parse().expect("an address")).collect()).into(),
    );
    let lookup: Lookup = Arc::new(move |_| {
        let found = answers.lock().pop_front().expect("asked once for each connection");
        Box::pin(async move { Ok(found) })
    });
    let outgoing = Outgoing::with_lookup(&loopback(), lookup).expect("a client");
    let url = format!("http://rebound.example:{}/", good.port());

    let first = get(&outgoing, &url).await.expect("an answer");
    let pooled = get(&outgoing, &url).await.expect("over the same connection");
    let third = rule(get(&outgoing, "http://rebound.example:1/").await);

    assert_eq!((first.body().as_ref(), pooled.body().as_ref()), (&b"good"[..], &b"good"[..]));
    assert_eq!(third, Rule::Address { address: "127.0.0.2".parse().expect("an address"), range: Range::Loopback });
}

#[tokio::test]
async fn addresses_for_other_protocols_are_checked_alike() {
    let lookup: Lookup = Arc::new(|host| {
        let found = if host == "mixed.example" { vec!["10.0.0.1", "127.0.0.1"] } else { vec!["10.0.0.1"] };
        let found = found.iter().map(|address| address.parse().expect("an address")).collect();
        Box::pin(async move { Ok(found) })
    });
    let outgoing = Outgoing::with_lookup(&loopback(), lookup).expect("a client");

    let mixed = outgoing.addresses("mixed.example").await.expect("one of them");
    let literal = outgoing.addresses("127.0.0.1").await.expect("itself");

    assert_eq!((mixed.len(), mixed), (1, literal));
    for refused in ["private.example", "169.254.169.254", "::1"] {
        let refusal = outgoing.addresses(refused).await.expect_err(refused);
        assert!(matches!(refusal, OutgoingError::Refused { rule: Rule::Address { .. }, .. }), "{refusal:?}");
    }
}

#[tokio::test]
async fn redirects_are_checked_and_end() {
    let routes = Router::new()
        .route("/", any(|| async { "home" }))
        .route("/once", any(|| async { Redirect::temporary("/") }))
        .route("/round", any(|| async { Redirect::temporary("/round") }))
        .route("/metadata", any(|| async { Redirect::temporary("http://169.254.169.254/") }))
        .route("/file", any(|| async { Redirect::temporary("file:///etc/passwd") }));
    let base = format!("http://{}", serve("127.0.0.1", routes).await);
    let outgoing = Outgoing::new(&loopback()).expect("a client");

    assert_eq!(get(&outgoing, &format!("{base}/once")).await.expect("an answer").body().as_ref(), b"home");
    assert_eq!(rule(get(&outgoing, &format!("{base}/round")).await), Rule::Redirects(3));
    let metadata = Rule::Address { address: "169.254.169.254".parse().expect("an address"), range: Range::Metadata };
    assert_eq!(rule(get(&outgoing, &format!("{base}/metadata")).await), metadata);
    assert_eq!(rule(get(&outgoing, &format!("{base}/file")).await), Rule::Scheme);

    let post = http::Request::post(format!("{base}/once")).body(Bytes::from_static(b"secret")).expect("a request");
    let answer = outgoing.send(post).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT, "a body goes to the one it was written to");
}

#[tokio::test]
async fn a_token_is_not_carried_to_another_host() {
    let told = |request: Request| async move { format!("{:?}", request.headers().get(AUTHORIZATION)) };
    let other = serve("127.0.0.1", Router::new().route("/", any(told))).await;
    let elsewhere = format!("http://localhost:{}/", other.port());
    let routes = Router::new().route("/", any(move || async move { Redirect::temporary(&elsewhere) }));
    let first = serve("127.0.0.1", routes).await;
    let outgoing = Outgoing::new(&loopback()).expect("a client");

    let request = http::Request::get(format!("http://{first}/")).header(AUTHORIZATION, "Bearer secret");
    let answer = outgoing.send(request.body(Bytes::new()).expect("a request")).await.expect("an answer");

    assert_eq!(answer.body().as_ref(), b"None");
}

#[tokio::test]
async fn sizes_time_and_places_are_bounded() {
    let endless = || async {
        let chunks = futures::stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[0; 1024])));
        Body::from_stream(chunks).into_response()
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let never = move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<&str>().await
    };
    let base = format!(
        "http://{}",
        serve("127.0.0.1", Router::new().route("/endless", any(endless)).route("/never", any(never))).await
    );
    let limits = Config { calls_max: 1, seconds_max: 1, request_bytes_max: 3, answer_bytes_max: 10_000, ..loopback() };
    let outgoing = Outgoing::new(&limits).expect("a client");

    let large = get(&outgoing, &format!("{base}/endless")).await.expect_err("an endless answer");
    assert!(matches!(large, OutgoingError::AnswerTooLarge { limit: 10_000, .. }), "{large:?}");

    let long = http::Request::post(&base).body(Bytes::from_static(b"four")).expect("a request");
    let long = outgoing.send(long).await.expect_err("a long request");
    assert!(matches!(long, OutgoingError::RequestTooLarge { bytes: 4, limit: 3, .. }), "{long:?}");

    let url = format!("{base}/never");
    let only_place = outgoing.places.acquire().await.expect("a place");
    let crowded = get(&outgoing, &url).await.expect_err("no place");
    drop(only_place);
    let slow = get(&outgoing, &url).await.expect_err("no answer");
    assert!(matches!(crowded, OutgoingError::Busy { calls_max: 1, .. }), "{crowded:?}");
    assert!(matches!(slow, OutgoingError::TooSlow { seconds: 1, .. }), "{slow:?}");
    assert!(crowded.is_temporary() && slow.is_temporary());
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn who_cannot_be_reached_is_told_apart() {
    let outgoing = Outgoing::new(&loopback()).expect("a client");
    let closed = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("a port");

    for url in [format!("http://{closed}/"), format!("https://{closed}/"), "http://nowhere.invalid/".to_owned()] {
        let error = get(&outgoing, &url).await.expect_err("nobody is there");
        assert!(matches!(error, OutgoingError::Unreachable { .. }) && error.is_temporary(), "{url}: {error:?}");
    }
}
