//! E1: how a request may be compressed.

use tonic::Code;

use super::super::matrix::Level;
use super::super::target::{Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::super::wire::{Coding, gzip_in_two_members};
use super::{ALL, Case};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "E1",
        level: Level::Must,
        on: ALL,
        promise: "accepts uncompressed and gzip requests, refuses codings it does not know",
        check: |trial| Box::pin(identity_and_gzip(trial)),
    },
    Case {
        id: "E1-codings",
        level: Level::Ours,
        on: ALL,
        promise: "accepts zstd, and deflate on HTTP",
        check: |trial| Box::pin(zstd_and_deflate(trial)),
    },
];

async fn identity_and_gzip(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        trial.deliver("an uncompressed sample", signal, |call| call).await?;
        trial.deliver("a sample in gzip", signal, |call| call.coded(Coding::Gzip)).await?;
        trial
            .deliver("a sample in gzip of two members", signal, |call| {
                let flagged = call.transport == Transport::Grpc;
                let body = gzip_in_two_members(&call.body);
                call.declared("gzip").containing(body).flagged(flagged)
            })
            .await?;
    }
    if trial.transport == Transport::Grpc { odd_grpc_codings(trial).await } else { odd_http_codings(trial).await }
}

async fn odd_grpc_codings(trial: &mut Trial) -> anyhow::Result<()> {
    let signal = Signal::Traces;
    trial.deliver("grpc-encoding: identity", signal, |call| call.declared("identity")).await?;
    trial
        .deliver("grpc-encoding: gzip on a message that is not flagged as compressed", signal, |call| {
            call.declared("gzip")
        })
        .await?;

    let (_, export) = trial.sample(signal);
    let call = trial.call(signal, export.encode(trial.transport));
    let answer = trial.send(&call.clone().declared("x-lzma").flagged(true)).await;
    trial.expect(Expected::Unknown, "grpc-encoding: x-lzma", &answer);
    let names = [&answer.headers, &answer.trailers].into_iter().find_map(|headers| headers.get("grpc-accept-encoding"));
    let names = names.map_or_else(String::new, |names| String::from_utf8_lossy(names.as_bytes()).into_owned());
    trial.check(
        names.contains("gzip"),
        "grpc-encoding: x-lzma",
        "a grpc-accept-encoding that names gzip",
        format_args!("{names:?}"),
    );

    let answer = trial.send(&call.containing(Coding::Gzip.compress(b"x")).flagged(true)).await;
    let is_final = matches!(answer.grpc_code(), Some(Code::Internal | Code::InvalidArgument | Code::Unimplemented));
    trial.check(
        is_final,
        "the compressed flag without grpc-encoding",
        "INTERNAL, INVALID_ARGUMENT or UNIMPLEMENTED",
        &answer,
    );
    Ok(())
}

async fn odd_http_codings(trial: &mut Trial) -> anyhow::Result<()> {
    let (_, export) = trial.sample(Signal::Traces);
    let call = trial.call(Signal::Traces, export.encode(trial.transport));

    let answer = trial.send(&call.clone().declared("x-lzma")).await;
    trial.check(matches!(answer.status, 400 | 415), "Content-Encoding: x-lzma", "HTTP 415 or 400", &answer);
    let answer = trial.send(&call.declared("gzip")).await;
    trial.expect(Expected::Malformed, "Content-Encoding: gzip on a body that is not", &answer);
    Ok(())
}

async fn zstd_and_deflate(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        trial.deliver("a sample in zstd", signal, |call| call.coded(Coding::Zstd)).await?;
        if trial.transport != Transport::Grpc {
            trial.deliver("a sample in deflate", signal, |call| call.coded(Coding::Deflate)).await?;
        }
    }
    Ok(())
}
