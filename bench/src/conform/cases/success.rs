//! S1 to S3 and P1 to P3, P5: what success says, in full and in part.

use futures::future::join_all;
use opentelemetry_proto::tonic::trace::v1::Span;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::super::items;
use super::super::matrix::Level;
use super::super::sample::{Export, Marker};
use super::super::target::{Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::{ALL, Case};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "S1",
        level: Level::Must,
        on: ALL,
        promise: "leaves partial_success unset on full success",
        check: |trial| Box::pin(full_success(trial)),
    },
    Case {
        id: "S2",
        level: Level::Must,
        on: ALL,
        promise: "accepts empty requests and empty envelopes",
        check: |trial| Box::pin(empty_requests(trial)),
    },
    Case {
        id: "S3",
        level: Level::Ours,
        on: ALL,
        promise: "has stored what it has accepted, visible at once",
        check: |trial| Box::pin(visible_at_once(trial)),
    },
    Case {
        id: "P1",
        level: Level::Must,
        on: ALL,
        promise: "counts exactly what it rejects",
        check: |trial| Box::pin(exact_counts(trial)),
    },
    Case {
        id: "P2",
        level: Level::Should,
        on: ALL,
        promise: "tells why it rejects, in one line per reason",
        check: |trial| Box::pin(reasons(trial)),
    },
    Case {
        id: "P3",
        level: Level::May,
        on: ALL,
        promise: "warns with a message and a reject count of 0",
        check: |trial| Box::pin(warnings(trial)),
    },
    Case {
        id: "P5",
        level: Level::Ours,
        on: ALL,
        promise: "stores exactly what it does not count as rejected, under concurrency too",
        check: |trial| Box::pin(counts_and_rows_agree(trial)),
    },
];

/// Visible right after the answer is shown by luck once, not so often.
const VISIBILITY_ROUNDS: usize = 5;
const MANY_SPANS: u64 = 1_000;
/// Room for every reason once, not for a thousand spans.
const REASONS_BYTES_MAX: usize = 2_048;
const MIXES: usize = 16;

async fn full_success(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        trial.deliver("a sample", signal, |call| call).await?;
    }
    Ok(())
}

async fn empty_requests(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        for (sent, body) in empty_bodies(trial.transport, signal) {
            trial.accept(sent, signal, body).await;
        }
    }
    if trial.transport == Transport::Json {
        let metric = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [{ "name": "x" }, { "name": "y", "gauge": {} }] }] }] });
        trial.accept("metrics without points", Signal::Metrics, metric.to_string()).await;
    }
    Ok(())
}

fn empty_bodies(transport: Transport, signal: Signal) -> Vec<(&'static str, Vec<u8>)> {
    let root = signal.root_key();
    let scopes = root.replace("resource", "scope");
    if transport == Transport::Json {
        return vec![
            ("{}", b"{}".to_vec()),
            ("no resource groups", json!({ root: [] }).to_string().into_bytes()),
            ("an empty resource group", json!({ root: [{}] }).to_string().into_bytes()),
            ("an empty scope group", json!({ root: [{ "resource": {}, &scopes: [{}] }] }).to_string().into_bytes()),
        ];
    }
    vec![
        ("no bytes", Vec::new()),
        ("an empty resource group", b"\x0a\x00".to_vec()),
        ("an empty resource and scope group", b"\x0a\x04\x0a\x00\x12\x00".to_vec()),
        ("two empty resource groups", b"\x0a\x00\x0a\x00".to_vec()),
    ]
}

async fn visible_at_once(trial: &mut Trial) -> anyhow::Result<()> {
    if !trial.needs_sql() {
        return Ok(());
    }
    for round in 1..=VISIBILITY_ROUNDS {
        for signal in Signal::ALL {
            trial.deliver(format!("sample {round}"), signal, |call| call).await?;
        }
    }
    Ok(())
}

/// Three items nobody can object to, and some that a receiver may reject.
fn questionable(signal: Signal, marker: &Marker) -> (Export, i64) {
    match signal {
        Signal::Traces => {
            let good = (1..=3).map(|number| items::span(marker, number));
            let bad = [
                Span { trace_id: Vec::new(), ..items::span(marker, 4) },
                Span { trace_id: vec![1; 15], ..items::span(marker, 5) },
                items::span(marker, 0),
                Span { span_id: vec![1; 7], ..items::span(marker, 6) },
            ];
            (Export::spans(marker, good.chain(bad).collect()), 4)
        }
        Signal::Logs => {
            let mut records: Vec<_> = (0..5).map(|number| items::record(marker, &format!("record {number}"))).collect();
            records[3].trace_id = vec![1; 15];
            records[4].severity_number = -5;
            (Export::records(marker, records), 2)
        }
        Signal::Metrics => {
            let points = |count| (0..count).map(|value| items::point(marker, f64::from(value))).collect::<Vec<_>>();
            let metrics = vec![
                items::gauge("conform.good", points(3)),
                items::sum("conform.unspecified_temporality", 0, points(2)),
                items::histogram(marker, Vec::new(), vec![1, 2]),
            ];
            (Export::metrics(marker, metrics), 3)
        }
    }
}

async fn exact_counts(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let marker = trial.client.marker();
        let (export, questionable) = questionable(signal, &marker);
        let sent = format!("{signal}: {} items, {questionable} of them questionable", export.items());
        let answer = trial.export(signal, export.encode(trial.transport)).await;
        trial.expect(Expected::Success, &sent, &answer);
        let rejected = answer.partial().ok().flatten().map_or(0, |partial| partial.rejected);
        trial.check(
            (0..=questionable).contains(&rejected),
            &sent,
            format_args!("a reject count of 0 to {questionable}"),
            &answer,
        );
        let kept = usize::try_from(export.items() as i64 - rejected).unwrap_or_default();
        trial.found(format!("{sent}, {rejected} rejected"), signal, &marker, kept).await?;
    }
    all_rejected(trial).await
}

/// Every span is bad: a refusal of the request is as good as a count of all, silence is not.
async fn all_rejected(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let spans = vec![Span { trace_id: vec![1; 15], ..items::span(&marker, 1) }; 3];
    let export = Export::spans(&marker, spans);
    let answer = trial.export(Signal::Traces, export.encode(trial.transport)).await;
    let sent = "traces: 3 spans, all with a trace id of 15 bytes";
    if !answer.is_success() {
        trial.expect(Expected::Malformed, sent, &answer);
        return Ok(());
    }
    let rejected = answer.partial().ok().flatten().map_or(0, |partial| partial.rejected);
    trial.check(rejected == 0 || rejected == 3, sent, "a reject count of all or none", &answer);
    trial.found(sent, Signal::Traces, &marker, if rejected == 3 { 0 } else { 3 }).await
}

async fn reasons(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let bad = (1..=MANY_SPANS).map(|number| Span { trace_id: vec![1; 15], ..items::span(&marker, number) });
    let good = items::span(&marker, MANY_SPANS + 1);
    let export = Export::spans(&marker, bad.chain([good]).collect());
    let answer = trial.export(Signal::Traces, export.encode(trial.transport)).await;
    let sent = format!("{MANY_SPANS} spans with a trace id of 15 bytes and a good one");
    trial.expect(Expected::Success, &sent, &answer);
    let Ok(Some(partial)) = answer.partial() else {
        trial.skip("it rejects no span, so it owes no reason");
        return Ok(());
    };
    let text = partial.message.to_lowercase().replace(['_', ' ', '-'], "");
    trial.check(text.contains("traceid"), &sent, "a message that names the trace id", &answer);
    trial.check(
        partial.message.len() <= REASONS_BYTES_MAX,
        &sent,
        format_args!("a message of at most {REASONS_BYTES_MAX} bytes"),
        format_args!("{} bytes", partial.message.len()),
    );
    Ok(())
}

async fn warnings(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let mut record = items::record(&marker, "a record with bad ids");
    record.trace_id = vec![1; 15];
    record.span_id = vec![1; 7];
    let export = Export::records(&marker, vec![record]);
    let answer = trial.export(Signal::Logs, export.encode(trial.transport)).await;
    let sent = "a log record with ids of the wrong length";
    trial.expect(Expected::Success, sent, &answer);
    match answer.partial() {
        Ok(Some(partial)) if partial.rejected == 0 => {
            trial.check(!partial.message.is_empty(), sent, "a reject count of 0 only with a message", &answer);
        }
        _ if answer.is_success() => trial.skip("it gives no warning here, and need not"),
        _ => {}
    }
    Ok(())
}

async fn counts_and_rows_agree(trial: &mut Trial) -> anyhow::Result<()> {
    if !trial.needs_sql() {
        return Ok(());
    }
    let seed = trial.client.seed();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mixes: Vec<_> = (0..MIXES).map(|_| mix(&trial.client.marker(), &mut random)).collect();
    let answers =
        join_all(mixes.iter().map(|(_, export)| trial.export(Signal::Traces, export.encode(trial.transport)))).await;
    for ((marker, export), answer) in mixes.iter().zip(answers) {
        let sent = format!("{} spans, some bad, at the same time as others (seed {seed})", export.items());
        trial.expect(Expected::Success, &sent, &answer);
        let rejected = answer.partial().ok().flatten().map_or(0, |partial| partial.rejected);
        let kept = usize::try_from(export.items() as i64 - rejected).unwrap_or_default();
        trial.found(format!("{sent}, {rejected} rejected"), Signal::Traces, marker, kept).await?;
    }
    Ok(())
}

fn mix(marker: &Marker, random: &mut ChaCha8Rng) -> (Marker, Export) {
    let spans = (1..=random.random_range(1..200)).map(|number| {
        let trace_id = if random.random_bool(0.3) { vec![1; 15] } else { marker.trace_id.to_vec() };
        Span { trace_id, ..items::span(marker, number) }
    });
    (marker.clone(), Export::spans(marker, spans.collect()))
}
