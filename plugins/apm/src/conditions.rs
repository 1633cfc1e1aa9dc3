//! The conditions of a statement and the values in them: what a user says is a parameter, never part of the text.

use serde_json::Value;

use crate::range::{Range, rfc3339};

/// Spans that a service was asked by: what others call its requests.
pub(crate) const REQUESTS: &str = "kind IN ('server', 'consumer')";

/// What rows must be like.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    texts: Vec<String>,
    params: Vec<Value>,
}

impl Conditions {
    /// No conditions.
    pub(crate) fn none() -> Self {
        Self { texts: Vec::new(), params: Vec::new() }
    }

    /// Spans that start in the range.
    pub(crate) fn of_spans(range: Range) -> Self {
        Self::in_range("start_time", range)
    }

    /// Minutes of `service_edges` that touch the range.
    pub(crate) fn of_edges(range: Range) -> Self {
        Self::in_range("minute", range.whole_minutes())
    }

    fn in_range(time: &str, range: Range) -> Self {
        let mut conditions = Self::none();
        conditions.and_in(time, range);
        conditions
    }

    /// And the time is in the range.
    pub(crate) fn and_in(&mut self, time: &str, range: Range) -> &mut Self {
        let (from, until) = (self.param(rfc3339(range.from)), self.param(rfc3339(range.until)));
        self.and(format!("{time} >= {from} AND {time} < {until}"))
    }

    /// The place of a value, as it stands in the text: `$3`.
    pub(crate) fn param(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// And this, which is text of ours.
    pub(crate) fn and(&mut self, text: impl Into<String>) -> &mut Self {
        self.texts.push(text.into());
        self
    }

    /// And the column holds this value.
    pub(crate) fn equal(&mut self, column: &str, value: impl Into<Value>) -> &mut Self {
        let place = self.param(value);
        self.and(format!("{column} = {place}"))
    }

    /// And the column holds this value, if one is wanted.
    pub(crate) fn equal_if_said(&mut self, column: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.equal(column, value),
            None => self,
        }
    }

    /// As the statement has them.
    pub(crate) fn text(&self) -> String {
        self.texts.join(" AND ")
    }

    /// The values, in the order of their places.
    pub(crate) fn params(&self) -> Vec<Value> {
        self.params.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_users_say_is_not_in_the_text() {
        let mut conditions = Conditions::of_spans(Range { from: 0, until: 1_000_000_000 });

        conditions.equal("service_name", "'; DROP TABLE spans").equal_if_said("name", None).and(REQUESTS);

        let text = "start_time >= $1 AND start_time < $2 AND service_name = $3 AND kind IN ('server', 'consumer')";
        assert_eq!(conditions.text(), text);
        let params = [json!("1970-01-01T00:00:00Z"), json!("1970-01-01T00:00:01Z"), json!("'; DROP TABLE spans")];
        assert_eq!(conditions.params(), params);
    }
}
