//! L1 to L4: how much a request may hold, how much an answer.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::super::answer::Answer;
use super::super::items;
use super::super::matrix::Level;
use super::super::memory::Watch;
use super::super::sample::Export;
use super::super::target::{Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::super::wire::{Coding, bomb, padded};
use super::json::span_request;
use super::{ALL, Case, GRPC};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "L1",
        level: Level::Must,
        on: ALL,
        promise: "limits the size of a request after decompression",
        check: |trial| Box::pin(request_size(trial)),
    },
    Case {
        id: "L2",
        level: Level::Must,
        on: GRPC,
        promise: "asks for no retry of what is too large",
        check: |trial| Box::pin(no_retry(trial)),
    },
    Case {
        id: "L3",
        level: Level::Must,
        on: ALL,
        promise: "keeps answers under 4 MiB, and gRPC trailers under 8 KiB",
        check: |trial| Box::pin(response_size(trial)),
    },
    Case {
        id: "L4",
        level: Level::Ours,
        on: ALL,
        promise: "decompresses in bounded memory",
        check: |trial| Box::pin(bounded_memory(trial)),
    },
];

/// How many times the limit a bomb inflates to: 1 GiB at the recommended limit.
const BOMB_LIMITS: usize = 16;
/// Much less than inflating all of it would take.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
const RESPONSE_BYTES_MAX: usize = 4 << 20;
/// What most clients take for a list of headers.
const TRAILER_BYTES_MAX: usize = 8 << 10;
const GROWTH_BYTES_MAX: u64 = 200 << 20;
const REASONS: u64 = 60_000;
const LONG_TEXT_BYTES: usize = 8 << 20;

impl super::Shared {
    /// A bomb for a transport, made on first use.
    async fn bomb(&self, transport: Transport, coding: Coding, inflated_bytes: u64) -> Bytes {
        let mut bombs = self.bombs.lock().await;
        let key = (coding, transport == Transport::Json);
        if let Some(bomb) = bombs.get(&key) {
            return bomb.clone();
        }
        let made = tokio::task::spawn_blocking(move || bomb(transport, coding, inflated_bytes)).await;
        let made = made.expect("making a bomb does not panic");
        bombs.insert(key, made.clone());
        made
    }
}

async fn request_size(trial: &mut Trial) -> anyhow::Result<()> {
    let limit = trial.client.target().limit_bytes;
    for coding in [Coding::Identity, Coding::Gzip] {
        just_fits(trial, limit, coding).await?;
        let answer = send_padded(trial, limit + 1, coding).await;
        trial.expect(Expected::TooLarge, format_args!("a request of {limit}+1 bytes, {}", coding.name()), &answer);
    }
    for coding in [Coding::Gzip, Coding::Zstd] {
        let (answer, sent) = send_bomb(trial, coding).await;
        // Without zstd a receiver refuses the coding, which is as safe.
        let is_refused_coding =
            coding == Coding::Zstd && (answer.status == 415 || answer.grpc_code() == Some(tonic::Code::Unimplemented));
        if !is_refused_coding {
            trial.expect(Expected::TooLarge, &sent, &answer);
        }
        trial.check(
            answer.took < REFUSED_WITHIN,
            &sent,
            format_args!("a refusal within {REFUSED_WITHIN:?}"),
            format_args!("{:?}", answer.took),
        );
    }
    trial.deliver("a sample after the bombs", Signal::Traces, |call| call).await
}

async fn just_fits(trial: &mut Trial, limit: usize, coding: Coding) -> anyhow::Result<()> {
    let (marker, export) = trial.sample(Signal::Traces);
    let body = padded(trial.transport, &export.encode(trial.transport), limit);
    let call = trial.call(Signal::Traces, body);
    let answer = trial.send(&if coding == Coding::Identity { call } else { call.coded(coding) }).await;
    let sent = format!("a request of exactly {limit} bytes, {}", coding.name());
    trial.expect(Expected::FullSuccess, &sent, &answer);
    trial.found(&sent, Signal::Traces, &marker, export.items()).await
}

async fn send_padded(trial: &Trial, size: usize, coding: Coding) -> Answer {
    let (_, export) = trial.sample(Signal::Traces);
    let call = trial.call(Signal::Traces, padded(trial.transport, &export.encode(trial.transport), size));
    trial.send(&if coding == Coding::Identity { call } else { call.coded(coding) }).await
}

async fn send_bomb(trial: &Trial, coding: Coding) -> (Answer, String) {
    let inflated_bytes = (trial.client.target().limit_bytes * BOMB_LIMITS) as u64;
    let body = trial.client.shared().bomb(trial.transport, coding, inflated_bytes).await;
    let sent = format!("{} bytes of {} that inflate to {inflated_bytes}", body.len(), coding.name());
    let flagged = trial.transport == Transport::Grpc;
    let answer = trial.send(&trial.call(Signal::Traces, body).declared(coding.name()).flagged(flagged)).await;
    (answer, sent)
}

async fn no_retry(trial: &mut Trial) -> anyhow::Result<()> {
    let limit = trial.client.target().limit_bytes;
    for coding in [Coding::Identity, Coding::Gzip] {
        let answer = send_padded(trial, limit + 1, coding).await;
        let sent = format!("a request of {limit}+1 bytes, {}", coding.name());
        trial.expect(Expected::TooLarge, &sent, &answer);
        trial.check(answer.retry_delay().is_none(), &sent, "no RetryInfo", &answer);
    }
    Ok(())
}

async fn response_size(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let bad = (1..=REASONS).map(|number| Span {
        trace_id: vec![1; usize::try_from(number % 200).unwrap_or(1)],
        name: format!("span {number} {}", "x".repeat(80)),
        ..items::span(&marker, number)
    });
    let answer = trial.export(Signal::Traces, Export::spans(&marker, bad.collect()).encode(trial.transport)).await;
    is_short(trial, &format!("{REASONS} spans with trace ids of 200 different lengths"), &answer);

    let metrics = (0..REASONS)
        .map(|number| items::sum(&format!("metric {number} {}", "x".repeat(80)), 0, vec![items::point(&marker, 1.0)]));
    let answer =
        trial.export(Signal::Metrics, Export::metrics(&marker, metrics.collect()).encode(trial.transport)).await;
    is_short(trial, &format!("{REASONS} sums of different names without a temporality"), &answer);

    let records = (0..REASONS).map(|number| {
        let mut record = items::record(&marker, &"x".repeat(80));
        record.trace_id = vec![1; usize::try_from(number % 200).unwrap_or(1)];
        record
    });
    let answer = trial.export(Signal::Logs, Export::records(&marker, records.collect()).encode(trial.transport)).await;
    is_short(trial, &format!("{REASONS} log records with trace ids of 200 different lengths"), &answer);

    if trial.transport == Transport::Json {
        let long = "x".repeat(LONG_TEXT_BYTES);
        for body in [
            span_request(&marker, json!({ "kind": long })),
            span_request(&marker, json!({ "startTimeUnixNano": long })),
            span_request(&marker, json!({ "traceId": long })),
        ] {
            let answer = trial.export(Signal::Traces, body.to_string()).await;
            is_short(trial, &format!("a text of {LONG_TEXT_BYTES} bytes where none may be"), &answer);
        }
    }
    Ok(())
}

fn is_short(trial: &mut Trial, sent: &str, answer: &Answer) {
    let trailers: usize = answer.trailers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    trial.check(answer.lost.is_none(), sent, "an answer", answer);
    trial.check(
        answer.body.len() < RESPONSE_BYTES_MAX,
        sent,
        format_args!("a body under {RESPONSE_BYTES_MAX} bytes"),
        format_args!("{} bytes", answer.body.len()),
    );
    trial.check(
        trailers < TRAILER_BYTES_MAX,
        sent,
        format_args!("trailers under {TRAILER_BYTES_MAX} bytes"),
        format_args!("{trailers} bytes"),
    );
}

async fn bounded_memory(trial: &mut Trial) -> anyhow::Result<()> {
    let Some(pid) = trial.client.target().memory_pid else {
        trial.skip("needs --memory-pid");
        return Ok(());
    };
    for coding in [Coding::Gzip, Coding::Zstd] {
        let watch = Watch::start(pid)?;
        let (answer, sent) = send_bomb(trial, coding).await;
        let growth = watch.growth_bytes()?;
        trial.check(!answer.is_success(), &sent, "a refusal", &answer);
        trial.check(
            growth <= GROWTH_BYTES_MAX,
            &sent,
            format_args!("growth of at most {GROWTH_BYTES_MAX} bytes"),
            format_args!("{growth} bytes"),
        );
    }
    Ok(())
}
