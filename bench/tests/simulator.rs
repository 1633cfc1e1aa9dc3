//! What the simulated shop promises to those who use it as a source of telemetry.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bench::simulator::{Fault, HEALTHY_FOR, Shop, Telemetry};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message;

/// 2026-03-01T12:00:00Z
const NOON: u64 = 1_772_366_400_000_000_000;
const SECOND: u64 = 1_000_000_000;
const STEP: Duration = Duration::from_secs(1);

/// Lets the shop run in steps of a second, then lets what is under way come to its end.
fn run(faults: &[Fault], seconds: u64, requests_per_second: f64) -> Vec<Telemetry> {
    let mut shop = Shop::new(7, faults);
    let mut steps: Vec<Telemetry> =
        (0..seconds).map(|second| shop.step(NOON + second * SECOND, STEP, requests_per_second)).collect();
    steps.push(shop.step(NOON + seconds * SECOND, Duration::from_secs(60), 0.0));
    steps
}

fn spans(steps: &[Telemetry]) -> Vec<(&Resource, &Span)> {
    let resources = steps.iter().flat_map(|step| &step.traces.resource_spans);
    let scopes = resources.flat_map(|of| of.scope_spans.iter().map(move |scope| (of, scope)));
    scopes.flat_map(|(of, scope)| scope.spans.iter().map(move |span| (resource(&of.resource), span))).collect()
}

fn log_records(steps: &[Telemetry]) -> Vec<(&Resource, &LogRecord)> {
    let resources = steps.iter().flat_map(|step| &step.logs.resource_logs);
    let scopes = resources.flat_map(|of| of.scope_logs.iter().map(move |scope| (of, scope)));
    scopes.flat_map(|(of, scope)| scope.log_records.iter().map(move |line| (resource(&of.resource), line))).collect()
}

fn metrics(steps: &[Telemetry]) -> Vec<(&Resource, &Metric)> {
    let resources = steps.iter().flat_map(|step| &step.metrics.resource_metrics);
    let scopes = resources.flat_map(|of| of.scope_metrics.iter().map(move |scope| (of, scope)));
    scopes.flat_map(|(of, scope)| scope.metrics.iter().map(move |metric| (resource(&of.resource), metric))).collect()
}

fn resource(resource: &Option<Resource>) -> &Resource {
    resource.as_ref().expect("the shop names the resource of everything")
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

fn int(attributes: &[KeyValue], key: &str) -> Option<i64> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value {
        Some(Value::IntValue(int)) => Some(int),
        _ => None,
    }
}

fn service(resource: &Resource) -> &str {
    text(&resource.attributes, "service.name")
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32)
}

fn duration_ms(span: &Span) -> f64 {
    (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e6
}

fn fault_begins() -> u64 {
    NOON + HEALTHY_FOR.as_nanos() as u64
}

fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing to take the median of");
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn share(count: usize, of: usize) -> f64 {
    assert!(of > 0, "nothing to take a share of");
    count as f64 / of as f64
}

#[test]
fn the_same_seed_and_steps_give_the_same_bytes() {
    let faults = [Fault::BadDeploy, Fault::SlowDatabase];
    let bytes = |steps: Vec<Telemetry>| -> Vec<Vec<u8>> {
        let encoded = steps
            .iter()
            .flat_map(|step| [step.traces.encode_to_vec(), step.logs.encode_to_vec(), step.metrics.encode_to_vec()]);
        encoded.collect()
    };

    let (once, again) = (bytes(run(&faults, 90, 5.0)), bytes(run(&faults, 90, 5.0)));

    assert!(once == again);
}

#[test]
fn another_seed_gives_other_telemetry() {
    let step = |seed| Shop::new(seed, &[]).step(NOON, Duration::from_secs(10), 5.0);

    assert!(step(1) != step(2));
}

#[test]
fn ids_are_valid_and_span_ids_are_unique() {
    let steps = run(&[], 60, 20.0);

    let spans = spans(&steps);
    let ids: BTreeSet<&[u8]> = spans.iter().map(|(_, span)| span.span_id.as_slice()).collect();

    assert_eq!(ids.len(), spans.len());
    for (_, span) in spans {
        assert!(span.trace_id.len() == 16 && span.trace_id.iter().any(|byte| *byte != 0));
        assert!(span.span_id.len() == 8 && span.span_id.iter().any(|byte| *byte != 0));
        assert!(span.parent_span_id.is_empty() || span.parent_span_id.len() == 8);
    }
}

#[test]
fn children_lie_inside_their_parents_in_time() {
    let steps = run(&[Fault::SlowDatabase, Fault::FailingPayment, Fault::BadDeploy], 120, 10.0);
    let spans = spans(&steps);
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|(_, span)| (span.span_id.as_slice(), *span)).collect();

    let children = spans.iter().filter(|(_, span)| !span.parent_span_id.is_empty());
    let mut checked = 0;
    for (_, child) in children {
        let parent = by_id[child.parent_span_id.as_slice()];
        assert_eq!(parent.trace_id, child.trace_id);
        assert!(parent.start_time_unix_nano <= child.start_time_unix_nano, "{} in {}", child.name, parent.name);
        assert!(parent.end_time_unix_nano >= child.end_time_unix_nano, "{} in {}", child.name, parent.name);
        checked += 1;
    }

    assert!(checked > 10_000, "{checked}");
}

#[test]
fn events_and_links_belong_to_spans_that_exist() {
    let steps = run(&[Fault::FailingPayment], 120, 20.0);
    let spans = spans(&steps);
    let known: BTreeSet<(&[u8], &[u8])> =
        spans.iter().map(|(_, span)| (span.trace_id.as_slice(), span.span_id.as_slice())).collect();

    let links: Vec<_> = spans.iter().flat_map(|(_, span)| span.links.iter().map(move |link| (span, link))).collect();
    let events: Vec<_> =
        spans.iter().flat_map(|(_, span)| span.events.iter().map(move |event| (span, event))).collect();

    assert!(!links.is_empty() && !events.is_empty());
    for (span, link) in links {
        assert_eq!(span.kind, SpanKind::Consumer as i32);
        assert!(known.contains(&(&link.trace_id, &link.span_id)));
        assert_ne!(span.trace_id, link.trace_id);
    }
    for (span, event) in events {
        assert!((span.start_time_unix_nano..=span.end_time_unix_nano).contains(&event.time_unix_nano));
    }
}

#[test]
fn log_lines_refer_to_spans_that_exist() {
    let steps = run(&[Fault::FailingPayment, Fault::SlowDatabase], 120, 10.0);
    let known: HashMap<(&[u8], &[u8]), &Resource> = spans(&steps)
        .into_iter()
        .map(|(resource, span)| ((span.trace_id.as_slice(), span.span_id.as_slice()), resource))
        .collect();

    let lines = log_records(&steps);
    let (correlated, alone): (Vec<_>, Vec<_>) = lines.iter().partition(|(_, line)| !line.span_id.is_empty());

    assert!(!alone.is_empty());
    for (resource, line) in correlated {
        let owner = known.get(&(line.trace_id.as_slice(), line.span_id.as_slice())).expect("a line names a known span");
        assert_eq!(service(owner), service(resource));
    }
}

#[test]
fn log_bodies_come_as_text_and_as_structure_in_several_severities() {
    let steps = run(&[], 60, 20.0);
    let lines = log_records(&steps);

    let body = |line: &LogRecord| line.body.as_ref().and_then(|body| body.value.clone());
    let texts = lines.iter().filter(|(_, line)| matches!(body(line), Some(Value::StringValue(_)))).count();
    let maps = lines.iter().filter(|(_, line)| matches!(body(line), Some(Value::KvlistValue(_)))).count();
    let severities: BTreeSet<i32> = lines.iter().map(|(_, line)| line.severity_number).collect();

    assert!(texts > 0 && maps > 0);
    assert!(severities.len() >= 4, "{severities:?}");
}

#[test]
fn every_kind_of_metric_is_there() {
    let steps = run(&[], 60, 20.0);

    let kinds: BTreeSet<String> = metrics(&steps).into_iter().map(|(_, metric)| kind(metric)).collect();

    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "exponential histogram delta",
            "gauge double",
            "gauge int",
            "histogram cumulative",
            "histogram delta",
            "sum double cumulative monotonic",
            "sum int cumulative monotonic",
            "sum int cumulative up-down",
            "sum int delta monotonic",
            "summary",
        ]
    );
}

fn kind(metric: &Metric) -> String {
    use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
    let value = |points: &[NumberDataPoint]| match points[0].value {
        Some(number_data_point::Value::AsInt(_)) => "int",
        _ => "double",
    };
    let temporality = |temporality: i32| if temporality == 1 { "delta" } else { "cumulative" };
    match metric.data.as_ref().expect("every metric has points") {
        Data::Gauge(gauge) => format!("gauge {}", value(&gauge.data_points)),
        Data::Sum(sum) => {
            let direction = if sum.is_monotonic { "monotonic" } else { "up-down" };
            format!("sum {} {} {direction}", value(&sum.data_points), temporality(sum.aggregation_temporality))
        }
        Data::Histogram(histogram) => format!("histogram {}", temporality(histogram.aggregation_temporality)),
        Data::ExponentialHistogram(histogram) => {
            format!("exponential histogram {}", temporality(histogram.aggregation_temporality))
        }
        Data::Summary(_) => "summary".to_owned(),
    }
}

#[test]
fn histograms_add_up_and_their_exemplars_point_to_real_spans() {
    let steps = run(&[], 60, 20.0);
    let known: BTreeSet<(&[u8], &[u8])> =
        spans(&steps).into_iter().map(|(_, span)| (span.trace_id.as_slice(), span.span_id.as_slice())).collect();

    let mut exemplars = 0;
    for (_, metric) in metrics(&steps) {
        match metric.data.as_ref().expect("every metric has points") {
            Data::Histogram(histogram) => {
                for point in &histogram.data_points {
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                    for exemplar in &point.exemplars {
                        assert!(known.contains(&(&exemplar.trace_id, &exemplar.span_id)));
                        exemplars += 1;
                    }
                }
            }
            Data::ExponentialHistogram(histogram) => {
                for point in &histogram.data_points {
                    let positive = point.positive.as_ref().expect("durations are positive");
                    assert_eq!(positive.bucket_counts.iter().sum::<u64>(), point.count);
                    assert!(positive.bucket_counts.len() <= 160);
                }
            }
            _ => {}
        }
    }

    assert!(exemplars > 0);
}

#[test]
fn the_last_request_counters_agree_with_the_spans() {
    let steps = run(&[], 60, 20.0);
    let served = spans(&steps)
        .into_iter()
        .filter(|(resource, span)| service(resource) == "gateway" && span.kind == SpanKind::Server as i32)
        .count();

    let mut last: BTreeMap<Vec<u8>, f64> = BTreeMap::new();
    for (resource, metric) in metrics(&steps) {
        let (Data::Sum(sum), "gateway", "http.server.requests") =
            (metric.data.as_ref().expect("every metric has points"), service(resource), metric.name.as_str())
        else {
            continue;
        };
        for point in &sum.data_points {
            let mut series = resource.encode_to_vec();
            point.attributes.iter().for_each(|attribute| series.extend(attribute.encode_to_vec()));
            last.insert(series, number(point.value));
        }
    }

    assert_eq!(last.values().sum::<f64>(), served as f64);
}

fn number(value: Option<opentelemetry_proto::tonic::metrics::v1::number_data_point::Value>) -> f64 {
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    match value.expect("a point has a value") {
        Value::AsInt(int) => int as f64,
        Value::AsDouble(double) => double,
    }
}

#[test]
fn a_slow_database_makes_statements_and_their_callers_slow() {
    let steps = run(&[Fault::SlowDatabase], 150, 10.0);
    let all = spans(&steps);
    let median_of = |wanted: &dyn Fn(&Resource, &Span) -> bool, after: bool| {
        let matching = all.iter().filter(|(resource, span)| {
            (span.start_time_unix_nano >= fault_begins()) == after && wanted(resource, span)
        });
        median(matching.map(|(_, span)| duration_ms(span)).collect())
    };
    let statement = |_: &Resource, span: &Span| text(&span.attributes, "db.system.name") == "postgresql";
    let cache = |_: &Resource, span: &Span| text(&span.attributes, "db.system.name") == "redis";
    let page =
        |resource: &Resource, span: &Span| service(resource) == "gateway" && span.name == "GET /product/{product}";

    assert!(median_of(&statement, true) > 10.0 * median_of(&statement, false));
    assert!(median_of(&page, true) > 2.0 * median_of(&page, false));
    assert!(median_of(&cache, true) < 2.0 * median_of(&cache, false));
}

#[test]
fn failing_payments_reach_the_visitor_and_the_logs() {
    let steps = run(&[Fault::FailingPayment], 180, 30.0);
    let all = spans(&steps);
    let error_share = |of_service: &str, name: &str, after: bool| {
        let served: Vec<_> = all
            .iter()
            .filter(|(resource, span)| {
                service(resource) == of_service
                    && span.name == name
                    && span.kind == SpanKind::Server as i32
                    && (span.start_time_unix_nano >= fault_begins()) == after
            })
            .collect();
        share(served.iter().filter(|(_, span)| is_error(span)).count(), served.len())
    };

    for (of_service, name) in [
        ("payment", "POST /v1/charge"),
        ("checkout", "shop.Checkout/PlaceOrder"),
        ("frontend", "POST /checkout"),
        ("gateway", "POST /checkout"),
    ] {
        assert!(error_share(of_service, name, false) < 0.1, "{name} before");
        assert!(error_share(of_service, name, true) > 0.3, "{name} after");
    }
    assert!(error_share("gateway", "GET /cart", true) < 0.1);

    let five_hundreds = all.iter().filter(|(resource, span)| {
        service(resource) == "gateway" && int(&span.attributes, "http.response.status_code") >= Some(500)
    });
    assert!(five_hundreds.count() > 0);
    let complaint = |of_service: &str| {
        log_records(&steps).iter().any(|(resource, line)| service(resource) == of_service && line.severity_number == 17)
    };
    assert!(complaint("payment") && complaint("checkout") && complaint("frontend"));
    let exceptions = all.iter().flat_map(|(_, span)| &span.events).filter(|event| event.name == "exception");
    for exception in exceptions {
        for key in ["exception.type", "exception.message", "exception.stacktrace"] {
            assert!(!text(&exception.attributes, key).is_empty(), "{key}");
        }
    }
}

#[test]
fn a_bad_deploy_is_a_new_version_that_fails_more_and_is_slower() {
    let steps = run(&[Fault::BadDeploy], 180, 10.0);
    let mut by_version: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for (resource, span) in spans(&steps) {
        if service(resource) == "catalog" && span.kind == SpanKind::Server as i32 {
            by_version.entry(text(&resource.attributes, "service.version")).or_default().push(span);
        }
    }

    let [(_, old), (_, new)] = by_version.iter().collect::<Vec<_>>()[..] else {
        panic!("expected two versions, got {:?}", by_version.keys());
    };
    let error_share = |spans: &[&Span]| share(spans.iter().filter(|span| is_error(span)).count(), spans.len());
    let usual_ms = |spans: &[&Span]| median(spans.iter().map(|span| duration_ms(span)).collect());

    assert!(new.iter().all(|span| span.start_time_unix_nano >= fault_begins()));
    assert!(error_share(old) < 0.02 && error_share(new) > 0.15);
    assert!(usual_ms(new) > 1.3 * usual_ms(old), "{} {}", usual_ms(new), usual_ms(old));
}

/// The memory of one process, as its metrics tell it.
#[derive(Debug)]
struct Life {
    pod: String,
    started: u64,
    first: (u64, f64),
    last: (u64, f64),
}

/// The lives of the recommendation service's processes, by pod and in the order of their start.
fn memory_of_recommendation(steps: &[Telemetry]) -> Vec<Life> {
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for (resource, metric) in metrics(steps) {
        let (Some(Data::Sum(sum)), "recommendation", "process.memory.usage") =
            (&metric.data, service(resource), metric.name.as_str())
        else {
            continue;
        };
        let name = |key| text(&resource.attributes, key).to_owned();
        for point in &sum.data_points {
            let seen = (point.time_unix_nano, number(point.value));
            let born =
                || Life { pod: name("k8s.pod.name"), started: point.start_time_unix_nano, first: seen, last: seen };
            lives.entry(name("service.instance.id")).or_insert_with(born).last = seen;
        }
    }
    let mut lives: Vec<Life> = lives.into_values().collect();
    lives.sort_by(|one, other| (&one.pod, one.started).cmp(&(&other.pod, other.started)));
    lives
}

#[test]
fn a_leaking_process_grows_is_killed_and_comes_back_as_another_after_a_gap() {
    let steps = run(&[Fault::MemoryLeak], 480, 1.0);

    let lives = memory_of_recommendation(&steps);

    let restarts: Vec<_> = lives.windows(2).filter(|pair| pair[0].pod == pair[1].pod).collect();
    assert!(!restarts.is_empty(), "{lives:?}");
    for pair in restarts {
        let (before, after) = (&pair[0], &pair[1]);
        assert!(before.last.1 > 2.0 * before.first.1, "{before:?}");
        assert!(before.last.1 > 2.0 * after.first.1, "{after:?}");
        assert!(after.started > before.last.0 + 20 * SECOND, "counters start anew, after a gap");
        assert!(after.first.0 >= after.started);
    }
    let killed =
        log_records(&steps).into_iter().filter(|(_, line)| text(&line.attributes, "k8s.event.reason") == "OOMKilled");
    assert!(killed.count() >= 1);
}

#[test]
fn a_step_returns_only_what_happened_in_it() {
    let mut shop = Shop::new(7, &[]);

    for second in 0..30 {
        let from = NOON + second * SECOND;
        let step = [shop.step(from, STEP, 20.0)];
        let now = from..=from + SECOND;
        assert!(spans(&step).iter().all(|(_, span)| now.contains(&span.end_time_unix_nano)));
        assert!(log_records(&step).iter().all(|(_, line)| now.contains(&line.time_unix_nano)));
    }
}

#[test]
fn the_shop_has_eleven_services_in_seven_languages() {
    let steps = run(&[], 60, 20.0);
    let resources: Vec<&Resource> = spans(&steps).into_iter().map(|(resource, _)| resource).collect();

    let distinct =
        |key: &str| -> BTreeSet<&str> { resources.iter().map(|resource| text(&resource.attributes, key)).collect() };

    assert_eq!(distinct("service.name").len(), 11);
    assert_eq!(distinct("telemetry.sdk.language").len(), 7);
    assert_eq!(distinct("service.instance.id").len(), distinct("k8s.pod.name").len());
}
