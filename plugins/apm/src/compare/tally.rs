//! Counts the values of attributes in two sets of spans, and tells which differ most.
//!
//! Memory is bounded by keys, values of a key and the length of a value; what is over a bound is named or counted.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;
use serde::Serialize;
use utoipa::ToSchema;

use super::surprise::{Part, surprise};

/// Most keys that are counted.
const KEYS_MAX: usize = 500;
/// Most values of a key that are counted; with more it is left out, as ids are, or in ranges if all are numbers.
const VALUES_MAX: usize = 1000;
/// Numbers with more values than this are counted in ranges, each twice as wide as the one before.
const NUMBERS_MAX: usize = 20;
/// Texts are compared by so many bytes of their beginnings.
const VALUE_BYTES_MAX: usize = 200;
/// Values of fewer spans say nothing of a set.
const SPANS_MIN: u64 = 3;
/// What differs less is chance: 15.13 is met by one of 10 000 values that differ by nothing else.
const SURPRISE_MIN: f64 = 15.13;
/// Most keys that are told, and most that are named as left out.
const KEYS_TOLD: usize = 50;
/// Most values of a key that are told.
const VALUES_TOLD: usize = 10;

/// What has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// The span itself: its name, kind and status.
    Span,
    Attribute,
    Resource,
}

/// Which set a span is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Selection,
    Rest,
}

/// A value, as the text that `->>` gives of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) text: &'a str,
    pub(crate) is_number: bool,
}

/// A key whose values differ.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct DifferingKey {
    of: Of,
    key: String,
    /// That of its first value, without the sign.
    surprise: f64,
    /// What differs most comes first.
    values: Vec<DifferingValue>,
    /// Values that differ and are not told.
    further_values: usize,
}

/// A value that one set has more often than the other.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct DifferingValue {
    /// The text of it; null for a range of numbers.
    value: Option<String>,
    /// The least number of the range, and the one before which it ends.
    from: Option<f64>,
    until: Option<f64>,
    /// Sampled spans of the selection that have it, and their share.
    selection: u64,
    selection_share: f64,
    rest: u64,
    rest_share: f64,
    /// G², above 0 where the selection has it more often.
    surprise: f64,
}

/// A key of which nothing is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(crate) struct LeftOut {
    of: Of,
    key: String,
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Differences {
    pub(crate) keys: Vec<DifferingKey>,
    /// Keys with too many values, by name.
    pub(crate) left_out: Vec<LeftOut>,
    /// True when there are keys that are neither told nor named though they may differ.
    pub(crate) is_truncated: bool,
}

/// Values with their counts in both sets.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    keys: BTreeMap<Of, HashMap<Box<str>, Values, RandomState>>,
    key_count: usize,
    has_further_keys: bool,
    spans: Counts,
}

type Counts = [u64; 2];

/// The values of a key.
#[derive(Debug)]
enum Values {
    Each {
        counts: HashMap<Box<str>, Counts, RandomState>,
        are_numbers: bool,
    },
    /// By [`range_of`].
    Ranges(BTreeMap<i32, Counts>),
    TooMany,
}

impl Tally {
    /// Counts a span; its values are added then.
    pub(crate) fn add_span(&mut self, side: Side) {
        self.spans[side as usize] += 1;
    }

    /// Counts a value of the span that was added last, which has each key once.
    pub(crate) fn add(&mut self, side: Side, of: Of, key: &str, said: Said<'_>) {
        let keys = self.keys.entry(of).or_default();
        if let Some(values) = keys.get_mut(key) {
            return values.add(side, said);
        }
        if self.key_count == KEYS_MAX {
            self.has_further_keys = true;
            return;
        }
        self.key_count += 1;
        let mut values = Values::Each { counts: HashMap::default(), are_numbers: true };
        values.add(side, said);
        keys.insert(key.into(), values);
    }

    /// Spans of a set.
    pub(crate) fn spans(&self, side: Side) -> u64 {
        self.spans[side as usize]
    }

    /// The keys whose values differ by more than chance, the most surprising first.
    pub(crate) fn differences(self) -> Differences {
        let (mut keys, mut left_out, spans) = (Vec::new(), Vec::new(), self.spans);
        for (of, values) in self.keys {
            for (key, values) in values {
                match values.counts() {
                    None => left_out.push(LeftOut { of, key: key.into() }),
                    Some(counts) => keys.extend(differing(of, key, counts, spans)),
                }
            }
        }
        keys.sort_by(|a, b| b.surprise.total_cmp(&a.surprise).then_with(|| (a.of, &a.key).cmp(&(b.of, &b.key))));
        left_out.sort_unstable();
        let is_truncated = self.has_further_keys || keys.len() > KEYS_TOLD || left_out.len() > KEYS_TOLD;
        keys.truncate(KEYS_TOLD);
        left_out.truncate(KEYS_TOLD);
        Differences { keys, left_out, is_truncated }
    }
}

impl Values {
    fn add(&mut self, side: Side, said: Said<'_>) {
        match self {
            Self::Each { counts, are_numbers } => {
                *are_numbers &= said.is_number;
                let text = beginning(said.text);
                if let Some(count) = counts.get_mut(text) {
                    count[side as usize] += 1;
                } else if counts.len() < VALUES_MAX {
                    counts.entry(text.into()).or_default()[side as usize] += 1;
                } else {
                    *self = if *are_numbers { Self::Ranges(in_ranges(counts)) } else { Self::TooMany };
                    self.add(side, said);
                }
            }
            Self::Ranges(ranges) if said.is_number => {
                ranges.entry(range_of(said.text)).or_default()[side as usize] += 1;
            }
            Self::Ranges(_) => *self = Self::TooMany,
            Self::TooMany => {}
        }
    }

    /// All values and their counts, unless there are too many.
    fn counts(self) -> Option<Vec<(Value, Counts)>> {
        let ranges = match self {
            Self::TooMany => return None,
            Self::Each { counts, are_numbers } if are_numbers && counts.len() > NUMBERS_MAX => in_ranges(&counts),
            Self::Each { counts, .. } => {
                return Some(counts.into_iter().map(|(text, counts)| (Value::Text(text.into()), counts)).collect());
            }
            Self::Ranges(ranges) => ranges,
        };
        Some(ranges.into_iter().map(|(range, counts)| (Value::Range(range), counts)).collect())
    }
}

#[derive(Debug)]
enum Value {
    Text(String),
    Range(i32),
}

/// The key, if one of its values differs.
fn differing(of: Of, key: Box<str>, counts: Vec<(Value, Counts)>, spans: Counts) -> Option<DifferingKey> {
    let mut values: Vec<DifferingValue> =
        counts.into_iter().filter_map(|(value, counts)| differing_value(value, counts, spans)).collect();
    values.sort_by(|a, b| {
        let by_surprise = b.surprise.abs().total_cmp(&a.surprise.abs());
        // Of two values that are each other's opposite, the one that the selection has.
        by_surprise.then_with(|| b.surprise.total_cmp(&a.surprise)).then_with(|| a.value.cmp(&b.value))
    });
    let surprise = values.first()?.surprise.abs();
    let further_values = values.len().saturating_sub(VALUES_TOLD);
    values.truncate(VALUES_TOLD);
    Some(DifferingKey { of, key: key.into(), surprise, values, further_values })
}

fn differing_value(value: Value, counts: Counts, spans: Counts) -> Option<DifferingValue> {
    let part = |side: Side| Part { with: counts[side as usize], of: spans[side as usize] };
    let (selection, rest) = (part(Side::Selection), part(Side::Rest));
    let surprise = surprise(selection, rest);
    let differs = surprise.abs() >= SURPRISE_MIN && selection.with + rest.with >= SPANS_MIN;
    let (value, range) = match value {
        Value::Text(text) => (Some(text), None),
        Value::Range(range) => (None, Some(bounds(range))),
    };
    differs.then(|| DifferingValue {
        value,
        from: range.map(|(from, _)| from),
        until: range.map(|(_, until)| until),
        selection: selection.with,
        selection_share: selection.share(),
        rest: rest.with,
        rest_share: rest.share(),
        surprise,
    })
}

/// As much of the text as is compared.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE_BYTES_MAX)]
}

fn in_ranges(counts: &HashMap<Box<str>, Counts, RandomState>) -> BTreeMap<i32, Counts> {
    let mut ranges: BTreeMap<i32, Counts> = BTreeMap::new();
    for (text, [selection, rest]) in counts {
        let range = ranges.entry(range_of(text)).or_default();
        *range = [range[0] + selection, range[1] + rest];
    }
    ranges
}

/// No exponent of a double is as small as this: ranges of positive numbers count from here; 0 is one of its own.
const LEAST: i32 = -1100;

/// The range of a number: from a power of two to before the next, or the same below zero.
fn range_of(number: &str) -> i32 {
    let number: f64 = number.parse().unwrap_or_default();
    if number == 0.0 {
        return 0;
    }
    let about = number.abs().log2().floor().clamp(f64::from(LEAST) + 1.0, 1024.0);
    // Right below a power of two the logarithm is rounded to that of the power.
    let exponent = if number.abs() < about.exp2() { about - 1.0 } else { about };
    let range = exponent as i32 - LEAST;
    if number < 0.0 { -range } else { range }
}

/// Where a range begins, and where it ends.
fn bounds(range: i32) -> (f64, f64) {
    let power = |range: i32| f64::from(range + LEAST).exp2();
    match range {
        0 => (0.0, 0.0),
        range if range < 0 => (-power(1 - range), -power(-range)),
        range => (power(range), power(range + 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Said<'_> {
        Said { text, is_number: false }
    }

    /// A thousand spans, of which the first hundred are selected.
    fn tally(add: impl Fn(&mut Tally, Side, u64)) -> Differences {
        let mut tally = Tally::default();
        for number in 0..1000 {
            let side = if number < 100 { Side::Selection } else { Side::Rest };
            tally.add_span(side);
            add(&mut tally, side, number);
        }
        tally.differences()
    }

    #[test]
    fn what_the_selection_has_in_common_comes_first_and_noise_is_not_told() {
        let told = tally(|tally, side, number| {
            let release = if side == Side::Selection { "canary" } else { "stable" };
            tally.add(side, Of::Resource, "release", text(release));
            let zone = if side == Side::Selection && number % 2 == 0 { "a" } else { "b" };
            tally.add(side, Of::Resource, "zone", text(zone));
            tally.add(side, Of::Attribute, "customer", text(&(number % 7).to_string()));
            tally.add(side, Of::Attribute, "request", text(&format!("request-{}", number % 999)));
        });

        let keys: Vec<&str> = told.keys.iter().map(|key| key.key.as_str()).collect();
        assert_eq!(keys, ["release", "zone"]);
        let first = &told.keys[0].values[0];
        assert_eq!((first.value.as_deref(), first.selection, first.rest), (Some("canary"), 100, 0));
        assert_eq!((first.selection_share, first.rest_share), (1.0, 0.0));
        assert!(first.surprise > 0.0 && told.keys[0].values[1].surprise < 0.0);
        assert!(!told.is_truncated);
    }

    #[test]
    fn ids_are_left_out_by_name() {
        let mut tally = Tally::default();
        for number in 0..=VALUES_MAX {
            tally.add_span(Side::Rest);
            tally.add(Side::Rest, Of::Attribute, "id", text(&number.to_string()));
        }

        let told = tally.differences();

        assert_eq!(told.left_out, [LeftOut { of: Of::Attribute, key: "id".to_owned() }]);
    }

    #[test]
    fn a_number_right_below_a_power_of_two_is_below_it() {
        assert!(range_of("1125899906842623.9") < range_of("1125899906842624"));
        assert_eq!(bounds(range_of("-3")), (-4.0, -2.0));
    }

    #[test]
    fn numbers_with_many_values_are_told_in_ranges() {
        let told = tally(|tally, side, number| {
            let bytes = if side == Side::Selection { 5000 + number } else { number };
            tally.add(side, Of::Attribute, "bytes", Said { text: &bytes.to_string(), is_number: true });
            let status = if side == Side::Selection { "500" } else { "200" };
            tally.add(side, Of::Attribute, "status", Said { text: status, is_number: true });
        });

        assert_eq!(told.keys[0].values[0], DifferingValue { value: None, ..told.keys[0].values[0].clone() });
        assert_eq!((told.keys[0].values[0].from, told.keys[0].values[0].until), (Some(4096.0), Some(8192.0)));
        assert_eq!(told.keys[1].values[0].value.as_deref(), Some("500"));
    }

    #[test]
    fn further_keys_and_values_are_said_to_be_missing() {
        let told = tally(|tally, side, number| {
            for key in 0..=KEYS_MAX {
                tally.add(side, Of::Attribute, &key.to_string(), text("same"));
            }
            let many = if side == Side::Selection { number % 4 } else { 4 + number % 12 };
            tally.add(side, Of::Span, "name", text(&many.to_string()));
        });
        let values = tally(|tally, side, number| {
            let many = if side == Side::Selection { number % 4 } else { 4 + number % 12 };
            tally.add(side, Of::Span, "name", text(&many.to_string()));
            let long = "é".repeat(VALUE_BYTES_MAX) + &number.to_string();
            tally.add(side, Of::Span, "long", text(&long));
        });

        assert!(told.is_truncated && !values.is_truncated);
        assert_eq!(values.keys.len(), 1, "long texts are the same as far as they are compared");
        assert_eq!((values.keys[0].values.len(), values.keys[0].further_values), (VALUES_TOLD, 6));
    }

    proptest! {
        #[test]
        fn every_number_is_within_its_range(
            number in prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
        ) {
            let (from, until) = bounds(range_of(&number.to_string()));

            if number >= 0.0 {
                prop_assert!(from <= number && (number < until || number == 0.0), "{number}: {from} to {until}");
            } else {
                prop_assert!(from < number && number <= until, "{number}: {from} to {until}");
            }
        }
    }
}
