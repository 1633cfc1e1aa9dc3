//! PromQL, as far as rules use it: the numbers are Prometheus', and what is not supported is refused by name when a rule is
//! loaded, never at night.

mod aggregate;
#[expect(
    clippy::mutable_key_type,
    reason = "selectors are told apart by their texts; what changes in a compiled pattern is its cache"
)]
mod ask;
mod catalog;
mod evaluate;
mod evidence;
mod expression;
mod histogram;
mod join;
mod lower;
mod names;
mod numbers;
mod over_time;
mod points;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) use self::ask::{Answers, ask};
use self::expression::{Expression, Selector};
use self::lower::Lowering;

/// An expression that can be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    text: String,
    expression: Arc<Expression>,
    /// All of its selectors, each once.
    selectors: Arc<[Selector]>,
    /// Labels that it names.
    labels: Arc<BTreeSet<String>>,
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Query {
    /// As it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Why an expression is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) message: String,
    /// Where in the text, in bytes.
    pub(crate) offset_in_text: usize,
}

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Query, Refused> {
    text::check_size(text)?;
    text::check_patterns(text)?;
    let parsed = promql_parser::parser::parse(text).map_err(|message| {
        let offset_in_text = text::place_of_named(text, &message);
        Refused { message, offset_in_text }
    })?;
    let mut lowering = Lowering::of(text);
    let expression = Arc::new(lowering.expression(&parsed)?);
    let (selectors, labels) = (lowering.selectors.into(), lowering.labels.into());
    Ok(Query { text: text.to_owned(), expression, selectors, labels })
}
