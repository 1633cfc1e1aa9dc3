//! Numbers as Prometheus' templates write them, so that texts taken over from it stay the same.

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
/// Digits of a number that is written for people.
const DIGITS: Option<usize> = Some(4);

/// With so many digits, or as few as tell it apart; with a power of ten when it is large (1e+06) or small (1e-05).
pub(crate) fn general(number: f64, digits: Option<usize>) -> String {
    let scientific = match digits {
        _ if !number.is_finite() => return not_finite(number),
        Some(digits) => format!("{number:.*e}", digits.max(1) - 1),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = split(&scientific);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let places_max = digits.map_or(6, |digits| digits.max(1) as i32);
    if exponent < -4 || exponent >= places_max {
        return format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let digits_of_mantissa = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let decimals = (digits_of_mantissa - 1 - exponent).max(0) as usize;
    let rounded: f64 = scientific.parse().expect("it was written by this function");
    format!("{rounded:.decimals$}")
}

/// With a power of ten: `1.50e+03`.
pub(crate) fn power(number: f64, digits: usize) -> String {
    if !number.is_finite() {
        return not_finite(number);
    }
    let scientific = format!("{number:.digits$e}");
    let (mantissa, exponent) = split(&scientific);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// With a prefix of thousands: `1.235M`, `1.2m`.
pub(crate) fn humanized(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        general(number, DIGITS)
    } else if number.abs() >= 1.0 {
        divided(number, 1000.0, &LARGE)
    } else {
        multiplied(number)
    }
}

/// With a prefix of 1024s: `2ki`.
pub(crate) fn humanized_1024(number: f64) -> String {
    if number.abs() <= 1.0 || !number.is_finite() { general(number, DIGITS) } else { divided(number, 1024.0, &BINARY) }
}

/// Of a share: `12.35%`.
pub(crate) fn percentage(share: f64) -> String {
    format!("{}%", general(share * 100.0, DIGITS))
}

/// Of seconds: `1h 2m 5s`, `120ms`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return general(seconds, DIGITS);
    }
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    if seconds.abs() < 1.0 {
        return format!("{}s", multiplied(seconds));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", general(seconds.abs(), DIGITS)),
        (0, 0, minutes) => format!("{sign}{minutes}m {}s", whole % 60),
        (0, hours, minutes) => format!("{sign}{hours}h {minutes}m {}s", whole % 60),
        (days, hours, minutes) => format!("{sign}{days}d {hours}h {minutes}m {}s", whole % 60),
    }
}

fn divided(mut number: f64, by: f64, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for larger in prefixes {
        if number.abs() < by {
            break;
        }
        prefix = larger;
        number /= by;
    }
    format!("{}{prefix}", general(number, DIGITS))
}

fn multiplied(mut number: f64) -> String {
    let mut prefix = "";
    for smaller in SMALL {
        if number.abs() >= 1.0 {
            break;
        }
        prefix = smaller;
        number *= 1000.0;
    }
    format!("{}{prefix}", general(number, DIGITS))
}

fn split(scientific: &str) -> (&str, i32) {
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes a power of ten");
    (mantissa, exponent.parse().expect("the power is a whole number"))
}

fn not_finite(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "+Inf",
        _ => "-Inf",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let check = |number: f64, digits: Option<usize>, expected: &str| {
            assert_eq!(general(number, digits), expected, "{number:e} {digits:?}");
        };

        check(0.0, None, "0");
        check(0.1, None, "0.1");
        check(123_456.0, None, "123456");
        check(1_234_567.0, None, "1.234567e+06");
        check(0.000_1, None, "0.0001");
        check(0.000_012, None, "1.2e-05");
        check(-2.5, None, "-2.5");
        check(1234.5, Some(4), "1234");
        check(1000.0, Some(4), "1000");
        check(12345.0, Some(4), "1.234e+04");
        check(99.999, Some(4), "100");
        check(0.5, Some(4), "0.5");
        check(f64::NAN, None, "NaN");
        check(f64::NEG_INFINITY, Some(4), "-Inf");
        check(1e300, None, "1e+300");
    }

    #[test]
    fn numbers_for_people_have_prefixes() {
        assert_eq!(humanized(0.0), "0");
        assert_eq!(humanized(999.0), "999");
        assert_eq!(humanized(-12_345_678.0), "-12.35M");
        assert_eq!(humanized(0.000_012_3), "12.3u");
        assert_eq!(humanized(f64::INFINITY), "+Inf");
        assert_eq!(humanized_1024(1024.0 * 1024.0 * 1.5), "1.5Mi");
        assert_eq!(humanized_1024(0.5), "0.5");
        assert_eq!(percentage(1.0), "100%");
        assert_eq!(duration(0.0), "0s");
        assert_eq!(duration(0.12), "120ms");
        assert_eq!(duration(59.5), "59.5s");
        assert_eq!(duration(-90.0), "-1m 30s");
        assert_eq!(duration(90_061.0), "1d 1h 1m 1s");
        assert_eq!(power(1500.0, 2), "1.50e+03");
    }
}
