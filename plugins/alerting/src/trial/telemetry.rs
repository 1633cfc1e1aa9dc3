//! What tests of rules say there is, as OTLP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use plugin::Telemetry;

use crate::rule::unit_test::{LogSeverity, Logs, Sample, Series, SpanKind, SpanStatus, Spans, Test};

const MINUTE: u64 = 60_000_000_000;
/// A point that says that there is none: `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`.
const NO_VALUE: u32 = 1;

/// The telemetry of a test that begins at this time, in nanoseconds since 1970.
pub(super) fn of(test: &Test, begin: i64) -> Vec<Telemetry> {
    let begin = u64::try_from(begin).unwrap_or_default();
    let interval = u64::try_from(test.interval.as_nanos()).unwrap_or(u64::MAX);
    let mut number = 0;
    let series = test.series.iter().map(|series| metrics(series, begin, interval));
    let spans: Vec<Telemetry> = test.spans.iter().map(|spans| traces(spans, begin, &mut number)).collect();
    series.chain(spans).chain(test.logs.iter().map(|logs| records(logs, begin))).collect()
}

fn metrics(series: &Series, begin: u64, interval: u64) -> Telemetry {
    let mut points = Vec::new();
    for (place, sample) in series.samples.iter().enumerate() {
        let (value, flags) = match sample {
            Sample::Missing => continue,
            Sample::Value(value) => (Some(number_data_point::Value::AsDouble(*value)), 0),
            Sample::Stale => (None, NO_VALUE),
        };
        let time_unix_nano = begin + interval * place as u64;
        points.push(NumberDataPoint {
            attributes: pairs(&series.labels),
            time_unix_nano,
            value,
            flags,
            ..Default::default()
        });
    }
    let data = Some(metric::Data::Gauge(Gauge { data_points: points }));
    let metric = Metric { name: series.name.clone(), data, ..Default::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..Default::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..Default::default() }];
    Telemetry::Metrics(ExportMetricsServiceRequest { resource_metrics })
}

fn traces(spans: &Spans, begin: u64, number: &mut u64) -> Telemetry {
    let kind = match spans.kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    let code = match spans.status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    };
    let duration = u64::try_from(spans.duration.as_nanos()).unwrap_or(u64::MAX);
    let all = times(&spans.per_minute, begin).map(|start| {
        *number += 1;
        Span {
            trace_id: u128::from(*number).to_be_bytes().to_vec(),
            span_id: number.to_be_bytes().to_vec(),
            name: spans.operation.clone(),
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: start.saturating_add(duration),
            attributes: pairs(&spans.attributes),
            status: Some(Status { code, ..Default::default() }),
            ..Default::default()
        }
    });
    let scope_spans = vec![ScopeSpans { spans: all.collect(), ..Default::default() }];
    let resource = Some(resource(&spans.service));
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..Default::default() }];
    Telemetry::Traces(ExportTraceServiceRequest { resource_spans })
}

fn records(logs: &Logs, begin: u64) -> Telemetry {
    let severity_number = match logs.severity {
        LogSeverity::Trace => 1,
        LogSeverity::Debug => 5,
        LogSeverity::Info => 9,
        LogSeverity::Warn => 13,
        LogSeverity::Error => 17,
        LogSeverity::Fatal => 21,
    };
    let all = times(&logs.per_minute, begin).map(|time| LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number,
        body: Some(text(&logs.body)),
        attributes: pairs(&logs.attributes),
        ..Default::default()
    });
    let scope_logs = vec![ScopeLogs { log_records: all.collect(), ..Default::default() }];
    let resource = Some(resource(&logs.service));
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..Default::default() }];
    Telemetry::Logs(ExportLogsServiceRequest { resource_logs })
}

/// Times of things of which there are so many in each minute, as far apart as that allows.
fn times(per_minute: &[u32], begin: u64) -> impl Iterator<Item = u64> {
    per_minute.iter().enumerate().flat_map(move |(minute, count)| {
        let count = u64::from(*count);
        (0..count).map(move |place| begin + minute as u64 * MINUTE + place * MINUTE / count)
    })
}

fn resource(service: &str) -> Resource {
    let attributes =
        vec![KeyValue { key: "service.name".to_owned(), value: Some(text(service)), ..Default::default() }];
    Resource { attributes, ..Default::default() }
}

fn pairs(texts: &BTreeMap<String, String>) -> Vec<KeyValue> {
    let pair = |(key, value): (&String, &String)| KeyValue {
        key: key.clone(),
        value: Some(text(value)),
        ..Default::default()
    };
    texts.iter().map(pair).collect()
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.to_owned())) }
}
