//! E2 to E8: how a request may travel.

use anyhow::Context;
use futures::stream;
use http::{HeaderName, Method, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::Endpoint;

use super::super::call::{Call, Version};
use super::super::matrix::Level;
use super::super::sample::Export;
use super::super::target::{Port, Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::{ALL, Case, GRPC, HTTP};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "E2",
        level: Level::Must,
        on: GRPC,
        promise: "serves unary Export of traces, logs and metrics to a generated client",
        check: |trial| Box::pin(generated_client(trial)),
    },
    Case {
        id: "E2-profiles",
        level: Level::May,
        on: GRPC,
        promise: "serves profiles or answers UNIMPLEMENTED",
        check: |trial| {
            Box::pin(profiles(trial, "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"))
        },
    },
    Case {
        id: "E3",
        level: Level::Must,
        on: HTTP,
        promise: "takes POST on /v1/traces, /v1/logs and /v1/metrics",
        check: |trial| Box::pin(default_paths(trial)),
    },
    Case {
        id: "E3-profiles",
        level: Level::May,
        on: HTTP,
        promise: "serves profiles or answers 404 with a Status",
        check: |trial| Box::pin(profiles(trial, "/v1development/profiles")),
    },
    Case {
        id: "E4",
        level: Level::Must,
        on: HTTP,
        promise: "speaks HTTP/1.1 and HTTP/2, keeps connections, takes chunked bodies",
        check: |trial| Box::pin(http_versions(trial)),
    },
    Case {
        id: "E5",
        level: Level::Should,
        on: ALL,
        promise: "finds the encoding in Content-Type, whatever its case and parameters",
        check: |trial| Box::pin(content_types(trial)),
    },
    Case {
        id: "E6",
        level: Level::Must,
        on: ALL,
        promise: "answers in the Content-Type of the request, for success and for errors",
        check: |trial| Box::pin(answers_in_kind(trial)),
    },
    Case {
        id: "E7",
        level: Level::Ours,
        on: ALL,
        promise: "serves gRPC and HTTP on either port",
        check: |trial| Box::pin(either_port(trial)),
    },
    Case {
        id: "E8",
        level: Level::Ours,
        on: HTTP,
        promise: "refuses other or missing Content-Types with 415 and names those it takes",
        check: |trial| Box::pin(unsupported_types(trial)),
    },
];

async fn generated_client(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        for coding in [None, Some(CompressionEncoding::Gzip)] {
            let (marker, export) = trial.sample(signal);
            let items = export.items();
            let sent = format!("{signal} by a tonic client, compression {coding:?}");
            let answer = export_generated(trial, export, coding).await;
            let got = answer.as_ref().map_or_else(
                |error| format!("{error:#}"),
                |answer| {
                    if answer.is_empty() { String::new() } else { answer.clone() }
                },
            );
            trial.check(answer.is_ok_and(|answer| answer.is_empty()), &sent, "success without partial_success", got);
            trial.found(&sent, signal, &marker, items).await?;
        }
    }
    for path in [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/opentelemetry.proto.collector.none.v1.NoService/Export",
    ] {
        let answer = trial.send(&trial.call(Signal::Traces, "").at(path)).await;
        trial.expect(Expected::Unknown, path, &answer);
    }
    Ok(())
}

/// The partial success as text, empty if it is unset.
async fn export_generated(
    trial: &Trial,
    export: Export,
    coding: Option<CompressionEncoding>,
) -> anyhow::Result<String> {
    let target = trial.client.target();
    let uri = target.grpc.clone().context("the row is tried on gRPC only")?;
    let channel = Endpoint::from(uri).connect().await?;
    let metadata = MetadataMap::from_headers(target.headers.clone());
    macro_rules! export {
        ($client:ident, $request:expr) => {{
            let mut client = $client::new(channel);
            if let Some(coding) = coding {
                client = client.send_compressed(coding).accept_compressed(coding);
            }
            let mut request = tonic::Request::new($request);
            *request.metadata_mut() = metadata;
            let partial = client.export(request).await?.into_inner().partial_success;
            partial.map_or_else(String::new, |partial| format!("{partial:?}"))
        }};
    }
    Ok(match export {
        Export::Traces(request) => export!(TraceServiceClient, request),
        Export::Logs(request) => export!(LogsServiceClient, request),
        Export::Metrics(request) => export!(MetricsServiceClient, request),
    })
}

async fn profiles(trial: &mut Trial, path: &str) -> anyhow::Result<()> {
    let body = if trial.transport == Transport::Json { "{}" } else { "" };
    let answer = trial.send(&trial.call(Signal::Traces, body).at(path)).await;
    if !answer.is_success() {
        trial.expect(Expected::Unknown, path, &answer);
        trial.expect_status_body(path, &answer);
    } else {
        trial.expect(Expected::FullSuccess, path, &answer);
    }
    Ok(())
}

async fn default_paths(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        trial.deliver(format!("POST {}", signal.path(trial.transport)), signal, |call| call).await?;
    }
    Ok(())
}

async fn http_versions(trial: &mut Trial) -> anyhow::Result<()> {
    for version in [Version::One, Version::Two] {
        same_connection(trial, version).await?;
    }
    chunked(trial).await
}

/// An error in the middle must not cost the connection.
async fn same_connection(trial: &mut Trial, version: Version) -> anyhow::Result<()> {
    let mut connection = trial.client.connect(trial.transport.port(), version).await?;
    for (number, signal) in [Signal::Traces, Signal::Logs, Signal::Metrics, Signal::Traces].into_iter().enumerate() {
        let (_, export) = trial.sample(signal);
        let call = trial.call(signal, export.encode(trial.transport)).over(version);
        let answer = connection.send(&call).await;
        trial.expect(
            Expected::FullSuccess,
            format_args!("request {} on one HTTP/{version:?} connection", 2 * number + 1),
            &answer,
        );
        let answer = connection.send(&call.containing("\u{7f}")).await;
        trial.expect(
            Expected::Malformed,
            format_args!("request {} on one HTTP/{version:?} connection, a broken one", 2 * number + 2),
            &answer,
        );
    }
    Ok(())
}

async fn chunked(trial: &mut Trial) -> anyhow::Result<()> {
    let (marker, export) = trial.sample(Signal::Logs);
    let call = trial.call(Signal::Logs, export.encode(trial.transport));
    let (first, second) = (call.body.slice(..10), call.body.slice(10..));
    let pieces = StreamBody::new(stream::iter([Ok(Frame::data(first)), Ok(Frame::data(second))]));
    let mut connection = trial.client.connect(call.port, Version::One).await?;
    let answer = connection.send_body(&call, pieces.boxed()).await;
    trial.expect(Expected::FullSuccess, "a chunked body without Content-Length", &answer);
    trial.found("a chunked body", Signal::Logs, &marker, export.items()).await
}

async fn content_types(trial: &mut Trial) -> anyhow::Result<()> {
    let types: &[&'static str] = match trial.transport {
        Transport::Grpc => &["application/grpc", "application/grpc+proto"],
        Transport::Protobuf => &[
            "application/x-protobuf",
            "Application/X-Protobuf",
            "application/x-protobuf; charset=utf-8",
            "application/x-protobuf;messageType=x",
        ],
        Transport::Json => &[
            "application/json",
            "APPLICATION/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json ; charset=utf-8",
        ],
    };
    for signal in Signal::ALL {
        for name in types {
            trial
                .deliver(format!("Content-Type: {name}"), signal, |call| call.with(header::CONTENT_TYPE, name))
                .await?;
        }
    }
    Ok(())
}

async fn answers_in_kind(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let (_, export) = trial.sample(signal);
        let good = trial.call(signal, export.encode(trial.transport));
        let broken = good.clone().containing("\u{7f}");
        for (sent, call) in [("a sample", good.clone()), ("a broken request", broken)] {
            let answer = trial.send(&call).await;
            let media_type = answer.media_type();
            let is_kind = media_type == trial.transport.content_type()
                || (trial.transport == Transport::Grpc && media_type == "application/grpc+proto");
            trial.check(
                is_kind,
                format_args!("{signal}: {sent}"),
                format_args!("an answer in {}", trial.transport.content_type()),
                format_args!("{media_type:?} in {answer}"),
            );
            let coding = answer.headers.get(header::CONTENT_ENCODING);
            trial.check(
                coding.is_none(),
                format_args!("{signal}: {sent} without Accept-Encoding"),
                "an answer without Content-Encoding",
                format_args!("{coding:?}"),
            );
        }
        accept_encoding(trial, signal, good.with(header::ACCEPT_ENCODING, "gzip")).await;
    }
    Ok(())
}

/// Whether an offer to compress the answer is taken is up to the receiver.
async fn accept_encoding(trial: &mut Trial, signal: Signal, call: Call) {
    if trial.transport == Transport::Grpc {
        return;
    }
    let answer = trial.send(&call).await;
    let coding = answer.headers.get(header::CONTENT_ENCODING).cloned();
    let is_readable = match coding.as_ref().map(|coding| coding.as_bytes()) {
        None => answer.is_full_success(),
        Some(coding) => coding == b"gzip" && answer.is_success() && answer.body.starts_with(&[0x1f, 0x8b]),
    };
    trial.check(
        is_readable,
        format_args!("{signal}: Accept-Encoding: gzip"),
        "success, plain or in gzip",
        format_args!("{coding:?} {answer}"),
    );
}

async fn either_port(trial: &mut Trial) -> anyhow::Result<()> {
    let other = if trial.transport == Transport::Grpc { Port::Http } else { Port::Grpc };
    if trial.client.target().endpoint(other).is_none() {
        trial.skip("needs both endpoints");
        return Ok(());
    }
    for signal in Signal::ALL {
        trial.deliver(format!("to the {other:?} port"), signal, |call| call.via(other)).await?;
    }
    Ok(())
}

async fn unsupported_types(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let (_, export) = trial.sample(signal);
        let call = trial.call(signal, export.encode(trial.transport)).by(Method::POST);
        refuse_type(trial, "no Content-Type", call.clone().without(&header::CONTENT_TYPE)).await;
        for name in ["text/plain", "application/xml", "application/jsonp", "application/x-protobufs", "json", ""] {
            refuse_type(trial, name, call.clone().with(HeaderName::from_static("content-type"), name)).await;
        }
    }
    Ok(())
}

async fn refuse_type(trial: &mut Trial, name: &str, call: Call) {
    let answer = trial.send(&call).await;
    let names_both = answer
        .error_status()
        .is_ok_and(|status| Transport::HTTP.iter().all(|transport| status.message.contains(transport.content_type())));
    let expected = "HTTP 415 with a Status that names application/x-protobuf and application/json";
    trial.check(
        answer.status == 415 && names_both,
        format_args!("{}: Content-Type {name:?}", call.signal),
        expected,
        &answer,
    );
}
