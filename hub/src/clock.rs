//! Time as the hub sees it: an argument of everything that decides by it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Tells the time. One clock serves the whole hub, so that a test can move it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of this machine.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(nanos(since_1970))
    })
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// The moment that is so much later.
pub(crate) fn after(moment: Timestamp, lasts: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_add(nanos(lasts)))
}

/// The moment that is so much earlier.
pub(crate) fn before(moment: Timestamp, lasts: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_sub(nanos(lasts)))
}

/// How long it is until then; nothing when it has been.
pub(crate) fn until(now: Timestamp, moment: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(moment.0.saturating_sub(now.0)).unwrap_or(0))
}

/// Whole seconds since 1970, as tokens count them.
pub(crate) fn seconds(moment: Timestamp) -> i64 {
    moment.0.div_euclid(1_000_000_000)
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A time as the API writes and reads it: RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(self.0.0.into()).map_err(|_| fmt::Error)?;
        f.write_str(&moment.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a time as in 2026-01-31T12:00:00Z");
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| wrong())?;
        i64::try_from(moment.unix_timestamp_nanos()).map(|nanos| Self(Timestamp(nanos))).map_err(|_| wrong())
    }
}

impl From<Timestamp> for Moment {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let moment = Moment(Timestamp(1_769_860_800_000_000_001));

        assert_eq!(moment.to_string(), "2026-01-31T12:00:00.000000001Z");
        assert_eq!(Moment::try_from(moment.to_string()), Ok(moment));
        assert!(Moment::try_from("yesterday".to_owned()).is_err());
    }

    #[test]
    fn no_time_is_too_far_for_the_calendar() {
        for nanos in [i64::MIN, i64::MAX] {
            assert_eq!(Moment::try_from(Moment(Timestamp(nanos)).to_string()), Ok(Moment(Timestamp(nanos))));
        }
    }
}
