//! Rules of Prometheus over metrics as OpenTelemetry sends them.

pub(crate) mod bench;
mod prometheus;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, NumberDataPoint, Sum,
};

use self::bench::{BEGIN, MINUTE, metric, pairs, tried};

const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;
const CHECKOUT: [(&str, &str); 4] = [
    ("service.name", "checkout"),
    ("service.namespace", "shop"),
    ("service.instance.id", "one"),
    ("host.name", "alpha"),
];

/// A point each minute from 0 on.
fn points(attributes: &[(&str, &str)], values: impl IntoIterator<Item = f64>) -> Vec<NumberDataPoint> {
    let point = |(minute, value): (usize, f64)| NumberDataPoint {
        attributes: pairs(attributes),
        time_unix_nano: BEGIN + minute as u64 * MINUTE,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    values.into_iter().enumerate().map(point).collect()
}

fn counter(aggregation_temporality: i32, data_points: Vec<NumberDataPoint>) -> Data {
    Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
}

/// A rule of each expression, and the alerts that are expected of it after ten minutes.
fn check(metrics: &[opentelemetry_proto::tonic::metrics::v1::ResourceMetrics], expected: &[(&str, &[&str])]) {
    let (mut rules, mut expectations) = (String::new(), String::new());
    for (number, (expression, alerts)) in expected.iter().enumerate() {
        rules += &format!("- {{name: r{number}, severity: info, interval: 10m, promql: '{expression}'}}\n");
        let alerts: Vec<String> = alerts.iter().map(|labels| format!("{{exp_labels: {labels}}}")).collect();
        let alerts = alerts.join(", ");
        expectations += &format!("      - {{eval_time: 10m, alertname: r{number}, exp_alerts: [{alerts}]}}\n");
    }
    let tests = format!("rule_files: [rules.yaml]\ntests:\n  - interval: 1m\n    alert_rule_test:\n{expectations}");

    let tested = tried(&rules, &tests, metrics);

    assert_eq!((tested.met, tested.failures), (expected.len(), Vec::new()), "{rules}{tests}");
}

/// Why a rule cannot be evaluated.
fn refused(metrics: &[opentelemetry_proto::tonic::metrics::v1::ResourceMetrics], expression: &str) -> String {
    let rules = format!("- {{name: r, severity: info, interval: 10m, promql: '{expression}'}}");
    let tests =
        "rule_files: [rules.yaml]\ntests:\n  - alert_rule_test: [{eval_time: 10m, alertname: r, exp_alerts: []}]";
    tried(&rules, tests, metrics).failures.join("\n")
}

#[test]
fn promtools_own_series_make_alerts() {
    let rules = r#"
groups:
  - name: shop
    rules:
      - {alert: Down, expr: 'up{job="shop"} == 0', for: 2m, labels: {severity: page}}
      - {alert: Gone, expr: 'absent(up{job="pay"})'}
      - {alert: Busy, expr: 'rate(requests_total[5m]) * 60 > 9'}
"#;
    let tests = r#"
rule_files: [rules.yaml]
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="shop", instance="a"}', values: '1x4 0x10'}
      - {series: 'up{job="pay"}', values: '1x4 stale'}
      - {series: 'requests_total{route="/"}', values: '0+10x20'}
    alert_rule_test:
      - {eval_time: 6m, alertname: Down, exp_alerts: []}
      - {eval_time: 7m, alertname: Down, exp_alerts: [{exp_labels: {job: shop, instance: a, severity: page}}]}
      - {eval_time: 4m, alertname: Gone, exp_alerts: []}
      - {eval_time: 5m, alertname: Gone, exp_alerts: [{exp_labels: {job: pay}}]}
      - {eval_time: 10m, alertname: Busy, exp_alerts: [{exp_labels: {route: /}}]}
"#;

    let tested = tried(rules, tests, &[]);

    assert_eq!((tested.met, tested.failures), (5, Vec::new()));
}

#[test]
fn metrics_have_the_names_and_labels_that_opentelemetry_gives_them_in_prometheus() {
    let requests = counter(CUMULATIVE, points(&[("http.route", "/cart")], (0..=10).map(|n| f64::from(n) * 60.0)));
    let used = Data::Gauge(Gauge { data_points: points(&[], vec![0.9; 11]) });
    let metrics = [
        metric(&CHECKOUT, "http.requests", "{request}", requests),
        metric(&CHECKOUT, "system.memory.utilization", "1", used),
    ];
    let labels = "{http_route: /cart, job: shop/checkout, instance: one}";

    check(
        &metrics,
        &[
            ("rate(http_requests_total[5m]) > 0.99 < 1.01", &[labels]),
            ("rate({\"http.requests\"}[5m]) > 0.99", &[labels]),
            ("http_requests_total{\"http.route\"=\"/cart\", job=~\"shop/.*\"} == 600", &[labels]),
            ("system_memory_utilization_ratio > 0.8", &["{job: shop/checkout, instance: one}"]),
            ("sum by (host_name) (http_requests_total) > 0", &["{host_name: alpha}"]),
            ("sum(http_requests_total{service_name=\"checkout\"}) > 0", &["{}"]),
            ("http_requests_total{host_name=\"beta\"}", &[]),
            ("http_requests", &[]),
        ],
    );
}

#[test]
fn histograms_with_bounds_are_buckets_sums_and_counts() {
    let point = |minute: u64| HistogramDataPoint {
        time_unix_nano: BEGIN + minute * MINUTE,
        count: 10 * minute,
        sum: Some(2.0 * minute as f64),
        explicit_bounds: vec![0.1, 0.2, 1.0],
        bucket_counts: vec![5 * minute, 4 * minute, 0, minute],
        ..HistogramDataPoint::default()
    };
    let data_points = (0..=10).map(point).collect();
    let histogram = Data::Histogram(Histogram { data_points, aggregation_temporality: CUMULATIVE });
    let metrics = [metric(&CHECKOUT, "http.server.request.duration", "s", histogram)];
    let labels = "{job: shop/checkout, instance: one}";
    let duration = "http_server_request_duration_seconds";

    check(
        &metrics,
        &[
            (&format!("histogram_quantile(0.7, rate({duration}_bucket[5m])) > 0.149 < 0.151"), &[labels]),
            (&format!("histogram_quantile(0.9, sum by (le) ({duration}_bucket)) == 0.2"), &["{}"]),
            (&format!("{duration}_bucket{{le=\"0.2\"}} == 90"), &["{job: shop/checkout, instance: one, le: \"0.2\"}"]),
            (&format!("{duration}_bucket{{le=\"+Inf\"}} == 100"), &["{job: shop/checkout, instance: one, le: +Inf}"]),
            (&format!("rate({duration}_sum[5m]) / rate({duration}_count[5m]) < 0.21"), &[labels]),
        ],
    );
}

#[test]
fn what_promql_cannot_read_is_told_and_fails_no_other_rule() {
    let orders = counter(DELTA, points(&[], vec![1.0; 11]));
    let point = ExponentialHistogramDataPoint { time_unix_nano: BEGIN + 10 * MINUTE, count: 3, ..Default::default() };
    let sizes = ExponentialHistogram { data_points: vec![point], aggregation_temporality: CUMULATIVE };
    let metrics = [
        metric(&CHECKOUT, "orders", "", counter(DELTA, Vec::new())),
        metric(&CHECKOUT, "orders", "", orders),
        metric(&CHECKOUT, "sizes", "By", Data::ExponentialHistogram(sizes)),
    ];

    let delta = refused(&metrics, "rate(orders_total[5m]) > 0");
    let exponential = refused(&metrics, "sizes_bytes_bucket");

    assert!(delta.contains("`orders` tells changes and not sums (delta temporality)"), "{delta}");
    assert!(exponential.contains("exponential histogram"), "{exponential}");
    check(&metrics, &[("sizes_bytes_count == 3", &["{job: shop/checkout, instance: one}"])]);
}

#[test]
fn series_that_only_their_resource_tells_apart_are_added_up() {
    let of_host = |host: &str| {
        let values = (0..=10).map(|n| f64::from(n) * 60.0);
        let resource = [("service.name", "checkout"), ("host.name", host)];
        metric(&resource, "http.requests", "", counter(CUMULATIVE, points(&[], values)))
    };

    check(
        &[of_host("alpha"), of_host("beta")],
        &[
            ("sum by (job) (rate(http_requests_total[5m])) > 1.99 < 2.01", &["{job: checkout}"]),
            ("sum by (host_name) (rate(http_requests_total[5m])) > 0.99", &["{host_name: alpha}", "{host_name: beta}"]),
        ],
    );
}
