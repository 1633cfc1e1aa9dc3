//! Words of an expression and where they stand: for messages, and for the size that is looked at before it is parsed.

use super::Refused;
use crate::pattern;

/// Most parentheses, operators and matchers of an expression.
pub(super) const PARTS_MAX: usize = 200;

/// Most patterns of an expression: each takes memory as long as its rule is watched.
const PATTERNS_MAX: usize = 16;

/// Refuses an expression that has nothing in it or that is too deep for what walks through it.
pub(super) fn check_size(text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() {
        return Err(Refused { message: "the expression is empty".to_owned(), offset_in_text: 0 });
    }
    match words(text).filter(|(_, word)| is_part(word)).nth(PARTS_MAX) {
        None => Ok(()),
        Some((offset, _)) => {
            let message = format!("the expression has more than {PARTS_MAX} parentheses, operators and matchers");
            Err(Refused { message, offset_in_text: offset })
        }
    }
}

/// Refuses an expression with many patterns, or with one that takes much memory, before the parser compiles them all.
pub(super) fn check_patterns(text: &str) -> Result<(), Refused> {
    for (number, (offset_in_text, _)) in words(text).filter(|(_, word)| *word == "~").enumerate() {
        if number == PATTERNS_MAX {
            let message = format!("the expression has more than {PATTERNS_MAX} patterns");
            return Err(Refused { message, offset_in_text });
        }
        let rest = text[offset_in_text + 1..].trim_start();
        if let Some(quote @ ('"' | '\'' | '`')) = rest.chars().next() {
            let written = rest.get(1..quoted_len(rest, quote).saturating_sub(1)).unwrap_or_default();
            let pattern = written.replace("\\\\", "\\");
            pattern::check(&pattern).map_err(|message| Refused { message, offset_in_text })?;
        }
    }
    Ok(())
}

/// Where a word stands first, outside of texts and comments; 0 when it does not.
pub(super) fn place_of(text: &str, word: &str) -> usize {
    words(text).find(|(_, found)| *found == word).map_or(0, |(offset, _)| offset)
}

/// Of what the parser says: what it names is looked for in the text.
pub(super) fn place_of_named(text: &str, message: &str) -> usize {
    if let Some(pattern) = message.strip_prefix("illegal regex for ") {
        return text.find(pattern).unwrap_or_default();
    }
    let mut quoted = message.split(['\'', '"', '`']).skip(1).step_by(2);
    quoted.find_map(|quoted| text.find(quoted).filter(|_| !quoted.is_empty())).unwrap_or_default()
}

fn is_part(word: &str) -> bool {
    let is_sign = word.starts_with(['(', '+', '-', '*', '/', '%', '^', '=', '!', '<', '>', '[']);
    is_sign || ["and", "or", "unless", "atan2"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Names and numbers, and all else by character.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += skipped(&text[at..]);
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
        let len = match is_of_name(first) {
            true => rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let word = (at, &rest[..len]);
        at += len;
        Some(word)
    })
}

/// Bytes of spaces, comments and texts at the beginning; they end where the parser ends them, or parts would not be counted.
fn skipped(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        rest = match rest.chars().next() {
            Some('#') => rest.find(['\n', '\r']).map_or("", |end| &rest[end..]),
            Some(quote @ ('"' | '\'' | '`')) => &rest[quoted_len(rest, quote)..],
            _ => return text.len() - rest.len(),
        };
    }
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (place, letter) in text.char_indices().skip(1) {
        match letter {
            // The parser knows escapes in all of its quotes.
            '\\' => is_escaped = !is_escaped,
            _ if letter == quote && !is_escaped => return place + 1,
            _ => is_escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_texts_and_comments_do_not_count() {
        let text = "# sort(x)\nup{a=\"sort \\\" sort\"} == sort(up)";

        assert_eq!(place_of(text, "sort"), text.rfind("sort").expect("it is there"));
        assert_eq!(place_of(text, "other"), 0);
    }

    #[test]
    fn what_is_too_deep_is_refused_before_it_is_parsed() {
        for deep in ["(", "-", "1+", "1 or ", "!"] {
            let refused = check_size(&deep.repeat(PARTS_MAX + 1)).expect_err("too deep");
            assert!(refused.message.contains("200") && refused.offset_in_text > 0, "{refused:?}");
        }
        assert!(check_size(&format!("a{{b=\"{}\"}}", "(".repeat(1000))).is_ok());
    }

    #[test]
    fn patterns_that_take_much_memory_are_refused_before_they_are_compiled() {
        let many = format!("x{{{}}}", vec!["l=~'a'"; PATTERNS_MAX + 1].join(","));

        assert!(check_patterns(&many).is_err_and(|refused| refused.message.contains("more than 16 patterns")));
        for large in [r"x{l=~'\w{2000}'}", r#"x{l!~"\\w{2000}"}"#, r"x{l=~ `\w{2000}` }"] {
            assert!(check_patterns(large).is_err_and(|refused| refused.message.contains("memory")), "{large}");
        }
        assert_eq!(check_patterns(r#"x{l=~"prod-\\d+", m="\\w{2000}", n=~"not closed"#), Ok(()));
    }

    #[test]
    fn nothing_hides_behind_the_end_of_a_comment_or_of_a_text() {
        for before in ["#\r", "#\n", r"{a=`\``} + ", r#"{a="\\"} + "#, r"{a='\''} + "] {
            let deep = format!("{before}{}x", "-".repeat(PARTS_MAX + 1));
            assert!(check_size(&deep).is_err(), "{before:?}");
        }
    }
}
