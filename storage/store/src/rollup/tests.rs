use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type};
use model::Sketch;
use proptest::prelude::*;

use super::*;
use crate::conformance::{Span, batch};

const MINUTE: i64 = 60_000_000_000;

/// Few of each, so that keys meet; a long name, which is not held in its view.
fn span() -> impl Strategy<Value = Span<'static>> {
    let key = (
        prop_oneof![-2 * MINUTE..3 * MINUTE, 0..100 * MINUTE, Just(i64::MAX), Just(i64::MIN)],
        prop::sample::select(vec![None, Some("shop"), Some("payment")]),
        prop::sample::select(vec![None, Some("1.0.0")]),
        prop::sample::select(vec!["GET /cart", "POST /a/rather/long/route"]),
        prop::sample::select(vec!["unset", "error"]),
        prop::sample::select(vec![None, Some(200), Some(503)]),
    );
    let duration = prop_oneof![0..1000_i64, 0..i64::MAX];
    (key, duration).prop_map(|((start_time, service_name, service_version, name, status_code, code), duration_ns)| {
        let http_response_status_code = code;
        Span {
            start_time,
            duration_ns,
            service_name,
            service_version,
            name,
            status_code,
            http_response_status_code,
            ..Span::default()
        }
    })
}

fn spans() -> impl Strategy<Value = Vec<Span<'static>>> {
    prop::collection::vec(span(), 0..60)
}

fn partial(rollup: Rollup, spans: &[Span<'_>]) -> RecordBatch {
    let batches: Vec<Batch> = spans.chunks(7).map(batch).collect();
    of(&batches).into_iter().find(|partial| partial.rollup == rollup).expect("every rollup").rows
}

type Key = (i64, Option<String>, Option<String>, String, String, Option<i64>);

/// Requests, errors, durations, sketch.
type Values = (i64, i64, i128, i64, i64, Vec<u8>);

/// What a reader would sum by hand.
fn by_hand(rollup: Rollup, spans: &[Span<'_>]) -> BTreeMap<Key, Values> {
    let mut groups: BTreeMap<Key, Vec<&Span<'_>>> = BTreeMap::new();
    for span in spans {
        let texts = (span.service_name.map(str::to_owned), span.service_version.map(str::to_owned));
        let (name, status) = (span.name.to_owned(), span.status_code.to_owned());
        let period = i128::from(span.start_time).div_euclid(rollup.period_nanos().into());
        let period = i64::try_from(period * i128::from(rollup.period_nanos())).unwrap_or(i64::MIN);
        let key = (period, texts.0, texts.1, name, status, span.http_response_status_code);
        groups.entry(key).or_default().push(span);
    }
    let sum = |spans: Vec<&Span<'_>>| {
        let mut sketch = Sketch::default();
        spans.iter().for_each(|span| sketch.add(span.duration_ns));
        let durations = || spans.iter().map(|span| span.duration_ns);
        let (min, max) = (durations().min().expect("a span"), durations().max().expect("a span"));
        let errors = spans.iter().filter(|span| span.status_code == "error").count() as i64;
        (spans.len() as i64, errors, durations().map(i128::from).sum(), min, max, sketch.encode())
    };
    groups.into_iter().map(|(key, spans)| (key, sum(spans))).collect()
}

fn read(rows: &RecordBatch) -> BTreeMap<Key, Values> {
    let column = |name: &str| rows.column_by_name(name).expect("a column");
    let texts = |name: &str| column(name).as_string_view();
    let integers = |name: &str| column(name).as_primitive::<Int64Type>();
    let optional = |name: &str, row: usize| texts(name).is_valid(row).then(|| texts(name).value(row).to_owned());
    let times = rows.column(0).as_primitive::<TimestampNanosecondType>();
    let codes = integers("http_response_status_code");
    let read_row = |row: usize| {
        let key = (
            times.value(row),
            optional("service_name", row),
            optional("service_version", row),
            texts("name").value(row).to_owned(),
            texts("status_code").value(row).to_owned(),
            codes.is_valid(row).then(|| codes.value(row)),
        );
        let sums = (
            integers("requests").value(row),
            integers("errors").value(row),
            column("duration_sum_ns").as_primitive::<Decimal128Type>().value(row),
            integers("duration_min_ns").value(row),
            integers("duration_max_ns").value(row),
            column("duration_sketch").as_binary_view().value(row).to_vec(),
        );
        (key, sums)
    };
    let read: BTreeMap<_, _> = (0..rows.num_rows()).map(read_row).collect();
    assert_eq!(read.len(), rows.num_rows(), "one row a key");
    read
}

proptest! {
    #[test]
    fn a_partial_says_what_summing_by_hand_says(spans in spans()) {
        for rollup in [Rollup::ServiceMinutes, Rollup::ServiceHours] {
            prop_assert_eq!(read(&partial(rollup, &spans)), by_hand(rollup, &spans));
        }
    }

    #[test]
    fn partials_of_parts_merge_into_the_partial_of_all(a in spans(), b in spans(), c in spans()) {
        for rollup in [Rollup::ServiceMinutes, Rollup::ServiceHours] {
            let all = partial(rollup, &[a.clone(), b.clone(), c.clone()].concat());
            let merged = |parts: &[RecordBatch]| merge(rollup, parts).expect("whole sketches");
            let [a, b, c] = [&a, &b, &c].map(|spans| partial(rollup, spans));

            let left = merged(&[merged(&[a.clone(), b.clone()]), c.clone()]);
            let right = merged(&[merged(&[c, b]), merged(&[]), merged(&[a])]);

            prop_assert_eq!(&left, &all);
            prop_assert_eq!(&right, &all);
        }
    }
}

#[test]
fn what_is_over_a_limit_is_summed_as_other_and_told() {
    let services: Vec<String> = (0..SERVICES_MAX + 3).map(|number| format!("pod-{number}")).collect();
    let mut spans: Vec<Span<'_>> =
        services.iter().map(|name| Span { service_name: Some(name), ..Span::default() }).collect();
    let operations: Vec<String> = (0..OPERATIONS_PER_SERVICE_MAX + 2).map(|number| format!("op-{number}")).collect();
    spans.extend(operations.iter().map(|name| Span { service_name: Some("pod-0"), name, ..Span::default() }));
    let all = spans.len() as i64;

    let partials = of(&[batch(&spans)]);

    for partial in &partials[..2] {
        let rows = read(&partial.rows);
        assert_eq!(rows.values().map(|sums| sums.0).sum::<i64>(), all, "no span is lost");
        let other =
            |of: &dyn Fn(&Key) -> bool| rows.iter().filter(|(key, _)| of(key)).map(|(_, sums)| sums.0).sum::<i64>();
        assert_eq!(other(&|key| key.1.as_deref() == Some(OTHER)), 3);
        // One operation of the first service was there before.
        assert_eq!(other(&|key| key.3 == OTHER), 3);
        let period = TimeRange { min: Timestamp(0), max: Timestamp(partial.rollup.period_nanos() - 1) };
        assert_eq!(partial.folded, Folded { operations: period, services: period });
    }
}

#[test]
fn the_rows_are_in_the_order_of_their_keys() {
    let spans = ["b", "c", "a", "b"].map(|service| Span { service_name: Some(service), ..Span::default() });
    let rows = partial(Rollup::ServiceMinutes, &[&spans[..], &[Span { start_time: -1, ..spans[3] }]].concat());

    let sorted = merge(Rollup::ServiceMinutes, std::slice::from_ref(&rows)).expect("rows that can be merged");

    assert_eq!(sorted, rows);
    assert_eq!(rows.column(1).as_string_view().iter().flatten().collect::<Vec<_>>(), ["b", "a", "b", "c"]);
}

#[test]
fn sums_of_live_spans_are_made_once() {
    let summed = Summed::new(vec![batch(&[Span::default()])]);

    let first = summed.partials().as_ptr();

    assert_eq!(summed.partials().as_ptr(), first);
}

/// A client's and a server's span of one call, of which either may be missing, and spans that call a database or a queue.
fn call() -> impl Strategy<Value = Vec<Span<'static>>> {
    let service = || prop::sample::select(vec![Some("web"), Some("shop"), None]);
    let kinds = (0..5_u8, any::<bool>(), any::<bool>());
    (kinds, service(), service(), 0..3 * MINUTE, 1..4_u128, 1..40_u64).prop_map(
        |((what, has_caller, has_callee), from, to, start_time, trace_id, span_id)| {
            let caller = Span {
                start_time,
                trace_id,
                span_id,
                service_name: from,
                kind: "client",
                server_address: Some("10.0.0.1"),
                ..Span::default()
            };
            let callee = Span {
                start_time: start_time + 5,
                span_id: span_id + 1000,
                parent_span_id: has_caller.then_some(span_id),
                service_name: to,
                kind: "server",
                status_code: "error",
                ..caller
            };
            match what {
                0 => vec![Span { db_system_name: Some("postgresql"), db_namespace: Some("orders"), ..caller }],
                1 => vec![
                    Span { kind: "producer", messaging_system: Some("kafka"), ..caller },
                    Span { kind: "consumer", messaging_system: Some("kafka"), ..callee },
                ],
                2 => vec![Span { kind: "internal", ..caller }],
                _ if has_caller && has_callee => vec![caller, callee],
                _ if has_callee => vec![callee],
                _ => vec![caller],
            }
        },
    )
}

fn merged_edges(parts: &[RecordBatch]) -> RecordBatch {
    merge(Rollup::ServiceEdges, parts).expect("whole sketches")
}

/// Each call has an id of its own, as in life.
fn with_own_ids(calls: Vec<Vec<Span<'static>>>) -> Vec<Span<'static>> {
    let own = |(number, call): (usize, Vec<Span<'static>>)| {
        call.into_iter().map(move |span| Span { trace_id: span.trace_id << 32 | number as u128, ..span })
    };
    calls.into_iter().enumerate().flat_map(own).collect()
}

proptest! {
    #[test]
    fn halves_of_calls_find_each_other_wherever_they_are(
        calls in prop::collection::vec(call(), 0..30),
        parts in prop::collection::vec(0..4_usize, 60),
    ) {
        let spans = with_own_ids(calls);
        let all = merged_edges(&[partial(Rollup::ServiceEdges, &spans)]);
        let part = |number: usize| -> Vec<Span<'static>> {
            spans.iter().zip(&parts).filter(|(_, part)| **part == number).map(|(span, _)| *span).collect()
        };
        let [a, b, c, d] = [0, 1, 2, 3].map(|number| partial(Rollup::ServiceEdges, &part(number)));

        let left = merged_edges(&[merged_edges(&[merged_edges(&[a.clone(), b.clone()]), c.clone()]), d.clone()]);
        let right = merged_edges(&[merged_edges(&[d, c]), merged_edges(&[b, a])]);

        prop_assert_eq!(&left, &all);
        prop_assert_eq!(&right, &all);
    }
}

#[test]
fn halves_that_waited_long_enough_count_as_they_are() {
    let caller = |span_id| Span { span_id, service_name: Some("web"), kind: "client", ..Span::default() };
    let callee = |parent| Span { span_id: parent + 100, parent_span_id: Some(parent), kind: "server", ..caller(1) };
    let spans = [caller(1), callee(1), caller(2), callee(3), Span { start_time: 5 * MINUTE, ..caller(4) }];
    let edges = merged_edges(&[partial(Rollup::ServiceEdges, &spans)]);
    let half = |rows: &RecordBatch| -> Vec<Option<String>> {
        let halves = rows.column_by_name("half").expect("a column").as_string_view().clone();
        halves.iter().map(|half| half.map(str::to_owned)).collect()
    };
    assert_eq!(half(&edges).iter().flatten().count(), 4, "a caller that was answered waits for more");

    let settled = settle(std::slice::from_ref(&edges), |minute| minute < Timestamp(MINUTE)).expect("edges");

    // The joined call, the call nobody answered, the callee of nobody; and who waits still.
    assert_eq!(half(&settled).iter().flatten().collect::<Vec<_>>(), ["caller"]);
    assert_eq!(settled.num_rows(), 4);
    let late = merged_edges(&[settled, partial(Rollup::ServiceEdges, &[Span { start_time: 6 * MINUTE, ..callee(4) }])]);
    let sources = late.column_by_name("source").expect("a column").as_string_view().iter();
    assert_eq!(sources.filter(Option::is_some).count(), 4, "the one that waited was answered");
}
