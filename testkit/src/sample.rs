//! Telemetry to send, as small as it can be and still be valid.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// One export request.
#[derive(Clone, Debug)]
pub enum Request {
    /// Of spans.
    Traces(ExportTraceServiceRequest),
    /// Of log records.
    Logs(ExportLogsServiceRequest),
    /// Of data points.
    Metrics(ExportMetricsServiceRequest),
}

impl Request {
    /// As protobuf.
    pub fn encode(&self) -> Bytes {
        Bytes::from(match self {
            Request::Traces(request) => request.encode_to_vec(),
            Request::Logs(request) => request.encode_to_vec(),
            Request::Metrics(request) => request.encode_to_vec(),
        })
    }
}

/// A request of one service's spans.
pub fn spans(service: &str, spans: impl IntoIterator<Item = Span>) -> Request {
    let scope_spans = vec![ScopeSpans { spans: spans.into_iter().collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: resource(service), scope_spans, ..ResourceSpans::default() }];
    Request::Traces(ExportTraceServiceRequest { resource_spans })
}

/// A request of one service's log records.
pub fn logs(service: &str, records: impl IntoIterator<Item = LogRecord>) -> Request {
    let scope_logs = vec![ScopeLogs { log_records: records.into_iter().collect(), ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(service), scope_logs, ..ResourceLogs::default() }];
    Request::Logs(ExportLogsServiceRequest { resource_logs })
}

/// A request of one service's metrics.
pub fn metrics(service: &str, metrics: impl IntoIterator<Item = Metric>) -> Request {
    let scope_metrics = vec![ScopeMetrics { metrics: metrics.into_iter().collect(), ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: resource(service), scope_metrics, ..ResourceMetrics::default() }];
    Request::Metrics(ExportMetricsServiceRequest { resource_metrics })
}

/// A span of a millisecond in a trace of its own.
pub fn span(name: &str, attributes: Vec<KeyValue>) -> Span {
    let now = now_nanos();
    Span {
        trace_id: rand::random::<[u8; 16]>().to_vec(),
        span_id: rand::random::<[u8; 8]>().to_vec(),
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: now - 1_000_000,
        end_time_unix_nano: now,
        attributes,
        ..Span::default()
    }
}

/// A log record of now.
pub fn record(body: &str, attributes: Vec<KeyValue>) -> LogRecord {
    let now = now_nanos();
    LogRecord {
        time_unix_nano: now,
        observed_time_unix_nano: now,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(body.to_owned())) }),
        attributes,
        ..LogRecord::default()
    }
}

/// A gauge with one point for each list of attributes.
pub fn points(name: &str, attributes: impl IntoIterator<Item = Vec<KeyValue>>) -> Metric {
    let now = now_nanos();
    let point = |attributes| NumberDataPoint {
        time_unix_nano: now,
        value: Some(number_data_point::Value::AsDouble(1.5)),
        attributes,
        ..NumberDataPoint::default()
    };
    let data_points = attributes.into_iter().map(point).collect();
    Metric { name: name.to_owned(), data: Some(Data::Gauge(Gauge { data_points })), ..Metric::default() }
}

/// A histogram with one point for each list of attributes.
pub fn histogram(name: &str, attributes: impl IntoIterator<Item = Vec<KeyValue>>) -> Metric {
    let now = now_nanos();
    let point = |attributes| HistogramDataPoint {
        start_time_unix_nano: now - 1_000_000,
        time_unix_nano: now,
        count: 3,
        sum: Some(6.0),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![1.0],
        attributes,
        ..HistogramDataPoint::default()
    };
    let histogram = Histogram { data_points: attributes.into_iter().map(point).collect(), aggregation_temporality: 2 };
    Metric { name: name.to_owned(), data: Some(Data::Histogram(histogram)), ..Metric::default() }
}

/// A resource that is a service.
pub fn resource(service: &str) -> Option<Resource> {
    let name = attribute("service.name", Value::StringValue(service.to_owned()));
    Some(Resource { attributes: vec![name], ..Resource::default() })
}

/// An attribute.
pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Nanoseconds since 1970.
pub fn now_nanos() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}
