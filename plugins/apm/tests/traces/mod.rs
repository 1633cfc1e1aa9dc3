//! Traces: their spans, log lines and exemplars, heat maps, and comparisons of spans.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, exemplar,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use plane::Payload;
use serde_json::{Value, json};

use crate::shop::{ERROR, MILLISECOND, SECOND, SERVER, Shop, integer, now, resource_spans, span, text, traces};

fn value_of<'a>(attributes: &'a Value, key: &str) -> Vec<&'a Value> {
    let all = attributes.as_array().expect("attributes").iter();
    all.filter(|attribute| attribute["key"] == key).map(|attribute| &attribute["value"]).collect()
}

fn id_of(number: u8) -> String {
    format!("{number:02x}").repeat(8)
}

#[test]
fn a_trace_that_grows_is_told_with_its_new_spans() {
    Shop::visit(async |shop| {
        let path = format!("/traces/{}", shop.trace(0));
        assert_eq!(shop.get(&path).await["spans"], 4);
        let late = span(0, 9, now(), "cleanup");

        shop.take(Payload::Traces, &traces(vec![resource_spans("checkout", "2.0.0", vec![late])])).await;

        let trace = shop.get(&path).await;
        assert_eq!(trace["spans"], 5, "{trace}");
        assert_eq!(trace["nodes"][4]["name"], "cleanup", "{trace}");
    });
}

#[test]
fn nodes_carry_what_a_waterfall_shows() {
    Shop::visit(async |shop| {
        let trace = shop.get(&format!("/traces/{}", shop.trace(0))).await;

        let nodes = trace["nodes"].as_array().expect("nodes");
        assert_eq!(nodes[0]["http_response_status_code"], 200, "{trace}");
        assert_eq!(nodes[1]["db_system_name"], "postgresql", "{trace}");
        assert_eq!((&nodes[3]["events"], &nodes[3]["links"]), (&json!(1), &json!(0)), "{trace}");
        assert!(nodes[0].get("db_system_name").is_none(), "{trace}");
        let failed = shop.get(&format!("/traces/{}", shop.trace(2))).await;
        assert_eq!(failed["nodes"][3]["error_type"], "timeout", "{failed}");
    });
}

/// A span that says everything a span can say.
fn full_span() -> ResourceSpans {
    let twice = |value: Any| KeyValue {
        key: "twice".to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let full = Span {
        kind: SERVER,
        trace_state: "vendor=1".to_owned(),
        flags: 257,
        attributes: vec![
            text("http.route", "/full"),
            integer("http.response.status_code", 503),
            // Not a text, so that its column does not tell all.
            integer("http.request.method", 7),
            twice(Any::IntValue(1)),
            twice(Any::DoubleValue(1.0)),
            twice(Any::BytesValue(vec![1, 2])),
        ],
        dropped_attributes_count: 1,
        events: vec![Event {
            time_unix_nano: now(),
            name: "retry".to_owned(),
            attributes: vec![integer("attempt", 2)],
            dropped_attributes_count: 2,
        }],
        dropped_events_count: 3,
        links: vec![Link {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            trace_state: "other=2".to_owned(),
            attributes: vec![text("why", "batch")],
            dropped_attributes_count: 4,
            flags: 1,
        }],
        dropped_links_count: 5,
        status: Some(Status { code: ERROR, message: "no room".to_owned() }),
        ..span(50, 1, now(), "full")
    };
    let scope = InstrumentationScope {
        name: "shop.http".to_owned(),
        version: "0.1".to_owned(),
        attributes: vec![text("scope.key", "x")],
        dropped_attributes_count: 6,
    };
    let resource = Resource {
        attributes: vec![text("service.name", "full"), text("cloud.region", "eu")],
        dropped_attributes_count: 7,
        ..Resource::default()
    };
    let schema_url = "https://opentelemetry.io/schemas/1.30.0".to_owned();
    let scope_spans = ScopeSpans { scope: Some(scope), spans: vec![full], schema_url: schema_url.clone() };
    ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], schema_url }
}

#[test]
fn a_span_is_told_with_everything_that_was_said_of_it() {
    Shop::visit(async |shop| {
        shop.take(Payload::Traces, &traces(vec![full_span()])).await;

        let told = shop.get(&format!("/traces/{}/spans/{}", shop.trace(50), id_of(1))).await;

        let span = &told["spans"][0];
        let facts = (&span["trace_state"], &span["flags"], &span["status_message"], &span["parent_span_id"]);
        assert_eq!(facts, (&json!("vendor=1"), &json!(257), &json!("no room"), &json!(id_of(1))), "{told}");
        assert_eq!(value_of(&span["attributes"], "http.route"), ["/full"], "{told}");
        assert_eq!(value_of(&span["attributes"], "http.response.status_code"), [&json!(503)], "{told}");
        assert_eq!(value_of(&span["attributes"], "http.request.method"), [&json!(7)], "{told}");
        let twice = [&json!(1), &json!(1.0), &json!({"$bytes": "AQI="})];
        assert_eq!(value_of(&span["attributes"], "twice"), twice, "{told}");
        let dropped = ["dropped_attributes", "dropped_events", "dropped_links"].map(|name| span[name].as_u64());
        assert_eq!(dropped, [Some(1), Some(3), Some(5)], "{told}");
        let event = &span["events"][0];
        assert_eq!((&event["name"], &event["dropped_attributes"]), (&json!("retry"), &json!(2)), "{told}");
        assert_eq!(value_of(&event["attributes"], "attempt"), [&json!(2)], "{told}");
        let link = &span["links"][0];
        assert_eq!((&link["trace_id"], &link["span_id"]), (&json!(shop.trace(0)), &json!(id_of(2))), "{told}");
        let facts = (&link["trace_state"], &link["flags"], &link["dropped_attributes"]);
        assert_eq!(facts, (&json!("other=2"), &json!(1), &json!(4)), "{told}");
        let scope = &span["scope"];
        assert_eq!((&scope["name"], &scope["dropped_attributes"]), (&json!("shop.http"), &json!(6)), "{told}");
        assert_eq!(value_of(&scope["attributes"], "scope.key"), ["x"], "{told}");
        let resource = &span["resource"];
        assert_eq!(value_of(&resource["attributes"], "service.name"), ["full"], "{told}");
        assert_eq!(value_of(&resource["attributes"], "cloud.region"), ["eu"], "{told}");
        assert_eq!(resource["dropped_attributes"], 7, "{told}");
        assert_eq!(resource["schema_url"], "https://opentelemetry.io/schemas/1.30.0", "{told}");
    });
}

#[test]
fn all_spans_of_one_id_are_told() {
    Shop::visit(async |shop| {
        let twice = vec![span(60, 5, now() - SECOND, "first"), span(60, 5, now(), "second")];
        shop.take(Payload::Traces, &traces(vec![resource_spans("cart", "1", twice)])).await;

        let told = shop.get(&format!("/traces/{}/spans/{}", shop.trace(60), id_of(5))).await;

        let names: Vec<_> = told["spans"].as_array().expect("spans").iter().map(|span| &span["name"]).collect();
        assert_eq!(names, ["first", "second"], "{told}");
        let missing = format!("/traces/{}/spans/{}", shop.trace(60), id_of(6));
        assert_eq!(shop.ask(&missing).await.0, 404);
        assert_eq!(shop.ask(&format!("/traces/{}/spans/5", shop.trace(60))).await.0, 400);
    });
}

fn lines(count: u8) -> ExportLogsServiceRequest {
    let line = |number: u8| LogRecord {
        time_unix_nano: now() - u64::from(number) * SECOND,
        trace_id: vec![71; 16],
        span_id: vec![number % 2 + 1; 8],
        severity_number: 9,
        body: Some(AnyValue { value: Some(Any::StringValue(format!("line {number}"))) }),
        attributes: vec![text("http.route", "/cart"), integer("line", number.into())],
        ..LogRecord::default()
    };
    let resource = Resource { attributes: vec![text("service.name", "cart")], ..Resource::default() };
    let scope_logs = vec![ScopeLogs { log_records: (0..count).map(line).collect(), ..ScopeLogs::default() }];
    let of_resource = ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![of_resource] }
}

#[test]
fn log_lines_of_a_trace_come_oldest_first_in_pages_and_with_their_span() {
    Shop::visit(async |shop| {
        shop.take(Payload::Logs, &lines(5)).await;
        let spans = vec![span(70, 1, now(), "one"), span(70, 2, now(), "two")];
        shop.take(Payload::Traces, &traces(vec![resource_spans("cart", "1", spans)])).await;

        let path = format!("/traces/{}/logs?limit=2", shop.trace(70));
        let (mut bodies, mut offset) = (Vec::new(), 0);
        loop {
            let page = shop.get(&format!("{path}&offset={offset}")).await;
            assert_eq!(page["logs"], 5, "{page}");
            bodies.extend(page["lines"].as_array().expect("lines").iter().map(|line| line["body"].clone()));
            match page["next"].as_u64() {
                Some(next) => offset = next,
                None => break,
            }
        }

        assert_eq!(bodies, ["line 4", "line 3", "line 2", "line 1", "line 0"]);
        let told = shop.get(&format!("/traces/{}/spans/{}", shop.trace(70), id_of(2))).await;
        assert_eq!((&told["logs"], &told["first_logs"][0]["body"]), (&json!(2), &json!("line 3")), "{told}");
        let attributes = &told["first_logs"][0]["attributes"];
        assert_eq!(
            (value_of(attributes, "http.route"), value_of(attributes, "line")),
            (vec![&json!("/cart")], vec![&json!(3)])
        );
        assert_eq!(shop.ask(&format!("/traces/{}/logs?offset=100001", shop.trace(70))).await.0, 400);
    });
}

fn points() -> ExportMetricsServiceRequest {
    let of_trace = |trace: u8, value: exemplar::Value| Exemplar {
        time_unix_nano: now(),
        trace_id: vec![trace; 16],
        span_id: vec![1; 8],
        filtered_attributes: vec![text("shop.customer", "it's")],
        value: Some(value),
    };
    let time_unix_nano = now() + SECOND;
    let numbers = NumberDataPoint {
        time_unix_nano,
        attributes: vec![text("http.route", "/checkout")],
        value: Some(number_data_point::Value::AsInt(1)),
        exemplars: vec![of_trace(1, exemplar::Value::AsInt(17)), of_trace(2, exemplar::Value::AsInt(4))],
        ..NumberDataPoint::default()
    };
    let buckets = HistogramDataPoint {
        time_unix_nano,
        count: 1,
        bucket_counts: vec![0, 1],
        explicit_bounds: vec![0.05],
        exemplars: vec![of_trace(1, exemplar::Value::AsDouble(0.1))],
        ..HistogramDataPoint::default()
    };
    let metric = |name: &str, data: Data| Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
    let metrics = vec![
        metric("queue.length", Data::Gauge(Gauge { data_points: vec![numbers] })),
        metric(
            "request.duration",
            Data::Histogram(Histogram { data_points: vec![buckets], aggregation_temporality: 2 }),
        ),
    ];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

#[test]
fn exemplars_of_a_trace_are_found_in_all_kinds_of_points() {
    Shop::visit(async |shop| {
        shop.take(Payload::Metrics, &points()).await;

        let told = shop.get(&format!("/traces/{}/exemplars", shop.trace(0))).await;

        let exemplars = told["exemplars"].as_array().expect("exemplars");
        assert_eq!((exemplars.len(), &told["is_truncated"]), (2, &json!(false)), "{told}");
        let of = |metric: &str| exemplars.iter().find(|each| each["metric"] == metric).expect("of that metric");
        let (number, bucket) = (of("queue.length"), of("request.duration"));
        assert_eq!((&number["value_int"], &number["span_id"]), (&json!(17), &json!(id_of(1))), "{told}");
        assert_eq!(value_of(&number["point_attributes"], "http.route"), ["/checkout"], "{told}");
        assert_eq!((&bucket["value"], &bucket["type"]), (&json!(0.1), &json!("histogram")), "{told}");
        assert_eq!(value_of(&bucket["attributes"], "shop.customer"), ["it's"], "{told}");
        assert_eq!(shop.ask(&format!("/traces/{}/exemplars", shop.trace(200))).await.0, 404);
    });
}

/// Two hundred requests over the last ten minutes: those of zone `c` are slow, and nothing else has to do with it.
fn requests() -> Vec<ResourceSpans> {
    let request = |number: u8| {
        let is_slow = number.is_multiple_of(10);
        let duration = if is_slow { 900 } else { 20 + u64::from(number) % 5 };
        let start = now() - 600 * SECOND + u64::from(number) * 2 * SECOND;
        let attributes = vec![
            text("shop.request", &format!("request-{number}")),
            integer("shop.items", i64::from(number % 3)),
            text("shop.customer", ["ada", "bob", "cyd", "dee"][usize::from(number / 7 % 4)]),
            integer("http.response.status_code", if is_slow { 500 } else { 200 }),
        ];
        let span = Span {
            kind: SERVER,
            end_time_unix_nano: start + duration * MILLISECOND,
            attributes,
            status: number.is_multiple_of(20).then(|| Status { code: ERROR, ..Status::default() }),
            ..span(100, 1, start, "GET /stock")
        };
        let of_service = resource_spans(
            "stock",
            "3.1.0",
            vec![Span { trace_id: vec![150, number, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], ..span }],
        );
        let zone = text("cloud.availability_zone", if is_slow { "c" } else { ["a", "b"][usize::from(number % 2)] });
        let namespace = text("k8s.namespace.name", "warehouse");
        let resource = of_service.resource.map(|mut resource| {
            resource.attributes.extend([zone, namespace, text("host.name", &format!("host-{}", number % 4))]);
            resource
        });
        ResourceSpans { resource, ..of_service }
    };
    (0..200).map(request).collect()
}

#[test]
fn a_heat_map_counts_spans_by_time_and_duration() {
    Shop::visit(async |shop| {
        shop.take(Payload::Traces, &traces(requests())).await;

        let map = shop.get("/traces/heatmap?service=stock&from=now-15m").await;

        assert_eq!((&map["spans"], &map["errors"]), (&json!(200), &json!(10)), "{map}");
        let (rows, columns) = (map["rows"].as_array().expect("rows"), map["columns"].as_array().expect("columns"));
        assert!(rows.len() <= 40 && columns.len() <= 121 && map["bucket_seconds"] == 10, "{map}");
        let slowest: u64 = map["cells"]
            .as_array()
            .expect("cells")
            .iter()
            .filter(|cell| cell["row"] == rows.len() - 1)
            .filter_map(|cell| cell["count"].as_u64())
            .sum();
        assert_eq!(slowest, 20, "{map}");
        // What a row says of its durations finds its spans.
        let row = &rows[rows.len() - 1];
        let again = format!(
            "/traces/heatmap?service=stock&from=now-15m&min_duration_ms={}&max_duration_ms={}",
            row["min_duration_ms"], row["max_duration_ms"]
        );
        assert_eq!(shop.get(&again).await["spans"], 20);
        // Requests, unless another kind is asked for.
        let checkout = shop.get("/traces/heatmap?service=checkout").await;
        assert_eq!(checkout["spans"], 4, "{checkout}");
        assert_eq!(shop.get("/traces/heatmap?service=checkout&kind=client").await["spans"], 8);
        let nothing = shop.get("/traces/heatmap?service=nobody").await;
        assert_eq!((&nothing["spans"], &nothing["rows"]), (&json!(0), &json!([])), "{nothing}");
    });
}

#[test]
fn what_all_slow_spans_have_in_common_comes_first() {
    Shop::visit(async |shop| {
        shop.take(Payload::Traces, &traces(requests())).await;
        let wanted = json!({"from": "now-15m", "filter": {"service": "stock"}, "selection": {"min_duration_ms": 500}});

        let (status, told) = shop.post("/traces/compare", &wanted).await;

        assert_eq!(status, 200, "{told}");
        assert_eq!(told["selection"], json!({"spans": 20, "sampled": 20}), "{told}");
        assert_eq!(told["rest"], json!({"spans": 180, "sampled": 180}), "{told}");
        let keys = told["keys"].as_array().expect("keys");
        let zone = keys.iter().find(|key| key["key"] == "cloud.availability_zone").expect("the zone differs");
        let first = &zone["values"][0];
        assert_eq!((&zone["of"], &first["value"]), (&json!("resource"), &json!("c")), "{told}");
        assert_eq!((&first["selection_share"], &first["rest_share"]), (&json!(1.0), &json!(0.0)), "{told}");
        // The status tells the same as the zone, so it is as surprising; what is left to chance is not told.
        let first: Vec<_> = keys[..2].iter().map(|key| key["key"].as_str().expect("a key")).collect();
        assert_eq!(first, ["http.response.status_code", "cloud.availability_zone"], "{told}");
        for noise in ["shop.request", "shop.items", "shop.customer", "name", "service.name"] {
            assert!(keys.iter().all(|key| key["key"] != noise), "{noise}: {told}");
        }
        // With a part of the time as the selection, and what is compared with it said.
        let parts = json!({
            "from": "now-15m",
            "filter": {"service": "stock"},
            "selection": {"range": {"from": "now-8m"}, "attributes": {"cloud.availability_zone": "c"}},
            "rest": {"attributes": {"cloud.availability_zone": "a"}},
        });
        let (_, told) = shop.post("/traces/compare", &parts).await;
        assert!(told["selection"]["spans"].as_u64().is_some_and(|spans| (1..20).contains(&spans)), "{told}");
        assert_eq!(told["rest"]["spans"], 80, "{told}");
        let wrong = json!({"selection": {"kind": "ingress"}});
        assert_eq!(shop.post("/traces/compare", &wrong).await.0, 400);
    });
}

#[test]
fn of_a_large_set_a_sample_is_compared() {
    Shop::visit(async |shop| {
        let (count, start) = (30_000_u64, now() - 60 * SECOND);
        let request = |number: u64| {
            let cart = if number.is_multiple_of(100) { "large" } else { "small" };
            let duration = if cart == "large" { 700 } else { 5 };
            Span {
                kind: SERVER,
                span_id: (number + 1).to_be_bytes().to_vec(),
                end_time_unix_nano: start + duration * MILLISECOND,
                attributes: vec![text("shop.cart", cart), integer("shop.number", number.cast_signed())],
                ..span(200, 1, start, "GET /many")
            }
        };
        let spans = (0..count).map(request).collect();
        shop.take(Payload::Traces, &traces(vec![resource_spans("many", "1", spans)])).await;
        let wanted = json!({"filter": {"service": "many"}, "selection": {"min_duration_ms": 500}});

        let (status, told) = shop.post("/traces/compare", &wanted).await;

        assert_eq!(status, 200, "{told}");
        assert_eq!(told["selection"], json!({"spans": 300, "sampled": 300}), "{told}");
        let rest = &told["rest"];
        assert_eq!(rest["spans"], 29_700, "{told}");
        // Each is taken with a chance of two thirds: a thousand fewer is far beyond luck.
        assert!(rest["sampled"].as_u64().is_some_and(|sampled| (19_000..=20_000).contains(&sampled)), "{told}");
        let first = &told["keys"][0];
        assert_eq!((&first["key"], &first["values"][0]["value"]), (&json!("shop.cart"), &json!("large")), "{told}");
    });
}

#[test]
fn spans_are_found_by_where_they_ran() {
    Shop::visit(async |shop| {
        shop.take(Payload::Traces, &traces(requests())).await;
        let count = async |question: &str| {
            let told = shop.get(&format!("/traces/heatmap?from=now-15m&{question}")).await;
            told["spans"].as_u64().expect("a count")
        };

        assert_eq!(count("namespace=warehouse").await, 200);
        assert_eq!(count("host=host-1").await, 50);
        assert_eq!(count("version=3.1.0").await, 200);
        assert_eq!(count("namespace=warehouse&kind=client").await, 0);
        assert_eq!(count("service=stock&not_attributes=%7B%22cloud.availability_zone%22:%22c%22%7D").await, 180);
        assert_eq!(count("service=stock&not_attributes=%7B%22http.response.status_code%22:500%7D").await, 180);
        assert_eq!(count("service=stock&not_attributes=%7B%22never.said%22:1%7D").await, 200);
        assert_eq!(shop.ask("/traces?kind=ingress").await.0, 400);
    });
}
