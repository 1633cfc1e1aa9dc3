//! One visitor's request, carried out: the spans and log lines it leaves behind in every service.
//! A span covers the spans below it, and a link or a log line names a span made here, unless its process was killed.

use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::attributes::{double, int, text, truth};
use super::failures::{Failure, exception_event};
use super::faults::STATEMENT_TIMEOUT;
use super::fleet::{Fleet, Process};
use super::logs::{self, Line};
use super::spans::{self, Finished, Measured};
use super::topology::{
    Cause, Computation, Language, Library, Operation, Service, Statement, Step, Store, ThirdParty, Topic,
};
use super::traffic::{Latency, MILLISECOND, Visit, ms};

/// One way over the network inside the cluster.
const NETWORK: Latency = ms(0.25, 0.4);
/// The pause before a call is repeated.
const RETRY_PAUSE: u64 = 50 * MILLISECOND;
/// Statements slower than this are worth a log line.
const SLOW_STATEMENT: u64 = 100 * MILLISECOND;
/// Calls to others are given up after this long.
const OUTSIDE_TIMEOUT: u64 = 2_000 * MILLISECOND;

pub(super) type SpanId = [u8; 8];

/// What spans of one trace share.
#[derive(Debug, Clone, Copy)]
pub(super) struct TraceContext {
    pub(super) id: [u8; 16],
    pub(super) state: &'static str,
}

/// Where an operation was called from.
#[derive(Debug)]
enum Caller {
    Visitor,
    Span(SpanId),
    Queue(Link),
}

/// When something was over, and how it went.
#[derive(Debug)]
struct Outcome {
    end: u64,
    result: Result<(), Failure>,
}

/// The operation a step is part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) operation: &'static Operation,
    pub(super) process: Process,
    pub(super) span: SpanId,
}

/// A visit while it goes through the shop.
#[derive(Debug)]
pub(super) struct Trip<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) rng: &'a mut ChaCha8Rng,
    pub(super) visit: &'a Visit,
    pub(super) trace: TraceContext,
    pub(super) spans: &'a mut Vec<Finished>,
    pub(super) lines: &'a mut Vec<Line>,
}

/// A new trace, marked in its state when the visitor is part of a canary.
pub(super) fn new_trace(visit: &Visit, rng: &mut ChaCha8Rng) -> TraceContext {
    let mut id: [u8; 16] = rng.random();
    id[15] |= 1;
    TraceContext { id, state: if visit.canary { "shop=canary" } else { "" } }
}

impl Trip<'_> {
    /// Carries out what the visitor asked for.
    pub(super) fn enter(&mut self, operation: &'static Operation, at: u64) {
        self.serve(operation, Caller::Visitor, at);
    }

    fn serve(&mut self, operation: &'static Operation, caller: Caller, start: u64) -> Outcome {
        let Some(process) = self.fleet.pick(operation.service, start, self.rng) else {
            return fail(operation, Cause::Unavailable, start + MILLISECOND);
        };
        let frame = Frame { operation, process, span: self.new_span() };
        let own = operation.own.draw(self.own_factor(process, start), self.rng);
        let steps = self.run(operation.steps, frame, start + own / 2);
        let end = steps.end + own / 2;
        if !process.lives_at(end) {
            // Killed with the request in its hands: no span, no line, and the caller sees the connection break.
            return fail(operation, Cause::Unavailable, process.life.killed_at.unwrap_or(end).max(start));
        }
        let result = steps.result.and_then(|()| self.spontaneous(frame));
        self.write_lines(frame, (start, end), &result);
        self.close_server_span(frame, caller, (start, end), &result);
        Outcome { end, result }
    }

    fn own_factor(&self, process: Process, at: u64) -> f64 {
        self.fleet.faults.own_factor(process.service, process.life, at)
    }

    /// Whether the operation fails by itself, with no step to blame.
    fn spontaneous(&mut self, frame: Frame) -> Result<(), Failure> {
        let (chance, cause) = frame.operation.failure;
        let extra = self.fleet.faults.extra_failure(frame.process.service, frame.process.life);
        for (chance, cause) in [Some((chance, cause)), extra].into_iter().flatten() {
            if self.rng.random_bool(chance) {
                return Err(failure(frame.operation, cause));
            }
        }
        Ok(())
    }

    fn run(&mut self, steps: &'static [Step], frame: Frame, start: u64) -> Outcome {
        let mut end = start;
        for step in steps {
            let outcome = self.take(step, frame, end);
            end = outcome.end;
            if outcome.result.is_err() {
                return Outcome { end, ..outcome };
            }
        }
        Outcome { end, result: Ok(()) }
    }

    fn take(&mut self, step: &'static Step, frame: Frame, at: u64) -> Outcome {
        match step {
            Step::Call(operation) => self.call(operation, frame, at),
            Step::Try(operation) => self.try_call(operation, frame, at),
            Step::Together(steps) => self.together(steps, frame, at),
            Step::Query(statement) => self.query(statement, frame, at),
            Step::Compute(computation) => self.compute(computation, frame, at),
            Step::Outside(third_party) => self.call_outside(third_party, frame, at),
            Step::Publish(topic) => self.publish(topic, frame, at),
        }
    }

    fn together(&mut self, steps: &'static [Step], frame: Frame, at: u64) -> Outcome {
        let mut joined = Outcome { end: at, result: Ok(()) };
        for step in steps {
            let outcome = self.take(step, frame, at);
            joined.end = joined.end.max(outcome.end);
            joined.result = joined.result.and(outcome.result);
        }
        joined
    }

    fn call(&mut self, operation: &'static Operation, frame: Frame, at: u64) -> Outcome {
        let first = self.attempt(operation, frame, at, 0);
        match &first.result {
            // Only next to where it failed: repeating at every height would hide faults behind a storm of calls.
            Err(failure) if failure.cause.is_passing() && failure.origin == operation.service => {
                self.lines.extend(logs::retrying(frame, self.trace, first.end, operation, failure));
                self.attempt(operation, frame, first.end + RETRY_PAUSE, 1)
            }
            _ => first,
        }
    }

    fn try_call(&mut self, operation: &'static Operation, frame: Frame, at: u64) -> Outcome {
        let outcome = self.attempt(operation, frame, at, 0);
        if let Err(failure) = &outcome.result {
            self.lines.extend(logs::doing_without(frame, self.trace, outcome.end, operation, failure));
        }
        Outcome { end: outcome.end, result: Ok(()) }
    }

    /// One call over the network, with the span of the calling side.
    fn attempt(&mut self, operation: &'static Operation, frame: Frame, at: u64, resend: u32) -> Outcome {
        let span_id = self.new_span();
        let arrival = at + NETWORK.draw(1.0, self.rng);
        let answer = self.serve(operation, Caller::Span(span_id), arrival);
        let end = answer.end + NETWORK.draw(1.0, self.rng);
        let path = self.visit.fill(operation.entry.name(), self.rng);
        let error = answer.result.as_ref().err();
        let mut span = self.child(frame, span_id, (at, end));
        span.kind = SpanKind::Client as i32;
        spans::describe_call(&mut span, operation, &path, resend, error);
        let library = spans::client_library(operation.entry);
        self.finish(frame, library, span, Measured::Nothing);
        Outcome { end, result: answer.result }
    }

    fn query(&mut self, statement: &'static Statement, frame: Frame, at: u64) -> Outcome {
        let factor = self.fleet.faults.statement_factor(statement.store, at);
        let took = statement.latency.draw(factor, self.rng);
        let timed_out = took > STATEMENT_TIMEOUT;
        let end = at + took.min(STATEMENT_TIMEOUT);
        let span_id = self.new_span();
        let mut span = self.child(frame, span_id, (at, end));
        spans::describe_statement(&mut span, statement, timed_out);
        if timed_out {
            span.status = Some(error_status("canceling statement due to statement timeout"));
        } else if statement.store == Store::Postgresql {
            span.attributes.push(int("db.response.returned_rows", self.rng.random_range(0..25)));
        }
        if took > SLOW_STATEMENT {
            self.lines.extend(logs::slow_statement(frame, self.trace, (at, end), statement));
        }
        self.finish(frame, Library::Database, span, Measured::Statement(statement));
        let failed = timed_out.then(|| Failure {
            cause: Cause::Timeout,
            origin: frame.process.service,
            message: format!(
                "canceling statement due to statement timeout: {} {}",
                statement.operation, statement.collection
            ),
        });
        Outcome { end, result: failed.map_or(Ok(()), Err) }
    }

    fn compute(&mut self, computation: &'static Computation, frame: Frame, at: u64) -> Outcome {
        let factor = self.own_factor(frame.process, at);
        let end = at + computation.latency.draw(factor, self.rng);
        let span_id = self.new_span();
        let mut span = self.child(frame, span_id, (at, end));
        span.name = computation.name.to_owned();
        span.kind = SpanKind::Internal as i32;
        span.attributes = vec![
            text("code.function.name", format!("shop.{}", computation.name.replace(' ', "_"))),
            text("code.file.path", format!("src/{}", computation.name.replace(' ', "_"))),
            int("code.line.number", 40 + computation.name.len() as i64 * 3),
            text("user.id", format!("u-{}", self.visit.user)),
            int("shop.candidates", self.rng.random_range(3..400)),
        ];
        if self.rng.random_bool(0.15) {
            span.events.push(Event {
                time_unix_nano: at + (end - at) / 3,
                name: computation.event.to_owned(),
                attributes: vec![double("shop.score", self.rng.random::<f64>()), truth("shop.fallback", true)],
                dropped_attributes_count: 0,
            });
        }
        self.finish(frame, Library::Own, span, Measured::Nothing);
        Outcome { end, result: Ok(()) }
    }

    fn call_outside(&mut self, party: &'static ThirdParty, frame: Frame, at: u64) -> Outcome {
        let is_processor = frame.operation.service == Service::Payment;
        let (failure_chance, factor) = if is_processor { self.fleet.faults.third_party(at) } else { (0.001, 1.0) };
        let took = party.latency.draw(factor, self.rng);
        let refused = self.rng.random_bool(failure_chance);
        let cause = match (took > OUTSIDE_TIMEOUT, refused) {
            (true, _) => Some(Cause::Timeout),
            (false, true) => Some(Cause::Unavailable),
            (false, false) => None,
        };
        let end = at + took.min(OUTSIDE_TIMEOUT);
        let failed = cause.map(|cause| Failure {
            cause,
            origin: frame.process.service,
            message: format!("{} answered {} to {} {}", party.host, cause.http_status(), party.method, party.path),
        });
        let span_id = self.new_span();
        let mut span = self.child(frame, span_id, (at, end));
        spans::describe_outside_call(&mut span, party, failed.as_ref());
        self.finish(frame, Library::HttpClient, span, Measured::Nothing);
        Outcome { end, result: failed.map_or(Ok(()), Err) }
    }

    /// Sends a message, and has every group of readers take it up in a trace of its own that links back here.
    fn publish(&mut self, topic: &'static Topic, frame: Frame, at: u64) -> Outcome {
        let end = at + ms(2.5, 0.5).draw(1.0, self.rng);
        let span_id = self.new_span();
        let partition = self.rng.random_range(0..topic.partitions);
        let mut span = self.child(frame, span_id, (at, end));
        spans::describe_send(&mut span, topic, self.visit, partition);
        self.finish(frame, Library::Messaging, span, Measured::Sent { topic, amount: self.visit.amount() });
        let sent_in = self.trace;
        for reader in topic.readers {
            let link = Link {
                trace_id: sent_in.id.to_vec(),
                span_id: span_id.to_vec(),
                trace_state: sent_in.state.to_owned(),
                attributes: vec![int("messaging.kafka.offset", self.rng.random_range(100_000..9_000_000))],
                flags: spans::SAMPLED | spans::HAS_IS_REMOTE | spans::IS_REMOTE,
                ..Link::default()
            };
            let taken_up = end + topic.delay.draw(1.0, self.rng);
            self.trace = new_trace(self.visit, self.rng);
            self.serve(reader, Caller::Queue(link), taken_up);
        }
        self.trace = sent_in;
        Outcome { end, result: Ok(()) }
    }

    fn write_lines(&mut self, frame: Frame, times: (u64, u64), result: &Result<(), Failure>) {
        match result {
            Ok(()) => {
                let lines = logs::of_operation(frame, self.trace, times, self.visit, self.rng);
                self.lines.extend(lines);
            }
            Err(failure) => self.lines.push(logs::failed(frame, self.trace, times.1, failure)),
        }
    }

    fn close_server_span(
        &mut self,
        frame: Frame,
        caller: Caller,
        (start, end): (u64, u64),
        result: &Result<(), Failure>,
    ) {
        let mut span = self.child(frame, frame.span, (start, end));
        span.parent_span_id = Vec::new();
        match caller {
            Caller::Visitor => span.flags = spans::SAMPLED | spans::HAS_IS_REMOTE,
            Caller::Queue(link) => {
                span.flags = spans::SAMPLED | spans::HAS_IS_REMOTE;
                span.links.push(link);
            }
            Caller::Span(parent) => {
                span.parent_span_id = parent.to_vec();
                span.flags = spans::SAMPLED | spans::HAS_IS_REMOTE | spans::IS_REMOTE;
            }
        }
        let path = self.visit.fill(frame.operation.entry.name(), self.rng);
        let response_bytes = self.rng.random_range(180..48_000);
        spans::describe_service(&mut span, frame, self.visit, &path, response_bytes);
        let error = result.as_ref().err();
        spans::conclude(&mut span, frame.operation.entry, error);
        if let Some(failure) = error.filter(|failure| failure.cause.is_server_error()) {
            span.events.push(exception_event(failure, frame.process, frame.operation, end));
        }
        let measured = Measured::of_service(frame.operation.entry, error);
        self.finish(frame, spans::server_library(frame.operation.entry), span, measured);
    }

    /// A span below the one of the operation, still without a name.
    fn child(&self, frame: Frame, span_id: SpanId, (start, end): (u64, u64)) -> Span {
        Span {
            trace_id: self.trace.id.to_vec(),
            span_id: span_id.to_vec(),
            parent_span_id: frame.span.to_vec(),
            trace_state: self.trace.state.to_owned(),
            flags: spans::SAMPLED | spans::HAS_IS_REMOTE,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            ..Span::default()
        }
    }

    fn finish(&mut self, frame: Frame, library: Library, mut span: Span, measured: Measured) {
        if frame.process.profile().language == Language::Java {
            let thread = self.rng.random_range(1..64);
            span.attributes.extend([int("thread.id", 30 + thread), text("thread.name", format!("worker-{thread}"))]);
        }
        if frame.process.lives_at(span.end_time_unix_nano) {
            self.spans.push(Finished { process: frame.process, library, span, measured });
        }
    }

    fn new_span(&mut self) -> SpanId {
        let mut id: SpanId = self.rng.random();
        id[7] |= 1;
        id
    }
}

pub(super) fn error_status(message: &str) -> Status {
    Status { code: StatusCode::Error as i32, message: message.to_owned() }
}

fn failure(operation: &Operation, cause: Cause) -> Failure {
    Failure { cause, origin: operation.service, message: cause.message(operation) }
}

fn fail(operation: &Operation, cause: Cause, end: u64) -> Outcome {
    Outcome { end, result: Err(failure(operation, cause)) }
}
