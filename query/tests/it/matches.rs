//! Words in texts, over live and stored rows alike.

use model::Signal;
use query::Statement;
use serde_json::json;

use crate::support::{Fixture, acme, text};

const BODIES: [&str; 4] =
    ["connection refused by upstream", "Upstream: CONNECTION closed", "timeout after 30 s", "连接失败"];

async fn logs(stored: bool) -> Fixture {
    let fixture = Fixture::new().await;
    let rows = BODIES.map(|body| json!({"body": body}));
    fixture.append(&acme(), Signal::Logs, &rows).await;
    fixture.append(&acme(), Signal::Logs, &[json!({"severity_number": 1})]).await;
    if stored {
        fixture.flush().await;
    }
    fixture
}

async fn check(fixture: &Fixture, condition: &str, expected: &[usize]) {
    let rows = fixture.rows(&format!("SELECT body FROM logs WHERE {condition} ORDER BY body")).await;
    let mut expected: Vec<&str> = expected.iter().map(|number| BODIES[*number]).collect();
    expected.sort_unstable();
    assert_eq!(rows, expected.join("\n"), "{condition}");
}

#[tokio::test]
async fn words_are_found_in_live_and_in_stored_rows() {
    for stored in [false, true] {
        let fixture = logs(stored).await;

        check(&fixture, "matches(body, 'upstream connection')", &[0, 1]).await;
        check(&fixture, "matches(body, 'upstream connection -closed')", &[0]).await;
        check(&fixture, "matches(body, '\"connection refused\" OR timeout')", &[0, 2]).await;
        check(&fixture, "matches(body, '失败')", &[3]).await;
        check(&fixture, "not matches(body, 'upstream')", &[2, 3]).await;
        check(&fixture, "matches(body, 'stream')", &[]).await;
        check(&fixture, "matches(body, NULL)", &[]).await;
    }
}

#[tokio::test]
async fn lines_of_a_template_are_found_in_live_and_in_stored_rows() {
    for stored in [false, true] {
        let fixture = logs(stored).await;

        check(&fixture, "has_template(body, 'timeout after <*>')", &[2]).await;
        check(&fixture, "has_template(body, 'connection <*> by upstream')", &[0]).await;
        check(&fixture, "not has_template(body, 'timeout after <*>')", &[0, 1, 3]).await;
        check(&fixture, "has_template(body, NULL)", &[]).await;
    }
}

#[tokio::test]
async fn words_can_be_parameters() {
    let fixture = logs(true).await;

    let statement =
        Statement { params: vec![json!("timeout")], ..Statement::new("SELECT body FROM logs WHERE matches(body, $1)") };
    let rows = fixture.ask(&acme(), statement).await.expect("rows");

    assert_eq!(text(&rows), BODIES[2]);
}

#[tokio::test]
async fn what_is_no_question_is_refused_with_advice() {
    let fixture = logs(true).await;

    for (condition, said, hint) in [
        ("matches(body, 'conn*')", "'conn*' asks for a part of a word", "LIKE"),
        ("matches(body, '')", "'' has no word to look for", "write words"),
        ("matches(body, '\"open')", "the quote before 'open' is not closed", "both ends"),
        ("matches(body, body)", "the words of matches differ from row to row", "write them as text"),
        ("has_template(body, body)", "the template of has_template differs from row to row", "write it as text"),
    ] {
        let error = fixture.error(&format!("SELECT 1 FROM logs WHERE {condition}")).await;
        assert_eq!(error.code(), "plan", "{condition}: {error:?}");
        assert!(error.to_string().contains(said), "{condition}: {error}");
        assert!(error.hint().is_some_and(|given| given.contains(hint)), "{condition}: {:?}", error.hint());
    }
    for (condition, said) in [
        ("matches(severity_number, 'x')", "matches looks for words in Int32, expected text"),
        ("matches(body)", "matches takes a text and words"),
        ("matches(body, 3)", "the words of matches are Int64, expected text"),
    ] {
        let error = fixture.error(&format!("SELECT 1 FROM logs WHERE {condition}")).await;
        assert!(error.to_string().contains(said), "{condition}: {error}");
    }
}
