//! PromQL, as far as rules use it. What is not supported is refused by name when a rule is loaded.

/// An expression that can be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query;
