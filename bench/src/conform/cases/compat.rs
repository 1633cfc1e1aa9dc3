//! C1, C2, C4 and C5: many clients, other versions, odd ids and times.

use futures::future::join_all;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::super::call::Version;
use super::super::items;
use super::super::matrix::Level;
use super::super::sample::{Export, Marker};
use super::super::target::{Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::super::wire::with_unknown_fields;
use super::{ALL, BINARY, Case};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "C1",
        level: Level::Must,
        on: ALL,
        promise: "serves many requests at once on one connection",
        check: |trial| Box::pin(concurrent_requests(trial)),
    },
    Case {
        id: "C2",
        level: Level::Must,
        on: BINARY,
        promise: "understands older and newer versions of the protocol",
        check: |trial| Box::pin(other_versions(trial)),
    },
    Case {
        id: "C4",
        level: Level::Ours,
        on: ALL,
        promise: "rejects a span with invalid ids alone, keeps a log record without them",
        check: |trial| Box::pin(invalid_ids(trial)),
    },
    Case {
        id: "C5",
        level: Level::Ours,
        on: ALL,
        promise: "accepts reversed, zero and far-off times",
        check: |trial| Box::pin(odd_times(trial)),
    },
];

const REQUESTS_AT_ONCE: usize = 64;

async fn concurrent_requests(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let marker = trial.client.marker();
        let export = Export::sample(signal, &marker, 2);
        let call = trial.call(signal, export.encode(trial.transport)).over(Version::Two);
        let connection = trial.client.connect(trial.transport.port(), Version::Two).await?;
        let answers = join_all((0..REQUESTS_AT_ONCE).filter_map(|_| connection.fork()).map(|mut sender| {
            let call = &call;
            async move { sender.send(call).await }
        }));
        let answers = answers.await;
        trial.check(
            answers.len() == REQUESTS_AT_ONCE,
            signal,
            format_args!("{REQUESTS_AT_ONCE} answers"),
            answers.len(),
        );
        let sent = format!("{signal}: one of {REQUESTS_AT_ONCE} requests at once on an HTTP/2 connection");
        for answer in &answers {
            trial.expect(Expected::FullSuccess, &sent, answer);
        }
        trial.found(&sent, signal, &marker, export.items() * REQUESTS_AT_ONCE).await?;
    }
    Ok(())
}

async fn other_versions(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        trial
            .deliver("unknown fields in every message", signal, |call| {
                let body = with_unknown_fields(signal, &call.body);
                call.containing(body)
            })
            .await?;
        let (_, export) = trial.sample(signal);
        trial
            .accept(
                "no resource, scope and schema URLs, as old SDKs send",
                signal,
                without_envelope(export).encode(trial.transport),
            )
            .await;
    }
    Ok(())
}

fn without_envelope(mut export: Export) -> Export {
    match &mut export {
        Export::Traces(request) => {
            for group in &mut request.resource_spans {
                (group.resource, group.schema_url) = (None, String::new());
                group.scope_spans.iter_mut().for_each(|scope| (scope.scope, scope.schema_url) = (None, String::new()));
            }
        }
        Export::Logs(request) => {
            for group in &mut request.resource_logs {
                (group.resource, group.schema_url) = (None, String::new());
                group.scope_logs.iter_mut().for_each(|scope| (scope.scope, scope.schema_url) = (None, String::new()));
            }
        }
        Export::Metrics(request) => {
            for group in &mut request.resource_metrics {
                (group.resource, group.schema_url) = (None, String::new());
                group
                    .scope_metrics
                    .iter_mut()
                    .for_each(|scope| (scope.scope, scope.schema_url) = (None, String::new()));
            }
        }
    }
    export
}

async fn invalid_ids(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let bad = bad_spans(&marker);
    let sent = format!("2 good spans and {} with invalid ids", bad.len());
    let rejected = bad.len() as i64;
    let spans = [items::span(&marker, 1)].into_iter().chain(bad).chain([items::span(&marker, 2)]);
    let answer = trial.export(Signal::Traces, Export::spans(&marker, spans.collect()).encode(trial.transport)).await;
    trial.expect(Expected::Success, &sent, &answer);
    let is_exact = answer.partial().is_ok_and(|partial| partial.is_some_and(|partial| partial.rejected == rejected));
    trial.check(is_exact, &sent, format_args!("{rejected} rejected spans"), &answer);
    trial.found(&sent, Signal::Traces, &marker, 2).await?;
    records_with_invalid_ids(trial).await?;
    exemplar_with_invalid_ids(trial).await
}

fn bad_spans(marker: &Marker) -> Vec<Span> {
    let good = items::span(marker, 3);
    let with_trace_id = |length, byte| Span { trace_id: vec![byte; length], ..good.clone() };
    let with_span_id = |length, byte| Span { span_id: vec![byte; length], ..good.clone() };
    vec![
        with_trace_id(0, 1),
        with_trace_id(15, 1),
        with_trace_id(17, 1),
        with_trace_id(32, 1),
        with_trace_id(16, 0),
        with_span_id(0, 1),
        with_span_id(7, 1),
        with_span_id(9, 1),
        with_span_id(8, 0),
    ]
}

async fn records_with_invalid_ids(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let record = items::record(&marker, "a record");
    let records = vec![
        LogRecord { trace_id: vec![1; 15], span_id: vec![1; 8], ..record.clone() },
        LogRecord { trace_id: vec![0; 16], span_id: vec![0; 8], ..record.clone() },
        LogRecord { trace_id: vec![1; 17], span_id: vec![1; 7], ..record },
    ];
    let export = Export::records(&marker, records);
    let answer = trial.export(Signal::Logs, export.encode(trial.transport)).await;
    let sent = "3 log records with invalid ids";
    trial.expect(Expected::Success, sent, &answer);
    let rejected = answer.partial().map(|partial| partial.map_or(0, |partial| partial.rejected));
    trial.check(rejected == Ok(0), sent, "a reject count of 0", &answer);
    trial.found(sent, Signal::Logs, &marker, 3).await?;
    let sql = format!("select count(trace_id) from logs where service_name = '{}'", marker.service);
    trial.stored(sent, &sql, "0").await
}

async fn exemplar_with_invalid_ids(trial: &mut Trial) -> anyhow::Result<()> {
    let (marker, export) = trial.sample(Signal::Metrics);
    let items = export.items();
    let Export::Metrics(mut request) = export else { unreachable!("it was asked for metrics") };
    let metrics = request
        .resource_metrics
        .iter_mut()
        .flat_map(|group| &mut group.scope_metrics)
        .flat_map(|scope| &mut scope.metrics);
    for metric in metrics {
        if let Some(Data::Gauge(gauge)) = &mut metric.data {
            let exemplars = gauge.data_points.iter_mut().flat_map(|point| &mut point.exemplars);
            exemplars.for_each(|exemplar| {
                (exemplar.trace_id, exemplar.span_id) = (vec![1; 15], vec![0; 8]);
            });
        }
    }
    let answer = trial.export(Signal::Metrics, Export::Metrics(request).encode(trial.transport)).await;
    trial.expect(Expected::Success, "points whose exemplars have invalid ids", &answer);
    trial.found("points whose exemplars have invalid ids", Signal::Metrics, &marker, items).await
}

async fn odd_times(trial: &mut Trial) -> anyhow::Result<()> {
    let times = [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];
    odd_span_times(trial, &times).await?;
    let marker = trial.client.marker();
    let records = times.iter().flat_map(|time| {
        times.map(|observed| LogRecord {
            time_unix_nano: *time,
            observed_time_unix_nano: observed,
            ..items::record(&marker, "odd")
        })
    });
    deliver_odd(trial, &marker, &Export::records(&marker, records.collect())).await?;
    let marker = trial.client.marker();
    let points = times.iter().flat_map(|start| {
        times.map(|time| {
            let mut point = items::point(&marker, 1.0);
            (point.start_time_unix_nano, point.time_unix_nano) = (*start, time);
            point
        })
    });
    deliver_odd(trial, &marker, &Export::metrics(&marker, vec![items::gauge("conform.odd", points.collect())])).await?;
    if trial.transport == Transport::Json { no_times(trial).await } else { Ok(()) }
}

async fn odd_span_times(trial: &mut Trial, times: &[u64]) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let pairs = times.iter().flat_map(|start| times.iter().map(move |end| (*start, *end)));
    let spans = pairs.zip(1..).map(|((start, end), number)| Span {
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        name: if start > end { "reversed".into() } else { "forward".into() },
        ..items::span(&marker, number)
    });
    deliver_odd(trial, &marker, &Export::spans(&marker, spans.collect())).await?;
    let sql = format!(
        "select count(*) from spans where service_name = '{}' and name = 'reversed' and duration_ns > 0",
        marker.service
    );
    trial.stored("spans that end before they start", &sql, "0").await?;
    let sql = format!(
        "select count(*) from spans where service_name = '{}' and name = 'forward' and duration_ns < 0",
        marker.service
    );
    trial.stored("spans that end in the far future", &sql, "0").await
}

async fn deliver_odd(trial: &mut Trial, marker: &Marker, export: &Export) -> anyhow::Result<()> {
    let signal = export.signal();
    let answer = trial.export(signal, export.encode(trial.transport)).await;
    let sent = format!("{signal} with times of 0, 1, 2^63 and 2^64-1 in every order");
    trial.expect(Expected::Success, &sent, &answer);
    let rejected = answer.partial().map(|partial| partial.map_or(0, |partial| partial.rejected));
    trial.check(rejected == Ok(0), &sent, "a reject count of 0", &answer);
    trial.found(&sent, signal, marker, export.items()).await
}

async fn no_times(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let span = json!({ "traceId": marker.trace_hex(), "spanId": "00000000000000a1" });
    let request = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
    let sent = "a span with nothing but ids";
    let answer = trial.export(Signal::Traces, request.to_string()).await;
    trial.expect(Expected::Success, sent, &answer);
    let rejected = answer.partial().map(|partial| partial.map_or(0, |partial| partial.rejected));
    trial.check(rejected == Ok(0), sent, "a reject count of 0", &answer);
    let sql = format!("select count(*) from spans where trace_id = '{}'", marker.trace_hex());
    trial.stored(sent, &sql, "1").await
}
