//! Patterns of log lines, mined while lines arrive: what lines of one kind have in common, and `<*>` for what differs.
//!
//! After Drain (He et al., ICWS 2017), with two changes. What looks like a value is a wildcard from the start (`line.rs`).
//! A word becomes one only when there is evidence: something that looks like a value stands in its place, or several
//! other words do, in lines that are otherwise the same. So `opened` and `closed` stay two patterns, and names of users do not.
//!
//! A pattern keeps its id when it grows more general, and those that it covers then become part of it. Each knows when it was last
//! seen, so that who has no room left can let go of those that are not seen any more.

mod covers;
mod line;
mod looks;
mod shape;
mod template;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

pub use self::covers::{Covers, words};
use self::line::{EMPTY, Line, hashed};
pub use self::line::{LINE_BYTES_MAX, PARTS_MAX};
use self::shape::Shape;
use self::template::Template;

/// Most patterns of one miner; lines that fit none of them are [`OTHER`].
pub const PATTERNS_MAX: usize = 1000;
/// Template of the lines for which there was no room.
pub const OTHER: &str = "(other)";
/// The name in SQL of the function that says which texts have a template.
pub const FUNCTION: &str = "has_template";

/// When there is no room for another pattern, one in so many lines that fit none may make one more general.
const WIDENING_EVERY: u32 = 16;

/// Name of a pattern: made of its service and its first template, so that every process makes the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatternId(u64);

/// A pattern has become part of another, which covers its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The pattern that is no more.
    pub from: PatternId,
    /// The pattern that has its lines now.
    pub into: PatternId,
}

/// Learns the patterns of one service.
#[derive(Debug)]
pub struct Miner {
    service: String,
    /// Patterns by the shape of their lines: only lines of one shape are ever of one pattern.
    shapes: HashMap<u64, Shape>,
    /// The shape of each pattern.
    places: HashMap<PatternId, u64>,
    merged: Vec<Merged>,
    /// Lines that fitted no pattern since there was no room for another.
    unfit: u32,
    patterns_max: usize,
    /// When what is learnt is seen.
    now: i64,
    /// The line that is read; its memory is used again for the next.
    line: Line,
}

#[derive(Debug)]
struct Pattern {
    id: PatternId,
    template: Template,
    /// The last time.
    seen: i64,
}

impl Miner {
    /// A miner that knows nothing yet.
    pub fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            shapes: HashMap::new(),
            places: HashMap::new(),
            merged: Vec::new(),
            unfit: 0,
            patterns_max: PATTERNS_MAX,
            now: 0,
            line: Line::default(),
        }
    }

    /// From now on there is room for so many patterns, [`PATTERNS_MAX`] at most; those there are stay.
    pub fn keep_at_most(&mut self, patterns: usize) {
        self.patterns_max = patterns.min(PATTERNS_MAX);
    }

    /// What is learnt or known from now on is seen at this time, in whichever unit.
    pub fn set_time(&mut self, now: i64) {
        self.now = now;
    }

    /// Number of patterns, without [`OTHER`].
    pub fn patterns(&self) -> usize {
        self.places.len()
    }

    /// Takes over a pattern that was learnt before or elsewhere, with its id; `false` when there is no room for it.
    pub fn know(&mut self, id: PatternId, template: &str) -> bool {
        if self.places.contains_key(&id) || id == self.other() {
            return true;
        }
        self.line.read(template);
        if let Some(into) = self.shapes.get(&self.line.shape()).and_then(|shape| shape.find(&self.line)) {
            self.merged.push(Merged { from: id, into });
            return true;
        }
        if self.is_full() {
            return false;
        }
        let pattern = Pattern { id, template: Template::of(template, &self.line), seen: self.now };
        self.add(pattern);
        true
    }

    /// The pattern of a line; a new one when it fits none.
    pub fn learn(&mut self, line: &str) -> PatternId {
        self.line.read(line);
        if let Some(shape) = self.shapes.get_mut(&self.line.shape()) {
            if let Some(id) = shape.see(&self.line, self.now) {
                return id;
            }
            if self.is_worth_widening()
                && let Some(id) = self.widen()
            {
                return id;
            }
        }
        if self.is_full() {
            return self.other();
        }
        let template = Template::of(line, &self.line);
        let id = PatternId::of(&self.service, template.text());
        self.add(Pattern { id, template, seen: self.now });
        id
    }

    /// Patterns that were last seen before this time, each with when that was.
    pub fn unseen_since(&self, before: i64) -> impl Iterator<Item = (i64, PatternId)> {
        self.shapes.values().flat_map(move |shape| shape.unseen_since(before))
    }

    /// Lets go of a pattern. When its lines come again, they make one of the same id, or become part of another.
    pub fn forget(&mut self, id: PatternId) {
        let Some(place) = self.places.remove(&id) else { return };
        if self.shapes.get_mut(&place).is_some_and(|shape| shape.forget(id)) {
            self.shapes.remove(&place);
        }
    }

    /// The id of the lines for which there was no room, [`OTHER`].
    pub fn other(&self) -> PatternId {
        PatternId::of(&self.service, OTHER)
    }

    /// The template of a pattern, if there is one of that id.
    pub fn template(&self, id: PatternId) -> Option<&str> {
        if id == self.other() {
            return Some(OTHER);
        }
        self.shapes.get(self.places.get(&id)?)?.template(id)
    }

    /// Patterns that have become part of others since this was last asked, in order.
    pub fn take_merged(&mut self) -> Vec<Merged> {
        std::mem::take(&mut self.merged)
    }

    fn is_full(&self) -> bool {
        self.places.len() >= self.patterns_max
    }

    /// Comparing a line with all patterns is slow: a miner that is full does it for some of the lines that fit none.
    fn is_worth_widening(&mut self) -> bool {
        if !self.is_full() {
            return true;
        }
        self.unfit = self.unfit.wrapping_add(1);
        self.unfit.is_multiple_of(WIDENING_EVERY)
    }

    fn widen(&mut self) -> Option<PatternId> {
        let id = self.shapes.get_mut(&self.line.shape())?.widen(&self.line, self.now)?;
        self.absorb(id, self.line.shape());
        Some(id)
    }

    fn add(&mut self, pattern: Pattern) {
        let (id, shape) = (pattern.id, self.line.shape());
        self.places.insert(id, shape);
        self.shapes.entry(shape).or_default().push(pattern);
        self.absorb(id, shape);
    }

    /// What a pattern covers becomes part of it.
    fn absorb(&mut self, into: PatternId, shape: u64) {
        let Some(shape) = self.shapes.get_mut(&shape) else { return };
        for from in shape.absorb(into) {
            self.places.remove(&from);
            self.merged.push(Merged { from, into });
        }
    }
}

/// The template that covers all that either of two covers, where one line could have made both; otherwise the first.
pub fn general(template: &str, other: &str) -> String {
    let (mut line, mut other_line) = (Line::default(), Line::default());
    line.read(template);
    other_line.read(other);
    let mut general = Template::of(template, &line);
    if line.shape() == other_line.shape() {
        general.widen_to(&other_line);
    }
    general.text().to_owned()
}

impl PatternId {
    /// The id of a pattern by the template that its first line gave.
    fn of(service: &str, template: &str) -> Self {
        Self(service.bytes().chain([0]).chain(template.bytes()).fold(EMPTY, hashed))
    }
}

impl fmt::Display for PatternId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text is no id of a pattern.
#[derive(Clone, Debug, thiserror::Error)]
#[error("'{0}' is not the id of a pattern: it has 16 of 0-9 and a-f")]
pub struct InvalidPatternId(String);

impl FromStr for PatternId {
    type Err = InvalidPatternId;

    fn from_str(text: &str) -> Result<Self, InvalidPatternId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = Some(text).filter(|text| text.len() == 16 && text.bytes().all(is_digit));
        let id = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        id.map(Self).ok_or_else(|| InvalidPatternId(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests;
