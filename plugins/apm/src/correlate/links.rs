//! Paths of other routes, with what they are asked.

use std::fmt::Write;

use crate::range::{Range, rfc3339};

/// A path below `/api/v1/apm`.
pub(super) fn link(segments: &[&str], range: Range, asked: &[(&str, &str)]) -> String {
    let mut link = "/api/v1/apm".to_owned();
    for segment in segments {
        link.push('/');
        write_encoded(&mut link, segment);
    }
    let (from, to) = (rfc3339(range.from), rfc3339(range.until));
    let times = [("from", from.as_str()), ("to", to.as_str())];
    for (number, (key, value)) in times.iter().chain(asked).enumerate() {
        link.push(if number == 0 { '?' } else { '&' });
        link.push_str(key);
        link.push('=');
        write_encoded(&mut link, value);
    }
    link
}

fn write_encoded(link: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => link.push(char::from(byte)),
            _ => write!(link, "%{byte:02X}").expect("a String takes everything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_hold_does_not_change_the_path() {
        let range = Range { from: 0, until: 1_000_000_000 };

        let link = link(&["services", "a/b?c"], range, &[("text", "x&y=1 ä")]);

        let expected =
            "/api/v1/apm/services/a%2Fb%3Fc?from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:01Z&text=x%26y%3D1%20%C3%A4";
        assert_eq!(link, expected);
    }
}
