//! Which lines a template covers, for who has nothing but its text: a statement, or who follows logs.

use super::line::Line;
use super::template::Template;

/// Words of a template that are worth looking for; more would hardly spare more rows.
const WORDS_MAX: usize = 8;
/// Longer words are not looked for, in bytes.
const WORD_BYTES_MAX: usize = 64;

/// The lines that have a template.
#[derive(Clone, Debug)]
pub struct Covers {
    template: Template,
    shape: u64,
    /// The line that is read; its memory is used again for the next.
    line: Line,
}

impl Covers {
    /// Those of this template.
    pub fn of(template: &str) -> Self {
        let mut line = Line::default();
        line.read(template);
        Self { template: Template::of(template, &line), shape: line.shape(), line }
    }

    /// True when a miner that knows the template would take the line for one of its pattern's.
    pub fn covers(&mut self, line: &str) -> bool {
        self.line.read(line);
        self.line.shape() == self.shape && self.template.covers(&self.line)
    }
}

/// Words that every line of the template has, as a question of `matches`; none when there are none that are sure.
pub fn words(template: &str) -> Option<String> {
    // What is not ASCII may be part of a word or not.
    let words = template.split(|character: char| character.is_ascii() && !is_in_word(character));
    let is_sure = |word: &&str| word.is_ascii() && (2..=WORD_BYTES_MAX).contains(&word.len()) && *word != "OR";
    let mut words: Vec<&str> = words.filter(is_sure).collect();
    words.sort_unstable_by_key(|word| (std::cmp::Reverse(word.len()), *word));
    words.dedup();
    words.truncate(WORDS_MAX);
    (!words.is_empty()).then(|| words.join(" "))
}

fn is_in_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
