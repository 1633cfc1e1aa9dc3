//! Spans, log records and data points: plain ones, and one of each with every part of the data model.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::sample::Marker;

const CUMULATIVE: i32 = 2;

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.into()))
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// One attribute of each type, nested ones among them.
fn attributes() -> Vec<KeyValue> {
    let any = |value| AnyValue { value: Some(value) };
    let list = ArrayValue { values: vec![any(Any::IntValue(1)), any(Any::StringValue("two".into()))] };
    let map = KeyValueList { values: vec![text("inner", "value"), attribute("list", Any::ArrayValue(list.clone()))] };
    vec![
        text("conform.text", "value"),
        attribute("conform.integer", Any::IntValue(-9_007_199_254_740_993)),
        attribute("conform.double", Any::DoubleValue(0.1)),
        attribute("conform.bool", Any::BoolValue(true)),
        attribute("conform.bytes", Any::BytesValue(vec![0, 1, 254, 255])),
        attribute("conform.list", Any::ArrayValue(list)),
        attribute("conform.map", Any::KvlistValue(map)),
    ]
}

/// A valid span with nothing optional.
pub(crate) fn span(marker: &Marker, number: u64) -> Span {
    Span {
        trace_id: marker.trace_id.to_vec(),
        span_id: number.to_be_bytes().to_vec(),
        name: "conform.plain".into(),
        kind: 1,
        start_time_unix_nano: marker.now_nanos,
        end_time_unix_nano: marker.now_nanos + 1_000,
        ..Span::default()
    }
}

pub(crate) fn rich_span(marker: &Marker) -> Span {
    let event = Event {
        time_unix_nano: marker.now_nanos,
        name: "event".into(),
        attributes: attributes(),
        dropped_attributes_count: 1,
    };
    let link = Link {
        trace_id: vec![7; 16],
        span_id: vec![7; 8],
        trace_state: "a=b".into(),
        attributes: attributes(),
        ..Link::default()
    };
    Span {
        parent_span_id: vec![9; 8],
        trace_state: "vendor=value".into(),
        attributes: attributes(),
        events: vec![event],
        links: vec![link],
        status: Some(Status { message: "broken".into(), code: 2 }),
        ..span(marker, 1)
    }
}

/// A valid record with nothing optional.
pub(crate) fn record(marker: &Marker, body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: marker.now_nanos,
        observed_time_unix_nano: marker.now_nanos,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue { value: Some(Any::StringValue(body.into())) }),
        ..LogRecord::default()
    }
}

pub(crate) fn rich_record(marker: &Marker) -> LogRecord {
    LogRecord {
        body: Some(AnyValue { value: Some(Any::KvlistValue(KeyValueList { values: attributes() })) }),
        attributes: attributes(),
        trace_id: marker.trace_id.to_vec(),
        span_id: vec![9; 8],
        event_name: "conform.event".into(),
        ..record(marker, "")
    }
}

/// A valid number point without attributes.
pub(crate) fn point(marker: &Marker, value: f64) -> NumberDataPoint {
    let value = Some(number_data_point::Value::AsDouble(value));
    NumberDataPoint {
        start_time_unix_nano: marker.now_nanos - 1_000,
        time_unix_nano: marker.now_nanos,
        value,
        ..NumberDataPoint::default()
    }
}

pub(crate) fn gauge(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, Data::Gauge(Gauge { data_points }))
}

pub(crate) fn sum(name: &str, aggregation_temporality: i32, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }))
}

fn metric(name: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: "what it counts".into(),
        unit: "1".into(),
        data: Some(data),
        ..Metric::default()
    }
}

/// A gauge, a sum, both histograms and a summary, one point each.
pub(crate) fn rich_metrics(marker: &Marker) -> Vec<Metric> {
    let exemplar = Exemplar {
        filtered_attributes: attributes(),
        time_unix_nano: marker.now_nanos,
        span_id: vec![9; 8],
        trace_id: marker.trace_id.to_vec(),
        value: Some(exemplar::Value::AsDouble(1.5)),
    };
    let rich = |value| NumberDataPoint {
        attributes: attributes(),
        exemplars: vec![exemplar.clone()],
        value: Some(value),
        ..point(marker, 0.0)
    };
    vec![
        gauge("conform.gauge", vec![rich(number_data_point::Value::AsDouble(0.5))]),
        sum("conform.sum", CUMULATIVE, vec![rich(number_data_point::Value::AsInt(9_007_199_254_740_993))]),
        histogram(marker, vec![exemplar.clone()], vec![1, 2, 3]),
        exponential_histogram(marker, exemplar),
        summary(marker),
    ]
}

/// One point with the two bounds 1 and 10, which ask for three buckets.
pub(crate) fn histogram(marker: &Marker, exemplars: Vec<Exemplar>, bucket_counts: Vec<u64>) -> Metric {
    let point = HistogramDataPoint {
        attributes: attributes(),
        start_time_unix_nano: marker.now_nanos - 1_000,
        time_unix_nano: marker.now_nanos,
        count: bucket_counts.iter().sum(),
        sum: Some(20.5),
        bucket_counts,
        explicit_bounds: vec![1.0, 10.0],
        exemplars,
        min: Some(0.5),
        max: Some(12.0),
        ..HistogramDataPoint::default()
    };
    metric(
        "conform.histogram",
        Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: CUMULATIVE }),
    )
}

fn exponential_histogram(marker: &Marker, exemplar: Exemplar) -> Metric {
    let point = ExponentialHistogramDataPoint {
        attributes: attributes(),
        start_time_unix_nano: marker.now_nanos - 1_000,
        time_unix_nano: marker.now_nanos,
        count: 6,
        sum: Some(6.0),
        scale: 2,
        zero_count: 1,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![1, 2] }),
        negative: Some(Buckets { offset: 1, bucket_counts: vec![2] }),
        exemplars: vec![exemplar],
        ..ExponentialHistogramDataPoint::default()
    };
    let data = ExponentialHistogram { data_points: vec![point], aggregation_temporality: CUMULATIVE };
    metric("conform.exponential", Data::ExponentialHistogram(data))
}

fn summary(marker: &Marker) -> Metric {
    let point = SummaryDataPoint {
        attributes: attributes(),
        start_time_unix_nano: marker.now_nanos - 1_000,
        time_unix_nano: marker.now_nanos,
        count: 3,
        sum: 6.0,
        quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 2.0 }],
        ..SummaryDataPoint::default()
    };
    metric("conform.summary", Data::Summary(Summary { data_points: vec![point] }))
}
