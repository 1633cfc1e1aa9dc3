//! The log lines of the shop: of requests (with their span), of trouble, and of processes by themselves.

use opentelemetry_proto::tonic::common::v1::{KeyValue, KeyValueList, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::attributes::{any, double, int, map, text};
use super::failures::{Failure, exception_type, stack_trace};
use super::fleet::Process;
use super::topology::{Entry, Language, Library, Operation, Service, Severity, Statement};
use super::traces::{Frame, TraceContext};
use super::traffic::{MILLISECOND, Visit, choose};

/// A log record with the process and the logger that write it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) process: Process,
    pub(super) library: Library,
    pub(super) record: LogRecord,
}

impl Severity {
    fn number(self) -> SeverityNumber {
        match self {
            Self::Debug => SeverityNumber::Debug,
            Self::Info => SeverityNumber::Info,
            Self::Warn => SeverityNumber::Warn,
            Self::Error => SeverityNumber::Error,
            Self::Fatal => SeverityNumber::Fatal,
        }
    }

    /// The name as the language's usual logger writes it.
    fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Debug, _) => "DEBUG",
            (Self::Info, Language::Dotnet) => "Information",
            (Self::Info, _) => "INFO",
            (Self::Warn, Language::Python) => "WARNING",
            (Self::Warn, _) => "WARN",
            (Self::Error, _) => "ERROR",
            (Self::Fatal, Language::Python) => "CRITICAL",
            (Self::Fatal, _) => "FATAL",
        }
    }
}

/// The lines of a call that went well.
pub(super) fn of_operation(
    frame: Frame,
    trace: TraceContext,
    (start, end): (u64, u64),
    visit: &Visit,
    rng: &mut ChaCha8Rng,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for template in frame.operation.lines {
        if rng.random_bool(template.chance) {
            let at = rng.random_range(start..=end);
            let mut line = in_span(frame, trace, at, template.severity, visit.fill(template.text, rng));
            line.record.attributes.push(text("user.id", format!("u-{}", visit.user)));
            lines.push(line);
        }
    }
    match frame.process.service {
        Service::Gateway => lines.push(access(frame, trace, (start, end), visit, rng)),
        Service::Payment => lines.push(payment_event(frame, trace, end, visit)),
        _ => {}
    }
    lines
}

/// The access log: a structured body, no text.
fn access(frame: Frame, trace: TraceContext, (start, end): (u64, u64), visit: &Visit, rng: &mut ChaCha8Rng) -> Line {
    let Entry::Http { method, route } = frame.operation.entry else {
        unreachable!("the gateway serves http only");
    };
    let fields = vec![
        text("method", method),
        text("path", visit.fill(route, rng)),
        int("status", 200),
        double("duration_ms", (end - start) as f64 / MILLISECOND as f64),
        map("client", vec![text("address", visit.client_address()), text("agent", visit.agent)]),
    ];
    let mut line = in_span(frame, trace, end, Severity::Info, String::new());
    line.record.body = Some(any(Value::KvlistValue(KeyValueList { values: fields })));
    line.record.event_name = "http.access".to_owned();
    line
}

fn payment_event(frame: Frame, trace: TraceContext, at: u64, visit: &Visit) -> Line {
    let fields = vec![
        text("order", format!("SO-{}", visit.order)),
        map("amount", vec![double("value", visit.amount()), text("currency", visit.currency)]),
        text("card.network", if visit.user.is_multiple_of(3) { "mastercard" } else { "visa" }),
    ];
    let mut line = in_span(frame, trace, at, Severity::Info, String::new());
    line.record.body = Some(any(Value::KvlistValue(KeyValueList { values: fields })));
    line.record.event_name = "shop.payment.charged".to_owned();
    line
}

/// The line of a call that failed; the service that failed first prints its stack.
pub(super) fn failed(frame: Frame, trace: TraceContext, at: u64, failure: &Failure) -> Line {
    let name = frame.operation.entry.name();
    if !failure.cause.is_server_error() {
        let body = format!("{name} refused: {}", failure.message);
        return in_span(frame, trace, at, Severity::Warn, body);
    }
    let origin = failure.origin.profile().name;
    let is_origin = failure.origin == frame.process.service;
    let body = if is_origin {
        format!("{name} failed: {}", failure.message)
    } else {
        format!("{name} failed: upstream {origin}: {}", failure.message)
    };
    let mut line = in_span(frame, trace, at, Severity::Error, body);
    let language = frame.process.profile().language;
    line.record.attributes.extend([
        text("exception.type", exception_type(language, failure.cause)),
        text("exception.message", failure.message.clone()),
    ]);
    if is_origin {
        line.record.attributes.push(text("exception.stacktrace", stack_trace(failure, frame.process, frame.operation)));
    }
    line
}

pub(super) fn retrying(
    frame: Frame,
    trace: TraceContext,
    at: u64,
    callee: &Operation,
    failure: &Failure,
) -> Option<Line> {
    let callee = callee.service.profile().name;
    let body = format!("call to {callee} failed ({}), trying once more", failure.message);
    let mut line = in_span(frame, trace, at, Severity::Warn, body);
    line.record.attributes.push(text("peer.service", callee));
    line.record.attributes.push(int("retry.attempt", 1));
    living(line)
}

pub(super) fn doing_without(
    frame: Frame,
    trace: TraceContext,
    at: u64,
    callee: &Operation,
    failure: &Failure,
) -> Option<Line> {
    let callee = callee.service.profile().name;
    let body = format!("going on without {callee}: {}", failure.message);
    let mut line = in_span(frame, trace, at, Severity::Warn, body);
    line.record.attributes.push(text("peer.service", callee));
    living(line)
}

pub(super) fn slow_statement(
    frame: Frame,
    trace: TraceContext,
    (start, end): (u64, u64),
    statement: &Statement,
) -> Option<Line> {
    let took_ms = (end - start) as f64 / MILLISECOND as f64;
    let mut line =
        in_span(frame, trace, end, Severity::Warn, format!("slow query: {took_ms:.1} ms: {}", statement.text));
    line.record.attributes.push(text("db.system.name", statement.store.name()));
    line.record.attributes.push(double("db.duration_ms", took_ms));
    living(line)
}

fn living(line: Line) -> Option<Line> {
    line.process.lives_at(line.record.time_unix_nano).then_some(line)
}

/// What a process says by itself now and then, outside any request.
pub(super) fn background(process: Process, at: u64, rng: &mut ChaCha8Rng) -> Option<Line> {
    if !rng.random_bool(0.2) {
        return None;
    }
    let template = choose(BACKGROUND, rng);
    let body = Visit::draw(rng).fill(template, rng);
    let mut line = outside(process, at, Severity::Info, body);
    line.record.attributes.push(text("thread.name", choose(&["main", "scheduler-1", "worker-3"], rng)));
    Some(line)
}

/// The first line of a process.
pub(super) fn started(process: Process, version: &str, at: u64) -> Line {
    let profile = process.profile();
    let body = format!("{} {version} listening on 0.0.0.0:{}", profile.name, profile.port);
    outside(process, at, Severity::Info, body)
}

/// What the orchestrator says about a process that used more memory than it may.
pub(super) fn killed_for_memory(process: Process, pod: &str, at: u64) -> Line {
    let limit_mib = process.profile().memory_limit_mib;
    let body = format!("container {} in pod {pod} was OOMKilled (limit {limit_mib}Mi)", process.profile().name);
    let mut line = outside(process, at, Severity::Fatal, body);
    line.record.event_name = "k8s.event".to_owned();
    line.record.attributes.extend([
        text("k8s.event.reason", "OOMKilled"),
        int("k8s.container.restart_count", process.life.generation + 1),
        int("process.exit.code", 137),
    ]);
    line
}

fn in_span(frame: Frame, trace: TraceContext, at: u64, severity: Severity, body: String) -> Line {
    let mut line = outside(frame.process, at, severity, body);
    line.record.trace_id = trace.id.to_vec();
    line.record.span_id = frame.span.to_vec();
    line.record.flags = 1;
    line
}

fn outside(process: Process, at: u64, severity: Severity, body: String) -> Line {
    let language = process.profile().language;
    let record = LogRecord {
        time_unix_nano: at,
        // Collected from a file or handed over in the process, a little later.
        observed_time_unix_nano: at + if language == Language::Ruby { 180 * MILLISECOND } else { 20_000 },
        severity_number: severity.number() as i32,
        severity_text: severity.text(language).to_owned(),
        body: Some(any(Value::StringValue(body))),
        attributes: logger(process),
        ..LogRecord::default()
    };
    Line { process, library: Library::Own, record }
}

fn logger(process: Process) -> Vec<KeyValue> {
    vec![text("log.logger", format!("shop.{}.handler", process.profile().name))]
}

const BACKGROUND: &[&str] = &[
    "connection pool: {count} idle, {count} in use, 0 waiting",
    "configuration unchanged, next look in {count} s",
    "feature flags refreshed in {millis} ms, etag W/\"{hex}\"",
    "evicted {count} expired entries from the local cache in {millis} ms",
    "garbage collection finished in {millis} ms, heap at {percent}%",
    "certificate for *.shop.internal is valid for {percent} more days",
    "readiness probe answered in {millis} ms",
];
