//! E-mail addresses: what people sign in with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An e-mail address in lower case, of at most 254 bytes.
///
/// Only sending to it would show that it is one; what is checked keeps typing errors and control characters out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Checks the address.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim().to_lowercase();
        let is_good =
            |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
        match text.rsplit_once('@') {
            Some((name, host)) if text.len() <= 254 && is_good(name) && is_good(host) => Ok(Self(text)),
            _ => {
                Err(format!("'{}' is not an e-mail address", text.chars().take(80).collect::<String>().escape_debug()))
            }
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_written_and_nothing_else_is_one() {
        for (text, expected) in [
            ("ada@example.org", Some("ada@example.org")),
            (" Ada@Example.ORG ", Some("ada@example.org")),
            ("owner@localhost", Some("owner@localhost")),
            ("", None),
            ("ada", None),
            ("@example.org", None),
            ("ada@", None),
            ("a b@example.org", None),
            ("ada@example.org\nBcc: x@y", None),
            (&format!("{}@example.org", "a".repeat(250)), None),
        ] {
            assert_eq!(Email::new(text).ok().as_ref().map(Email::as_str), expected, "{text:?}");
        }
    }
}
