//! One call of a receiver that speaks HTTP, and what its answer means for the message.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, StatusCode};
use plugin::hub::outgoing::{Outgoing, OutgoingError};
use plugin::model::Timestamp;
use serde_json::Value;

use super::Unsent;
use crate::notify::message::{cut, one_line};

/// Most of an answer that is kept to be shown, in characters.
const ANSWER_CHARACTERS_MAX: usize = 200;

/// A POST of JSON.
pub(crate) fn json(url: &str, body: &Value) -> Result<Request<Bytes>, Unsent> {
    request(url, "application/json", body.to_string().into())
}

/// A POST.
pub(crate) fn request(url: &str, content_type: &str, body: Bytes) -> Result<Request<Bytes>, Unsent> {
    let request = Request::post(url).header(CONTENT_TYPE, content_type).body(body);
    // The address may be a secret, so it is not told.
    request.map_err(|_| Unsent::never("the channel's address is none"))
}

/// Sends it, and gives what the receiver said when it has taken it.
pub(crate) async fn call(outgoing: &Outgoing, now: Timestamp, request: Request<Bytes>) -> Result<String, Unsent> {
    let answer = outgoing.send(request).await.map_err(|cause| unsent(&cause))?;
    let body = String::from_utf8_lossy(answer.body());
    let said = cut(&one_line(&format!("{} {body}", answer.status())), ANSWER_CHARACTERS_MAX);
    judge(answer.status(), answer.headers(), said, now)
}

fn judge(status: StatusCode, headers: &HeaderMap, said: String, now: Timestamp) -> Result<String, Unsent> {
    let is_later = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY);
    match status {
        status if status.is_success() => Ok(said),
        _ if is_later => Err(Unsent::later(said, retry_after(headers, now))),
        _ => Err(Unsent::never(said)),
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let written = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = written.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let seconds = DateTime::parse_from_rfc2822(written).ok()?.timestamp() - now.0.div_euclid(1_000_000_000);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn unsent(cause: &OutgoingError) -> Unsent {
    let said = with_causes(cause);
    match cause {
        OutgoingError::Unreachable { cause, .. } if cause.is_connect() => Unsent::later(said, None),
        // The request may have arrived, and only the answer be lost.
        OutgoingError::TooSlow { .. } | OutgoingError::Unreachable { .. } | OutgoingError::AnswerTooLarge { .. } => {
            Unsent::unclear(said)
        }
        other if other.is_temporary() => Unsent::later(said, None),
        _ => Unsent::never(said),
    }
}

/// What went wrong, and why.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let said: Vec<String> = causes.map(ToString::to_string).collect();
    cut(&one_line(&said.join(": ")), ANSWER_CHARACTERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(written: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, written.parse().expect("a value"));
        // 2015-10-21T07:27:00Z.
        retry_after(&headers, Timestamp(1_445_412_420_000_000_000))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(after("Wed, 21 Oct 2015 07:26:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }
}
