//! What the lines of one pattern have in common, as a text and as the hashes of its parts.

use std::ops::Range;

use super::line::{EMPTY, Line, WILD, WILDCARD};

/// The parts that all lines of a pattern share, and wildcards for the others.
#[derive(Clone, Debug)]
pub(super) struct Template {
    text: String,
    /// Of each part, the hash of its word or [`WILD`], and where it stands in the text.
    hashes: Vec<u64>,
    words: Vec<Range<u32>>,
}

/// How a line and a template of one shape differ: a bit for each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Places with two different words.
    pub(super) words: u64,
    /// Places where one of them has a value or nothing, and the other a word.
    pub(super) values: u64,
    /// Number of places with the same word.
    pub(super) common: u32,
}

impl Template {
    /// The template of a line that is the first of its kind.
    pub(super) fn of(text: &str, line: &Line) -> Self {
        let hashes = line.parts().iter().map(|part| part.hash).collect();
        let mut template = Self { text: String::new(), hashes, words: Vec::new() };
        for (before, word) in line.told(text) {
            template.push_separators(before);
            template.push_word(word);
        }
        template.push_separators(line.tail(text));
        template
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True when the line has every word of the template; both have one shape.
    pub(super) fn covers(&self, line: &Line) -> bool {
        self.hashes.iter().zip(line.parts()).all(|(own, part)| *own == WILD || *own == part.hash)
    }

    /// True when every line of the other one, of the same shape, is covered.
    pub(super) fn covers_all_of(&self, other: &Self) -> bool {
        self.hashes.iter().zip(&other.hashes).all(|(own, other)| *own == WILD || own == other)
    }

    pub(super) fn difference(&self, line: &Line) -> Difference {
        let mut difference = Difference { words: 0, values: 0, common: 0 };
        for (place, (own, part)) in self.hashes.iter().zip(line.parts()).enumerate() {
            let is_word = |hash: u64| hash != WILD && hash != EMPTY;
            match *own {
                WILD => {}
                own if own == part.hash => difference.common += u32::from(is_word(own)),
                own if is_word(own) && is_word(part.hash) => difference.words |= 1 << place,
                _ => difference.values |= 1 << place,
            }
        }
        difference
    }

    /// Makes wildcards of all places where it has not the line's word.
    pub(super) fn widen_to(&mut self, line: &Line) {
        let Difference { words, values, .. } = self.difference(line);
        self.widen(words | values);
    }

    /// The hash of its part in a place.
    pub(super) fn hash(&self, place: usize) -> u64 {
        self.hashes[place]
    }

    /// Makes these places wildcards.
    pub(super) fn widen(&mut self, places: u64) {
        let (text, words) = (std::mem::take(&mut self.text), std::mem::take(&mut self.words));
        let mut behind = 0;
        for (place, word) in words.iter().enumerate() {
            self.text.push_str(&text[behind..word.start as usize]);
            behind = word.end as usize;
            if places & (1 << place) != 0 {
                self.hashes[place] = WILD;
            }
            let is_wild = self.hashes[place] == WILD;
            self.push_word(if is_wild { WILDCARD } else { &text[word.start as usize..behind] });
        }
        self.text.push_str(&text[behind..]);
    }

    fn push_word(&mut self, word: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(word);
        self.words.push(start..self.text.len() as u32);
    }

    /// One space for any number of them.
    fn push_separators(&mut self, separators: &str) {
        for character in separators.chars() {
            match character {
                '\0'..=' ' if self.text.ends_with(' ') => {}
                '\0'..=' ' => self.text.push(' '),
                character => self.text.push(character),
            }
        }
    }
}
