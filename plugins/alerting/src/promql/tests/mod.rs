//! What expressions come to, over series written as in tests of rules.

mod functions;
mod histograms;
mod joins;
mod refusals;
mod selectors;

use super::evaluate::{Instant, Series, shown};
use super::expression::{Labels, NAME, Selector};
use super::over_time::Sample;
use super::parse;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Series with a sample each minute from 0: `up{job="a"} 1 1x3 0+10x5 _ stale`.
struct Given {
    series: Vec<Series>,
}

fn given(lines: &str) -> Given {
    given_each(MINUTE, lines)
}

fn given_each(step: i64, lines: &str) -> Given {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    Given { series: lines.map(|line| series(line, step)).collect() }
}

fn series(line: &str, step: i64) -> Series {
    let end = line.find('}').map_or_else(|| line.find(' ').expect("a name"), |end| end + 1);
    let (selector, values) = line.split_at(end);
    let query = parse(selector).expect("a selector");
    let matchers = query.selectors[0].matchers.iter().filter(|matcher| !matcher.value.is_empty());
    let labels: Labels = matchers.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect();
    let values = values.split_whitespace().flat_map(values_of);
    let sample =
        |(place, value): (usize, Option<Option<f64>>)| Some(Sample { time: place as i64 * step, value: value? });
    Series { labels, samples: values.enumerate().filter_map(sample).collect() }
}

fn values_of(item: &str) -> Vec<Option<Option<f64>>> {
    let (head, times) = item.split_once('x').map_or((item, 0), |(head, times)| (head, times.parse().expect("times")));
    let step_at = head.rfind(['+', '-']).filter(|at| *at > 0);
    let (first, step) = step_at.map_or((head, 0.0), |at| (&head[..at], head[at..].parse().expect("a step")));
    let value = |time: i32| match first {
        "_" => None,
        "stale" => Some(None),
        _ => Some(Some(first.parse::<f64>().expect("a number") + f64::from(time) * step)),
    };
    (0..=times).map(value).collect()
}

impl Given {
    fn ask(&self, at: i64, text: &str) -> Result<Vec<(String, f64)>, String> {
        let query = parse(text).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
        let series = |selector: &Selector| {
            let is_taken = |series: &&Series| {
                let label = |name: &str| series.labels.get(name).map(String::as_str);
                selector.takes_name(label(NAME).unwrap_or_default()) && selector.takes(label)
            };
            Ok(self.series.iter().filter(is_taken).cloned().collect())
        };
        let instant = Instant { at, series: &series };
        let elements = instant.evaluate(&query.expression).map_err(|failed| failed.0)?;
        Ok(elements.into_iter().map(|element| (shown(&element.labels), element.value)).collect())
    }

    /// Elements in any order, as `{a="b"} 1`, joined by `; `.
    #[track_caller]
    fn check(&self, at: i64, text: &str, expected: &str) {
        let mut elements = self.ask(at, text).unwrap_or_else(|failed| panic!("{text}: {failed}"));
        elements.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        // Digits that do not depend on the order of additions.
        let told = elements.iter().map(|(labels, value)| format!("{labels} {}", (value * 1e9).round() / 1e9));
        assert_eq!(told.collect::<Vec<_>>().join("; "), expected, "{text}");
    }

    #[track_caller]
    fn check_fails(&self, at: i64, text: &str, words: &str) {
        let failed = self.ask(at, text).expect_err(text);
        assert!(failed.contains(words), "{text}: {failed}");
    }
}
