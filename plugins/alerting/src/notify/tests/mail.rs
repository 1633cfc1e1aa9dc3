//! Mail, to a server of the test's own.

use serde_json::json;
use testkit::Authority;

use super::office::{Office, rule};
use super::smtp::{MailServer, Manner, Setup};
use crate::notify::notification::State;
use crate::rule::Severity;

const LOGIN: (&str, &str, &str) = ("LOGIN", "observatory", "s3cret");
const PLAIN: (&str, &str, &str) = ("PLAIN", "observatory", "s3cret");

/// An office whose mail goes to the server, and an alert that is to be told.
async fn fired(server: &MailServer, tls: &str) -> Office {
    let office = Office::open();
    office.settle(&yaml(&office, server, tls, "s3cret")).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &["email"]), "checkout").await;
    office.pass(2);
    office.round().await;
    office
}

fn yaml(office: &Office, server: &MailServer, tls: &str, password: &str) -> String {
    let (port, password) = (server.address.port(), office.secret(password));
    format!(
        "channels:\n  - name: mail\n    receivers: [ops@example.org]\n    email: {{server: 127.0.0.1, port: {port}, \
         from: Observatory <o@example.org>, user: observatory, password_file: {password}, {tls}}}\n"
    )
}

#[tokio::test]
async fn mail_is_encrypted_and_signed_in_for() {
    let Ok(authority) = Authority::make() else { return };
    let trusted = format!("ca_file: {}", authority.file().display());
    for (is_wrapped, auth) in [(false, PLAIN), (false, LOGIN), (true, PLAIN)] {
        let setup = Setup { tls: Some(authority.certify("mail")), is_wrapped, auth: Some(auth) };
        let server = MailServer::open(setup).await;
        let tls = if is_wrapped { "tls" } else { "starttls" };

        let office = fired(&server, &format!("tls: {tls}, {trusted}")).await;

        let told = office.notification().await;
        assert_eq!((told.state, told.last_error), (State::Sent, None), "{auth:?}");
        let mail = server.mails().remove(0);
        assert_eq!((mail.user.as_deref(), mail.is_encrypted), (Some("observatory"), true));
        assert!(mail.from.contains("<o@example.org>") && mail.to.contains("<ops@example.org>"), "{mail:?}");
        assert!(mail.text.contains("Subject: [critical] Firing: High Error Rate"), "{}", mail.text);
        assert!(mail.text.contains("Auto-Submitted: auto-generated"), "{}", mail.text);
        assert!(mail.text.contains("text/plain") && mail.text.contains("text/html"), "{}", mail.text);
        assert!(mail.text.contains("is &lt;bad&gt; &amp; slow"), "{}", mail.text);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_sent_nothing() {
    let Ok(authority) = Authority::make() else { return };
    let trusted = format!("ca_file: {}", authority.file().display());
    let in_clear = MailServer::open(Setup { auth: Some(PLAIN), ..Setup::default() }).await;
    let another = Authority::make().expect("openssl was there");
    let by_another = another.certify("mail");
    let forged = MailServer::open(Setup { tls: Some(by_another), auth: Some(PLAIN), ..Setup::default() }).await;

    for server in [in_clear, forged] {
        let office = fired(&server, &format!("tls: starttls, {trusted}")).await;

        let told = office.notification().await;
        assert!(told.state != State::Sent && told.last_error.is_some(), "{told:?}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn greylisting_is_waited_for_and_a_mail_that_broke_off_is_repeated() {
    for (manner, is_repeat) in [(Manner::Greylists, false), (Manner::HangsUp, true)] {
        let server = MailServer::open(Setup { auth: Some(PLAIN), ..Setup::default() }).await;
        server.behave([manner]);
        let office = fired(&server, "tls: none").await;
        let waiting = office.notification().await;
        assert_eq!((waiting.state, waiting.repeats), (State::Waiting, u32::from(is_repeat)), "{waiting:?}");

        office.pass(5);
        office.round().await;

        assert_eq!(office.notification().await.state, State::Sent);
        let mail = server.mails().remove(0);
        assert_eq!(mail.text.contains("Subject: (may be a repeat) [critical]"), is_repeat, "{}", mail.text);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again_and_nothing_is_a_repeat() {
    let server = MailServer::open(Setup::default()).await;
    let mut gone = server.clone();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr());
    gone.address = closed.expect("a port");

    let told = fired(&gone, "tls: none").await.notification().await;

    assert_eq!((told.state, told.repeats), (State::Waiting, 0), "{told:?}");
}

#[tokio::test]
async fn a_receiver_that_is_none_and_a_wrong_password_end_it_at_once() {
    let server = MailServer::open(Setup { auth: Some(PLAIN), ..Setup::default() }).await;
    server.behave([Manner::Refuses]);

    let refused = fired(&server, "tls: none").await.notification().await;

    assert_eq!((refused.state, refused.due), (State::Failed, None));
    assert!(refused.last_error.is_some_and(|said| said.contains("no such person")));
    let office = Office::open();
    office.settle(&yaml(&office, &server, "tls: none", "wrong")).await;
    let (_, told) = office.ask("POST", "/channels/mail/test", json!({})).await;
    assert_eq!(told["is_sent"], false);
    assert!(told["answer"].as_str().is_some_and(|said| said.contains("535")), "{told}");
    assert!(server.mails().is_empty());
}
