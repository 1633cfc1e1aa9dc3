//! What tells alerts of one rule apart.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Most labels of an alert.
pub(crate) const LABELS_MAX: usize = 32;
/// Longest name of a label, in bytes; longer ones are cut as values are.
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// Longest value of a label, in bytes; of a longer one the beginning stays, with `…` and a hash of the whole.
pub(crate) const VALUE_BYTES_MAX: usize = 1024;

/// Digits of the hash that a value that was cut ends in.
const HASH_DIGITS: usize = 16;

/// Names and values, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Labels(BTreeMap<String, String>);

impl Labels {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a label; what is too long is cut so that others that begin alike stay apart.
    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(cut(name.into(), NAME_BYTES_MAX), cut(value.into(), VALUE_BYTES_MAX));
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A number that other labels are not likely to have; the same in every process and version.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3::new();
        for (name, value) in self.iter() {
            for part in [name, value] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.digest()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let mut all = Self::default();
        labels.into_iter().for_each(|(name, value)| all.set(name, value));
        all
    }
}

impl fmt::Display for Labels {
    /// As in `{service="checkout"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if place == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

/// False for a value that was cut, which nothing equals.
pub(crate) fn is_whole(value: &str) -> bool {
    let is_short = value.len() + '…'.len_utf8() < VALUE_BYTES_MAX;
    is_short || value.chars().rev().nth(HASH_DIGITS) != Some('…')
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = format!("…{:0HASH_DIGITS$x}", xxh3_64(text.as_bytes()));
        text.truncate(text.floor_char_boundary(bytes_max - end.len()));
        text.push_str(&end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_that_differ_only_at_their_end_stay_apart() {
        let labels = |end: &str| Labels::from_iter([("path", format!("{}{end}", "ä".repeat(VALUE_BYTES_MAX)))]);
        let (one, other) = (labels("1"), labels("2"));

        let value = one.get("path").expect("a value");
        assert!(value.len() <= VALUE_BYTES_MAX && value.contains("ä…"), "{value}");
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one, labels("1"));
        let just_short_enough = "a".repeat(VALUE_BYTES_MAX);
        assert!(!is_whole(value) && is_whole(&just_short_enough) && is_whole("…0123456789abcdef"));
        assert_eq!(
            Labels::from_iter([("path", just_short_enough.as_str())]).get("path"),
            Some(just_short_enough.as_str())
        );
    }
}
