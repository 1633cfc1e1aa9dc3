//! The points behind an element of an answer, in SQL.
//!
//! Prometheus' names cannot be turned back: metrics are taken whose name the selector's begins with, word for word, and points that
//! do not say a label at all. Rather a few too many are shown than none. Matchers other than `=` are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use plugin::hub::Moment;
use plugin::model::Timestamp;
use promql_parser::label::{MatchOp, Matcher};

use super::Query;
use super::catalog::may_take_histograms;
use super::expression::{BOUND, NAME, Selector, Window};
use super::points::{attribute_columns, resource_columns};
use crate::evaluate::Asked;

/// What the name of a metric begins with in Prometheus, before its unit and what tells its kind.
const WORDS: &str = "btrim(regexp_replace(cast(name AS text), '[^a-zA-Z0-9:]+', '_', 'g'), '_')";

impl Query {
    /// Asks for the points that its selectors read as of a time, of these labels; from when on, and before when. None without selectors.
    pub(crate) fn points(
        &self,
        asked: &mut Asked,
        labels: &BTreeMap<&str, &str>,
        at: Timestamp,
    ) -> Option<(String, Timestamp, Timestamp)> {
        let windows = || self.selectors.iter().map(|selector| selector.window(at.0));
        let (after, until) = (windows().map(|window| window.after).min()?, windows().map(|window| window.until).max()?);
        let parts: Vec<String> =
            self.selectors.iter().flat_map(|selector| selector.points(asked, labels, at)).collect();
        let question = format!("{}\nORDER BY time DESC", parts.join("\nUNION ALL\n"));
        // A range of PromQL is without its begin and with its end.
        Some((question, Timestamp(after.saturating_add(1)), Timestamp(until.saturating_add(1))))
    }
}

impl Selector {
    /// One statement for each table that it may read.
    fn points(&self, asked: &mut Asked, labels: &BTreeMap<&str, &str>, at: Timestamp) -> Vec<String> {
        let mut labels = labels.clone();
        labels.extend(self.equal().filter(|(name, _)| *name != NAME));
        labels.remove(BOUND);
        let window = self.window(at.0);
        let mut tables =
            vec![("metrics", "coalesce(value, cast(value_int AS double)) AS value, cast(NULL AS bigint) AS count")];
        if may_take_histograms(self) {
            tables.push(("histograms", "sum AS value, cast(count AS bigint) AS count"));
        }
        let of_table = |(table, value): (&str, &str)| {
            let during = during(asked, window);
            let named: String =
                self.equal().filter(|(name, _)| *name == NAME).map(|(_, name)| is_named(asked, name)).collect();
            let like: String = labels.iter().map(|(name, value)| is_like(asked, name, value)).collect();
            format!("SELECT time, name, service_name, attributes, {value} FROM {table} WHERE {during}{named}{like}")
        };
        tables.into_iter().map(of_table).collect()
    }

    /// Names and values of its matchers that say what a label is.
    fn equal(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_equal = |matcher: &&Matcher| matches!(matcher.op, MatchOp::Equal) && !matcher.value.is_empty();
        self.matchers.iter().filter(is_equal).map(|matcher| (matcher.name.as_str(), matcher.value.as_str()))
    }
}

fn during(asked: &mut Asked, window: Window) -> String {
    let [after, until] = [window.after, window.until].map(|time| asked.param(Moment(Timestamp(time)).to_string()));
    format!("time > {after} AND time <= {until}")
}

fn is_named(asked: &mut Asked, name: &str) -> String {
    let (own, words) = (asked.param(name), asked.param(format!("{}_", name.trim_start_matches('_'))));
    format!(" AND (name = {own} OR starts_with(cast({words} AS text), concat({WORDS}, '_')))")
}

/// A point that does not say the label is taken too: it may be one of another selector, or be made by the expression.
fn is_like(asked: &mut Asked, label: &str, value: &str) -> String {
    let is_column = attribute_columns().chain(resource_columns()).any(|column| column == label);
    let place = match label {
        "job" => "attributes->>'job', concat_ws('/', service_namespace, service_name)".to_owned(),
        "instance" => "attributes->>'instance', service_instance_id".to_owned(),
        column if is_column => format!("cast({column} AS text)"),
        label => {
            let keys = BTreeSet::from([label.to_owned(), label.replace('_', ".")]).into_iter();
            keys.map(|key| format!("attributes->>cast({} AS text)", asked.param(key))).collect::<Vec<_>>().join(", ")
        }
    };
    let value = asked.param(value);
    format!(" AND coalesce({place}, cast({value} AS text)) = cast({value} AS text)")
}
