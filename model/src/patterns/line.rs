//! A line as words between separators, with a wildcard for what differs from one time to the next by its look alone:
//! numbers, ids, addresses, paths, dates and quoted texts. One pass, no allocation once its list has grown.
//!
//! A template is read like a line, and comes out as it went in: `<*>` is a wildcard too.

use super::looks::{
    Class, address, class, closing, ends_value, is_apostrophe, is_in_date, is_path, is_scheme, is_unit, is_value,
    without_stop,
};

/// A longer line is cut here, in bytes.
pub const LINE_BYTES_MAX: usize = 4096;
/// Words and wildcards of a line, its cut included; what is behind them is cut.
pub const PARTS_MAX: usize = 64;

/// What stands in a template for what differs.
pub(super) const WILDCARD: &str = "<*>";
/// What stands for the end of a line that is cut.
const CUT: &str = "…";

/// Hash of a wildcard; no word has it.
pub(super) const WILD: u64 = 0;
/// Hash of the empty word, as in `user=`.
pub(super) const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// One more byte of a hash (FNV-1a): ids are made of it, so it never changes.
pub(super) fn hashed(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// A word or a wildcard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Of the word, or [`WILD`].
    pub(super) hash: u64,
    start: usize,
    end: usize,
    /// How a wildcard begins: those that begin alike, one behind the other, are a list.
    look: Look,
}

/// How the text of a part looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Word,
    /// Digits behind what hashes to this.
    Number(u64),
    Path,
    /// Like nothing else.
    Single,
}

/// The parts of one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    parts: Vec<Part>,
    shape: u64,
    /// The text that was read.
    start: usize,
    end: usize,
    is_cut: bool,
}

impl Line {
    /// Reads a line; of several lines the first that says anything.
    pub(super) fn read(&mut self, line: &str) {
        (self.start, self.end, self.is_cut) = extent(line);
        self.parts.clear();
        self.shape = EMPTY;
        let text = &line.as_bytes()[..self.end];
        let mut at = self.start;
        while at < text.len() {
            at = match Class::of(text[at]) {
                Class::Space => at + 1,
                Class::Mark => self.mark(text, at),
                Class::Quote => self.quote(text, at),
                Class::Word => self.word(text, at),
            };
            if self.parts.len() == PARTS_MAX {
                self.parts.pop();
                self.is_cut = true;
                break;
            }
        }
        if self.is_cut {
            self.cut();
        }
        self.add_to_shape(text, self.covered(), self.end);
    }

    /// The rest is one word that all lines which are cut have.
    fn cut(&mut self) {
        self.end = self.covered();
        let hash = CUT.bytes().fold(EMPTY, hashed);
        self.add_byte(b' ');
        self.add_byte(u8::MAX);
        self.parts.push(Part { hash, start: self.end, end: self.end, look: Look::Word });
    }

    /// Equal for lines with the same separators around as many parts.
    pub(super) fn shape(&self) -> u64 {
        self.shape
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Each part of the line that was read, with the separators before it; a wildcard is none of its text.
    pub(super) fn told<'a>(&'a self, line: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let ends = [self.start].into_iter().chain(self.parts.iter().map(|part| part.end));
        let last = self.parts.len() - usize::from(self.is_cut);
        self.parts.iter().zip(ends).enumerate().map(move |(place, (part, before))| match part.hash {
            _ if place == last => (" ", CUT),
            WILD => (&line[before..part.start], WILDCARD),
            _ => (&line[before..part.start], &line[part.start..part.end]),
        })
    }

    /// The separators behind the last part.
    pub(super) fn tail<'a>(&self, line: &'a str) -> &'a str {
        &line[self.covered()..self.end]
    }

    /// Where the last part ends.
    fn covered(&self) -> usize {
        self.parts.last().map_or(self.start, |part| part.end)
    }

    /// A mark, and the empty word behind it where a value could be: `user= `, `()`.
    fn mark(&mut self, text: &[u8], at: usize) -> usize {
        let next = text.get(at + 1);
        let is_empty = match text[at] {
            b'=' => at > 0 && class(text.get(at - 1)) != Class::Space && ends_value(next),
            b'(' => next == Some(&b')'),
            b'[' => next == Some(&b']'),
            _ => false,
        };
        if is_empty {
            self.push(text, Part { hash: EMPTY, start: at + 1, end: at + 1, look: Look::Word });
        }
        at + 1
    }

    /// A quoted text that stands for itself is a wildcard; keys and values are made of words, as everything else.
    fn quote(&mut self, text: &[u8], at: usize) -> usize {
        // Of what is in no part: a path may end with anything.
        let before = text[self.covered()..at].last().copied();
        if before.map_or(at == self.start, |before| before == b'(' || Class::of(before) == Class::Space)
            && !is_value(text, at)
            && let Some(end) = closing(text, at)
        {
            self.push(text, Part { hash: WILD, start: at + 1, end, look: Look::Single });
            return end + 1;
        }
        if before == Some(b'=') && text.get(at + 1) == Some(&text[at]) {
            self.push(text, Part { hash: EMPTY, start: at + 1, end: at + 1, look: Look::Word });
        }
        at + 1
    }

    fn word(&mut self, text: &[u8], start: usize) -> usize {
        if is_path(&text[start..]) {
            return self.path(text, start, start);
        }
        if let Some(end) = address(text, start) {
            self.push(text, Part { hash: WILD, start, end, look: Look::Number(EMPTY) });
            return end;
        }
        let (mut at, mut hash, mut before_sign, mut number) = (start, EMPTY, EMPTY, None);
        let (mut slashes, mut is_mail) = (0, false);
        while let Some(byte) = text.get(at) {
            match Class::of(*byte) {
                Class::Word => {}
                Class::Mark if *byte == b':' && is_scheme(text, start, at) => return self.path(text, start, at),
                Class::Quote if is_apostrophe(text, at) => {}
                _ => break,
            }
            match byte {
                b'0'..=b'9' if number.is_none() => number = Some(before_sign),
                b'/' => slashes += 1,
                b'@' => is_mail |= at > start && class(text.get(at + 1)) == Class::Word,
                _ => {}
            }
            hash = hashed(hash, *byte);
            if !matches!(byte, b'-' | b'+') {
                before_sign = hash;
            }
            at += 1;
        }
        let end = without_stop(text, start, at);
        let look = match number {
            _ if &text[start..end] == WILDCARD.as_bytes() => Look::Single,
            Some(before) => Look::Number(before),
            None if slashes > 1 => Look::Path,
            None if is_mail => Look::Single,
            None if is_in_date(text, start, end) => Look::Number(EMPTY),
            None if self.is_unit(text, start, end) => {
                self.extend(end);
                return at;
            }
            None => Look::Word,
        };
        let hash = match look {
            Look::Word if end == at => hash,
            Look::Word => text[start..end].iter().fold(EMPTY, |hash, byte| hashed(hash, *byte)),
            _ => WILD,
        };
        if end > start {
            self.push(text, Part { hash, start, end, look });
        }
        at
    }

    /// A path or an address with a scheme goes on to the next space, quote or bracket.
    fn path(&mut self, text: &[u8], start: usize, from: usize) -> usize {
        let is_end = |byte: &u8| matches!(Class::of(*byte), Class::Space | Class::Quote) || b")]},;|".contains(byte);
        let at = text[from..].iter().position(is_end).map_or(text.len(), |length| from + length);
        let mut end = without_stop(text, start, at);
        while text[end - 1] == b':' {
            end -= 1;
        }
        self.push(text, Part { hash: WILD, start, end, look: Look::Path });
        end
    }

    /// `KB` in `6.5 KB`: the number's own.
    fn is_unit(&self, text: &[u8], start: usize, end: usize) -> bool {
        let is_behind_number = self.parts.last().is_some_and(|last| matches!(last.look, Look::Number(_)));
        is_behind_number && text[self.covered()..start] == *b" " && is_unit(&text[start..end])
    }

    fn extend(&mut self, end: usize) {
        if let Some(last) = self.parts.last_mut() {
            last.end = end;
        }
    }

    fn push(&mut self, text: &[u8], part: Part) {
        let before = self.covered();
        if let Some(last) = self.parts.last_mut()
            && part.hash == WILD
            && last.look == part.look
            && part.look != Look::Single
            && text[before..part.start].iter().all(|byte| byte.is_ascii_whitespace() || b",:;".contains(byte))
        {
            last.end = part.end;
            return;
        }
        self.add_to_shape(text, before, part.start);
        self.add_byte(u8::MAX);
        self.parts.push(part);
    }

    /// Separators, with one space for any number of them.
    fn add_to_shape(&mut self, text: &[u8], from: usize, until: usize) {
        let mut is_space = self.parts.is_empty();
        for byte in &text[from.min(until)..until] {
            let was_space = is_space;
            is_space = Class::of(*byte) == Class::Space;
            if !is_space {
                self.add_byte(*byte);
            } else if !was_space {
                self.add_byte(b' ');
            }
        }
    }

    fn add_byte(&mut self, byte: u8) {
        self.shape = hashed(self.shape, byte);
    }
}

/// Where the first line with anything in it begins and ends, and whether it goes on behind the limit.
fn extent(line: &str) -> (usize, usize, bool) {
    let start = line.len() - line.trim_ascii_start().len();
    let longest = line.floor_char_boundary(start.saturating_add(LINE_BYTES_MAX));
    let text = &line.as_bytes()[start..longest];
    let newline = memchr::memchr(b'\n', text);
    let is_cut = newline.is_none() && longest < line.len();
    // Half a word is none.
    let end = newline.or_else(|| memchr::memrchr(b' ', text).filter(|_| is_cut)).unwrap_or(text.len());
    (start, start + text[..end].trim_ascii_end().len(), is_cut)
}
