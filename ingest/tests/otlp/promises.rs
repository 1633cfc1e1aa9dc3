//! What the decoder promises, one example each.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use ingest::{DecodeError, Reason, decode, encode};
use model::{Batch, Table};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use plane::Payload;
use prost::Message;

use super::sample::{attribute, gauge, logs, point, span, text, traces};
use super::{RECEIVED, rows};

const PAYLOADS: [Payload; 3] = [Payload::Traces, Payload::Logs, Payload::Metrics];

fn column<'b>(batch: &'b Batch, name: &str) -> Option<&'b arrow::array::ArrayRef> {
    batch.said(Table::of(batch.signal()).index(name))
}

/// The text in the first row.
fn first_text(batch: &Batch, name: &str) -> Option<String> {
    let column = column(batch, name)?.as_string_view().clone();
    column.is_valid(0).then(|| column.value(0).to_owned())
}

/// The attributes of a span, by way of its row.
fn back(attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    let batches = rows(Payload::Traces, &traces(vec![Span { attributes, ..span() }])).unwrap().batches;
    encode::traces(&batches).unwrap().resource_spans.remove(0).scope_spans.remove(0).spans.remove(0).attributes
}

#[test]
fn truncated_bytes_never_panic() {
    let request = traces(vec![span(), span()]).encode_to_vec();

    for length in 0..request.len() {
        for payload in PAYLOADS {
            drop(decode(payload, &request[..length], RECEIVED));
        }
    }
}

#[test]
fn a_span_with_a_bad_id_is_refused_alone() {
    let bad = [
        Span { trace_id: vec![0; 16], ..span() },
        Span { trace_id: vec![1; 15], ..span() },
        Span { span_id: Vec::new(), ..span() },
        Span { parent_span_id: vec![1; 7], ..span() },
    ];
    let good = Span { parent_span_id: vec![0; 8], ..span() };

    let decoded = rows(Payload::Traces, &traces([vec![good.clone()], bad.to_vec(), vec![good]].concat())).unwrap();

    assert_eq!(decoded.batches[0].rows(), 2);
    assert_eq!(decoded.refusals.rejected(), 4);
    assert_eq!(decoded.refusals.count(Reason::SpanTraceId), 2);
    assert_eq!(decoded.refusals.count(Reason::SpanId), 1);
    assert_eq!(decoded.refusals.count(Reason::ParentSpanId), 1);
    assert!(decoded.refusals.to_string().contains("2 refused: trace_id must be 16 bytes"), "{}", decoded.refusals);
}

#[test]
fn a_log_record_with_a_bad_id_is_kept_without_it() {
    let record = LogRecord { trace_id: vec![1; 15], span_id: vec![2; 8], ..LogRecord::default() };
    let silent = LogRecord { trace_id: vec![0; 16], span_id: vec![0; 8], ..LogRecord::default() };

    let decoded = rows(Payload::Logs, &logs(vec![record, silent])).unwrap();

    assert_eq!(decoded.batches[0].rows(), 2);
    assert_eq!(decoded.refusals.rejected(), 0);
    assert_eq!(decoded.refusals.count(Reason::IdCleared), 1);
    let records = &encode::logs(&decoded.batches).unwrap().resource_logs[0].scope_logs[0].log_records;
    assert_eq!((records[0].trace_id.len(), records[0].span_id.len()), (0, 8));
}

#[test]
fn times_at_zero_and_at_u64_max_are_kept() {
    let times = [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];
    let events = times.map(|time_unix_nano| Event { time_unix_nano, ..Event::default() }).to_vec();
    let spans = times.map(|time| Span {
        start_time_unix_nano: time,
        end_time_unix_nano: u64::MAX - time,
        events: events.clone(),
        ..span()
    });
    let records = times.map(|time| LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: u64::MAX - time,
        ..LogRecord::default()
    });
    let points = times.map(point);

    let span_rows = rows(Payload::Traces, &traces(spans.to_vec())).unwrap();
    let log_rows = rows(Payload::Logs, &logs(records.to_vec())).unwrap();
    let point_rows = rows(Payload::Metrics, &gauge(points.to_vec())).unwrap();

    assert_eq!(encode::traces(&span_rows.batches).unwrap().resource_spans[0].scope_spans[0].spans, spans);
    assert_eq!(encode::logs(&log_rows.batches).unwrap().resource_logs[0].scope_logs[0].log_records, records);
    let metrics = encode::metrics(&point_rows.batches).unwrap();
    assert_eq!(
        metrics.resource_metrics[0].scope_metrics[0].metrics,
        gauge(points.to_vec()).resource_metrics[0].scope_metrics[0].metrics
    );
}

#[test]
fn a_span_that_ends_before_it_starts_lasts_no_time_and_is_marked() {
    let reversed = Span { start_time_unix_nano: 10, end_time_unix_nano: 3, ..span() };
    let endless = Span { start_time_unix_nano: u64::MAX, end_time_unix_nano: 0, ..span() };

    let decoded = rows(Payload::Traces, &traces(vec![reversed, endless])).unwrap();

    let durations = column(&decoded.batches[0], "duration_ns").unwrap().as_primitive::<Int64Type>();
    assert_eq!(durations.values(), &[0, 0]);
    assert_eq!(decoded.refusals.count(Reason::SuspectTime), 2);
    assert_eq!(column(&decoded.batches[0], "observed_time").unwrap().null_count(), 0);
}

#[test]
fn a_key_of_five_types_keeps_each_type() {
    let values = [
        text("200"),
        Value::IntValue(200),
        Value::DoubleValue(200.0),
        Value::BoolValue(true),
        Value::BytesValue(b"200".to_vec()),
    ];

    for key in ["own.key", "http.route", "http.response.status_code"] {
        for value in &values {
            assert_eq!(back(vec![attribute(key, value.clone())]), vec![attribute(key, value.clone())]);
        }
        // All in one item, too: a key that comes again stays, in order.
        let all: Vec<KeyValue> = values.iter().map(|value| attribute(key, value.clone())).collect();
        assert_eq!(back(all.clone()), all);
    }
}

#[test]
fn a_promoted_key_that_was_empty_first_keeps_its_second_value() {
    for second in [text("/cart"), Value::IntValue(7)] {
        for key in ["http.route", "http.response.status_code"] {
            let empty = KeyValue { key: key.to_owned(), value: Some(AnyValue { value: None }), key_strindex: 0 };
            let both = vec![empty, attribute(key, second.clone())];

            assert_eq!(back(both.clone()), both);
        }
    }
}

#[test]
fn a_promoted_key_said_twice_is_not_mistaken_for_one_inside_a_map() {
    let map = Value::KvlistValue(KeyValueList { values: vec![attribute("http.route", text("inner"))] });
    let said = vec![attribute("a", map), attribute("http.route", text("1")), attribute("http.route", text("2"))];

    assert_eq!(back(said.clone()), said);
}

#[test]
fn a_resource_may_say_a_key_three_times() {
    let attributes = vec![attribute("service.name", text("a")); 3];
    let mut request = traces(vec![span()]);
    request.resource_spans[0].resource = Some(Resource { attributes: attributes.clone(), ..Resource::default() });

    let batches = rows(Payload::Traces, &request).unwrap().batches;

    assert_eq!(first_text(&batches[0], "service_name").as_deref(), Some("a"));
    let back = encode::traces(&batches).unwrap().resource_spans.remove(0).resource.unwrap();
    assert_eq!(back.attributes, attributes);
}

#[test]
fn the_column_of_a_promoted_key_alone_answers_for_its_text() {
    let attributes =
        vec![attribute("http.route", Value::IntValue(5)), attribute("http.response.status_code", text("200"))];

    let batches = rows(Payload::Traces, &traces(vec![Span { attributes, ..span() }])).unwrap().batches;

    assert_eq!(first_text(&batches[0], "http_route").as_deref(), Some("5"));
    let codes = column(&batches[0], "http_response_status_code").unwrap().as_primitive::<Int64Type>();
    assert_eq!(codes.value(0), 200);
    let json = first_text(&batches[0], "attributes");
    assert_eq!(json.as_deref(), Some(r#"{"http.route":5,"http.response.status_code":"200"}"#));
}

#[test]
fn a_hundred_thousand_distinct_keys_stay_in_json() {
    let attributes: Vec<KeyValue> =
        (0..100_000).map(|number| attribute(&format!("key.{number}"), Value::IntValue(number))).collect();

    let batches =
        rows(Payload::Traces, &traces(vec![Span { attributes: attributes.clone(), ..span() }])).unwrap().batches;

    let json = first_text(&batches[0], "attributes").unwrap();
    assert!(json.starts_with(r#"{"key.0":0,"key.1":1,"#) && json.ends_with(r#""key.99999":99999}"#));
    assert_eq!(back(attributes.clone()), attributes);
}

#[test]
fn a_promoted_key_said_a_hundred_thousand_times_costs_no_more_than_others() {
    let others = (0..100_000).map(|number| attribute(&format!("key.{number}"), Value::IntValue(number)));
    let attributes: Vec<KeyValue> = others.chain((0..100_000).map(|_| attribute("http.route", text("/")))).collect();

    // Quadratic work would take minutes here.
    let batches = rows(Payload::Traces, &traces(vec![Span { attributes, ..span() }])).unwrap().batches;

    assert_eq!(first_text(&batches[0], "http_route").as_deref(), Some("/"));
}

/// An attribute whose value is an array in an array and so on, or a map in a map, so many levels deep.
fn nested(levels: usize, in_maps: bool) -> Vec<u8> {
    let field = |number: u8, inner: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        bytes.extend_from_slice(inner);
        bytes
    };
    // Written backwards: each level only adds a few bytes in front.
    let mut reversed: Vec<u8> = Vec::new();
    let wrap = |number: u8, reversed: &mut Vec<u8>| {
        let mut head = vec![number << 3 | 2];
        prost::encoding::encode_varint(reversed.len() as u64, &mut head);
        reversed.extend(head.iter().rev());
    };
    for _ in 0..levels {
        if in_maps {
            wrap(2, &mut reversed);
        }
        wrap(1, &mut reversed);
        wrap(if in_maps { 6 } else { 5 }, &mut reversed);
    }
    reversed.reverse();
    let key_value = [field(1, b"deep"), field(2, &reversed)].concat();
    let mut body = field(6, &key_value);
    for number in [2, 2, 1] {
        body = field(number, &body);
    }
    body
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    for in_maps in [false, true] {
        for levels in [66, 100, 1000, 100_000] {
            let outcome = decode(Payload::Logs, &nested(levels, in_maps), RECEIVED);
            assert_eq!(outcome.err(), Some(DecodeError::TooDeep), "{levels}");
        }

        let deepest = decode(Payload::Logs, &nested(64, in_maps), RECEIVED).unwrap();
        assert!(encode::logs(&deepest.batches).is_ok());
    }
}

#[test]
fn a_map_whose_keys_look_like_our_marks_stays_a_map() {
    let map = |key: &str, value: Value| Value::KvlistValue(KeyValueList { values: vec![attribute(key, value)] });
    for mark in ["$bytes", "$double", "$map", "$"] {
        for value in [text("AA=="), text("NaN"), map("$map", text("x")), map(mark, map(mark, text("x")))] {
            let said = vec![attribute("a", map(mark, value.clone())), attribute(mark, value)];

            assert_eq!(back(said.clone()), said);
        }
    }
}

#[test]
fn an_array_is_not_confused_by_what_it_holds() {
    let array = |values: Vec<Value>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Value::ArrayValue(ArrayValue { values })
    };
    let said = vec![attribute(
        "a",
        array(vec![array(vec![]), array(vec![array(vec![]), text("[")]), text("["), array(vec![])]),
    )];

    assert_eq!(back(said.clone()), said);
}
