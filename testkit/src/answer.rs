//! What became of a request, the same for both protocols.

use std::time::Duration;

use prost::Message;

/// What the client knows after it has sent a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Success, without so many items.
    Accepted {
        /// Items the answer counts as rejected.
        rejected: i64,
    },
    /// Refused, and nothing of it may be stored.
    Refused(Refused),
    /// No answer came: it may be stored or not.
    Lost(String),
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The gRPC code; over HTTP that of the Status in the body.
    pub code: tonic::Code,
    /// The HTTP status, where there is one.
    pub http: Option<u16>,
    /// What a person reads.
    pub message: String,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
}

impl Outcome {
    /// True when all of it was taken.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self, Outcome::Accepted { rejected: 0 })
    }

    /// The refusal.
    ///
    /// # Panics
    /// When it was not refused.
    pub fn refused(self) -> Refused {
        match self {
            Outcome::Refused(refused) => refused,
            other => panic!("a refusal, not {other:?}"),
        }
    }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Status {
    /// The delay of a `google.rpc.RetryInfo` among the details.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        let detail = self.details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
        let delay = RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay?;
        Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
    }
}
