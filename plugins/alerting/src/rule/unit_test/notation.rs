//! How tests write series and their values, as promtool has it: `up{job="shop"}` and `0+10x5 _ stale`.

use std::collections::BTreeMap;

use plugin::yaml::Wrong;

use super::SAMPLES_MAX;
use crate::rule::condition::number_len;

/// One place of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sample {
    Value(f64),
    /// There is no sample.
    Missing,
    /// The series ends here.
    Stale,
}

/// Reads values: `7`, `1x5` (six times 1), `0+10x5` (0, 10, … 50), `50-10x5`, `_` and `_x3` (missing), `stale`.
pub(super) fn samples(text: &str, left: usize) -> Result<Vec<Sample>, Wrong> {
    let mut all = Vec::new();
    for (offset, item) in words(text) {
        let wrong = || Wrong::new(format!("`{item}` is not a value"), "write it as in `0+10x5 _ 7 stale`").at(offset);
        let (head, times) = match item.rsplit_once('x') {
            Some((head, times)) => (head, times.parse::<u64>().map_err(|_| wrong())?),
            None => (item, 0),
        };
        let is_repeated = head.len() < item.len();
        let repeats = match head {
            "_" if is_repeated => times,
            _ => times.saturating_add(1),
        };
        if repeats > (left - all.len()) as u64 {
            return Err(Wrong::new(format!("the file has more than {SAMPLES_MAX} values"), "write fewer").at(offset));
        }
        let repeats = repeats as usize;
        match head {
            "_" => all.extend(std::iter::repeat_n(Sample::Missing, repeats)),
            "stale" if !is_repeated => all.push(Sample::Stale),
            _ => {
                let (first, step) =
                    number_and_step(head).filter(|(_, step)| is_repeated || *step == 0.0).ok_or_else(wrong)?;
                let values = std::iter::successors(Some(first), |value| Some(value + step));
                all.extend(values.take(repeats).map(Sample::Value));
            }
        }
    }
    Ok(all)
}

/// Reads how many there are in each minute, in the same notation; `_` is none.
pub(super) fn counts(text: &str, left: usize) -> Result<Vec<u32>, Wrong> {
    let mut sum = 0;
    let counted = samples(text, left)?.into_iter().map(|sample| {
        let count = match sample {
            Sample::Missing => 0.0,
            Sample::Value(value) if value >= 0.0 && value.fract() == 0.0 && value <= left as f64 => value,
            _ => {
                let problem = format!("`{}` is no number of things", text.trim());
                return Err(Wrong::new(problem, "write whole numbers, as in `10x5 0x3`"));
            }
        } as u32;
        sum += count as usize + 1;
        match sum > left {
            true => Err(Wrong::new(format!("the file makes more than {SAMPLES_MAX} things"), "write smaller numbers")),
            false => Ok(count),
        }
    });
    counted.collect()
}

/// `0+10` and `50-10`; without a step it is 0.
fn number_and_step(text: &str) -> Option<(f64, f64)> {
    if let Ok(number) = text.parse() {
        return Some((number, 0.0));
    }
    let (number, step) = text.split_at(number_len(text));
    let is_step = step.starts_with(['+', '-']);
    Some((number.parse().ok()?, step.parse().ok().filter(|_| is_step)?))
}

/// Words with where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Reads `up`, `up{job="shop"}` and `{"http.requests", job="shop"}`.
pub(super) fn series(text: &str) -> Result<(String, BTreeMap<String, String>), Wrong> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.spaces();
    let mut name = cursor.word().to_owned();
    cursor.spaces();
    let mut labels = BTreeMap::new();
    if cursor.take("{") {
        cursor.spaces();
        while !cursor.take("}") {
            let start = cursor.at;
            match cursor.label()? {
                (own_name, None) if name.is_empty() => name = own_name,
                (label, Some(value)) if label == "__name__" && name.is_empty() => name = value,
                (label, Some(value)) if !labels.contains_key(&label) => drop(labels.insert(label, value)),
                (label, _) => return Err(Wrong::new(format!("`{label}` is there twice"), "keep one of them").at(start)),
            }
            cursor.spaces();
            if !cursor.take(",") && !cursor.rest().starts_with('}') {
                return Err(Wrong::new("a `,` or `}` is missing", "write it as in `up{job=\"shop\"}`").at(cursor.at));
            }
            cursor.spaces();
        }
        cursor.spaces();
    }
    match (name.is_empty(), cursor.rest().is_empty()) {
        (false, true) => Ok((name, labels)),
        (true, _) => Err(Wrong::new("the series has no name", "write it as in `up{job=\"shop\"}`")),
        (false, false) => Err(Wrong::new(format!("`{}` is too much", cursor.rest()), "leave it out").at(cursor.at)),
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, mark: &str) -> bool {
        let is_there = self.rest().starts_with(mark);
        self.at += if is_there { mark.len() } else { 0 };
        is_there
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_alphanumeric() || "_:.".contains(c))).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// A label with its value, or the name of the series in quotes.
    fn label(&mut self) -> Result<(String, Option<String>), Wrong> {
        let quoted = self.quoted()?;
        let is_quoted = quoted.is_some();
        let label = quoted.unwrap_or_else(|| self.word().to_owned());
        self.spaces();
        if is_quoted && !self.rest().starts_with('=') {
            return Ok((label, None));
        }
        let no_value = || Wrong::new("a label has no value in quotes", "write it as in `up{job=\"shop\"}`");
        if label.is_empty() || !self.take("=") {
            return Err(no_value().at(self.at));
        }
        self.spaces();
        let start = self.at;
        Ok((label, Some(self.quoted()?.ok_or_else(|| no_value().at(start))?)))
    }

    /// A text in quotes, if there is one here.
    fn quoted(&mut self) -> Result<Option<String>, Wrong> {
        let start = self.at;
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else { return Ok(None) };
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, escaped)) => text.push(escaped),
                    None => break,
                },
                c if c == quote => {
                    self.at += offset + 1;
                    return Ok(Some(text));
                }
                c => text.push(c),
            }
        }
        Err(Wrong::new("a text has no closing quote", "close it").at(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_expanded_as_promtool_does() {
        let check = |text: &str, expected: &str| {
            let told: Vec<_> = samples(text, 100)
                .expect(text)
                .into_iter()
                .map(|sample| match sample {
                    Sample::Value(value) => value.to_string(),
                    Sample::Missing => "_".to_owned(),
                    Sample::Stale => "stale".to_owned(),
                })
                .collect();
            assert_eq!(told.join(" "), expected, "{text}");
        };

        check("7 -1.5 1e3", "7 -1.5 1000");
        check("1x3", "1 1 1 1");
        check("0+10x3", "0 10 20 30");
        check("-2-1.5x2", "-2 -3.5 -5");
        check("1e2+1x1", "100 101");
        check("_ _x3 stale", "_ _ _ _ stale");
        check("NaN Inf -Inf", "NaN inf -inf");
        check("0x0", "0");
        check("", "");
        for wrong in ["one", "1+x2", "1x", "1x-1", "1+1", "1+0x", "stalex2", "{{schema:0}}", "1x101", "5x99 1"] {
            assert!(samples(wrong, 100).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_are_whole_and_bounded() {
        assert_eq!(counts("10x1 _ 0+2x2", 100), Ok(vec![10, 10, 0, 0, 2, 4]));
        for wrong in ["-1", "0.5", "stale", "101", "NaN", "60 50", "1e300"] {
            assert!(counts(wrong, 100).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_series_has_a_name_and_labels() {
        let check = |text: &str, name: &str, expected: &[(&str, &str)]| {
            let labels = expected.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
            assert_eq!(series(text), Ok((name.to_owned(), labels)), "{text}");
        };

        check("up", "up", &[]);
        check(" up { } ", "up", &[]);
        check(r#"up{job="shop", pod='a\'b', }"#, "up", &[("job", "shop"), ("pod", "a'b")]);
        check(r#"{__name__="up", x="}\n"}"#, "up", &[("x", "}\n")]);
        check(r#"{"http.requests", "http.route"="/"}"#, "http.requests", &[("http.route", "/")]);
        for wrong in [
            "",
            "{}",
            "up{job}",
            "up{job=shop}",
            "up{job=\"a}",
            "up{a=\"1\" b=\"2\"}",
            "up{a=\"1\",a=\"2\"}",
            "up x",
            "up{",
        ] {
            assert!(series(wrong).is_err(), "{wrong}");
        }
    }
}
