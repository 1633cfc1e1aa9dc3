//! One row being tried on one transport: sends, compares, and keeps what did not hold.
//! A trial that compared nothing does not pass.

use std::fmt;

use bytes::Bytes;
use tonic::Code;

use super::answer::{Answer, shortened};
use super::call::Call;
use super::client::Client;
use super::matrix::{Failure, Outcome};
use super::sample::{Export, Marker};
use super::target::{Signal, Transport};

/// More failures of one cell say nothing new.
const FAILURES_SHOWN_MAX: usize = 20;

/// How many plain items follow the complete one in a sample.
const PLAIN_ITEMS: usize = 2;

/// What an answer must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    /// Success, with `partial_success` unset.
    FullSuccess,
    /// Success, in full or in part.
    Success,
    /// Refused for good as not understood.
    Malformed,
    /// Refused for good as too large.
    TooLarge,
    /// Refused as a kind of call that does not exist.
    Unknown,
    /// Success in full, or a refusal that lets the client send it again.
    FullSuccessOrRetry,
    /// Refused because of who asks.
    Forbidden,
}

impl Expected {
    fn holds(self, answer: &Answer) -> bool {
        if answer.transport == Transport::Grpc { self.holds_on_grpc(answer) } else { self.holds_on_http(answer) }
    }

    fn holds_on_grpc(self, answer: &Answer) -> bool {
        let code = answer.grpc_code();
        match self {
            Self::FullSuccess => answer.is_full_success(),
            Self::Success => answer.is_success() && answer.partial().is_ok(),
            Self::Malformed => code == Some(Code::InvalidArgument),
            Self::TooLarge => code == Some(Code::ResourceExhausted),
            Self::Unknown => code == Some(Code::Unimplemented),
            Self::FullSuccessOrRetry => answer.is_full_success() || answer.is_retryable(),
            Self::Forbidden => matches!(code, Some(Code::Unauthenticated | Code::PermissionDenied)),
        }
    }

    fn holds_on_http(self, answer: &Answer) -> bool {
        match self {
            Self::FullSuccess => answer.is_full_success(),
            Self::Success => answer.is_success() && answer.partial().is_ok(),
            Self::Malformed => answer.status == 400,
            Self::TooLarge => answer.status == 413,
            Self::Unknown => answer.status == 404,
            Self::FullSuccessOrRetry => answer.is_full_success() || answer.is_retryable(),
            Self::Forbidden => matches!(answer.status, 401 | 403),
        }
    }

    fn text(self, transport: Transport) -> &'static str {
        let is_grpc = transport == Transport::Grpc;
        match self {
            Self::FullSuccess if transport == Transport::Json => "HTTP 200 with {}",
            Self::FullSuccess => "success with an empty message",
            Self::Success => "success with a response message",
            Self::Malformed => {
                if is_grpc {
                    "INVALID_ARGUMENT"
                } else {
                    "HTTP 400"
                }
            }
            Self::TooLarge => {
                if is_grpc {
                    "RESOURCE_EXHAUSTED"
                } else {
                    "HTTP 413"
                }
            }
            Self::Unknown => {
                if is_grpc {
                    "UNIMPLEMENTED"
                } else {
                    "HTTP 404"
                }
            }
            Self::FullSuccessOrRetry => {
                if is_grpc {
                    "full success or a retryable code"
                } else {
                    "full success or HTTP 429, 502, 503, 504"
                }
            }
            Self::Forbidden => {
                if is_grpc {
                    "UNAUTHENTICATED or PERMISSION_DENIED"
                } else {
                    "HTTP 401 or 403"
                }
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) client: Client,
    pub(crate) transport: Transport,
    compared: usize,
    failures: Vec<Failure>,
    failures_hidden: usize,
    skipped: Option<String>,
}

impl Trial {
    pub(crate) fn new(client: Client, transport: Transport) -> Self {
        Self { client, transport, compared: 0, failures: Vec::new(), failures_hidden: 0, skipped: None }
    }

    /// Says why the row cannot be tried; what failed before still counts.
    pub(crate) fn skip(&mut self, reason: &str) {
        self.skipped = Some(reason.to_owned());
    }

    pub(crate) fn check(
        &mut self,
        holds: bool,
        sent: impl fmt::Display,
        expected: impl fmt::Display,
        got: impl fmt::Display,
    ) {
        self.compared += 1;
        if holds {
            return;
        }
        let failure = Failure {
            sent: shortened(&sent.to_string()),
            expected: expected.to_string(),
            got: got.to_string(),
            times: 1,
        };
        if let Some(known) = self.failures.iter_mut().find(|known| known.is_like(&failure)) {
            known.times += 1;
        } else if self.failures.len() < FAILURES_SHOWN_MAX {
            self.failures.push(failure);
        } else {
            self.failures_hidden += 1;
        }
    }

    pub(crate) fn expect(&mut self, expected: Expected, sent: impl fmt::Display, answer: &Answer) {
        self.check(expected.holds(answer), sent, expected.text(answer.transport), answer);
    }

    /// The Status body that HTTP errors have; gRPC has its status elsewhere, a success or no answer has none.
    pub(crate) fn expect_status_body(&mut self, sent: impl fmt::Display, answer: &Answer) {
        if answer.transport == Transport::Grpc || answer.status < 400 {
            return;
        }
        let status = answer.error_status();
        let got = status.as_ref().err().map_or_else(String::new, |reason| format!("{reason} in {answer}"));
        self.check(status.is_ok(), &sent, "a body with a google.rpc.Status that has a message", got);
        let media_type = answer.media_type();
        self.check(
            media_type == self.transport.content_type(),
            sent,
            format_args!("the request's Content-Type {}", self.transport.content_type()),
            media_type,
        );
    }

    pub(crate) fn call(&self, signal: Signal, body: impl Into<Bytes>) -> Call {
        Call::export(self.transport, signal, body)
    }

    pub(crate) async fn send(&self, call: &Call) -> Answer {
        self.client.send(call).await
    }

    /// Sends a body as an ordinary client would.
    pub(crate) async fn export(&self, signal: Signal, body: impl Into<Bytes>) -> Answer {
        self.send(&self.call(signal, body)).await
    }

    /// Sends a body that must be accepted in full.
    pub(crate) async fn accept(&mut self, sent: impl Into<String>, signal: Signal, body: impl Into<Bytes>) {
        let answer = self.export(signal, body).await;
        self.expect(Expected::FullSuccess, format_args!("{signal}: {}", sent.into()), &answer);
    }

    /// Sends a body that must be refused as not understood.
    pub(crate) async fn refuse(&mut self, sent: impl Into<String>, signal: Signal, body: impl Into<Bytes>) {
        let answer = self.export(signal, body).await;
        let sent = format!("{signal}: {}", sent.into());
        self.expect(Expected::Malformed, &sent, &answer);
        self.expect_status_body(&sent, &answer);
    }

    /// Sends a sample in its own way; it must be accepted in full and found.
    pub(crate) async fn deliver(
        &mut self,
        sent: impl Into<String>,
        signal: Signal,
        way: impl FnOnce(Call) -> Call,
    ) -> anyhow::Result<()> {
        let (marker, export) = self.sample(signal);
        let call = way(self.call(signal, export.encode(self.transport)));
        let answer = self.send(&call).await;
        let sent = format!("{signal}: {}", sent.into());
        self.expect(Expected::FullSuccess, &sent, &answer);
        self.found(&sent, signal, &marker, export.items()).await
    }

    /// A fresh request of a few items.
    pub(crate) fn sample(&self, signal: Signal) -> (Marker, Export) {
        let marker = self.client.marker();
        let export = Export::sample(signal, &marker, PLAIN_ITEMS);
        (marker, export)
    }

    /// Compares the number of stored items, if there is a way to see it.
    pub(crate) async fn found(
        &mut self,
        sent: impl Into<String>,
        signal: Signal,
        marker: &Marker,
        items: usize,
    ) -> anyhow::Result<()> {
        if let Some(count) = self.client.count(signal, marker).await? {
            self.check(
                count == items as u64,
                sent.into(),
                format_args!("{items} rows found right after the answer"),
                format_args!("{count} rows"),
            );
        }
        Ok(())
    }

    /// Compares the result of a query, if there is a way to ask: cells by `|`, rows by line.
    pub(crate) async fn stored(&mut self, sent: impl Into<String>, sql: &str, expected: &str) -> anyhow::Result<()> {
        if let Some(rows) = self.client.sql(sql).await? {
            self.check(
                rows == expected,
                format_args!("{}, then {sql}", sent.into()),
                format_args!("{expected:?}"),
                format_args!("{rows:?}"),
            );
        }
        Ok(())
    }

    /// Whether stored rows can be seen; says so in the matrix if not.
    pub(crate) fn needs_sql(&mut self) -> bool {
        if self.client.target().sql.is_none() {
            self.skip("needs --sql");
        }
        self.client.target().sql.is_some()
    }

    /// The verdict, with the error that ended the trial early, if one did.
    pub(crate) fn end(mut self, ended: anyhow::Result<()>) -> Outcome {
        if let Err(error) = ended {
            self.check(false, "the steps of this row", "that all of them can be made", format_args!("{error:#}"));
        }
        if self.failures_hidden > 0 {
            let more = format!("{} more failures", self.failures_hidden);
            self.failures.push(Failure {
                sent: "the rest of this row".into(),
                expected: "what the row promises".into(),
                got: more,
                times: 1,
            });
        }
        match self.skipped {
            _ if !self.failures.is_empty() => Outcome::Fail(self.failures),
            Some(reason) => Outcome::Skipped(reason),
            None if self.compared == 0 => Outcome::Skipped("there was nothing to compare".into()),
            None => Outcome::Pass,
        }
    }
}
