//! Patterns whose lines have the same separators around as many parts, and when two of them become one.

use std::collections::BTreeSet;

use super::line::{EMPTY, Line, WILD};
use super::template::Difference;
use super::{Pattern, PatternId};

/// More words than these in one place are values, where lines have all else in common; the less they have, the more it takes.
const WORDS_MAX: f64 = 3.0;
/// Lines with a smaller share of words in common are never of one pattern.
const COMMON_MIN: f64 = 0.5;

/// The patterns, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Shape(Vec<Pattern>);

impl Shape {
    pub(super) fn push(&mut self, pattern: Pattern) {
        self.0.push(pattern);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The pattern that covers a line of this shape.
    pub(super) fn find(&self, line: &Line) -> Option<PatternId> {
        self.0.iter().find(|pattern| pattern.template.covers(line)).map(|pattern| pattern.id)
    }

    /// The same, which is seen now.
    pub(super) fn see(&mut self, line: &Line, now: i64) -> Option<PatternId> {
        let pattern = self.0.iter_mut().find(|pattern| pattern.template.covers(line))?;
        pattern.seen = now;
        Some(pattern.id)
    }

    pub(super) fn unseen_since(&self, before: i64) -> impl Iterator<Item = (i64, PatternId)> {
        let unseen = self.0.iter().filter(move |pattern| pattern.seen < before);
        unseen.map(|pattern| (pattern.seen, pattern.id))
    }

    /// Takes the pattern out; says whether none is left.
    pub(super) fn forget(&mut self, id: PatternId) -> bool {
        self.0.retain(|pattern| pattern.id != id);
        self.0.is_empty()
    }

    pub(super) fn template(&self, id: PatternId) -> Option<&str> {
        self.0.iter().find(|pattern| pattern.id == id).map(|pattern| pattern.template.text())
    }

    /// Makes a pattern more general so that it covers the line, where there is evidence that they differ in values.
    pub(super) fn widen(&mut self, line: &Line, now: i64) -> Option<PatternId> {
        let differences = self.0.iter().map(|pattern| pattern.template.difference(line)).enumerate();
        let similar: Vec<(usize, Difference)> =
            differences.filter(|(_, found)| common_share(*found) >= COMMON_MIN).collect();
        let (at, places) = differ_in_values(&similar).or_else(|| self.differ_in_words(&similar, line))?;
        let pattern = &mut self.0[at];
        pattern.template.widen(places);
        pattern.seen = now;
        Some(pattern.id)
    }

    /// Takes out the patterns that this one covers.
    pub(super) fn absorb(&mut self, into: PatternId) -> Vec<PatternId> {
        let Some(at) = self.0.iter().position(|pattern| pattern.id == into) else { return Vec::new() };
        let general = self.0[at].template.clone();
        let is_covered = |pattern: &mut Pattern| pattern.id != into && general.covers_all_of(&pattern.template);
        self.0.extract_if(.., is_covered).map(|pattern| pattern.id).collect()
    }

    /// The oldest pattern of several that differ from the line, and each other, in the same few places, with enough words in each.
    fn differ_in_words(&self, similar: &[(usize, Difference)], line: &Line) -> Option<(usize, u64)> {
        let kinds: BTreeSet<(u32, u64)> =
            similar.iter().map(|(_, found)| (found.words.count_ones(), found.words)).collect();
        kinds.into_iter().find_map(|(_, places)| {
            let alike = || similar.iter().filter(move |(_, found)| found.words & !places == 0);
            let least = alike().map(|(_, found)| common_share(*found)).fold(1.0, f64::min);
            let is_varied = |place| {
                let words = alike().map(|(at, _)| self.0[*at].template.hash(place)).chain([line.parts()[place].hash]);
                let words: BTreeSet<u64> = words.filter(|word| *word != WILD && *word != EMPTY).collect();
                words.len() as f64 > WORDS_MAX / least
            };
            let values = alike().fold(0, |values, (_, found)| values | found.values);
            let (oldest, _) = alike().next()?;
            bits(places).all(is_varied).then_some((*oldest, places | values))
        })
    }
}

/// The pattern that differs from the line only where one of them has a value; of several the one with the most in common.
fn differ_in_values(similar: &[(usize, Difference)]) -> Option<(usize, u64)> {
    let in_values = similar.iter().rev().filter(|(_, found)| found.words == 0);
    in_values.max_by_key(|(_, found)| found.common).map(|(at, found)| (*at, found.values))
}

/// Which share of the words is the same; a place where one has a value counts as one that differs.
fn common_share(found: Difference) -> f64 {
    let differing = (found.words | found.values).count_ones();
    f64::from(found.common) / f64::from(found.common + differing)
}

fn bits(places: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |place| places & (1 << place) != 0)
}
