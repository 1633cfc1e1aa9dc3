//! Lengths of time as rule files write them: `30s`, `1h30m`, `1d12h`.

use std::time::Duration;

use plugin::yaml::Wrong;

/// Units with their milliseconds, in the order in which they may follow each other.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
/// Those that `written` uses.
const WRITTEN: [&str; 5] = ["d", "h", "m", "s", "ms"];

/// Reads a length of time: whole numbers with units, the largest first, each once; or `0`.
pub(crate) fn parse(text: &str) -> Result<Duration, Wrong> {
    let text = text.trim();
    let wrong = || Wrong::new(format!("`{text}` is not a length of time"), "write it as in 30s, 5m, 1h30m or 2d");
    let (mut rest, mut units, mut milliseconds) = (text, &UNITS[..], 0_u64);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let place = units.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(units[place].1).ok_or_else(wrong)?;
        milliseconds = milliseconds.checked_add(part).ok_or_else(wrong)?;
        (rest, units) = (after, &units[place + 1..]);
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(milliseconds)) }
}

/// Reads a length of time that is at least and at most so long.
pub(crate) fn parse_within(text: &str, least: Duration, most: Duration) -> Result<Duration, Wrong> {
    let duration = parse(text)?;
    if duration < least || duration > most {
        let bounds = format!("write {} to {}", written(least), written(most));
        return Err(Wrong::new(
            format!("{} is too {}", text.trim(), if duration < least { "short" } else { "long" }),
            bounds,
        ));
    }
    Ok(duration)
}

/// As rule files write it, to the millisecond.
pub(crate) fn written(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, milliseconds) in UNITS.iter().filter(|(unit, _)| WRITTEN.contains(unit)) {
        if rest >= *milliseconds {
            text.push_str(&format!("{}{unit}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_time_are_whole_numbers_with_units_the_largest_first() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse(text).ok().map(|duration| duration.as_millis() as u64), expected, "{text}");
        };

        check("30s", Some(30_000));
        check("1h30m", Some(5_400_000));
        check("1d12h", Some(129_600_000));
        check("250ms", Some(250));
        check("1w", Some(604_800_000));
        check("0", Some(0));
        check("0s", Some(0));
        check(" 5m ", Some(300_000));
        for wrong in
            ["", "5", "m", "30m1h", "1m1m", "1.5h", "-5m", "5 m", "5M", "99999999999999999999s", "999999999999999y"]
        {
            check(wrong, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(milliseconds in 0_u64..10_000_000_000_000) {
            let duration = Duration::from_millis(milliseconds);

            prop_assert_eq!(parse(&written(duration)).expect("it is written right"), duration);
        }
    }
}
