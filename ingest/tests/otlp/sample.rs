//! Small requests to start a test from.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::RECEIVED;

pub(crate) fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

pub(crate) fn span() -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "GET /cart".to_owned(),
        start_time_unix_nano: RECEIVED.0 as u64,
        end_time_unix_nano: RECEIVED.0 as u64 + 1,
        attributes: vec![attribute("cart.items", Value::IntValue(3)), attribute("http.route", text("/cart"))],
        events: vec![Event {
            name: "paid".to_owned(),
            attributes: vec![attribute("a", text("b"))],
            ..Event::default()
        }],
        links: vec![Link { trace_id: vec![3; 16], span_id: vec![4; 8], ..Link::default() }],
        ..Span::default()
    }
}

pub(crate) fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

pub(crate) fn logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

pub(crate) fn gauge(data_points: Vec<NumberDataPoint>) -> ExportMetricsServiceRequest {
    let metric =
        Metric { name: "queue.size".to_owned(), data: Some(Data::Gauge(Gauge { data_points })), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
    }
}

pub(crate) fn point(time_unix_nano: u64) -> NumberDataPoint {
    NumberDataPoint {
        time_unix_nano,
        value: Some(number_data_point::Value::AsInt(7)),
        exemplars: vec![Exemplar { time_unix_nano, ..Exemplar::default() }],
        ..NumberDataPoint::default()
    }
}
