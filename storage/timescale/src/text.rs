//! Text that PostgreSQL can hold.
//!
//! Its text has every character but U+0000. Here U+0000 is written as U+0001 U+0001, and U+0001 as U+0001 U+0002: every text has
//! one form, no two share one, and forms order as their texts do, so comparisons in the database mean what they say.

use std::borrow::Cow;

const ESCAPE: u8 = 1;

/// The form in the database.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !needs_escape(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
}

/// True when some byte is 0 or 1; written so that it is compared many bytes at a time.
pub(crate) fn needs_escape(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte <= ESCAPE))
}

/// The text that the form stands for.
pub(crate) fn unescaped(form: &str) -> Cow<'_, str> {
    if !form.as_bytes().contains(&ESCAPE) {
        return Cow::Borrowed(form);
    }
    let mut text = String::with_capacity(form.len());
    let mut characters = form.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1}' if characters.next() == Some('\u{1}') => text.push('\0'),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// A literal of SQL, with `standard_conforming_strings` on.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", escaped(text).replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 9] =
        ["", "\0", "\0\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{1}\u{1}\u{2}", "a\0b", "plain \u{2} text"];

    #[test]
    fn every_text_comes_back() {
        for text in TEXTS {
            let form = escaped(text);

            assert!(!form.contains('\0'), "{text:?}");
            assert_eq!(unescaped(&form), text);
        }
    }

    #[test]
    fn forms_order_as_their_texts() {
        for (a, b) in TEXTS.iter().flat_map(|a| TEXTS.iter().map(move |b| (a, b))) {
            assert_eq!(escaped(a).cmp(&escaped(b)), a.cmp(b), "{a:?} {b:?}");
        }
    }
}
