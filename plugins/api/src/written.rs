//! Times and lengths of time as people write them in addresses, files and forms.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// How a time is written.
pub const TIME_HOW_TO: &str =
    "write a time as 2026-01-31T10:00:00Z, or relative to now as now, now-15m, now-6h, now-7d (s, m, h, d, w)";

/// A time as it is written, relative to `now` or not; both in nanoseconds since 1970.
pub fn moment(written: &str, now: i64) -> Option<i64> {
    match written.strip_prefix("now") {
        Some("") => Some(now),
        Some(ago) => now.checked_sub(length(ago.strip_prefix('-')?)?),
        None => i64::try_from(OffsetDateTime::parse(written, &Rfc3339).ok()?.unix_timestamp_nanos()).ok(),
    }
}

/// A length of time, as in `90m`, in nanoseconds.
pub fn length(written: &str) -> Option<i64> {
    let unit = match written.chars().last()? {
        's' => SECOND,
        'm' => 60 * SECOND,
        'h' => 3600 * SECOND,
        'd' => DAY,
        'w' => 7 * DAY,
        _ => return None,
    };
    let number = &written[..written.len() - 1];
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<i64>().ok().filter(|_| is_number)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written_or_not_at_all() {
        let now = 1_767_225_600 * SECOND;

        assert_eq!(moment("now", now), Some(now));
        assert_eq!(moment("now-15m", now), Some(now - 900 * SECOND));
        assert_eq!(moment("2026-01-01T01:00:00+01:00", now), Some(now));
        for wrong in ["yesterday", "now-", "now--1h", "now-1y", "now-+1h", "now-99999999999999999999d", "now-\u{e9}"] {
            assert_eq!(moment(wrong, now), None, "{wrong}");
        }
    }
}
