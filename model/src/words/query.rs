//! What `matches(text, 'words')` asks for.

use std::fmt;

use super::find::Phrase;
use super::{Words, fold};

/// A question about the words of a text: words and phrases that must be there or must not, in alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordQuery {
    alternatives: Vec<Alternative>,
}

/// Phrases of which all `wanted` are in the text, and none of `unwanted`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Alternative {
    wanted: Vec<Phrase>,
    unwanted: Vec<Phrase>,
}

/// The text is not a question about words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidWords {
    message: String,
    hint: &'static str,
}

impl InvalidWords {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        self.hint
    }
}

fn invalid(message: String, hint: &'static str) -> InvalidWords {
    InvalidWords { message, hint }
}

/// One piece of the question as it is written.
struct Term<'a> {
    text: &'a str,
    is_quoted: bool,
    is_unwanted: bool,
}

impl WordQuery {
    /// Longest question, in bytes.
    pub const BYTES_MAX: usize = 1024;

    /// Reads `connection refused -retry`, `"connection refused" OR timeout`.
    ///
    /// Words side by side must all be in the text, in any order; words in quotes, or joined by punctuation as in `10.0.0.1`, one after the
    /// other; a word after `-` must not be. `OR` separates alternatives.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn parse(text: &str) -> Result<Self, InvalidWords> {
        if text.len() > Self::BYTES_MAX {
            let (length, limit) = (text.len(), Self::BYTES_MAX);
            let hint = "ask for the words that tell most";
            return Err(invalid(format!("the words to look for are {length} bytes, over the limit of {limit}"), hint));
        }
        let mut alternatives = vec![Alternative::default()];
        let mut rest = text;
        while let Some(term) = next_term(&mut rest)? {
            match (term.text, term.is_quoted || term.is_unwanted) {
                ("OR", false) => {
                    complete(&alternatives, text)?;
                    alternatives.push(Alternative::default());
                }
                ("AND", false) => {}
                _ => alternatives.last_mut().expect("there is always one").add(&term)?,
            }
        }
        complete(&alternatives, text)?;
        Ok(Self { alternatives })
    }

    /// True when the text is what is asked for.
    pub fn matches(&self, text: &str) -> bool {
        self.alternatives.iter().any(|alternative| alternative.matches(text))
    }

    /// For each alternative the words, in lower case, that a text must have to be what is asked for.
    pub fn needed(&self) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.alternatives.iter().map(|alternative| alternative.wanted.iter().flat_map(Phrase::words))
    }
}

impl Alternative {
    fn add(&mut self, term: &Term<'_>) -> Result<(), InvalidWords> {
        if !term.is_quoted {
            refuse_what_looks_like_more(term.text)?;
        }
        let mut words = Words::of(term.text).map(|word| {
            let mut folded = String::new();
            fold(word, &mut folded);
            folded
        });
        // Punctuation alone asks for nothing.
        let Some(first) = words.next() else { return Ok(()) };
        let phrase = Phrase::new(first, words.collect());
        let phrases = if term.is_unwanted { &mut self.unwanted } else { &mut self.wanted };
        phrases.push(phrase);
        Ok(())
    }

    fn matches(&self, text: &str) -> bool {
        self.wanted.iter().all(|phrase| phrase.is_in(text)) && !self.unwanted.iter().any(|phrase| phrase.is_in(text))
    }
}

/// The next word or quoted phrase, taken off the rest.
fn next_term<'a>(rest: &mut &'a str) -> Result<Option<Term<'a>>, InvalidWords> {
    let text = rest.trim_start();
    if text.is_empty() {
        return Ok(None);
    }
    let unwanted = text.strip_prefix('-').filter(|after| after.starts_with(|next: char| !next.is_whitespace()));
    let (is_unwanted, text) = (unwanted.is_some(), unwanted.unwrap_or(text));
    if let Some(quoted) = text.strip_prefix('"') {
        let Some((phrase, after)) = quoted.split_once('"') else {
            let hint = "put \" at both ends of a phrase";
            return Err(invalid(format!("the quote before '{quoted}' is not closed"), hint));
        };
        *rest = after;
        return Ok(Some(Term { text: phrase, is_quoted: true, is_unwanted }));
    }
    let end = text.find(|next: char| next.is_whitespace() || next == '"').unwrap_or(text.len());
    let (term, after) = text.split_at(end);
    *rest = after;
    Ok(Some(Term { text: term, is_quoted: false, is_unwanted }))
}

/// Refuses what people know from elsewhere and would wonder about.
fn refuse_what_looks_like_more(term: &str) -> Result<(), InvalidWords> {
    if term.contains('*') && Words::of(term).next().is_some() {
        let hint = "look for parts of words with LIKE or ~";
        return Err(invalid(format!("'{term}' asks for a part of a word, and words are matched whole"), hint));
    }
    if term.starts_with('(') {
        let hint = "write a c OR b c for (a OR b) c; in quotes a parenthesis is punctuation";
        return Err(invalid(format!("'{term}' opens a parenthesis, and there are no groups"), hint));
    }
    if term.starts_with('-') || term == "NOT" {
        let hint = "write -word for a word that must not be there, and \"--word\" to look for it";
        return Err(invalid(format!("'{term}' is neither a word nor a word to leave out"), hint));
    }
    Ok(())
}

fn complete(alternatives: &[Alternative], text: &str) -> Result<(), InvalidWords> {
    let last = alternatives.last().expect("there is always one");
    if !(last.wanted.is_empty() && last.unwanted.is_empty()) {
        return Ok(());
    }
    let hint = "write words as in matches(body, 'connection refused')";
    Err(match alternatives.len() {
        1 if !text.contains("OR") => invalid(format!("'{text}' has no word to look for"), hint),
        _ => invalid(format!("an OR in '{text}' has no word beside it"), "write words on both sides of OR"),
    })
}

impl fmt::Display for WordQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, alternative) in self.alternatives.iter().enumerate() {
            let or = if number > 0 { " OR " } else { "" };
            let wanted = alternative.wanted.iter().map(Phrase::to_string);
            let unwanted = alternative.unwanted.iter().map(|phrase| format!("-{phrase}"));
            write!(f, "{or}{}", wanted.chain(unwanted).collect::<Vec<_>>().join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, text: &str, expected: bool) {
        let parsed = WordQuery::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(parsed.matches(text), expected, "{query:?} on {text:?}, read as {parsed}");
    }

    #[test]
    fn all_words_must_be_there_whole_in_any_order_and_case() {
        check("connection refused", "Refused: the CONNECTION", true);
        check("connection refused", "connections refused", false);
        check("refuse", "refused", false);
        check("fused", "refused", false);
        check("connection AND refused", "connection refused", true);
        check("42", "order 4242 then 42.", true);
        check("42", "order 4242", false);
    }

    #[test]
    fn words_in_quotes_or_joined_by_punctuation_follow_each_other() {
        check("\"connection refused\"", "connection: refused", true);
        check("\"connection refused\"", "refused connection", false);
        check("\"a b\"", "a a b", true);
        check("10.0.0.1", "from 10.0.0.1:5432", true);
        check("10.0.0.1", "from 10.0.1.0", false);
        check("x-request-id", "X-Request-Id: 7", true);
    }

    #[test]
    fn unwanted_words_and_alternatives() {
        check("timeout -retry", "timeout, retry", false);
        check("timeout -\"will retry\"", "retry will timeout", true);
        check("-debug", "info", true);
        check("timeout OR refused upstream", "upstream refused", true);
        check("timeout OR refused upstream", "refused", false);
        check("or", "this or that", true);
    }

    #[test]
    fn words_of_any_script_are_found_beside_any_other() {
        check("größe", "GRÖSSE", false);
        check("größe", "die GRÖßE: 3", true);
        check("失败", "连接失败了", true);
        check("失接", "连接失败了", false);
        check("timeout", "连接timeout失败", true);
        check("time", "étime", false);
        check("tim", "timé", false);
        check("k", "\u{212a}", false);
        check("οδος", "ΟΔΟΣ", true);
    }

    #[test]
    fn what_asks_for_nothing_or_looks_like_more_is_refused_with_advice() {
        for (query, said) in [
            ("", "'' has no word to look for"),
            ("... !", "'... !' has no word to look for"),
            ("a OR", "an OR in 'a OR' has no word beside it"),
            ("OR a", "an OR in 'OR a' has no word beside it"),
            ("\"a b", "the quote before 'a b' is not closed"),
            ("conn*", "'conn*' asks for a part of a word, and words are matched whole"),
            ("(a OR b) c", "'(a' opens a parenthesis, and there are no groups"),
            ("a NOT b", "'NOT' is neither a word nor a word to leave out"),
            ("--verbose", "'-verbose' is neither a word nor a word to leave out"),
        ] {
            let error = WordQuery::parse(query).expect_err(query);
            assert_eq!(error.to_string(), said, "{query}");
            assert!(!error.hint().is_empty());
        }
        let long = "x".repeat(WordQuery::BYTES_MAX + 1);
        assert!(WordQuery::parse(&long).is_err_and(|error| error.to_string().contains("1024")));
        check("\"--verbose\"", "run --verbose", true);
    }
}
