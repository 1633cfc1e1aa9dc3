//! Severities by name: OpenTelemetry has four numbers for each.

use plugin::Failure;

/// The least number of each named severity, the mildest first.
pub(crate) const SEVERITIES: [(&str, i32); 6] =
    [("trace", 1), ("debug", 5), ("info", 9), ("warn", 13), ("error", 17), ("fatal", 21)];
/// All numbers.
const NUMBERS: std::ops::RangeInclusive<i32> = 1..=24;

/// The least number that is meant: of a name, or the number itself.
pub(crate) fn read(written: &str) -> Result<i32, Failure> {
    let named = SEVERITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)).map(|(_, number)| *number);
    let number = named.or_else(|| written.parse().ok()).filter(|number| NUMBERS.contains(number));
    number.ok_or_else(|| {
        let failure = Failure::invalid(format!("'severity' is '{written}', which is not a severity"));
        failure.hinting("write trace, debug, info, warn, error, fatal, or a number from 1 to 24")
    })
}

/// The name of a number; none for a record that does not tell its severity.
pub(crate) fn name(number: i64) -> Option<&'static str> {
    SEVERITIES.iter().rev().find(|(_, least)| number >= i64::from(*least)).map(|(name, _)| *name)
}

/// The name of a row's `severity_number`, in SQL; NULL for none.
pub(crate) fn name_in_sql() -> String {
    let cases = SEVERITIES.iter().rev().map(|(name, least)| format!("WHEN severity_number >= {least} THEN '{name}' "));
    format!("CASE {}END", cases.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_a_name_or_a_number() {
        assert_eq!((read("warn").ok(), read("WARN").ok(), read("14").ok()), (Some(13), Some(13), Some(14)));
        assert!(["0", "25", "-1", "loud"].into_iter().all(|wrong| read(wrong).is_err()));
        assert_eq!(
            [0, 1, 4, 5, 16, 21, 24].map(name),
            [None, Some("trace"), Some("trace"), Some("debug"), Some("warn"), Some("fatal"), Some("fatal")]
        );
    }
}
