//! Why a call was not made, or has no answer.

use std::net::IpAddr;

use super::network::Range;

/// What went wrong with a call, for the one who set it up.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The rules forbid it: the same call is refused until a setting changes.
    #[error("{host} is not called: {rule}")]
    Refused {
        /// Whom it was for.
        host: String,
        /// The rule, with the setting that would allow it.
        rule: Rule,
    },
    /// It is not something that can be sent.
    #[error("this is no request to an http or https address")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request is larger than the limit.
    #[error("the request to {host} has {bytes} bytes, over outgoing.request_bytes_max = {limit}")]
    RequestTooLarge {
        /// Whom it was for.
        host: String,
        /// Of its body.
        bytes: usize,
        /// The setting.
        limit: usize,
    },
    /// The answer is larger than the limit; the rest was not read.
    #[error("the answer of {host} is over outgoing.answer_bytes_max = {limit}")]
    AnswerTooLarge {
        /// Who answered.
        host: String,
        /// The setting.
        limit: usize,
    },
    /// Other calls took all places for as long as this one could wait.
    #[error("{host} was not called within {seconds} s: all outgoing.calls_max = {calls_max} are in use")]
    Busy {
        /// Whom it was for.
        host: String,
        /// The time limit of a call.
        seconds: u64,
        /// The setting.
        calls_max: usize,
    },
    /// There was no complete answer in time.
    #[error("{host} has not answered within outgoing.seconds_max = {seconds}")]
    TooSlow {
        /// Who was called.
        host: String,
        /// The setting.
        seconds: u64,
    },
    /// The name leads nowhere, or nobody says where in time.
    #[error("nobody says where {host} is")]
    Unresolved {
        /// Whose name it is.
        host: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The name leads nowhere, nobody listens, or the connection broke.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// Who was called.
        host: String,
        /// What the network said.
        #[source]
        cause: reqwest::Error,
    },
}

impl OutgoingError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::TooSlow { .. } | Self::Unresolved { .. } | Self::Unreachable { .. })
    }
}

/// A rule that forbids a call, and the setting that would allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// It is neither http nor https.
    #[error("only http and https are spoken")]
    Scheme,
    /// The host, or where its name leads, is not for everybody.
    #[error("{address} is {range}; outgoing.allow_networks or outgoing.allow_hosts can allow it")]
    Address {
        /// The first that its name leads to.
        address: IpAddr,
        /// What that is.
        range: Range,
    },
    /// A redirect leads from https to http.
    #[error("it redirects from https to http")]
    Downgrade,
    /// Too many redirects.
    #[error("it redirects more than outgoing.redirects_max = {0} times")]
    Redirects(usize),
}
