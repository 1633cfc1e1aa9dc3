//! The words of a text, the same for a row in memory, a row in a file and the index beside the file.
//!
//! A word is a run of letters, digits and `_` of any script; a Chinese or Japanese character is a word of its own, as those scripts
//! write no spaces. Words are compared without regard to case, and as they are written: nothing is normalised or stemmed.

mod find;
mod query;

pub use query::{InvalidWords, WordQuery};

/// The name in SQL of the function that asks for words.
pub const FUNCTION: &str = "matches";

/// What a byte of UTF-8 says of the character it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Gap,
    Word,
    /// Not ASCII: the character has to be looked at.
    Wide,
}

/// How a character takes part in words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Gap,
    /// Goes on with its neighbours.
    Joined,
    /// A word by itself.
    Alone,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Wide; 256];
    let mut byte = 0;
    while byte < 128 {
        let is_word = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        classes[byte] = if is_word { Class::Word } else { Class::Gap };
        byte += 1;
    }
    classes
};

/// The words of a text in their order, as they are written.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// The words of the whole text.
    pub fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The end of the word of which `at` is inside or the end, when joined characters follow.
    fn end_of_joined(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            match CLASSES[usize::from(*byte)] {
                Class::Word => at += 1,
                Class::Gap => break,
                Class::Wide => match wide(self.text, at) {
                    (Role::Joined, length) => at += length,
                    _ => break,
                },
            }
        }
        at
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at;
            self.at = match CLASSES[usize::from(*bytes.get(start)?)] {
                Class::Gap => {
                    self.at += 1;
                    continue;
                }
                Class::Word => self.end_of_joined(start + 1),
                Class::Wide => match wide(self.text, start) {
                    (Role::Gap, length) => {
                        self.at += length;
                        continue;
                    }
                    (Role::Alone, length) => start + length,
                    (Role::Joined, length) => self.end_of_joined(start + length),
                },
            };
            return Some(&self.text[start..self.at]);
        }
    }
}

/// Role and length of the character at a place that begins one.
fn wide(text: &str, at: usize) -> (Role, usize) {
    let character = text[at..].chars().next().expect("the place is before the end");
    (role(character), character.len_utf8())
}

fn role(character: char) -> Role {
    match character {
        '_' => Role::Joined,
        // Hiragana, Katakana, and the blocks of Han.
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
            if character.is_alphanumeric() =>
        {
            Role::Alone
        }
        // Accents written after their letter belong to the word.
        '\u{300}'..='\u{36f}' => Role::Joined,
        _ if character.is_alphanumeric() => Role::Joined,
        _ => Role::Gap,
    }
}

/// Appends the word as it is compared: in lower case.
///
/// No character becomes ASCII that was not, so that ASCII can be looked for byte by byte.
pub fn fold(word: &str, folded: &mut String) {
    if word.is_ascii() {
        let start = folded.len();
        folded.push_str(word);
        folded[start..].make_ascii_lowercase();
    } else {
        folded.extend(word.chars().flat_map(Folded::of));
    }
}

/// The characters that one character is compared as.
enum Folded {
    One(Option<char>),
    Lower(std::char::ToLowercase),
}

impl Folded {
    fn of(character: char) -> Self {
        let lower = character.to_lowercase();
        let first = lower.clone().next();
        if character == 'ς' {
            // At the end of a word it is the same letter.
            Self::One(Some('σ'))
        } else if first.is_some_and(|first| first.is_ascii()) && !character.is_ascii() {
            Self::One(Some(character))
        } else {
            Self::Lower(lower)
        }
    }
}

impl Iterator for Folded {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::One(character) => character.take(),
            Self::Lower(characters) => characters.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let words: Vec<String> = Words::of(text).map(folded).collect();
        assert_eq!(words, expected, "{text:?}");
    }

    fn folded(word: &str) -> String {
        let mut folded = String::new();
        fold(word, &mut folded);
        folded
    }

    #[test]
    fn words_are_runs_of_letters_digits_and_underscores() {
        check("", &[]);
        check(" \t\n…—", &[]);
        check("connection refused: 10.0.0.1:5432", &["connection", "refused", "10", "0", "0", "1", "5432"]);
        check("user_id=42;x", &["user_id", "42", "x"]);
        check("a\0b", &["a", "b"]);
        check("{\"status\":200,\"ok\":true}", &["status", "200", "ok", "true"]);
    }

    #[test]
    fn words_of_all_scripts_are_words_without_case() {
        check("Größe ÜBER straße", &["größe", "über", "straße"]);
        check("ОШИБКА соединения", &["ошибка", "соединения"]);
        check("ΟΔΟΣ οδός", &["οδοσ", "οδόσ"]);
        check("cafe\u{301}s", &["cafe\u{301}s"]);
        check("오류 발생", &["오류", "발생"]);
        check("١٢٣", &["١٢٣"]);
    }

    #[test]
    fn scripts_without_spaces_give_a_word_a_character() {
        check("连接失败: timeout超时x", &["连", "接", "失", "败", "timeout", "超", "时", "x"]);
        check("エラー。", &["エ", "ラ", "ー"]);
    }

    #[test]
    fn only_ascii_folds_to_ascii() {
        // The Kelvin sign, and a capital I with a dot: the lower case of each is or begins with an ASCII letter.
        check("\u{212a}g \u{130}x", &["\u{212a}g", "\u{130}x"]);
    }
}
