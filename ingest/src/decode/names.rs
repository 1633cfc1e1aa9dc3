//! Enums of OTLP as the text of their columns, both ways.
//!
//! The name in lower case; a number that this version of OTLP does not know is kept as its decimal text.

use std::borrow::Cow;

/// The names of one enum, from number 0 on.
#[derive(Debug)]
pub(crate) struct Names(&'static [&'static str]);

/// `Span.SpanKind`.
pub(crate) const SPAN_KIND: Names = Names(&["unspecified", "internal", "server", "client", "producer", "consumer"]);

/// `Status.StatusCode`.
pub(crate) const STATUS_CODE: Names = Names(&["unset", "ok", "error"]);

/// `AggregationTemporality`.
pub(crate) const TEMPORALITY: Names = Names(&["unspecified", "delta", "cumulative"]);

impl Names {
    #[inline]
    pub(crate) fn text(&self, number: i32) -> Cow<'static, str> {
        match usize::try_from(number).ok().and_then(|place| self.0.get(place)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(number.to_string()),
        }
    }

    /// The number that has this text, if one has.
    pub(crate) fn number(&self, text: &str) -> Option<i32> {
        match self.0.iter().position(|name| *name == text) {
            Some(place) => i32::try_from(place).ok(),
            None => text.parse().ok(),
        }
    }
}
