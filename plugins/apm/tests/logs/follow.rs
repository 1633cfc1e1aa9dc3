//! Log records as they arrive: the same that are found, at once, for everybody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use parking_lot::Mutex;
use plugin::model::Tenant;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use proptest::{option, sample};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{encoded, lines, of_resource, of_service, record};
use crate::shop::{Shop, now, text};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// An answer of `/logs/tail`, read event by event.
struct Tail {
    body: Body,
    /// The beginning of an event.
    read: String,
}

impl Tail {
    async fn open(shop: &Shop, question: &str) -> Self {
        Self { body: shop.stream(&format!("/logs/tail?{question}")).await, read: String::new() }
    }

    /// The next event and what it says; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((written, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| written.lines().find_map(|line| line.strip_prefix(name));
                let event = field("event: ").zip(field("data: "));
                let event = event.map(|(event, data)| (event.to_owned(), serde_json::from_str(data).expect("JSON")));
                self.read = rest.to_owned();
                // Comments keep the connection.
                if event.is_some() {
                    return event;
                }
            }
            let frame = tokio::time::timeout(LONG, self.body.frame()).await.expect("an event, or the end")?;
            let frame = frame.expect("a frame").into_data().expect("no trailers");
            self.read.push_str(std::str::from_utf8(&frame).expect("ASCII"));
        }
    }

    /// At least so many lines, in their order.
    async fn lines(&mut self, count: usize) -> Vec<Value> {
        let mut lines = Vec::new();
        while lines.len() < count {
            let (event, told) = self.next().await.expect("more lines");
            assert_eq!(event, "logs", "{told}");
            lines.extend(told.as_array().expect("an array").iter().cloned());
        }
        lines
    }

    /// All lines there are before the end.
    async fn rest(mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Some((event, told)) = self.next().await {
            assert_eq!(event, "logs", "{told}");
            lines.extend(told.as_array().expect("an array").iter().cloned());
        }
        lines
    }
}

#[test]
fn lines_are_told_as_they_arrive_and_as_the_list_tells_them() {
    Shop::visit(async |shop| {
        shop.run().await;
        let mut tail = Tail::open(shop, "service=cart&severity=warn").await;

        let other = of_service("cart", "a", vec![record(now(), 9, "fine"), record(now(), 17, "of another tenant")]);
        shop.log_of(&Tenant::default_tenant(), &other).await;
        shop.log(&of_service("cart", "a", vec![record(now(), 9, "fine"), record(now(), 17, "bad")])).await;

        let told = tail.lines(1).await;
        assert_eq!(&told, lines(&shop.get("/logs?service=cart&severity=warn").await));
        assert_eq!((told.len(), &told[0]["body"]), (1, &json!("bad")));
    });
}

#[test]
fn what_is_too_much_for_a_reader_is_counted() {
    Shop::visit(async |shop| {
        shop.run().await;
        let mut tail = Tail::open(shop, "").await;

        let many = (0..700).map(|number| record(now(), 9, &format!("line {number}")));
        shop.log(&of_service("cart", "a", many.collect())).await;

        assert_eq!(tail.lines(1).await.len(), 500);
        assert_eq!(tail.next().await, Some(("left_out".to_owned(), json!({"lines": 200}))));
        shop.log(&of_service("cart", "a", vec![record(now(), 9, "of the next second")])).await;
        assert_eq!(tail.lines(1).await.len(), 1);
    });
}

#[test]
fn who_does_not_read_holds_nobody_up_and_is_told_what_it_missed() {
    Shop::visit(async |shop| {
        shop.run().await;
        let (mut slow, mut quick) = (Tail::open(shop, "").await, Tail::open(shop, "").await);

        for number in 0..100 {
            shop.log(&of_service("cart", "a", vec![record(now(), 9, &format!("line {number}"))])).await;
            assert_eq!(quick.lines(1).await.len(), 1, "{number}");
        }

        // Who comes now waits until all have been told of the last line.
        drop(Tail::open(shop, "").await);
        let (mut told, mut missed) = (0, 0);
        while told + missed < 100 {
            match slow.next().await.expect("lines, or what was missed") {
                (event, lines) if event == "logs" => told += lines.as_array().map_or(0, Vec::len),
                (_, lines) => missed += usize::try_from(lines["lines"].as_u64().expect("a number")).expect("few"),
            }
        }
        assert_eq!((told, missed), (64, 36));
    });
}

#[test]
fn one_piece_waits_for_who_does_not_read_and_a_long_event_arrives_whole() {
    Shop::visit(async |shop| {
        shop.run().await;
        let mut tail = Tail::open(shop, "").await;
        let long = (0..100).map(|number| record(now(), 9, &format!("line {number} {}", "x".repeat(1000))));
        shop.log(&of_service("cart", "a", long.collect())).await;

        let frame = tail.body.frame().await.expect("no end").expect("a frame").into_data().expect("no trailers");
        let waits = futures::poll!(tail.body.frame()).is_pending();
        tail.read.push_str(std::str::from_utf8(&frame).expect("ASCII"));
        drop(frame);

        assert!(waits && tail.read.len() < 100_000, "{}", tail.read.len());
        assert_eq!(tail.lines(100).await.len(), 100);
    });
}

#[test]
fn all_answers_end_when_the_server_stops_and_none_begins() {
    Shop::visit(async |shop| {
        let (status, told) = shop.ask("/logs/tail").await;
        assert_eq!((status, &told["error"]["code"]), (503, &json!("unavailable")), "before it runs: {told}");
        shop.run().await;
        let mut tail = Tail::open(shop, "").await;

        shop.stop();

        assert_eq!(tail.next().await, None);
        assert_eq!(shop.ask("/logs/tail").await.0, 503);
    });
}

/// Attributes and names of which records and filters are made, so that they often meet.
const KEYS: [&str; 7] =
    ["http.route", "http.response.status_code", "user.id", "shop.items", "shop.note", "service.name", "k8s.pod.name"];

fn value() -> impl Strategy<Value = Option<Any>> {
    let texts = sample::select(vec!["200", "0200", "1.0", "true", "null", "a\"b\\", "größe\n", "{\"a\":1}", "cart"]);
    prop_oneof![
        texts.prop_map(|text| Some(Any::StringValue(text.to_owned()))),
        sample::select(vec![200, -3]).prop_map(|number| Some(Any::IntValue(number))),
        sample::select(vec![1.0, 200.0, 0.5]).prop_map(|number| Some(Any::DoubleValue(number))),
        Just(Some(Any::BoolValue(true))),
        Just(Some(Any::BytesValue(vec![1, 2]))),
        Just(None),
    ]
}

/// Some keys are said twice.
fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let one = (sample::select(KEYS.to_vec()), value()).prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value }),
        ..KeyValue::default()
    });
    vec(one, 0..5)
}

const WORDS: [&str; 8] = ["timeout", "Refused", "retry", "10.0.0.1", "order", "größe", "连接", "x_1"];

fn any_record() -> impl Strategy<Value = LogRecord> {
    let body = option::of(vec(sample::select(WORDS.to_vec()), 0..5).prop_map(|words| words.join(" ")));
    (body, 0..25_i32, attributes(), 0..3_u8, 0..3_u8).prop_map(|(body, severity, attributes, trace, span)| LogRecord {
        body: body.map(|body| AnyValue { value: Some(Any::StringValue(body)) }),
        attributes,
        trace_id: vec![trace; 16],
        span_id: vec![span; 8],
        ..record(now(), severity, "")
    })
}

/// A filter as it stands behind the `?`.
fn any_filter() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        (sample::select(WORDS.to_vec()), sample::select(WORDS.to_vec()))
            .prop_map(|(a, b)| format!("\"{a} {b}\" OR -{b}")),
        (sample::select(WORDS.to_vec()), sample::select(WORDS.to_vec())).prop_map(|(a, b)| format!("{a} -{b}")),
    ];
    let text = word.prop_map(|word| format!("text={}", encoded(&word)));
    let severity = sample::select(vec!["info", "error", "7", "24"]).prop_map(|severity| format!("severity={severity}"));
    let name = (sample::select(vec!["service", "host", "environment"]), sample::select(vec!["cart", "200", "a\"b\\"]))
        .prop_map(|(parameter, name)| format!("{parameter}={}", encoded(name)));
    let trace = (1..3_u8).prop_map(|id| format!("trace_id={}", format!("{id:02x}").repeat(16)));
    let span = (1..3_u8).prop_map(|id| format!("span_id={}", format!("{id:02x}").repeat(8)));
    let values = sample::select(vec![
        json!("200"),
        json!(200),
        json!(1.0),
        json!(true),
        json!("a\"b\\"),
        json!("cart"),
        json!("{\"a\":1}"),
    ]);
    let attribute = (sample::select(KEYS.to_vec()), values)
        .prop_map(|(key, value)| format!("attributes={}", encoded(&json!({ key: value }).to_string())));
    let parts = (
        option::weighted(0.3, text),
        option::weighted(0.3, severity),
        option::weighted(0.2, name),
        option::weighted(0.1, trace),
        option::weighted(0.1, span),
        option::weighted(0.6, attribute),
    );
    parts.prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].into_iter().flatten().collect::<Vec<_>>().join("&"))
}

type Requests = Vec<(Vec<KeyValue>, Vec<LogRecord>)>;

async fn hears_what_is_found(shop: &Shop, requests: Requests, filters: &[String]) {
    shop.run().await;
    let mut all = Tail::open(shop, "").await;
    let mut tails = Vec::new();
    for filter in filters {
        tails.push(Tail::open(shop, filter).await);
    }
    let records: usize = requests.iter().map(|(_, records)| records.len()).sum();
    for (resource, records) in requests {
        shop.log(&of_resource(resource, records)).await;
    }
    // Who follows everything hears the last line not before the others.
    all.lines(records).await;
    shop.stop();
    for (filter, tail) in filters.iter().zip(tails) {
        let found = shop.get(&format!("/logs?from=now-15m&limit=1000&{filter}")).await;
        let sorted = |lines: &[Value]| {
            let mut lines: Vec<String> = lines.iter().map(Value::to_string).collect();
            lines.sort_unstable();
            lines
        };
        // The shop has a line of its own from before.
        let found: Vec<Value> = lines(&found).iter().filter(|line| line["scope"] == "shop::logger").cloned().collect();
        assert_eq!(sorted(&tail.rest().await), sorted(&found), "{filter}");
    }
}

#[test]
fn who_follows_hears_what_who_asks_finds() {
    let requests = vec((attributes(), vec(any_record(), 1..30)), 1..5);
    let filters = vec(any_filter(), 30);
    let config = Config { cases: 4, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };

    let outcome = TestRunner::new(config).run(&(requests, filters), |(requests, filters)| {
        Shop::visit(async |shop| hears_what_is_found(shop, requests, &filters).await);
        Ok(())
    });

    outcome.unwrap_or_else(|cause| panic!("{cause}"));
}

const FOLLOWERS: usize = 1000;
const ROUNDS: usize = 30;
const PER_ROUND: usize = 5;

/// Follows until all rounds were heard, and tells when.
async fn hear(Tail { mut body, .. }: Tail) -> Vec<Instant> {
    let (mut heard, mut lines) = (Vec::with_capacity(ROUNDS), 0);
    while heard.len() < ROUNDS {
        let frame = tokio::time::timeout(LONG, body.frame()).await.expect("in time").expect("no end").expect("a frame");
        let frame = frame.into_data().expect("no trailers");
        let written = std::str::from_utf8(&frame).expect("a text");
        assert!(!written.starts_with("event: missed") && !written.starts_with("event: left_out"), "{written}");
        // To read JSON a thousand times takes longer than what is measured.
        lines += written.matches("\"body\":").count();
        heard.resize(lines / PER_ROUND, Instant::now());
    }
    heard
}

/// How long after a request was acknowledged its lines were read, by each follower and for each request, in order.
async fn delays(shop: &Shop, filter: impl Fn(usize) -> String) -> Vec<Duration> {
    let mut followers = JoinSet::new();
    for number in 0..FOLLOWERS {
        followers.spawn(hear(Tail::open(shop, &filter(number)).await));
    }
    let acknowledged: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for round in 0..ROUNDS {
        pace.tick().await;
        let line = |number| LogRecord {
            attributes: vec![text("http.route", "/cart"), text("shop.note", "as long as lines mostly are, or so")],
            ..record(now(), 17, &format!("round {round}, line {number}: connection to 10.0.0.1:5432 refused"))
        };
        shop.log(&of_service("cart", "a", (0..PER_ROUND).map(line).collect())).await;
        acknowledged.lock().push(Instant::now());
    }
    let heard = followers.join_all().await;
    let acknowledged = acknowledged.lock();
    let delays = heard.iter().flat_map(|heard| {
        assert_eq!(heard.len(), ROUNDS);
        heard.iter().zip(acknowledged.iter()).map(|(heard, at)| heard.saturating_duration_since(*at))
    });
    let mut delays: Vec<Duration> = delays.collect();
    delays.sort_unstable();
    delays
}

#[test]
fn a_thousand_followers_hear_every_line() {
    let kinds: BTreeMap<&str, fn(usize) -> String> = BTreeMap::from([
        ("sharing ten filters", (|number| format!("severity={}", 1 + number % 10)) as fn(usize) -> String),
        ("each with a filter of its own", |number| format!("text={}", encoded(&format!("refused -word{number}")))),
    ]);
    for (kind, filter) in kinds {
        Shop::visit(async |shop| {
            shop.run().await;

            let delays = delays(shop, filter).await;

            let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
            println!("{FOLLOWERS} followers {kind}: p50 {:?}, p99 {:?}, most {:?}", at(0.5), at(0.99), at(1.0));
        });
    }
}
