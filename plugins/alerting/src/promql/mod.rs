//! PromQL, as far as rules use it. What is not supported is refused by name when a rule is loaded.

/// An expression that can be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    text: String,
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
    match text.trim().is_empty() {
        true => Err(Refused { message: "the expression is empty".to_owned(), offset_in_text: 0 }),
        false => Ok(Query { text: text.to_owned() }),
    }
}

/// What an expression finds as of a time.
pub(crate) async fn ask(
    _: &crate::evaluate::Evaluator,
    _: &plugin::model::Tenant,
    _: &str,
    _: plugin::model::Timestamp,
) -> Result<crate::state::Outcome, crate::evaluate::Unevaluated> {
    Err(crate::evaluate::Unevaluated("promql".to_owned()))
}
