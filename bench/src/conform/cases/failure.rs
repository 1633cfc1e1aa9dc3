//! R1, R3, R5, R7 and R8: how a receiver refuses, and that nothing breaks it.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use http::{HeaderValue, Method, header};
use tokio::time::timeout;
use tonic::Code;

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::matrix::Level;
use super::super::mutation::mutations;
use super::super::target::{Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::super::wire::{Coding, padded};
use super::{ALL, Case, HTTP};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "R1",
        level: Level::Must,
        on: ALL,
        promise: "refuses what it cannot decode with INVALID_ARGUMENT or 400 and a Status",
        check: |trial| Box::pin(undecodable(trial)),
    },
    Case {
        id: "R1-details",
        level: Level::Should,
        on: HTTP,
        promise: "describes bad data by a BadRequest in the details of the Status",
        check: |trial| Box::pin(bad_request_detail(trial)),
    },
    Case {
        id: "R3",
        level: Level::Must,
        on: ALL,
        promise: "never answers INTERNAL, UNKNOWN or 500, whatever it is sent",
        check: |trial| Box::pin(hostile_requests(trial)),
    },
    Case {
        id: "R5",
        level: Level::Must,
        on: HTTP,
        promise: "puts a Status into every 4xx and 5xx body, in the request's encoding",
        check: |trial| Box::pin(status_bodies(trial)),
    },
    Case {
        id: "R7",
        level: Level::Should,
        on: ALL,
        promise: "refuses a wrong or missing key for good",
        check: |trial| Box::pin(wrong_keys(trial)),
    },
    Case {
        id: "R8",
        level: Level::Ours,
        on: ALL,
        promise: "stores all or nothing of a client that goes away",
        check: |trial| Box::pin(clients_that_leave(trial)),
    },
];

/// Hostile requests at the same time.
const AT_ONCE: usize = 8;
const LEAVING_CLIENTS: u64 = 24;
const PATIENCE_STEP: Duration = Duration::from_micros(250);

async fn undecodable(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let (marker, export) = trial.sample(signal);
        let good = export.encode(trial.transport);
        trial.refuse("the first two thirds of a request", signal, good.slice(..good.len() * 2 / 3)).await;
        trial.refuse("all but the last byte of a request", signal, good.slice(..good.len() - 1)).await;
        trial.refuse("32 bytes of ff", signal, vec![0xff; 32]).await;
        trial.refuse("wire type 7 behind a good request", signal, [&good[..], b"\x0f"].concat()).await;
        broken_gzip(trial, signal, &good).await;
        trial.found("the broken requests", signal, &marker, 0).await?;
    }
    Ok(())
}

async fn broken_gzip(trial: &mut Trial, signal: Signal, good: &[u8]) {
    let gzip = Coding::Gzip.compress(good);
    let mut wrong_sum = gzip.to_vec();
    let in_checksum = wrong_sum.len() - 6;
    wrong_sum[in_checksum] ^= 0xff;
    for (sent, body) in [
        ("plain bytes called gzip", good.to_vec()),
        ("half of a gzip stream", gzip[..gzip.len() / 2].to_vec()),
        ("gzip with a wrong checksum", wrong_sum),
    ] {
        let flagged = trial.transport == Transport::Grpc;
        let answer = trial.send(&trial.call(signal, body).declared("gzip").flagged(flagged)).await;
        trial.expect(Expected::Malformed, format_args!("{signal}: {sent}"), &answer);
        trial.expect_status_body(format_args!("{signal}: {sent}"), &answer);
    }
}

async fn bad_request_detail(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let answer = trial.export(signal, vec![0xff; 32]).await;
        let status = answer.error_status();
        let has_detail = status
            .is_ok_and(|status| status.details.iter().any(|detail| detail.type_url.ends_with("google.rpc.BadRequest")));
        trial.check(
            answer.status == 400 && has_detail,
            format_args!("{signal}: 32 bytes of ff"),
            "HTTP 400 and a Status with a google.rpc.BadRequest in its details",
            &answer,
        );
    }
    Ok(())
}

async fn hostile_requests(trial: &mut Trial) -> anyhow::Result<()> {
    let seed = trial.client.seed();
    for signal in Signal::ALL {
        let (_, export) = trial.sample(signal);
        let mutations = mutations(trial.transport, signal, &export.encode(trial.transport), seed);
        let client = trial.client.clone();
        let calls =
            mutations.into_iter().map(|mutation| (mutation.what, Call::export(trial.transport, signal, mutation.body)));
        let sending = stream::iter(calls).map(|(what, call)| {
            let client = client.clone();
            async move { (what, client.send(&call).await) }
        });
        let answers: Vec<_> = sending.buffer_unordered(AT_ONCE).collect().await;
        for (what, answer) in answers {
            trial.check(
                is_deliberate(&answer),
                format_args!("{signal}: {what} (seed {seed})"),
                "success, a refusal of the data or a retryable code",
                &answer,
            );
        }
        trial.deliver("a sample after hostile requests", signal, |call| call).await?;
    }
    Ok(())
}

/// Whether the receiver meant it: INTERNAL, UNKNOWN, 500 and silence are accidents.
fn is_deliberate(answer: &Answer) -> bool {
    match answer.transport {
        Transport::Grpc => match answer.grpc_code() {
            Some(Code::Internal | Code::Unknown) | None => false,
            Some(_) => true,
        },
        Transport::Protobuf | Transport::Json => matches!(answer.status, 200 | 400..=499) || answer.is_retryable(),
    }
}

async fn status_bodies(trial: &mut Trial) -> anyhow::Result<()> {
    let (_, export) = trial.sample(Signal::Traces);
    let body = export.encode(trial.transport);
    let good = trial.call(Signal::Traces, body.clone());
    let too_large = padded(trial.transport, &body, trial.client.target().limit_bytes + 1);
    for (sent, wanted, call) in [
        ("POST /v1/nothing", 404, good.clone().at("/v1/nothing")),
        ("POST /", 404, good.clone().at("/")),
        ("PUT /v1/traces", 405, good.clone().by(Method::PUT)),
        ("DELETE /v1/traces", 405, good.clone().by(Method::DELETE)),
        ("a broken body", 400, good.clone().containing("\u{7f}")),
        ("gzip over the limit", 413, good.clone().containing(too_large).coded(Coding::Gzip)),
    ] {
        let answer = trial.send(&call).await;
        trial.check(answer.status == wanted, sent, format_args!("HTTP {wanted}"), &answer);
        trial.expect_status_body(sent, &answer);
    }
    for (sent, wanted, call) in [
        (
            "GET /v1/traces without Content-Type",
            405,
            good.clone().containing("").by(Method::GET).without(&header::CONTENT_TYPE),
        ),
        ("Content-Type: text/plain", 415, good.with(header::CONTENT_TYPE, "text/plain")),
    ] {
        let answer = trial.send(&call).await;
        // There is no encoding of the request to answer in, so either will do.
        let is_status = answer.status == wanted && answer.error_status().is_ok();
        trial.check(is_status, sent, format_args!("HTTP {wanted} with a Status"), &answer);
    }
    Ok(())
}

async fn wrong_keys(trial: &mut Trial) -> anyhow::Result<()> {
    if !trial.client.target().auth_required {
        trial.skip("needs --auth-required");
        return Ok(());
    }
    let wrong = HeaderValue::from_static("Bearer otlp-conform-has-no-such-key");
    let names: Vec<_> = trial.client.target().headers.keys().cloned().chain([header::AUTHORIZATION]).collect();
    for signal in Signal::ALL {
        let (marker, export) = trial.sample(signal);
        let mut call = trial.call(signal, export.encode(trial.transport));
        call.anonymous = true;
        let mut calls = vec![("no key".to_owned(), call.clone())];
        for name in &names {
            let mut call = call.clone();
            call.headers.insert(name, wrong.clone());
            calls.push((format!("a wrong {name}"), call));
        }
        for (sent, call) in calls {
            let answer = trial.send(&call).await;
            trial.expect(Expected::Forbidden, format_args!("{signal}: {sent}"), &answer);
            trial.expect_status_body(format_args!("{signal}: {sent}"), &answer);
        }
        trial.found("requests with a wrong key", signal, &marker, 0).await?;
    }
    Ok(())
}

async fn clients_that_leave(trial: &mut Trial) -> anyhow::Result<()> {
    for round in 0..LEAVING_CLIENTS {
        let (marker, export) = trial.sample(Signal::Logs);
        let call = trial.call(Signal::Logs, export.encode(trial.transport));
        // Sooner or later in its course, the connection is dropped with the call.
        let patience = PATIENCE_STEP * u32::try_from(round).unwrap_or(u32::MAX);
        let answer = timeout(patience, trial.send(&call)).await;
        if let Some(count) = trial.client.count(Signal::Logs, &marker).await? {
            let items = export.items() as u64;
            let wanted = if answer.is_ok() { vec![items] } else { vec![0, items] };
            trial.check(
                wanted.contains(&count),
                format_args!("a request whose client leaves after {patience:?}"),
                format_args!("one of {wanted:?} rows"),
                count,
            );
        }
    }
    trial.deliver("a sample after clients have left", Signal::Logs, |call| call).await
}
