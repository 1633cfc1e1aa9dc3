//! Attributes into their columns, the rest into JSON.
//!
//! A text column holds the text of any value, so that it alone answers `->>`; a value that is not text is in the JSON
//! too, with its type, and so is each value of a key that was said twice. What the JSON says of a promoted key is the whole truth about it.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::{AttributeType, Convention, Level, Signal, Table, conventions};

use super::DecodeError;
use super::columns::Columns;
use super::json_text::{Any, key_value, unchecked_key_value, write_member};
use super::wire::utf8;

/// Where promoted keys of one signal and level go.
#[derive(Debug)]
pub(crate) struct Promoted {
    by_key: HashMap<&'static str, Promotion>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Promotion {
    pub(crate) place: usize,
    pub(crate) value: AttributeType,
    /// One of 64: stands for the key in a set of the promoted keys of its level.
    bit: u64,
}

impl Promoted {
    /// The promoted keys of a signal's own items.
    pub(crate) fn of_item(signal: Signal) -> &'static Promoted {
        // Constant data that has no const constructor, not state.
        static SPANS: LazyLock<Promoted> = LazyLock::new(|| Promoted::new(Signal::Spans, Level::Item));
        static LOGS: LazyLock<Promoted> = LazyLock::new(|| Promoted::new(Signal::Logs, Level::Item));
        static METRICS: LazyLock<Promoted> = LazyLock::new(|| Promoted::new(Signal::Metrics, Level::Item));
        static HISTOGRAMS: LazyLock<Promoted> = LazyLock::new(|| Promoted::new(Signal::Histograms, Level::Item));
        match signal {
            Signal::Spans => &SPANS,
            Signal::Logs => &LOGS,
            Signal::Metrics => &METRICS,
            Signal::Histograms => &HISTOGRAMS,
        }
    }

    /// The promoted keys of the resource. Places differ by signal.
    pub(crate) fn of_resource(signal: Signal) -> Promoted {
        Promoted::new(signal, Level::Resource)
    }

    fn new(signal: Signal, level: Level) -> Self {
        let conventions = match level {
            Level::Resource => conventions::of_resource(),
            Level::Item => conventions::of_item(signal),
        };
        assert!(conventions.len() <= 64, "one bit for each promoted key of a level");
        let promotion = |(number, convention): (usize, &Convention)| {
            let place = Table::of(signal).index(convention.column);
            (convention.key, Promotion { place, value: convention.value, bit: 1 << number })
        };
        Self { by_key: conventions.iter().enumerate().map(promotion).collect() }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Promotion> {
        self.by_key.get(key).copied()
    }
}

/// Writes the attributes of items, row after row.
#[derive(Debug)]
pub(crate) struct ItemAttributes<'a> {
    promoted: &'static Promoted,
    /// Column of the JSON.
    place: usize,
    json: String,
    text: String,
    /// Bits of the promoted keys that the current item has said, and of those that are in its JSON.
    said: u64,
    in_json: u64,
    /// Keys of the item before, by their number: the next item of an instrumented route has the same in the same order.
    before: Vec<(&'a str, Option<Promotion>)>,
    number: usize,
}

impl<'a> ItemAttributes<'a> {
    pub(crate) fn new(signal: Signal) -> Self {
        Self {
            promoted: Promoted::of_item(signal),
            place: Table::of(signal).index("attributes"),
            json: String::new(),
            text: String::new(),
            said: 0,
            in_json: 0,
            before: Vec::new(),
            number: 0,
        }
    }

    /// Writes all attributes of the current row: the messages are `KeyValue`s.
    pub(crate) fn write(&mut self, columns: &mut Columns, attributes: &[&'a [u8]]) -> Result<(), DecodeError> {
        self.json.clear();
        self.json.push('{');
        (self.said, self.in_json, self.number) = (0, 0, 0);
        for (number, message) in attributes.iter().enumerate() {
            let (key, value) = unchecked_key_value(message)?;
            let (key, promotion) = self.promotion(key)?;
            match promotion {
                None => write_member(&mut self.json, key, value)?,
                Some(promotion) if self.said & promotion.bit == 0 => self.promote(columns, promotion, key, value)?,
                Some(promotion) => self.again(promotion, key, value, &attributes[..number])?,
            }
        }
        if self.json.len() > 1 {
            self.json.push('}');
            columns.text(self.place, &self.json);
        }
        Ok(())
    }

    /// The key as text, and where it goes.
    #[inline]
    fn promotion(&mut self, key: &'a [u8]) -> Result<(&'a str, Option<Promotion>), DecodeError> {
        /// Keys remembered; items with more are rare and just slower.
        const REMEMBERED_MAX: usize = 64;
        let number = self.number;
        self.number += 1;
        if let Some(before) = self.before.get(number)
            && before.0.as_bytes() == key
        {
            return Ok(*before);
        }
        let key = utf8(key)?;
        let found = (key, self.promoted.get(key));
        match self.before.get_mut(number) {
            Some(before) => *before = found,
            None if number < REMEMBERED_MAX => self.before.push(found),
            None => {}
        }
        Ok(found)
    }

    #[inline]
    fn promote(
        &mut self,
        columns: &mut Columns,
        promotion: Promotion,
        key: &str,
        value: Any<'_>,
    ) -> Result<(), DecodeError> {
        self.said |= promotion.bit;
        match (promotion.value, value) {
            (AttributeType::Text, Any::Text(text)) => {
                columns.text(promotion.place, text);
                return Ok(());
            }
            (AttributeType::Integer, Any::Int(integer)) => {
                columns.integer(promotion.place, integer);
                return Ok(());
            }
            (AttributeType::Integer, Any::Text(text)) => {
                if let Some(integer) = canonical_integer(text) {
                    columns.integer(promotion.place, integer);
                }
            }
            (AttributeType::Text, Any::Empty) | (AttributeType::Integer, _) => {}
            (AttributeType::Text, _) => {
                self.text.clear();
                value.write(&mut self.text)?;
                columns.text(promotion.place, &self.text);
            }
        }
        self.in_json |= promotion.bit;
        write_member(&mut self.json, key, value)
    }

    /// A promoted key is said again in the same item: all its values belong in the JSON, the first too.
    fn again(&mut self, promotion: Promotion, key: &str, value: Any<'_>, before: &[&[u8]]) -> Result<(), DecodeError> {
        if self.in_json & promotion.bit == 0 {
            self.in_json |= promotion.bit;
            for message in before {
                let (said, first) = key_value(message)?;
                if said == key {
                    write_member(&mut self.json, key, first)?;
                    break;
                }
            }
        }
        write_member(&mut self.json, key, value)
    }
}

/// The integer, if this text is the way `->>` would write it.
pub(crate) fn canonical_integer(text: &str) -> Option<i64> {
    let integer: i64 = text.parse().ok()?;
    (text == integer.to_string()).then_some(integer)
}

/// Appends attributes that have no columns to an empty string, as a JSON object; leaves it empty when there are none.
pub(crate) fn write_object(out: &mut String, attributes: &[&[u8]]) -> Result<(), DecodeError> {
    if attributes.is_empty() {
        return Ok(());
    }
    out.push('{');
    for message in attributes {
        let (key, value) = key_value(message)?;
        write_member(out, key, value)?;
    }
    out.push('}');
    Ok(())
}
