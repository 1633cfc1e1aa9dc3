//! What the bytes of a line look like: words and what is between them, paths, addresses, dates, quoted texts.
//! All of it is told from a few bytes around the place; nothing is parsed twice.

/// What a byte is to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Space,
    /// Stands between words and belongs to none.
    Mark,
    Quote,
    Word,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Word; 256];
    let mut byte = 0;
    while byte <= 0x20 {
        classes[byte] = Class::Space;
        byte += 1;
    }
    let marks = b"=:,;()[]{}|";
    let mut place = 0;
    while place < marks.len() {
        classes[marks[place] as usize] = Class::Mark;
        place += 1;
    }
    classes[b'"' as usize] = Class::Quote;
    classes[b'\'' as usize] = Class::Quote;
    classes[b'`' as usize] = Class::Quote;
    classes
};

impl Class {
    pub(super) fn of(byte: u8) -> Self {
        CLASSES[usize::from(byte)]
    }
}

/// The end of a line is a space.
pub(super) fn class(byte: Option<&u8>) -> Class {
    byte.map_or(Class::Space, |byte| Class::of(*byte))
}

/// Behind a value that is not there.
pub(super) fn ends_value(next: Option<&u8>) -> bool {
    class(next) == Class::Space || next.is_some_and(|next| b",;)]}|".contains(next))
}

/// A quote between two letters: `can't`.
pub(super) fn is_apostrophe(text: &[u8], at: usize) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    text[at] == b'\'' && is_letter(text[..at].last()) && is_letter(text.get(at + 1))
}

/// A path that begins at the root or at home.
pub(super) fn is_path(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.<$%~".contains(byte);
    match text {
        [b'/', next, ..] | [b'~' | b'.', b'/', next, ..] | [b'.', b'.', b'/', next, ..] => is_name(next),
        _ => false,
    }
}

/// `https://`, or `C:\`.
pub(super) fn is_scheme(text: &[u8], start: usize, colon: usize) -> bool {
    let behind = &text[colon + 1..];
    behind.starts_with(b"//") && behind.len() > 2 || colon == start + 1 && behind.starts_with(b"\\")
}

/// The end of an IPv6 or MAC address that begins here.
pub(super) fn address(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut colons, mut digits, mut group) = (start, 0, 0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b':' if group > 0 || colons > 0 => (colons, group) = (colons + 1, 0),
            b'0'..=b'9' => (digits, group) = (digits + 1, group + 1),
            b'a'..=b'f' | b'A'..=b'F' => group += 1,
            b'.' if group > 0 && colons > 1 => group = 0,
            _ => break,
        }
        if group > 4 {
            return None;
        }
        at += 1;
    }
    let is_end = class(text.get(at)) != Class::Word || text[at] == b'%' || text[at] == b'/';
    (colons > 1 && digits > 0 && is_end && group > 0).then_some(at)
}

/// Where the text that is quoted here ends; `None` for a key, or when the quote is never closed.
pub(super) fn closing(text: &[u8], at: usize) -> Option<usize> {
    let (quote, mut from) = (text[at], at + 1);
    loop {
        let end = from + memchr::memchr(quote, &text[from..])?;
        let next = text.get(end + 1);
        if text[end - 1] != b'\\' && class(next) != Class::Word {
            return (next != Some(&b':')).then_some(end);
        }
        from = end + 1;
    }
}

/// True behind the `":` of a key, as in JSON with spaces.
pub(super) fn is_value(text: &[u8], at: usize) -> bool {
    let before = text[..at].trim_ascii_end();
    before.strip_suffix(b":").is_some_and(|key| key.ends_with(b"\"") || key.ends_with(b"'"))
}

/// The end of a word without the full stop of its sentence.
pub(super) fn without_stop(text: &[u8], start: usize, end: usize) -> usize {
    let stops = text[start..end].iter().rev().take_while(|byte| b".!?".contains(byte)).count();
    end - stops
}

/// The name of a day before a month, or of a month before a day's number: `Wed Jul 27`.
pub(super) fn is_in_date(text: &[u8], start: usize, end: usize) -> bool {
    const DAYS: &[u8] = b"MonTueWedThuFriSatSun";
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let is_one_of = |names: &[u8], word: &[u8]| names.chunks(3).any(|name| name == word);
    if end - start != 3 || !text[start].is_ascii_uppercase() {
        return false;
    }
    let (word, behind) = (&text[start..end], &text[end..]);
    let spaces = behind.iter().take_while(|byte| matches!(byte, b' ' | b',')).count();
    let next = &behind[spaces..];
    let is_before_number = next.first().is_some_and(u8::is_ascii_digit);
    let is_before_month = next.get(..3).is_some_and(|next| is_one_of(MONTHS, next));
    is_one_of(DAYS, word) && (is_before_number || is_before_month) || is_one_of(MONTHS, word) && is_before_number
}

/// Signs of sizes and times.
const UNITS: [&str; 16] =
    ["B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "ns", "us", "µs", "ms", "s", "Hz"];

pub(super) fn is_unit(word: &[u8]) -> bool {
    word.len() <= 3 && UNITS.iter().any(|unit| unit.as_bytes() == word)
}
