//! Whom to try, and how requests travel there.

use std::fmt;

use anyhow::{Context, ensure};
use http::{HeaderMap, Uri};
use serde::Serialize;

/// The size limit the OTLP specification recommends for a decompressed request, in bytes.
pub const LIMIT_BYTES: usize = 64 << 20;

/// The receiver under test, and what the program may know of it or do to it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it takes OTLP over gRPC, such as `http://127.0.0.1:4317`; without it the column is not applicable.
    pub grpc: Option<Uri>,
    /// Where it takes OTLP over HTTP; a path is put in front of `/v1/traces`.
    pub http: Option<Uri>,
    /// Where it answers `POST {"sql": …}`; with it, what was stored is compared with what was sent.
    pub sql: Option<Uri>,
    /// Sent with every request, such as an API key.
    pub headers: HeaderMap,
    /// The decompressed size from which it must refuse a request, in bytes.
    pub limit_bytes: usize,
    /// Its process on this machine, whose memory is watched while it is under attack.
    pub memory_pid: Option<u32>,
    /// Whether it must refuse requests with a wrong or missing key.
    pub auth_required: bool,
    /// Whether `memory_pid` may be asked to stop (SIGTERM) at the end.
    pub allow_stop: bool,
}

impl Target {
    /// A receiver with the recommended limit, open to everyone. Only `http://` addresses are understood.
    pub fn new(grpc: &str, http: &str) -> anyhow::Result<Self> {
        Ok(Self {
            grpc: Some(address(grpc)?),
            http: Some(address(http)?),
            sql: None,
            headers: HeaderMap::new(),
            limit_bytes: LIMIT_BYTES,
            memory_pid: None,
            auth_required: false,
            allow_stop: false,
        })
    }

    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.grpc.is_some() || self.http.is_some(), "the target has neither a gRPC nor an HTTP endpoint");
        for uri in [&self.grpc, &self.http, &self.sql].into_iter().flatten() {
            ensure!(uri.scheme_str() == Some("http") && uri.authority().is_some(), "{uri} is not an http:// address");
        }
        Ok(())
    }

    pub(crate) fn endpoint(&self, port: Port) -> Option<&Uri> {
        match port {
            Port::Grpc => self.grpc.as_ref(),
            Port::Http => self.http.as_ref(),
        }
    }
}

fn address(text: &str) -> anyhow::Result<Uri> {
    text.parse().with_context(|| format!("{text} is not an address"))
}

/// One of the three ways OTLP travels: the columns of the matrix.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// gRPC over HTTP/2.
    Grpc,
    /// Protobuf in an HTTP POST.
    Protobuf,
    /// JSON in an HTTP POST.
    Json,
}

impl Transport {
    /// All three, in the order of the columns.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::Protobuf, Self::Json];
    pub(crate) const HTTP: [Self; 2] = [Self::Protobuf, Self::Json];

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    pub(crate) fn port(self) -> Port {
        match self {
            Self::Grpc => Port::Grpc,
            Self::Protobuf | Self::Json => Port::Http,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Grpc => "gRPC",
            Self::Protobuf => "HTTP/protobuf",
            Self::Json => "HTTP/JSON",
        })
    }
}

/// One of the two addresses of a receiver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    Grpc,
    Http,
}

/// What a request carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// The path of an export, without the prefix of the endpoint.
    pub(crate) fn path(self, transport: Transport) -> &'static str {
        match (transport, self) {
            (Transport::Grpc, Self::Traces) => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            (Transport::Grpc, Self::Logs) => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            (Transport::Grpc, Self::Metrics) => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            (_, Self::Traces) => "/v1/traces",
            (_, Self::Logs) => "/v1/logs",
            (_, Self::Metrics) => "/v1/metrics",
        }
    }

    /// The tables its rows are in.
    pub(crate) fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Traces => &["spans"],
            Self::Logs => &["logs"],
            Self::Metrics => &["metrics", "histograms"],
        }
    }

    /// The first key of its JSON request.
    pub(crate) fn root_key(self) -> &'static str {
        match self {
            Self::Traces => "resourceSpans",
            Self::Logs => "resourceLogs",
            Self::Metrics => "resourceMetrics",
        }
    }

    /// The JSON key of the reject count in its partial success.
    pub(crate) fn rejected_key(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        })
    }
}
