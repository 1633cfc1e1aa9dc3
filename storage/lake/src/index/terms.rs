//! What an index knows of rows: terms, each a hash. The same for the one who writes and the one who asks.
//!
//! The hashes are in files: they never change.

use model::{AttributeType, Column, Signal, Table, json, words};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A kind of terms, kept by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Section {
    /// Trace ids.
    Traces,
    /// Values of columns and of attributes.
    Values,
    /// Words of texts.
    Words,
}

/// A term of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Term {
    pub(super) section: Section,
    pub(super) hash: u64,
}

impl Term {
    pub(super) fn trace(id: &[u8]) -> Self {
        Self { section: Section::Traces, hash: trace(id) }
    }

    /// A word in lower case of a column's texts.
    pub(super) fn word(column: &str, folded: &str) -> Self {
        Self { section: Section::Words, hash: Texts::of(column).hash_word(folded, &mut String::new()) }
    }

    pub(super) fn text(column: &str, value: &str) -> Self {
        Self { section: Section::Values, hash: Texts::of(column).hash(value.as_bytes()) }
    }

    pub(super) fn integer(column: &str, value: i64) -> Self {
        Self { section: Section::Values, hash: Texts::of(column).hash(&value.to_le_bytes()) }
    }

    /// A member of a JSON column, by the text of its value.
    pub(super) fn member(column: &str, key: &str, value: &str) -> Self {
        Self { section: Section::Values, hash: Members::of(column).hash(key, value) }
    }

    /// Stands for all members of JSON that could not be read.
    pub(super) fn unreadable(column: &str) -> Self {
        Self { section: Section::Values, hash: Members::of(column).unreadable() }
    }
}

pub(super) fn trace(id: &[u8]) -> u64 {
    xxh3_64(id)
}

/// Hashes texts and numbers of one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts {
    seed: u64,
}

impl Texts {
    pub(super) fn of(column: &str) -> Self {
        Self { seed: xxh3_64(column.as_bytes()) }
    }

    pub(super) fn hash(self, text: &[u8]) -> u64 {
        xxh3_64_with_seed(text, self.seed)
    }

    /// The same for a word in any case. `folded` is room for words that are not ASCII.
    pub(super) fn hash_word(self, word: &str, folded: &mut String) -> u64 {
        let bytes = word.as_bytes();
        if word.is_ascii() && (1..=SHORT_WORD_BYTES).contains(&bytes.len()) {
            return hash_short_word(bytes, self.seed);
        }
        folded.clear();
        words::fold(word, folded);
        self.hash(folded.as_bytes())
    }
}

/// Words up to this length are hashed as two numbers.
const SHORT_WORD_BYTES: usize = 16;

/// Hashes an ASCII word of 1 to 16 bytes in whatever case: a log line has dozens, and most are as short as this.
fn hash_short_word(word: &[u8], seed: u64) -> u64 {
    /// Puts letters in lower case; no two other bytes of words become one.
    const LOWER: u64 = 0x2020_2020_2020_2020;
    // Digits of the fraction of pi, as good as random.
    const FIRST: u64 = 0x243f_6a88_85a3_08d3;
    const SECOND: u64 = 0x1319_8a2e_0370_7344;
    let length = word.len();
    let (front, back) = match (word.first_chunk::<8>(), word.first_chunk::<4>()) {
        (Some(front), _) => {
            (u64::from_le_bytes(*front), word.last_chunk::<8>().map_or(0, |back| u64::from_le_bytes(*back)))
        }
        (_, Some(front)) => {
            let back = word.last_chunk::<4>().map_or(0, |back| u32::from_le_bytes(*back));
            (u64::from(u32::from_le_bytes(*front)), u64::from(back))
        }
        _ => (u64::from(word[0]) | u64::from(word[length / 2]) << 8 | u64::from(word[length - 1]) << 16, 0),
    };
    let mixed = fold_product((front | LOWER) ^ seed, (back | LOWER) ^ FIRST ^ (length as u64) << 56);
    fold_product(mixed, SECOND)
}

fn fold_product(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// Hashes members of one column of JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members {
    seed: u64,
}

impl Members {
    pub(super) fn of(column: &str) -> Self {
        Self { seed: xxh3_64(column.as_bytes()) }
    }

    pub(super) fn hash(self, key: &str, value: &str) -> u64 {
        xxh3_64_with_seed(value.as_bytes(), xxh3_64_with_seed(key.as_bytes(), self.seed))
    }

    pub(super) fn unreadable(self) -> u64 {
        // No member has a hash of a hash.
        xxh3_64_with_seed(b"unreadable", !self.seed)
    }
}

/// How the values of a column become terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexed {
    Traces,
    Texts,
    Integers,
    Members,
    Words,
    /// Not at all.
    No,
}

impl Indexed {
    pub(super) fn of(signal: Signal, column: &Column) -> Self {
        // Values people filter by that no attribute was promoted from.
        const ASKED_FOR: [&str; 3] = ["name", "event_name", "severity_text"];
        // Read, not compared.
        const PROSE: [&str; 4] = ["body", "exception_message", "exception_stacktrace", "status_message"];
        match (column.name, column.convention) {
            _ if !has_index(signal) => Self::No,
            ("trace_id", _) => Self::Traces,
            (name, _) if json::COLUMNS.contains(&name) => Self::Members,
            (name, _) if PROSE.contains(&name) => Self::Words,
            // Files are sorted by it, and pages know its range.
            (name, _) if name == store::sort_key(signal) => Self::No,
            (name, _) if ASKED_FOR.contains(&name) => Self::Texts,
            (_, Some(convention)) if convention.value == AttributeType::Text => Self::Texts,
            (_, Some(_)) => Self::Integers,
            (_, None) => Self::No,
        }
    }

    pub(super) fn of_name(signal: Signal, column: &str) -> Self {
        let column = Table::of(signal).columns.iter().find(|known| known.name == column);
        column.map_or(Self::No, |column| Self::of(signal, column))
    }

    pub(super) fn section(self) -> Option<Section> {
        match self {
            Self::Traces => Some(Section::Traces),
            Self::Texts | Self::Integers | Self::Members => Some(Section::Values),
            Self::Words => Some(Section::Words),
            Self::No => None,
        }
    }
}

/// True for signals of rows that people look up one by one.
pub(super) fn has_index(signal: Signal) -> bool {
    matches!(signal, Signal::Spans | Signal::Logs)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_word_has_one_hash_in_any_case_and_no_other_word_has_it() {
        let texts = Texts::of("body");
        let hash = |word: &str| texts.hash_word(word, &mut String::new());

        for (one, other) in
            [("Refused", "rEFUSED"), ("a_B", "A_b"), ("ÜBER", "über"), ("LONGER_THAN_16_BYTES", "longer_than_16_bytes")]
        {
            assert_eq!(hash(one), hash(other));
        }
        let words = (0..100_000_u64).flat_map(|number| {
            let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            [number.to_string(), format!("{number:x}_"), format!("{scattered:016x}"), format!("{scattered:020x}")]
        });
        let words: HashSet<String> = words.collect();
        let hashes: HashSet<u64> = words.iter().map(|word| hash(word)).collect();
        assert_eq!(hashes.len(), words.len());
        let buckets: HashSet<u64> = hashes.iter().map(|hash| hash >> 52).collect();
        assert_eq!(buckets.len(), 4096, "the first bits are even");
        assert_ne!(hash("a"), Texts::of("exception_message").hash_word("a", &mut String::new()));
    }

    #[test]
    fn hashes_in_files_stay_what_they_are() {
        let hashes = [
            Term::word("body", "a"),
            Term::word("body", "refused"),
            Term::word("body", "connection"),
            Term::word("body", "größe"),
            Term::text("user_id", "u-1"),
            Term::integer("server_port", 443),
            Term::member("attributes", "order.id", "4711"),
            Term::trace(&[7; 16]),
        ]
        .map(|term| term.hash);

        assert_eq!(
            hashes,
            [
                16_110_570_316_805_283_789,
                5_895_561_718_229_223_927,
                7_529_199_949_727_888_502,
                1_144_918_400_391_275_092,
                3_954_023_491_719_491_274,
                16_727_701_616_369_582_587,
                14_238_044_009_157_421_767,
                18_341_613_086_114_368_115,
            ]
        );
    }
}
