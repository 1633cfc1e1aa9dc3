//! Finds words in a text without taking the text apart.

use std::fmt;

use memchr::{memchr_iter, memchr2_iter};

use super::{CLASSES, Class, Folded, Role, Words, role};

/// Letters from the most to the least frequent in texts of logs; digits and `_` are rarer than the first of them.
const BY_FREQUENCY: &[u8] = b"etaoinsrlcdupmhgfbyw0123456789vk_xjqz";

/// Words that follow each other, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phrase {
    first: String,
    others: Vec<String>,
    /// Place of the rarest byte of the first word, when that is ASCII.
    anchor: Option<usize>,
}

impl Phrase {
    pub(super) fn new(first: String, others: Vec<String>) -> Self {
        let rarity = |byte: &u8| BY_FREQUENCY.iter().position(|known| known == byte);
        let anchor = (0..first.len()).max_by_key(|place| rarity(&first.as_bytes()[*place]));
        let anchor = anchor.filter(|_| first.is_ascii());
        Self { first, others, anchor }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.first).chain(&self.others).map(String::as_str)
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        let Some(anchor) = self.anchor else {
            let mut words = Words::of(text);
            while let Some(word) = words.next() {
                if is_same(&self.first, word) && self.goes_on(words.clone()) {
                    return true;
                }
            }
            return false;
        };
        let byte = self.first.as_bytes()[anchor];
        let is_at = |place: usize| {
            let start = place.checked_sub(anchor);
            start.is_some_and(|start| self.begins_at(text, start))
        };
        match byte.to_ascii_uppercase() {
            same if same == byte => memchr_iter(byte, text.as_bytes()).any(is_at),
            upper => memchr2_iter(byte, upper, text.as_bytes()).any(is_at),
        }
    }

    /// True when the phrase is at this place of the text.
    fn begins_at(&self, text: &str, start: usize) -> bool {
        let end = start + self.first.len();
        let written = text.as_bytes().get(start..end);
        written.is_some_and(|written| written.eq_ignore_ascii_case(self.first.as_bytes()))
            && !ends_joined(&text[..start])
            && !begins_joined(&text[end..])
            && self.goes_on(Words { text, at: end })
    }

    fn goes_on(&self, mut following: Words<'_>) -> bool {
        self.others.iter().all(|other| following.next().is_some_and(|word| is_same(other, word)))
    }
}

/// True when the folded word and the written one are the same.
fn is_same(folded: &str, written: &str) -> bool {
    if folded.is_ascii() {
        return folded.eq_ignore_ascii_case(written);
    }
    folded.chars().eq(written.chars().flat_map(Folded::of))
}

fn ends_joined(before: &str) -> bool {
    match before.as_bytes().last().map(|byte| CLASSES[usize::from(*byte)]) {
        None | Some(Class::Gap) => false,
        Some(Class::Word) => true,
        Some(Class::Wide) => before.chars().next_back().is_some_and(|last| role(last) == Role::Joined),
    }
}

fn begins_joined(after: &str) -> bool {
    match after.as_bytes().first().map(|byte| CLASSES[usize::from(*byte)]) {
        None | Some(Class::Gap) => false,
        Some(Class::Word) => true,
        Some(Class::Wide) => after.chars().next().is_some_and(|first| role(first) == Role::Joined),
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.others.is_empty() {
            return f.write_str(&self.first);
        }
        write!(f, "\"{}\"", self.words().collect::<Vec<_>>().join(" "))
    }
}
