//! With a certificate, every port speaks TLS and nothing else; the certificate changes while connections stay open.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use testkit::{Authority, Certificate, Client, Http, Outcome, Protocol, Setup, Skip, logs, record, until};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::{observatory, program};

const PATIENCE: Duration = Duration::from_secs(30);
const OPERATOR: &str = "operator-0123456789abcdef";

/// A server with a certificate of an authority that its clients trust.
fn encrypted() -> Result<(Setup, Arc<Authority>, Certificate), ()> {
    let authority = Arc::new(Authority::make().map_err(Skip::tell)?);
    let certificate = authority.certify("first");
    let setup = observatory().yaml(certificate.yaml()).env("HUB_API_KEY", OPERATOR).authority(Arc::clone(&authority));
    Ok((setup, authority, certificate))
}

#[tokio::test]
async fn every_port_is_encrypted_and_takes_no_clear_text() -> Result<(), ()> {
    let (setup, ..) = encrypted()?;
    let server = setup.start().await.expect("a server");

    for protocol in Protocol::ALL {
        server.client(protocol).deliver(&logs("shop", [record("secret", vec![])])).await;
    }

    assert_eq!(server.sql("select count(*) from logs where service_name = 'shop'").await.number(), 2);
    assert!(server.said().contains("API            https://"), "{}", server.said());
    for url in [server.api_url(), server.http_url(), server.grpc_url()] {
        let clear = Http::new(&url.replace("https://", "http://")).get("/health").await;
        assert!(clear.is_err(), "{url}: {clear:?}");
    }
    for (protocol, url) in [(Protocol::Grpc, server.grpc_url()), (Protocol::Http, server.http_url())] {
        let client = Client::new(protocol, &url.replace("https://", "http://"), None);
        let outcome = client.send(&logs("shop", [record("open", vec![])])).await;
        assert!(matches!(outcome, Outcome::Lost(_)) || !outcome.is_acknowledged(), "{outcome:?}");
    }
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn our_own_client_takes_only_a_certificate_it_can_trust() -> Result<(), ()> {
    let (setup, authority, _) = encrypted()?;
    let server = setup.start().await.expect("a server");
    let (url, trusted) = (server.api_url(), authority.file().display().to_string());

    let ask = |arguments: &[&str]| {
        let output = Command::new(program()).args([&["sql", "--url", &url], arguments].concat()).output();
        let output = output.expect("the program can be started");
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (answered, answer) = ask(&["--ca-file", &trusted, "select 41 + 1 as answer"]);
    let (believed, refusal) = ask(&["select 41 + 1"]);
    let healthy = Command::new(program()).args(["health", "--url", &url, "--ca-file", &trusted]).status();

    assert!(answered && answer.contains("42"), "{answer}");
    assert!(healthy.is_ok_and(|status| status.success()), "{url}");
    assert!(!believed && refusal.contains("UnknownIssuer"), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_shown_after_a_reload_and_open_connections_go_on() -> Result<(), ()> {
    let (setup, authority, first) = encrypted()?;
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    client.deliver(&logs("shop", [record("before", vec![])])).await;
    assert_eq!(authority.shown_by(server.api_address()).await.expect("a handshake"), first.der());

    let second = authority.certify("second");
    second.replace(&first);
    server.hang_up();

    until("the new certificate is shown", PATIENCE, async || {
        (authority.shown_by(server.api_address()).await.expect("a handshake") == second.der()).then_some(())
    })
    .await;
    client.deliver(&logs("shop", [record("after", vec![])])).await;
    assert!(server.said().contains("server.tls"), "{}", server.said());
    assert_eq!(server.sql("select count(*) from logs where service_name = 'shop'").await.number(), 2);
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_changes_nothing() -> Result<(), ()> {
    let (setup, authority, first) = encrypted()?;
    let server = setup.start().await.expect("a server");
    let der = first.der();
    std::fs::copy(authority.certify("other").key, &first.key).expect("files of the test");

    let refused = server.api().post("/api/v1/system/reload", &[("x-api-key", OPERATOR)], "").await;

    let refused = refused.expect("an answer");
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("the key is not that of the certificate"), "{}", refused.text());
    assert_eq!(authority.shown_by(server.api_address()).await.expect("a handshake"), der);
    Ok(())
}

#[tokio::test]
async fn a_start_without_the_files_says_which_setting_names_them() -> Result<(), ()> {
    let authority = Authority::make().map_err(Skip::tell)?;
    let (one, other) = (authority.certify("one"), authority.certify("other"));
    let key = other.key.clone();
    let crossed = Certificate { key, ..one.clone() };
    let missing = Certificate { certificate: "/nowhere/certificate.pem".into(), ..one };

    for (certificate, word) in [(crossed, "server.tls"), (missing, "server.tls.certificate: /nowhere/certificate.pem")]
    {
        let ended = observatory().yaml(certificate.yaml()).fail().await;

        assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
        assert!(ended.said.contains(word) && ended.said.lines().count() == 1, "{}", ended.said);
    }
    Ok(())
}

#[tokio::test]
async fn who_does_not_begin_a_handshake_is_cut_off() -> Result<(), ()> {
    let (setup, ..) = encrypted()?;
    let server = setup.start().await.expect("a server");

    let mut silent = TcpStream::connect(server.api_address()).await.expect("a connection");
    let ended = tokio::time::timeout(PATIENCE, silent.read(&mut [0; 16])).await.expect("it is cut off");

    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!(server.is_ready().await, "others are served");
    Ok(())
}
