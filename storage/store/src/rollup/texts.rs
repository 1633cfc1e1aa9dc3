//! Numbers instead of texts, so that keys are small and comparing them is cheap.

use std::collections::HashMap;

use ahash::RandomState;
use arrow::array::{Array, StringViewArray};

/// Stands for NULL.
pub(super) const NULL: u32 = 0;

/// The number of each text; equal texts have one.
#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<String, u32, RandomState>,
    texts: Vec<String>,
}

impl Texts {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        let number = u32::try_from(self.texts.len()).expect("a segment has fewer than 2^32 texts");
        self.numbers.insert(text.to_owned(), number);
        number
    }

    pub(super) fn text(&self, number: u32) -> Option<&str> {
        let place = number.checked_sub(1)?;
        Some(&self.texts[place as usize])
    }
}

/// Numbers of the texts of one column; what repeats is looked at once.
#[derive(Debug)]
pub(super) struct TextColumn<'a> {
    texts: Option<&'a StringViewArray>,
    last: Option<(u128, u32)>,
    /// Equal views in one array are equal texts, though equal texts may have different views.
    by_view: HashMap<u128, u32, RandomState>,
}

impl<'a> TextColumn<'a> {
    pub(super) fn new(texts: Option<&'a StringViewArray>) -> Self {
        Self { texts, last: None, by_view: HashMap::default() }
    }

    pub(super) fn number(&mut self, row: usize, numbers: &mut Texts) -> u32 {
        let Some(texts) = self.texts.filter(|texts| texts.is_valid(row)) else { return NULL };
        let view = texts.views()[row];
        match self.last {
            Some((last, number)) if last == view => number,
            _ => {
                let number = *self.by_view.entry(view).or_insert_with(|| numbers.number(texts.value(row)));
                self.last = Some((view, number));
                number
            }
        }
    }
}
