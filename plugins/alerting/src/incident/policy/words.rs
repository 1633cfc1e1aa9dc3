//! Times as people write them in a policy: `09:00-17:00`, `monday-friday`, `1h30m`. Pure.

use super::calendar::{DAY_MINUTES, Segment};

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

/// `monday`, or `monday-friday`, from 0 on.
pub(super) fn weekdays(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let day = |name: &str| DAYS.iter().position(|day| name.trim().eq_ignore_ascii_case(day));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    (first <= last).then_some(first..=last)
}

/// `09:00-17:00`.
pub(super) fn segment(text: &str) -> Option<Segment> {
    let (from, until) = text.split_once('-')?;
    let segment = Segment { from: minute(from)?, until: minute(until)? };
    (segment.from < segment.until).then_some(segment)
}

/// `09:00` as minutes of the day; `24:00` is its end.
pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_two = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| part.parse::<u16>().ok().filter(|_| is_two(part));
    let (hour, minute) = (number(hour)?, number(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY_MINUTES).then_some(of_day)
}

/// `1h30m` in nanoseconds.
pub(super) fn nanos(text: &str) -> Option<i64> {
    let (mut total, mut rest) = (0_i64, text.trim());
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b's' => SECOND,
            b'm' => 60 * SECOND,
            b'h' => 3600 * SECOND,
            b'd' => DAY,
            b'w' => 7 * DAY,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    Some(total)
}
