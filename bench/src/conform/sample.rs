//! Requests as an SDK would send them, under a marker that makes their rows findable.
//! The first item of each carries every part of the data model; the others are plain.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::Value;

use super::items::{gauge, point, record, rich_metrics, rich_record, rich_span, span, text};
use super::target::{Signal, Transport};

/// What tells the rows of one request from all others.
#[derive(Clone, Debug)]
pub(crate) struct Marker {
    /// Its `service.name`.
    pub(crate) service: String,
    pub(crate) trace_id: [u8; 16],
    pub(crate) now_nanos: u64,
}

impl Marker {
    pub(crate) fn new(run: u32, number: u64, now_nanos: u64) -> Self {
        let id = (u128::from(run) << 96) | (u128::from(now_nanos) << 32) | u128::from(number) | 1 << 31;
        Self { service: format!("conform-{run:08x}-{number}"), trace_id: id.to_be_bytes(), now_nanos }
    }

    pub(crate) fn trace_hex(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace_id))
    }
}

/// One export request.
#[derive(Clone, Debug)]
pub(crate) enum Export {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Export {
    /// The first item complete, `more` plain ones after it.
    pub(crate) fn sample(signal: Signal, marker: &Marker, more: usize) -> Self {
        match signal {
            Signal::Traces => {
                let plain = (0..more).map(|index| span(marker, index as u64 + 2));
                Self::spans(marker, [rich_span(marker)].into_iter().chain(plain).collect())
            }
            Signal::Logs => {
                let plain = (0..more).map(|index| record(marker, &format!("plain record {index}")));
                Self::records(marker, [rich_record(marker)].into_iter().chain(plain).collect())
            }
            Signal::Metrics => {
                let plain = (0..more).map(|index| point(marker, index as f64)).collect();
                let mut metrics = rich_metrics(marker);
                metrics.push(gauge("conform.plain", plain));
                Self::metrics(marker, metrics)
            }
        }
    }

    pub(crate) fn spans(marker: &Marker, spans: Vec<Span>) -> Self {
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: SCHEMA_URL.into() }];
        let resource_spans =
            vec![ResourceSpans { resource: Some(resource(marker)), scope_spans, schema_url: SCHEMA_URL.into() }];
        Self::Traces(ExportTraceServiceRequest { resource_spans })
    }

    pub(crate) fn records(marker: &Marker, log_records: Vec<LogRecord>) -> Self {
        let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, schema_url: SCHEMA_URL.into() }];
        let resource_logs =
            vec![ResourceLogs { resource: Some(resource(marker)), scope_logs, schema_url: SCHEMA_URL.into() }];
        Self::Logs(ExportLogsServiceRequest { resource_logs })
    }

    pub(crate) fn metrics(marker: &Marker, metrics: Vec<Metric>) -> Self {
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, schema_url: SCHEMA_URL.into() }];
        let resource_metrics =
            vec![ResourceMetrics { resource: Some(resource(marker)), scope_metrics, schema_url: SCHEMA_URL.into() }];
        Self::Metrics(ExportMetricsServiceRequest { resource_metrics })
    }

    pub(crate) fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Logs(_) => Signal::Logs,
            Self::Metrics(_) => Signal::Metrics,
        }
    }

    /// The spans, records or data points in it.
    pub(crate) fn items(&self) -> usize {
        match self {
            Self::Traces(request) => request
                .resource_spans
                .iter()
                .flat_map(|resource| &resource.scope_spans)
                .map(|scope| scope.spans.len())
                .sum(),
            Self::Logs(request) => request
                .resource_logs
                .iter()
                .flat_map(|resource| &resource.scope_logs)
                .map(|scope| scope.log_records.len())
                .sum(),
            Self::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
                scopes.flat_map(|scope| &scope.metrics).map(points).sum()
            }
        }
    }

    pub(crate) fn encode(&self, transport: Transport) -> Bytes {
        match transport {
            Transport::Grpc | Transport::Protobuf => self.encode_protobuf(),
            Transport::Json => Bytes::from(self.to_json().to_string()),
        }
    }

    fn encode_protobuf(&self) -> Bytes {
        let bytes = match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
        };
        Bytes::from(bytes)
    }

    pub(crate) fn to_json(&self) -> Value {
        let value = match self {
            Self::Traces(request) => serde_json::to_value(request),
            Self::Logs(request) => serde_json::to_value(request),
            Self::Metrics(request) => serde_json::to_value(request),
        };
        let mut value = value.expect("a request has string keys and finite numbers");
        drop_nulls(&mut value);
        value
    }
}

/// The generated types write unset messages as null, which SDKs leave out.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    }
}

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.30.0";

fn resource(marker: &Marker) -> Resource {
    let attributes = vec![text("service.name", &marker.service), text("conform.resource", "yes")];
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "otlp-conform".into(),
        version: "1".into(),
        attributes: vec![text("conform.scope", "yes")],
        ..InstrumentationScope::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_follows_the_mapping_of_the_specification() {
        let marker = Marker::new(1, 2, 1_700_000_000_123_456_789);

        let json = Export::sample(Signal::Traces, &marker, 0).to_json();

        let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], marker.trace_hex());
        assert_eq!(span["kind"], 1);
        assert_eq!(span["startTimeUnixNano"], "1700000000123456789");
        assert_eq!(span["attributes"][1]["value"]["intValue"], "-9007199254740993");
        assert_eq!(span["attributes"][4]["value"]["bytesValue"], "AAH+/w==");
    }

    #[test]
    fn items_counts_what_is_inside() {
        let marker = Marker::new(1, 2, 3_000);

        let counts = Signal::ALL.map(|signal| Export::sample(signal, &marker, 4).items());

        assert_eq!(counts, [5, 5, 9]);
    }
}
