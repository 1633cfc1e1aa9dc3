//! Statements with names in them: `$from`, `$interval`, `$service`. Each becomes parameters of SQL, never text of the statement.
//!
//! A place in what the engine was given is found again in what was written.

use plugin::yaml::{Wrong, meant};
use serde_json::Value;

/// Names that every statement may use.
pub(crate) const GIVEN: [&str; 5] = ["from", "to", "interval", "interval_seconds", "range_seconds"];
/// Behind the name of a variable: true when nothing is chosen.
pub(crate) const IS_ALL: &str = "_is_all";

/// A statement, and where names stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template<'a> {
    text: &'a str,
    /// Where each `$` is, with the name behind it.
    names: Vec<(usize, &'a str)>,
}

/// What stands in the place of a name: values with commas between, and what is around them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) before: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) after: &'static str,
}

impl Bound {
    /// Values as they are.
    pub(crate) fn values(values: Vec<Value>) -> Self {
        Self { before: "", values, after: "" }
    }
}

impl<'a> Template<'a> {
    /// Finds the names; those in texts, quoted names and comments are none.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Wrong> {
        let text = text.trim_end_matches(|letter: char| letter.is_whitespace() || letter == ';');
        let (mut names, mut at) = (Vec::new(), 0);
        while let Some(found) = text[at..].find(['\'', '"', '-', '/', '$']) {
            let place = at + found;
            let rest = &text[place..];
            at = place
                + match rest.as_bytes()[0] {
                    b'\'' => quoted(rest, '\''),
                    b'"' => quoted(rest, '"'),
                    b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
                    b'/' if rest.starts_with("/*") => comment(rest),
                    b'$' => {
                        let name = name(rest).map_err(|wrong| wrong.at(place))?;
                        names.push((place, name));
                        1 + name.len()
                    }
                    _ => 1,
                };
        }
        Ok(Self { text, names })
    }

    /// The names, each as often as it is there, with the place of its `$`.
    pub(crate) fn names(&self) -> &[(usize, &'a str)] {
        &self.names
    }

    /// The statement with parameters in the place of names; a name that is not known is what is wrong.
    pub(crate) fn bind(&self, known: &[&str], bound: impl Fn(&str) -> Option<Bound>) -> Result<Prepared, Wrong> {
        let mut prepared = Prepared::default();
        let mut places: Vec<(&str, String)> = Vec::new();
        let mut at = 0;
        for &(place, name) in &self.names {
            prepared.push(&self.text[at..place], at);
            let written = match places.iter().find(|(known, _)| *known == name) {
                Some((_, written)) => written.clone(),
                None => {
                    let bound = bound(name).ok_or_else(|| {
                        let problem = format!("there is no `${name}`");
                        Wrong::new(problem, meant(name, known.iter().copied())).at(place)
                    })?;
                    let written = prepared.take(bound);
                    places.push((name, written.clone()));
                    written
                }
            };
            prepared.push_bound(&written, place);
            at = place + 1 + name.len();
        }
        prepared.push(&self.text[at..], at);
        Ok(prepared)
    }
}

/// A statement that the engine takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Prepared {
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
    parts: Vec<Part>,
}

/// A part of the statement: where it begins, and where what it was made of does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    start: usize,
    written: usize,
    is_text: bool,
}

impl Prepared {
    fn push(&mut self, text: &str, written: usize) {
        self.parts.push(Part { start: self.sql.len(), written, is_text: true });
        self.sql.push_str(text);
    }

    fn push_bound(&mut self, text: &str, written: usize) {
        self.parts.push(Part { start: self.sql.len(), written, is_text: false });
        self.sql.push_str(text);
    }

    /// Takes the values, and says how they stand in the text.
    fn take(&mut self, bound: Bound) -> String {
        let first = self.params.len() + 1;
        self.params.extend(bound.values);
        let places: Vec<String> = (first..=self.params.len()).map(|number| format!("${number}")).collect();
        format!("{}{}{}", bound.before, places.join(", "), bound.after)
    }

    /// Where in what was written this line and column of the statement are; both count from 1.
    pub(crate) fn offset(&self, line: u64, column: u64) -> usize {
        let line_start: usize = self
            .sql
            .split_inclusive('\n')
            .take(usize::try_from(line.saturating_sub(1)).unwrap_or(0))
            .map(str::len)
            .sum();
        let letters = self.sql[line_start..].char_indices();
        let in_line = letters.map(|(place, _)| place).nth(usize::try_from(column.saturating_sub(1)).unwrap_or(0));
        let offset = in_line.map_or(self.sql.len(), |in_line| line_start + in_line);
        let part = self.parts.iter().rev().find(|part| part.start <= offset);
        part.map_or(0, |part| if part.is_text { part.written + (offset - part.start) } else { part.written })
    }
}

/// How long the text in quotes is; a quote in it is written twice.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(found) = text[at..].find(quote) {
        at += found + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// How long the comment is; comments may stand in comments.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let (open, close) = (text[at..].find("/*"), text[at..].find("*/"));
        match (open, close) {
            (Some(open), Some(close)) if open < close => (depth, at) = (depth + 1, at + open + 2),
            (_, Some(close)) => (depth, at) = (depth - 1, at + close + 2),
            (_, None) => return text.len(),
        }
    }
    at
}

/// The name behind a `$`.
fn name(text: &str) -> Result<&str, Wrong> {
    let rest = &text[1..];
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let name = &rest[..rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len())];
    if rest[name.len()..].starts_with('$') {
        return Err(Wrong::new(
            "texts between `$` are not for statements of dashboards",
            "write texts in single quotes",
        ));
    }
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() => Ok(name),
        Some(_) => Err(Wrong::new(format!("`${name}` is no name"), "name a variable, or `$from`, `$to`, `$interval`")),
        None => Err(Wrong::new("`$` stands alone", "write the name of a variable behind it")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(name: &str) -> Option<Bound> {
        match name {
            "from" => Some(Bound { before: "to_timestamp_nanos(", values: vec![json!(1)], after: ")" }),
            "service" => Some(Bound::values(vec![json!("a"), json!("b' OR 1=1")])),
            _ => None,
        }
    }

    fn check(written: &str, expected: &str, params: &[Value]) {
        let prepared = Template::parse(written).and_then(|template| template.bind(&["from", "service"], bound));
        let prepared = prepared.expect("a statement");
        assert_eq!((prepared.sql.as_str(), prepared.params.as_slice()), (expected, params), "{written}");
    }

    #[test]
    fn names_become_parameters_and_each_value_is_there_once() {
        let values = [json!("a"), json!("b' OR 1=1")];

        check("SELECT 1 ; \n", "SELECT 1", &[]);
        check("a IN ($service) OR b IN ($service)", "a IN ($1, $2) OR b IN ($1, $2)", &values);
        check("t >= $from", "t >= to_timestamp_nanos($1)", &[json!(1)]);
    }

    #[test]
    fn names_in_texts_and_comments_are_none() {
        for written in ["'$from''$to'", "\"$from\"", "1 - 1 -- $from", "/* $a /* $b */ $c */ 1", "'$from"] {
            check(written, written, &[]);
        }
        check("'it''s' || $from", "'it''s' || to_timestamp_nanos($1)", &[json!(1)]);
    }

    #[test]
    fn what_is_no_name_is_told_with_its_place() {
        let wrong = |written: &str, offset: usize, problem: &str| {
            let told = Template::parse(written).and_then(|template| template.bind(&["from"], bound));
            let told = told.expect_err("it is wrong");
            assert!(told.offset == offset && told.problem.contains(problem), "{written}: {told:?}");
        };

        wrong("a = $1", 4, "`$1` is no name");
        wrong("a = $", 4, "stands alone");
        wrong("a = $$text$$", 4, "between `$`");
        wrong("a = $form", 4, "there is no `$form`");
    }

    #[test]
    fn a_place_in_the_statement_is_found_in_what_was_written() {
        let written = "SELECT é,\n  $from AS a, nothing\nFROM t WHERE s IN ($service) AND wrong";
        let prepared = Template::parse(written).and_then(|template| template.bind(&[], bound)).expect("a statement");
        let check = |part: &str| {
            let line = prepared.sql.lines().position(|line| line.contains(part)).expect("it is there");
            let column = prepared.sql.lines().nth(line).and_then(|text| text.find(part)).expect("it is there");
            let offset = prepared.offset(line as u64 + 1, column as u64 + 1);
            assert_eq!(Some(offset), written.find(part), "{part}");
        };

        check("nothing");
        check("wrong");
        check("SELECT");
        assert_eq!(Some(prepared.offset(2, 10)), written.find("$from"), "within what stands in the place of a name");
        assert_eq!(prepared.offset(99, 1), written.len());
    }
}
