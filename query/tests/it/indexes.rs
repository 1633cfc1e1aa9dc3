//! Indexes beside files spare rows and never lose any.
//!
//! The same rows lie in memory, where nothing is left out, and in the lake: every question has the same answer in both.

use std::fmt::Write as _;
use std::sync::Arc;

use lake::{IndexConfig, IndexScope, Lake};
use model::Signal;
use serde_json::{Value, json};
use store::MemoryStore;

use crate::support::{Dice, Fixture, acme};

const WORDS: [&str; 8] = ["connection", "Refused", "upstream", "größe", "10.0.0.1", "失败", "user_id", "RETRY"];

fn word(dice: &mut Dice) -> String {
    match dice.roll(12) as usize {
        known @ 0..8 => WORDS[known].to_owned(),
        _ => format!("id{}", dice.roll(400)),
    }
}

fn log(dice: &mut Dice) -> Value {
    let mut body = String::new();
    for _ in 0..dice.roll(6) {
        let _ = write!(body, "{}{}", word(dice), [" ", ": ", ", ", "\u{0}", "—"][dice.roll(5) as usize]);
    }
    let attributes = match dice.roll(6) {
        0 => Value::Null,
        1 => json!(json!({"order.id": dice.roll(50)}).to_string()),
        2 => json!(json!({"order.id": dice.roll(50).to_string(), "nested": {"order.id": "7"}}).to_string()),
        3 => json!(json!({"order.id": [dice.roll(50)], "größe\"": "a\\b"}).to_string()),
        4 => json!(format!("{{\"order.id\":{}, \"broken\":", dice.roll(50))),
        _ => json!(json!({"order.id": true, "rate": 1.5}).to_string()),
    };
    let mut row = json!({
        "time": 1_000_000_000 * dice.roll(1000),
        "service_name": format!("service-{}", dice.roll(4)),
        "body": body,
        "trace_id": format!("{:032x}", dice.roll(300)),
        "attributes": attributes,
        "user_id": format!("u-{}", dice.roll(200)),
        "http_response_status_code": 200 + dice.roll(300),
        "resource_attributes": json!({"zone": format!("z{}", dice.roll(3))}).to_string(),
    });
    if dice.roll(5) == 0 {
        row["body"] = Value::Null;
        row["trace_id"] = Value::Null;
    }
    row
}

fn condition(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => format!("matches(body, '{}')", word(dice)),
        1 => format!("matches(body, '{} {}')", word(dice), word(dice).to_uppercase()),
        2 => format!("matches(body, '\"{} {}\"')", word(dice), word(dice)),
        3 => format!("matches(body, '{} -{} OR {}')", word(dice), word(dice), word(dice)),
        4 => format!("trace_id = '{:032x}'", dice.roll(330)),
        5 => format!("trace_id in ('{:032x}', '{:032x}')", dice.roll(330), dice.roll(330)),
        6 => format!("attributes->>'order.id' = '{}'", ["7", "[7]", "true", "49", "x"][dice.roll(5) as usize]),
        7 => format!("attributes->>'größe\"' = 'a\\b' and user_id = 'u-{}'", dice.roll(220)),
        8 => format!("attributes->>'user.id' in ('u-{}', 'u-3')", dice.roll(220)),
        9 => format!("http_response_status_code = {}", 200 + dice.roll(330)),
        10 => format!("resource_attributes->>'zone' = 'z{}' and attributes->>'rate' = '1.5'", dice.roll(4)),
        _ => {
            let (one, other) = (condition(dice), condition(dice));
            format!("({one}) {} not ({other})", ["and", "or"][dice.roll(2) as usize])
        }
    }
}

async fn lake(scope: IndexScope) -> (Fixture, Arc<object_store::memory::InMemory>) {
    let objects = Arc::new(object_store::memory::InMemory::new());
    let lake = Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("a lake");
    let lake = lake.with_indexes(&IndexConfig { at_flush: scope, ..IndexConfig::default() });
    (Fixture::over(Arc::new(lake)).await, objects)
}

#[tokio::test]
async fn every_question_has_the_answer_it_has_without_indexes() {
    let mut dice = Dice(20_261_124);
    let memory = Fixture::over(Arc::new(MemoryStore::default())).await;
    let (indexed, _objects) = lake(IndexScope::Everything).await;
    let (of_traces, _more_objects) = lake(IndexScope::Traces).await;
    for rows in [3, 700, 1, 10_000, 50] {
        let rows: Vec<Value> = (0..rows).map(|_| log(&mut dice)).collect();
        for fixture in [&memory, &indexed, &of_traces] {
            fixture.append(&acme(), Signal::Logs, &rows).await;
            fixture.flush().await;
        }
    }

    for _ in 0..150 {
        let condition = condition(&mut dice);
        let sql = format!("SELECT count(*), sum(http_response_status_code), min(body) FROM logs WHERE {condition}");
        let expected = memory.rows(&sql).await;
        assert_eq!(indexed.rows(&sql).await, expected, "{condition}");
        assert_eq!(of_traces.rows(&sql).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn a_question_for_what_no_file_has_opens_none() {
    let (indexed, _objects) = lake(IndexScope::Everything).await;
    let (of_traces, _more_objects) = lake(IndexScope::Traces).await;
    let rows = [json!({
        "body": "connection refused by 10.0.0.1", "trace_id": "1".repeat(32), "user_id": "u-1", "http_response_status_code": 500,
        "attributes": r#"{"order.id":4711,"user.id":["u-1"]}"#, "resource_attributes": r#"{"zone":"z1"}"#,
        "severity_text": "ERROR", "exception_message": "no route to host",
    })];
    for fixture in [&indexed, &of_traces] {
        fixture.append(&acme(), Signal::Logs, &rows).await;
        fixture.flush().await;
    }

    for (present, absent) in [
        ("matches(body, 'REFUSED connection')", "matches(body, 'refused connections')"),
        ("matches(body, 'closed OR refused')", "matches(body, 'closed OR failed refused')"),
        ("matches(body, 'refused -retry')", "matches(body, 'closed -retry') and severity_text = 'ERROR'"),
        ("matches(exception_message, 'route')", "matches(exception_message, 'refused')"),
        ("attributes->>'order.id' = '4711'", "attributes->>'order.id' = '4712'"),
        ("'4711' = attributes->>'order.id'", "attributes->>'order' = '4711'"),
        ("attributes->>'order.id' in ('1', '4711')", "attributes->>'order.id' in ('1', '2', '3', '4', '5')"),
        ("resource_attributes->>'zone' = 'z1'", "resource_attributes->>'zone' = 'z2'"),
        ("user_id = 'u-1' or severity_text = 'WARN'", "user_id = 'u-2' or severity_text = 'WARN'"),
        ("attributes->>'user.id' = 'u-1'", "attributes->>'user.id' = 'u-3'"),
        ("http_response_status_code = 500", "attributes->>'http.response.status_code' = '501'"),
    ] {
        let ask = |condition: &str| format!("SELECT body FROM logs WHERE {condition}");
        assert_eq!(indexed.rows(&ask(present)).await.lines().count(), 1, "{present}");
        assert_eq!(of_traces.rows(&ask(present)).await.lines().count(), 1, "{present}");
        let plan = indexed.explain(&ask(absent)).await;
        assert!(plan.contains("EmptyExec") && !plan.contains("DataSourceExec"), "{absent}: {plan}");
        assert!(of_traces.explain(&ask(absent)).await.contains("DataSourceExec"), "{absent}");
    }
    for fixture in [&indexed, &of_traces] {
        let plan = fixture.explain(&format!("SELECT 1 FROM logs WHERE trace_id = '{}'", "2".repeat(32))).await;
        assert!(!plan.contains("DataSourceExec"), "{plan}");
    }
}
