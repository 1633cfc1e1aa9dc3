//! Log records: what is found, counted and read around a line. Following them has a file of its own.

mod follow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Value, json};

use crate::shop::{Shop, integer, now, text};

const SECOND: u64 = 1_000_000_000;
const WARN: i32 = 13;
const ERROR: i32 = 17;

/// A record of a time, which was observed then too.
fn record(time: u64, severity: i32, body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity,
        body: Some(AnyValue { value: Some(Any::StringValue(body.to_owned())) }),
        ..LogRecord::default()
    }
}

/// Records of one instance of a service.
fn of_service(service: &str, instance: &str, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let host = format!("host-{instance}");
    of_resource(
        vec![text("service.name", service), text("service.instance.id", instance), text("host.name", &host)],
        log_records,
    )
}

fn of_resource(attributes: Vec<KeyValue>, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope = Some(InstrumentationScope { name: "shop::logger".to_owned(), ..InstrumentationScope::default() });
    let resource = Some(Resource { attributes, ..Resource::default() });
    let scope_logs = vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }
}

/// As it stands behind the `?`.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn lines(told: &Value) -> &Vec<Value> {
    told["logs"].as_array().expect("lines")
}

fn bodies(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["body"].as_str().unwrap_or_default()).collect()
}

/// Five lines of a cart, one a second, and one of a till.
async fn fill(shop: &Shop) -> u64 {
    let start = now() - 600 * SECOND;
    let timeout = LogRecord {
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        severity_text: "Warning".to_owned(),
        event_name: "cart.slow".to_owned(),
        attributes: vec![
            text("http.route", "/cart"),
            integer("http.response.status_code", 504),
            integer("shop.items", 3),
        ],
        ..record(start + 2 * SECOND, WARN, "upstream 10.0.0.1:80 timeout")
    };
    let lines = vec![
        record(start, 9, "cart opened"),
        record(start + SECOND, 0, "no severity"),
        timeout,
        LogRecord { trace_id: vec![7; 16], ..record(start + 3 * SECOND, ERROR, "connection refused, retry") },
        record(start + 4 * SECOND, 21, "connection refused"),
    ];
    shop.log(&of_service("cart", "a", lines)).await;
    shop.log(&of_service("till", "b", vec![record(start + 2 * SECOND, 9, "till opened")])).await;
    start
}

async fn found(shop: &Shop, question: &str) -> Vec<String> {
    let told = shop.get(&format!("/logs?{question}")).await;
    bodies(lines(&told)).into_iter().map(str::to_owned).collect()
}

#[test]
fn lines_are_found_by_words_severity_service_and_attributes() {
    Shop::visit(async |shop| {
        fill(shop).await;

        assert_eq!(
            found(shop, "service=cart").await,
            [
                "connection refused",
                "connection refused, retry",
                "upstream 10.0.0.1:80 timeout",
                "no severity",
                "cart opened"
            ],
        );
        let refused = format!("text={}", encoded("\"connection refused\" -retry"));
        assert_eq!(found(shop, &refused).await, ["connection refused"]);
        assert_eq!(found(shop, "text=10.0.0.1").await.len(), 1);
        assert_eq!(
            found(shop, "severity=error&sort=oldest").await,
            ["connection refused, retry", "connection refused"]
        );
        assert_eq!(found(shop, "severity=21").await, ["connection refused"]);
        assert_eq!(found(shop, "host=host-b").await, ["till opened"]);
        assert_eq!(found(shop, "environment=nowhere").await, Vec::<String>::new());
        for attributes in [json!({"http.route": "/cart"}), json!({"http.response.status_code": 504, "shop.items": 3})] {
            let question = format!("attributes={}", encoded(&attributes.to_string()));
            assert_eq!(found(shop, &question).await, ["upstream 10.0.0.1:80 timeout"], "{attributes}");
        }
        let question = format!("attributes={}", encoded(r#"{"service.instance.id": "a"}"#));
        assert_eq!(found(shop, &question).await.len(), 5);
    });
}

#[test]
fn a_line_is_told_with_all_that_was_said() {
    Shop::visit(async |shop| {
        fill(shop).await;

        let told = shop.get("/logs?text=timeout").await;

        let line = &lines(&told)[0];
        assert_eq!(line["time"], line["observed_time"], "{line}");
        let severity = (&line["severity"], &line["severity_number"], &line["severity_text"]);
        assert_eq!(severity, (&json!("warn"), &json!(13), &json!("Warning")), "{line}");
        assert_eq!(
            (&line["service"], &line["instance"], &line["host"]),
            (&json!("cart"), &json!("a"), &json!("host-a"))
        );
        assert_eq!((&line["trace_id"], &line["span_id"]), (&json!("07".repeat(16)), &json!("08".repeat(8))));
        assert_eq!((&line["scope"], &line["event_name"]), (&json!("shop::logger"), &json!("cart.slow")));
        let attributes = json!({"http.route": "/cart", "http.response.status_code": 504, "shop.items": 3});
        assert_eq!(line["attributes"], attributes);
        let resource = json!({"service.name": "cart", "service.instance.id": "a", "host.name": "host-a"});
        assert_eq!(line["resource_attributes"], resource);
        let told = shop.get(&format!("/logs?text={}", encoded("\"no severity\""))).await;
        assert_eq!(lines(&told)[0]["severity"], Value::Null);
    });
}

/// All lines of all pages.
async fn paged(shop: &Shop, question: &str) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let told = shop.get(&format!("/logs?{question}{after}")).await;
        all.extend(bodies(lines(&told)).into_iter().map(str::to_owned));
        match told["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

#[test]
fn pages_have_every_line_once_though_their_times_are_equal() {
    Shop::visit(async |shop| {
        let time = now() - 60 * SECOND;
        for request in 0..4 {
            // Ten lines of one time, of which two say the same, then one of another.
            let body = |line: u64| format!("line {}", if line == 9 { 8 } else { line } + 10 * request);
            let mut records: Vec<LogRecord> = (0..10).map(|line| record(time, 9, &body(line))).collect();
            records.push(record(time + request, 9, &format!("later {request}")));
            shop.log(&of_service("ties", "a", records)).await;
        }

        for sort in ["newest", "oldest"] {
            let whole = found(shop, &format!("service=ties&sort={sort}")).await;
            for limit in [2, 7, 44] {
                let pages = paged(shop, &format!("service=ties&sort={sort}&limit={limit}")).await;
                assert_eq!(pages, whole, "{sort}, {limit}");
            }
            assert_eq!(whole.len(), 44);
        }
    });
}

#[test]
fn lines_of_a_trace_are_found_whenever_they_were() {
    Shop::visit(async |shop| {
        let old = now() - 40 * 86_400 * SECOND;
        let of_trace = |time, body| LogRecord { trace_id: vec![7; 16], ..record(time, 9, body) };
        shop.log(&of_service("cart", "a", vec![of_trace(old + 1, "second"), of_trace(old, "first")])).await;

        let question = format!("trace_id={}&sort=oldest", "07".repeat(16));

        assert_eq!(found(shop, &question).await, ["first", "second"]);
        assert_eq!(paged(shop, &format!("{question}&limit=1")).await, ["first", "second"]);
        assert_eq!(found(shop, &format!("{question}&from=now-1h")).await, Vec::<String>::new());
    });
}

#[test]
fn fields_are_told_with_their_values_and_how_often() {
    Shop::visit(async |shop| {
        fill(shop).await;
        let numbered = (0..30).map(|number| LogRecord {
            attributes: vec![integer("shop.order", number)],
            ..record(now() - SECOND, 9, "ordered")
        });
        shop.log(&of_service("orders", "c", numbered.collect())).await;

        let told = shop.get("/logs/facets").await;
        let orders = shop.get("/logs/facets?field=shop.order,http.route&service=orders").await;

        let facet = |told: &Value, place: usize| told["facets"][place].clone();
        let fields: Vec<String> = (0..4).map(|place| facet(&told, place)["field"].to_string()).collect();
        assert_eq!(fields, [r#""severity""#, r#""service""#, r#""host""#, r#""environment""#]);
        let severities = facet(&told, 0);
        assert_eq!(severities["values"][0], json!({"value": "info", "count": 32}), "{severities}");
        assert_eq!((&severities["distinct"], &severities["others"]), (&json!(4), &json!(0)));
        let services = facet(&told, 1)["values"].clone();
        assert_eq!(services[1], json!({"value": "cart", "count": 5}), "{services}");
        assert_eq!(facet(&told, 3)["values"], json!([]));
        let order = facet(&orders, 0);
        assert_eq!(order["values"].as_array().map(Vec::len), Some(20), "{order}");
        let rest = (&order["distinct"], &order["others"], &order["without"]);
        assert_eq!(rest, (&json!(30), &json!(10), &json!(0)), "{order}");
        assert_eq!(facet(&orders, 1)["without"], 30);
    });
}

#[test]
fn lines_are_counted_over_time_by_severity() {
    Shop::visit(async |shop| {
        fill(shop).await;

        let told = shop.get("/logs/histogram?service=cart&from=now-1h").await;

        assert_eq!((&told["count"], &told["bucket_seconds"]), (&json!(5), &json!(60)), "{told}");
        let buckets = told["buckets"].as_array().expect("buckets");
        assert!((60..=61).contains(&buckets.len()), "{told}");
        let sum = |name: &str| buckets.iter().filter_map(|bucket| bucket[name].as_u64()).sum::<u64>();
        let counts = ["count", "info", "warn", "error", "fatal", "unknown", "debug"].map(sum);
        assert_eq!(counts, [5, 1, 1, 1, 1, 1, 0], "{told}");
    });
}

#[test]
fn a_line_is_read_among_those_before_and_after_of_its_service_and_instance() {
    Shop::visit(async |shop| {
        let start = fill(shop).await;
        shop.log(&of_service("cart", "b", vec![record(start + 2 * SECOND, 9, "of another instance")])).await;
        let told = shop.get("/logs?text=timeout").await;
        let line = &lines(&told)[0];
        let said = |name: &str| encoded(line[name].as_str().expect("it is said"));
        let here = format!("time={}&service=cart", said("time"));

        let whole = ["observed_time", "instance", "host"].map(|name| format!("&{name}={}", said(name))).concat();

        let context = shop.get(&format!("/logs/context?{here}{whole}&lines=1")).await;
        let of_all = shop.get(&format!("/logs/context?{here}")).await;

        let around = |context: &Value, part: &str| -> Vec<String> {
            let lines = context[part].as_array().expect("lines");
            bodies(lines).into_iter().map(str::to_owned).collect()
        };
        assert_eq!(around(&context, "before"), ["no severity"], "{context}");
        assert_eq!(around(&context, "at"), ["upstream 10.0.0.1:80 timeout"]);
        assert_eq!(around(&context, "after"), ["connection refused, retry"]);
        assert_eq!(around(&of_all, "before"), ["cart opened", "no severity"], "the oldest first");
        assert_eq!(around(&of_all, "at").len(), 2);
    });
}

#[test]
fn what_cannot_be_meant_of_logs_says_what_to_do() {
    Shop::visit(async |shop| {
        for wrong in [
            "/logs?severity=loud",
            "/logs?text=%22",
            "/logs?trace_id=7",
            "/logs?span_id=7",
            "/logs?attributes=a",
            "/logs?sort=time",
            "/logs?after=nowhere",
            "/logs?from=now-32d",
            "/logs?limit=many",
            "/logs/facets?field=a,b,c,d,e,f,g,h,i,j,k",
            "/logs/histogram?from=yesterday",
            "/logs/context?service=cart",
            "/logs/context?service=cart&time=yesterday",
            "/logs/tail?text=%22",
        ] {
            let (status, told) = shop.ask(wrong).await;
            assert_eq!(status, 400, "{wrong}: {told}");
            assert!(told["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{wrong}: {told}");
        }
    });
}
