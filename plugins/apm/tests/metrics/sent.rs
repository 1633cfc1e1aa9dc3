//! The metrics of a service that bills, all of one morning, and a span and log records beside them.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plane::{DataPlane, Payload};
use plugin::model::Tenant;

use crate::shop::{SERVER, send, span, text, traces};

/// 2026-01-31T10:00:00Z.
const TEN: u64 = 1_769_853_600;
const SECOND: u64 = 1_000_000_000;

const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;
const NO_VALUE: u32 = 1;

/// So many seconds after ten, or before.
fn at(seconds: i64) -> u64 {
    TEN.saturating_add_signed(seconds) * SECOND
}

/// Sends everything.
pub(crate) async fn fill(plane: &DataPlane, tenant: &Tenant) {
    let other = vec![
        counter("http.requests", &[(-3600, -30, 100.0), (-3600, 30, 110.0), (-3600, 90, 125.0)]),
        gauge("memory.usage", &[(10, 100.0), (40, 100.0), (70, 100.0), (100, 100.0)]),
        metric("mixed", sum(CUMULATIVE, true, &[(0, 30, 1.0)])),
        histogram("bounds", CUMULATIVE, &[0.5, 2.0], &[(0, 30, &[5, 1, 0], 3.0)]),
    ];
    let host = vec![gauge("system.cpu.utilization", &[(20, 0.5), (50, 0.7)])];
    let resource_metrics = vec![
        sends(instance("billing-1"), first()),
        sends(instance("billing-2"), other),
        sends(vec![text("host.name", "node-1")], host),
    ];
    send(plane, tenant, Payload::Metrics, &ExportMetricsServiceRequest { resource_metrics }).await;
    let hidden = vec![sends(instance("hidden-1"), vec![gauge("hidden.metric", &[(10, 1.0)])])];
    let hidden = ExportMetricsServiceRequest { resource_metrics: hidden };
    send(plane, &Tenant::default_tenant(), Payload::Metrics, &hidden).await;
    let root = Span {
        kind: SERVER,
        parent_span_id: Vec::new(),
        end_time_unix_nano: at(21),
        ..span(0xba, 0xbb, at(20), "POST /bill")
    };
    let scope_spans = vec![ScopeSpans { spans: vec![root], ..ScopeSpans::default() }];
    let spans = ResourceSpans { resource: Some(resource("billing-1")), scope_spans, ..ResourceSpans::default() };
    send(plane, tenant, Payload::Traces, &traces(vec![spans])).await;
    let line = LogRecord { time_unix_nano: at(20), severity_number: 17, ..LogRecord::default() };
    let of_span = LogRecord { trace_id: vec![0xbb; 16], span_id: vec![0xbb; 8], severity_number: 9, ..line.clone() };
    let scope_logs = vec![ScopeLogs { log_records: vec![of_span, line], ..ScopeLogs::default() }];
    let logs = ResourceLogs { resource: Some(resource("billing-1")), scope_logs, ..ResourceLogs::default() };
    send(plane, tenant, Payload::Logs, &ExportLogsServiceRequest { resource_logs: vec![logs] }).await;
}

/// What the first instance sends.
fn first() -> Vec<Metric> {
    let gone = NumberDataPoint { flags: NO_VALUE, time_unix_nano: at(110), ..NumberDataPoint::default() };
    let mut memory = gauge("memory.usage", &[(10, 10.0), (40, 20.0), (70, 30.0), (100, 40.0)]);
    if let Some(Data::Gauge(gauge)) = &mut memory.data {
        gauge.data_points.push(gone);
    }
    vec![
        memory,
        // It falls from 8 to 2.
        counter("http.requests", &[(0, 30, 5.0), (0, 90, 8.0), (0, 150, 2.0)]),
        metric("jobs.done", sum(DELTA, true, &[(0, 30, 4.0), (60, 90, 6.0)])),
        metric("queue.size", sum(CUMULATIVE, false, &[(0, 30, 7.0), (0, 90, 5.0)])),
        histogram(
            "http.duration",
            CUMULATIVE,
            &[0.1, 0.5, 1.0],
            &[(0, 30, &[4, 4, 0, 0], 2.0), (0, 90, &[4, 8, 2, 0], 5.0)],
        ),
        histogram("bounds", CUMULATIVE, &[0.1, 0.5], &[(0, 30, &[1, 3, 0], 1.0)]),
        exponential("payload.size", &[(0, 30, 0, 1, &[4]), (60, 90, 1, 2, &[2, 2])]),
        summary("gc.pause", &[(0, 30, 10, 30.0, 9.0), (0, 90, 30, 70.0, 5.0)]),
        gauge("mixed", &[(30, 1.0)]),
        histogram("undecided", 0, &[1.0], &[(0, 30, &[1, 1], 1.0)]),
    ]
}

fn instance(name: &str) -> Vec<KeyValue> {
    vec![text("service.name", "billing"), text("service.instance.id", name), text("host.name", "node-1")]
}

fn resource(name: &str) -> Resource {
    Resource { attributes: instance(name), ..Resource::default() }
}

fn sends(attributes: Vec<KeyValue>, metrics: Vec<Metric>) -> ResourceMetrics {
    ResourceMetrics {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
        ..ResourceMetrics::default()
    }
}

fn metric(name: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: "1".to_owned(), data: Some(data), ..Metric::default() }
}

fn number(start: Option<i64>, time: i64, value: f64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![text("http.route", "/bill"), text("pool", "it's")],
        start_time_unix_nano: start.map_or(0, at),
        time_unix_nano: at(time),
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn gauge(name: &str, points: &[(i64, f64)]) -> Metric {
    let data_points = points.iter().map(|(time, value)| number(None, *time, *value)).collect();
    metric(name, Data::Gauge(Gauge { data_points }))
}

fn sum(temporality: i32, is_monotonic: bool, points: &[(i64, i64, f64)]) -> Data {
    let data_points = points.iter().map(|(start, time, value)| number(Some(*start), *time, *value)).collect();
    Data::Sum(Sum { data_points, aggregation_temporality: temporality, is_monotonic })
}

fn counter(name: &str, points: &[(i64, i64, f64)]) -> Metric {
    metric(name, sum(CUMULATIVE, true, points))
}

fn histogram(name: &str, temporality: i32, bounds: &[f64], points: &[(i64, i64, &[u64], f64)]) -> Metric {
    let exemplar = Exemplar {
        filtered_attributes: vec![text("customer", "x")],
        time_unix_nano: at(20),
        span_id: vec![0xbb; 8],
        trace_id: vec![0xbb; 16],
        value: Some(ExemplarValue::AsDouble(0.4)),
    };
    let point = |(start, time, counts, sum): &(i64, i64, &[u64], f64)| HistogramDataPoint {
        attributes: vec![text("http.route", "/bill")],
        start_time_unix_nano: at(*start),
        time_unix_nano: at(*time),
        count: counts.iter().sum(),
        sum: Some(*sum),
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        // Both points tell it, as exporters of cumulative histograms do.
        exemplars: vec![exemplar.clone()],
        ..HistogramDataPoint::default()
    };
    let data_points = points.iter().map(point).collect();
    metric(name, Data::Histogram(Histogram { data_points, aggregation_temporality: temporality }))
}

/// Start, time, scale, offset and counts of each point.
fn exponential(name: &str, points: &[(i64, i64, i32, i32, &[u64])]) -> Metric {
    let point = |(start, time, scale, offset, counts): &(i64, i64, i32, i32, &[u64])| ExponentialHistogramDataPoint {
        start_time_unix_nano: at(*start),
        time_unix_nano: at(*time),
        count: counts.iter().sum(),
        scale: *scale,
        positive: Some(Buckets { offset: *offset, bucket_counts: counts.to_vec() }),
        ..ExponentialHistogramDataPoint::default()
    };
    let data_points = points.iter().map(point).collect();
    metric(name, Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: DELTA }))
}

/// Start, time, count, sum and the quantile 0.99 of each point.
fn summary(name: &str, points: &[(i64, i64, u64, f64, f64)]) -> Metric {
    let point = |(start, time, count, sum, value): &(i64, i64, u64, f64, f64)| SummaryDataPoint {
        start_time_unix_nano: at(*start),
        time_unix_nano: at(*time),
        count: *count,
        sum: *sum,
        quantile_values: vec![ValueAtQuantile { quantile: 0.99, value: *value }],
        ..SummaryDataPoint::default()
    };
    metric(name, Data::Summary(Summary { data_points: points.iter().map(point).collect() }))
}
