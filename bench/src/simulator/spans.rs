//! What spans say, in the names of the stable semantic conventions (1.45).

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};

use super::attributes::{int, text};
use super::failures::Failure;
use super::fleet::Process;
use super::topology::{Entry, Library, Operation, Statement, Store, ThirdParty, Topic};
use super::traces::{Frame, error_status};
use super::traffic::Visit;

pub(super) const SAMPLED: u32 = 0x01;
/// The next flag says something.
pub(super) const HAS_IS_REMOTE: u32 = 0x100;
/// The parent, or the linked span, is in another process.
pub(super) const IS_REMOTE: u32 = 0x200;

/// A span with the process and the library that report it when it ends.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) process: Process,
    pub(super) library: Library,
    pub(super) span: Span,
    pub(super) measured: Measured,
}

/// What a span adds to the metrics of its process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measured {
    Nothing,
    Http { method: &'static str, route: &'static str, status: u16 },
    Rpc { method: &'static str, status: &'static str },
    Statement(&'static Statement),
    Sent { topic: &'static Topic, amount: f64 },
    Taken { queue: &'static str },
}

impl Measured {
    pub(super) fn of_service(entry: Entry, error: Option<&Failure>) -> Self {
        match entry {
            Entry::Http { method, route } => Self::Http { method, route, status: http_status(error) },
            Entry::Rpc { method } => Self::Rpc { method, status: rpc_status(error) },
            Entry::Message { queue, .. } => Self::Taken { queue },
        }
    }
}

pub(super) fn server_library(entry: Entry) -> Library {
    match entry {
        Entry::Http { .. } => Library::HttpServer,
        Entry::Rpc { .. } => Library::Rpc,
        Entry::Message { .. } => Library::Messaging,
    }
}

pub(super) fn client_library(entry: Entry) -> Library {
    match entry {
        Entry::Http { .. } => Library::HttpClient,
        Entry::Rpc { .. } => Library::Rpc,
        Entry::Message { .. } => Library::Messaging,
    }
}

fn http_status(error: Option<&Failure>) -> u16 {
    error.map_or(200, |failure| failure.cause.http_status())
}

fn rpc_status(error: Option<&Failure>) -> &'static str {
    error.map_or("OK", |failure| failure.cause.rpc_status())
}

/// The serving side, before it is known how it went.
pub(super) fn describe_service(span: &mut Span, frame: Frame, visit: &Visit, path: &str, response_bytes: u32) {
    let profile = frame.process.profile();
    span.kind = SpanKind::Server as i32;
    match frame.operation.entry {
        Entry::Http { method, route } => {
            span.name = format!("{method} {route}");
            span.attributes = http_attributes(method, profile.name, profile.port);
            span.attributes.extend([
                text("http.route", route),
                text("url.path", path),
                text("url.scheme", "http"),
                text("network.protocol.version", "1.1"),
                text("user_agent.original", visit.agent),
                text("client.address", visit.client_address()),
                text("session.id", format!("{:016x}", visit.session)),
                text("user.id", format!("u-{}", visit.user)),
                int("http.response.body.size", response_bytes),
            ]);
        }
        Entry::Rpc { method } => {
            span.name = method.to_owned();
            span.attributes = rpc_attributes(method, profile.name, profile.port);
            span.attributes.push(text("user.id", format!("u-{}", visit.user)));
        }
        Entry::Message { queue, group } => {
            span.kind = SpanKind::Consumer as i32;
            span.name = format!("process {queue}");
            span.attributes = messaging_attributes(queue, "process", "process");
            span.attributes.extend([
                text("messaging.consumer.group.name", group),
                text("messaging.client.id", format!("{group}-{}", frame.process.ordinal)),
                text("messaging.kafka.message.key", format!("SO-{}", visit.order)),
            ]);
        }
    }
}

/// How the serving side went.
pub(super) fn conclude(span: &mut Span, entry: Entry, error: Option<&Failure>) {
    match entry {
        Entry::Http { .. } => span.attributes.push(int("http.response.status_code", http_status(error))),
        Entry::Rpc { .. } => span.attributes.push(text("rpc.response.status_code", rpc_status(error))),
        Entry::Message { .. } => {}
    }
    if let Some(failure) = error.filter(|failure| failure.cause.is_server_error()) {
        mark_failed(span, entry, failure);
    }
}

/// The calling side; a refusal is an error here even where the serving side did its duty.
pub(super) fn describe_call(span: &mut Span, operation: &Operation, path: &str, resend: u32, error: Option<&Failure>) {
    let profile = operation.service.profile();
    match operation.entry {
        Entry::Http { method, .. } => {
            span.name = method.to_owned();
            span.attributes = http_attributes(method, profile.name, profile.port);
            span.attributes.extend([
                text("url.full", format!("http://{}:{}{path}", profile.name, profile.port)),
                int("http.response.status_code", http_status(error)),
            ]);
            if resend > 0 {
                span.attributes.push(int("http.request.resend_count", resend));
            }
        }
        Entry::Rpc { method } => {
            span.name = method.to_owned();
            span.attributes = rpc_attributes(method, profile.name, profile.port);
            span.attributes.push(text("rpc.response.status_code", rpc_status(error)));
        }
        Entry::Message { .. } => {}
    }
    if let Some(failure) = error {
        mark_failed(span, operation.entry, failure);
    }
}

pub(super) fn describe_outside_call(span: &mut Span, party: &ThirdParty, failed: Option<&Failure>) {
    span.kind = SpanKind::Client as i32;
    span.name = party.method.to_owned();
    span.attributes = http_attributes(party.method, party.host, 443);
    span.attributes.push(text("url.full", format!("https://{}{}", party.host, party.path)));
    match failed {
        // A call given up never got a status.
        Some(failure) if failure.cause.http_status() == 504 => {
            span.attributes.push(text("error.type", "timeout"));
            span.status = Some(error_status(&failure.message));
        }
        Some(failure) => {
            span.attributes.push(int("http.response.status_code", failure.cause.http_status()));
            mark_failed(span, Entry::Http { method: party.method, route: party.path }, failure);
        }
        None => span.attributes.push(int("http.response.status_code", 200)),
    }
}

pub(super) fn describe_statement(span: &mut Span, statement: &Statement, timed_out: bool) {
    span.kind = SpanKind::Client as i32;
    span.name = format!("{} {}", statement.operation, statement.collection);
    span.attributes = vec![
        text("db.system.name", statement.store.name()),
        text("db.namespace", statement.database),
        text("db.operation.name", statement.operation),
        text("db.collection.name", statement.collection),
        text("db.query.text", statement.text),
        text("db.query.summary", span.name.clone()),
        text("server.address", statement.store.address()),
        int("server.port", statement.store.port()),
        text("network.peer.address", peer_address(statement.store.port())),
    ];
    if timed_out {
        // query_canceled
        span.attributes.extend([text("db.response.status_code", "57014"), text("error.type", "57014")]);
    }
}

pub(super) fn describe_send(span: &mut Span, topic: &Topic, visit: &Visit, partition: u32) {
    span.kind = SpanKind::Producer as i32;
    span.name = format!("send {}", topic.name);
    span.attributes = messaging_attributes(topic.name, "send", "send");
    span.attributes.extend([
        text("messaging.destination.partition.id", partition.to_string()),
        text("messaging.kafka.message.key", format!("SO-{}", visit.order)),
        int("messaging.message.body.size", 412 + visit.user % 300),
    ]);
}

fn mark_failed(span: &mut Span, entry: Entry, failure: &Failure) {
    let error_type = match entry {
        Entry::Http { .. } => failure.cause.http_status().to_string(),
        Entry::Rpc { .. } | Entry::Message { .. } => failure.cause.rpc_status().to_owned(),
    };
    span.attributes.push(text("error.type", error_type));
    span.status = Some(error_status(&failure.message));
}

fn http_attributes(method: &str, address: &str, port: u16) -> Vec<KeyValue> {
    vec![
        text("http.request.method", method),
        text("server.address", address),
        int("server.port", port),
        text("network.peer.address", peer_address(port)),
        int("network.peer.port", 30_000 + port % 9_000),
    ]
}

fn rpc_attributes(method: &str, address: &str, port: u16) -> Vec<KeyValue> {
    vec![
        text("rpc.system.name", "grpc"),
        text("rpc.method", method),
        text("server.address", address),
        int("server.port", port),
        text("network.peer.address", peer_address(port)),
        int("network.peer.port", 30_000 + port % 9_000),
    ]
}

/// The address a service has inside the cluster.
fn peer_address(port: u16) -> String {
    format!("10.42.{}.{}", port % 7, port % 251)
}

fn messaging_attributes(queue: &str, operation: &str, kind: &str) -> Vec<KeyValue> {
    vec![
        text("messaging.system", "kafka"),
        text("messaging.destination.name", queue),
        text("messaging.operation.name", operation),
        text("messaging.operation.type", kind),
        text("server.address", "kafka.shop.internal"),
        int("server.port", 9092),
    ]
}

impl Store {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Redis => "redis",
        }
    }

    fn address(self) -> &'static str {
        match self {
            Self::Postgresql => "postgres.shop.internal",
            Self::Redis => "redis.shop.internal",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Postgresql => 5432,
            Self::Redis => 6379,
        }
    }
}
