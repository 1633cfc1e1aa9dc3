//! Random OTLP requests, with a liking for what breaks decoders.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = (option::of(scope()), vec(span(), 0..4), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    });
    let resource = (option::of(resource()), vec(scope, 0..3), text())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(crate) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scope = (option::of(scope()), vec(log_record(), 0..4), text())
        .prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url });
    let resource = (option::of(resource()), vec(scope, 0..3), text())
        .prop_map(|(resource, scope_logs, schema_url)| ResourceLogs { resource, scope_logs, schema_url });
    vec(resource, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

pub(crate) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope = (option::of(scope()), vec(metric(), 0..3), text())
        .prop_map(|(scope, metrics, schema_url)| ScopeMetrics { scope, metrics, schema_url });
    let resource = (option::of(resource()), vec(scope, 0..3), text())
        .prop_map(|(resource, scope_metrics, schema_url)| ResourceMetrics { resource, scope_metrics, schema_url });
    vec(resource, 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

/// Keys with columns of their own, keys that look like our own marks, keys that are hard to write.
const KEYS: &[&str] = &[
    "",
    "a",
    "b",
    "a",
    "http.route",
    "http.route",
    "http.response.status_code",
    "http.response.status_code",
    "server.port",
    "error.type",
    "exception.stacktrace",
    "user.id",
    "service.name",
    "service.name",
    "service.name",
    "k8s.pod.name",
    "$",
    "$map",
    "$double",
    "$bytes",
    "a\"b",
    "\\",
    "\0",
    "é",
    "😀",
    "http",
    "entity_refs",
];

const TEXTS: &[&str] = &[
    "",
    "x",
    "5",
    "-0",
    "0",
    "200",
    "007",
    "+5",
    "9223372036854775808",
    "null",
    "true",
    "{\"a\":1}",
    "[",
    "NaN",
    "{\"$bytes\":\"AA==\"}",
    "\0",
    "\"",
    "\\",
    "\n\r\t\u{1}\u{1f}\u{7f}",
    "\u{2028}\u{feff}",
    "😀",
    "\"http.route\":",
    "{\"http.route\":",
    "longer than a view keeps in itself",
];

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(TEXTS).prop_map(str::to_owned),
        1 => vec(any::<char>(), 0..20).prop_map(String::from_iter),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(KEYS).prop_map(str::to_owned), 1 => text()]
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![select(&[0, 1, -1, 5, 200, i64::MIN, i64::MAX][..]), any::<i64>()]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![select(&[0, 1, 127, 128, u64::MAX][..]), any::<u64>()]
}

fn small_count() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 1 => select(&[1, 2, u32::MAX][..]), 1 => any::<u32>()]
}

fn double() -> impl Strategy<Value = f64> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        1e15,
        1e16,
        1e300,
        -1e-300,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::EPSILON,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        9_223_372_036_854_775_807.0,
    ];
    prop_oneof![select(special.to_vec()), any::<u64>().prop_map(f64::from_bits)]
}

fn enumeration() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..7_i32, 1 => select(&[-1, i32::MIN, i32::MAX, 24][..])]
}

fn time() -> impl Strategy<Value = u64> {
    const NOW: u64 = super::RECEIVED.0 as u64;
    let special = [
        0,
        0,
        1,
        NOW,
        NOW - 1,
        NOW + 3600 * 1_000_000_000,
        i64::MAX as u64 - 1,
        i64::MAX as u64,
        i64::MAX as u64 + 1,
        u64::MAX,
    ];
    prop_oneof![4 => select(special.to_vec()), 1 => any::<u64>()]
}

/// Mostly valid; else all zeros or of a wrong length.
fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => vec(1_u8.., length),
        1 => Just(vec![0; length]),
        1 => vec(any::<u8>(), 0..20),
    ]
}

/// As `id`, but often absent.
fn optional_id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => Just(Vec::new()), 2 => id(length)]
}

pub(crate) fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        1 => Just(None),
        4 => text().prop_map(|text| Some(Value::StringValue(text))),
        1 => any::<bool>().prop_map(|bool| Some(Value::BoolValue(bool))),
        2 => integer().prop_map(|integer| Some(Value::IntValue(integer))),
        2 => double().prop_map(|double| Some(Value::DoubleValue(double))),
        1 => vec(any::<u8>(), 0..20).prop_map(|bytes| Some(Value::BytesValue(bytes))),
        1 => any::<i32>().prop_map(|index| Some(Value::StringValueStrindex(index))),
    ];
    leaf.prop_map(|value| AnyValue { value }).prop_recursive(4, 16, 4, |value| {
        let entry = (key(), option::weighted(0.9, value.clone())).prop_map(|(key, value)| KeyValue {
            key,
            value,
            key_strindex: 0,
        });
        prop_oneof![
            vec(value, 0..4).prop_map(|values| AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }),
            vec(entry, 0..4).prop_map(|values| AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (key(), option::weighted(0.95, value()), prop_oneof![9 => Just(0), 1 => any::<i32>()])
        .prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex });
    vec(attribute, 0..7)
}

fn few_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop_oneof![2 => Just(Vec::new()), 1 => attributes()]
}

fn resource() -> impl Strategy<Value = Resource> {
    let entity = (text(), text(), vec(text(), 0..3), vec(text(), 0..3)).prop_map(
        |(schema_url, r#type, id_keys, description_keys)| EntityRef { schema_url, r#type, id_keys, description_keys },
    );
    let entities = prop_oneof![2 => Just(Vec::new()), 1 => vec(entity, 0..3)];
    (attributes(), small_count(), entities).prop_map(|(attributes, dropped_attributes_count, entity_refs)| Resource {
        attributes,
        dropped_attributes_count,
        entity_refs,
    })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), text(), few_attributes(), small_count()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn span() -> impl Strategy<Value = Span> {
    let event = (time(), text(), few_attributes(), small_count()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (optional_id(16), optional_id(8), text(), few_attributes(), small_count(), small_count()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    );
    let ids = (id(16), id(8), optional_id(8));
    let texts = (text(), text());
    let counts = (small_count(), small_count(), small_count(), small_count());
    let status = option::of((text(), enumeration()).prop_map(|(message, code)| Status { message, code }));
    let times = (time(), time());
    (ids, texts, enumeration(), times, attributes(), vec(event, 0..3), vec(link, 0..3), counts, status).prop_map(
        |(
            (trace_id, span_id, parent_span_id),
            (name, trace_state),
            kind,
            times,
            attributes,
            events,
            links,
            counts,
            status,
        )| Span {
            trace_id,
            span_id,
            trace_state,
            parent_span_id,
            flags: counts.0,
            name,
            kind,
            start_time_unix_nano: times.0,
            end_time_unix_nano: times.1,
            attributes,
            dropped_attributes_count: counts.1,
            events,
            dropped_events_count: counts.2,
            links,
            dropped_links_count: counts.3,
            status,
        },
    )
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let texts = (text(), text());
    let ids = (optional_id(16), optional_id(8));
    let counts = (small_count(), small_count());
    ((time(), time()), enumeration(), texts, option::of(value()), attributes(), counts, ids).prop_map(
        |(times, severity_number, (severity_text, event_name), body, attributes, counts, (trace_id, span_id))| {
            LogRecord {
                time_unix_nano: times.0,
                observed_time_unix_nano: times.1,
                severity_number,
                severity_text,
                body,
                attributes,
                dropped_attributes_count: counts.0,
                flags: counts.1,
                trace_id,
                span_id,
                event_name,
            }
        },
    )
}

fn metric() -> impl Strategy<Value = Metric> {
    let data = prop_oneof![
        vec(number(), 0..4).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (vec(number(), 0..4), enumeration(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
            }
        ),
        (vec(histogram(), 0..4), enumeration()).prop_map(|(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }),
        (vec(exponential(), 0..4), enumeration()).prop_map(|(data_points, aggregation_temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
        }),
        vec(summary(), 0..4).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ];
    (text(), text(), text(), few_attributes(), option::weighted(0.95, data))
        .prop_map(|(name, description, unit, metadata, data)| Metric { name, description, unit, metadata, data })
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = option::of(prop_oneof![
        double().prop_map(exemplar::Value::AsDouble),
        integer().prop_map(exemplar::Value::AsInt),
    ]);
    let exemplar = (few_attributes(), time(), optional_id(8), optional_id(16), value).prop_map(
        |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id,
            trace_id,
            value,
        },
    );
    prop_oneof![1 => Just(Vec::new()), 1 => vec(exemplar, 0..3)]
}

fn number() -> impl Strategy<Value = NumberDataPoint> {
    let value = option::weighted(
        0.9,
        prop_oneof![
            double().prop_map(number_data_point::Value::AsDouble),
            integer().prop_map(number_data_point::Value::AsInt),
        ],
    );
    (attributes(), time(), time(), exemplars(), small_count(), value).prop_map(
        |(attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            exemplars,
            flags,
            value,
        },
    )
}

fn optional_doubles() -> impl Strategy<Value = [Option<f64>; 3]> {
    [option::of(double()), option::of(double()), option::of(double())]
}

fn histogram() -> impl Strategy<Value = HistogramDataPoint> {
    // As many counts as there must be, none, or some number that may not fit.
    let buckets = vec(double(), 0..4).prop_flat_map(|bounds| {
        let fitting = bounds.len() + 1;
        let counts = prop_oneof![4 => vec(count(), fitting), 1 => Just(Vec::new()), 1 => vec(count(), 0..5)];
        (counts, Just(bounds))
    });
    (attributes(), (time(), time()), count(), optional_doubles(), buckets, exemplars(), small_count()).prop_map(
        |(attributes, times, count, [sum, min, max], (bucket_counts, explicit_bounds), exemplars, flags)| {
            HistogramDataPoint {
                attributes,
                start_time_unix_nano: times.0,
                time_unix_nano: times.1,
                count,
                sum,
                bucket_counts,
                explicit_bounds,
                exemplars,
                flags,
                min,
                max,
            }
        },
    )
}

fn exponential() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let buckets = || {
        option::of(
            (any::<i32>(), vec(count(), 0..4)).prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }),
        )
    };
    let shape = (prop_oneof![Just(0), any::<i32>()], count(), double(), buckets(), buckets());
    (attributes(), (time(), time()), count(), optional_doubles(), shape, exemplars(), small_count()).prop_map(
        |(attributes, times, count, [sum, min, max], shape, exemplars, flags)| {
            let (scale, zero_count, zero_threshold, positive, negative) = shape;
            ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano: times.0,
                time_unix_nano: times.1,
                count,
                sum,
                scale,
                zero_count,
                positive,
                negative,
                flags,
                exemplars,
                min,
                max,
                zero_threshold,
            }
        },
    )
}

fn summary() -> impl Strategy<Value = SummaryDataPoint> {
    let quantiles = vec((double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value }), 0..4);
    (attributes(), (time(), time()), count(), double(), quantiles, small_count()).prop_map(
        |(attributes, times, count, sum, quantile_values, flags)| SummaryDataPoint {
            attributes,
            start_time_unix_nano: times.0,
            time_unix_nano: times.1,
            count,
            sum,
            quantile_values,
            flags,
        },
    )
}
