//! What is chosen for the variables of a dashboard, and what stands in statements for each name.

use std::collections::BTreeMap;

use plugin::yaml::Wrong;
use plugin::{Failure, near};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::metric::MetricStatement;
use crate::model::{DashboardVariable, Panel, PanelKind};
use crate::read::{VALUE_BYTES_MAX, VALUES_MAX, VARIABLE_NAMES, VARIABLES_MAX, is_variable_name};
use crate::statement::{Bound, GIVEN, IS_ALL, Prepared, Template};
use crate::times::Times;

/// A value of a variable, or several; none are all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ChosenValues {
    One(String),
    Several(Vec<String>),
}

/// The values that are chosen, by variable; where there are none, all are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choices(BTreeMap<String, Vec<String>>);

impl Choices {
    /// What is chosen at first.
    pub(crate) fn usual(variables: &[DashboardVariable]) -> Self {
        Self(variables.iter().map(|variable| (variable.name.clone(), variable.default.clone())).collect())
    }

    /// What somebody chose of the variables of a dashboard, and what is chosen at first of the others.
    pub(crate) fn of(variables: &[DashboardVariable], chosen: BTreeMap<String, ChosenValues>) -> Result<Self, Failure> {
        let mut choices = Self::usual(variables);
        for (name, values) in Self::within_limits(chosen)?.0 {
            let Some(variable) = variables.iter().find(|variable| variable.name == name) else {
                let failure = Failure::invalid(format!("the dashboard has no variable '{name}'"));
                let near = near(&name, variables.iter().map(|variable| variable.name.as_str()));
                let hint = format!("did you mean {}?", near.join(", "));
                return Err(if near.is_empty() { failure } else { failure.hinting(hint) });
            };
            if values.len() > 1 && !variable.multi {
                let message = format!("{} values are chosen for '{name}', of which one can be", values.len());
                return Err(Failure::invalid(message).hinting("choose one, or none for all"));
            }
            choices.0.insert(name, values);
        }
        Ok(choices)
    }

    /// The same for a panel without a dashboard: its variables are those that are chosen.
    pub(crate) fn free(chosen: BTreeMap<String, ChosenValues>) -> Result<Self, Failure> {
        if let Some(name) = chosen.keys().find(|name| !is_variable_name(name)) {
            let failure = Failure::invalid(format!("'{name}' cannot be the name of a variable"));
            return Err(failure.hinting(VARIABLE_NAMES));
        }
        Self::within_limits(chosen)
    }

    fn within_limits(chosen: BTreeMap<String, ChosenValues>) -> Result<Self, Failure> {
        if chosen.len() > VARIABLES_MAX {
            let message = format!("{} variables are chosen, over the limit of {VARIABLES_MAX}", chosen.len());
            return Err(Failure::invalid(message).hinting("leave some out"));
        }
        let choices = chosen.into_iter().map(|(name, values)| match values {
            // As a page sends a choice that is empty.
            ChosenValues::One(value) if value.is_empty() => (name, Vec::new()),
            ChosenValues::One(value) => (name, vec![value]),
            ChosenValues::Several(values) => (name, values),
        });
        let choices: BTreeMap<String, Vec<String>> = choices.collect();
        for (name, values) in &choices {
            let is_too_long = values.iter().any(|value| value.len() > VALUE_BYTES_MAX);
            if values.len() > VALUES_MAX || is_too_long {
                let message =
                    format!("'{name}' has more than {VALUES_MAX} values, or one of more than {VALUE_BYTES_MAX} bytes");
                return Err(Failure::invalid(message).hinting("choose fewer"));
            }
        }
        Ok(Self(choices))
    }

    /// The names of the variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.0.keys().cloned()
    }

    /// The statement of a panel over these times.
    pub(crate) fn panel(&self, panel: &Panel, times: Times) -> Result<Prepared, Wrong> {
        match (&panel.sql, &panel.metric) {
            (Some(sql), _) => self.statement(sql, times, &BTreeMap::new()),
            (None, Some(metric)) => {
                let MetricStatement { sql, own } = MetricStatement::of(metric, panel.kind == PanelKind::TimeSeries);
                self.statement(&sql, times, &own)
            }
            (None, None) => Err(Wrong::new("a text asks nothing", "show it as it is")),
        }
    }

    /// A statement over these times, which may have values of its own.
    pub(crate) fn statement(&self, sql: &str, times: Times, own: &BTreeMap<String, Value>) -> Result<Prepared, Wrong> {
        let known: Vec<&str> = GIVEN.into_iter().chain(self.0.keys().map(String::as_str)).collect();
        Template::parse(sql)?.bind(&known, |name| {
            let own = own.get(name).map(|value| Bound::values(vec![value.clone()]));
            own.or_else(|| given(name, times)).or_else(|| self.chosen(name))
        })
    }

    /// The values of a variable, or whether all are meant.
    fn chosen(&self, name: &str) -> Option<Bound> {
        if let Some(values) = self.0.get(name) {
            let texts = values.iter().map(|value| Value::from(value.as_str()));
            return Some(Bound::values(if values.is_empty() { vec![Value::Null] } else { texts.collect() }));
        }
        let values = self.0.get(name.strip_suffix(IS_ALL)?)?;
        Some(Bound::values(vec![values.is_empty().into()]))
    }
}

/// What every statement may use.
fn given(name: &str, times: Times) -> Option<Bound> {
    let time = |nanos: i64| Bound { before: "to_timestamp_nanos(", values: vec![nanos.into()], after: ")" };
    let number = |number: f64| Bound { before: "cast(", values: vec![number.into()], after: " AS double)" };
    match name {
        "from" => Some(time(times.from)),
        "to" => Some(time(times.until)),
        "interval" => {
            let width = format!("{} seconds", times.interval_seconds());
            Some(Bound { before: "cast(", values: vec![width.into()], after: " AS interval)" })
        }
        "interval_seconds" => Some(number(times.interval_seconds())),
        "range_seconds" => Some(number(times.seconds())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::VariableKind;

    const TIMES: Times = Times { from: 1, until: 60_000_000_001, interval: 5_000_000_000 };

    fn variable(name: &str, multi: bool, default: &[&str]) -> DashboardVariable {
        DashboardVariable {
            name: name.to_owned(),
            label: None,
            kind: VariableKind::Text,
            sql: None,
            values: Vec::new(),
            default: default.iter().map(|value| (*value).to_owned()).collect(),
            multi,
        }
    }

    fn chosen(json: Value) -> BTreeMap<String, ChosenValues> {
        serde_json::from_value(json).expect("a choice")
    }

    #[test]
    fn what_is_chosen_stands_for_its_name_and_nothing_is_all() {
        let variables = [variable("service", true, &[]), variable("host", false, &["a"])];
        let sql = "($service_is_all OR s IN ($service)) AND h = $host AND t >= $from";
        let check = |wanted: Value, expected_sql: &str, expected: Value| {
            let choices = Choices::of(&variables, chosen(wanted)).expect("choices");
            let prepared = choices.statement(sql, TIMES, &BTreeMap::new()).expect("a statement");
            assert_eq!((prepared.sql.as_str(), json!(prepared.params)), (expected_sql, expected));
        };

        check(json!({}), "($1 OR s IN ($2)) AND h = $3 AND t >= to_timestamp_nanos($4)", json!([true, null, "a", 1]));
        check(
            json!({"service": ["x", "y"], "host": ""}),
            "($1 OR s IN ($2, $3)) AND h = $4 AND t >= to_timestamp_nanos($5)",
            json!([false, "x", "y", null, 1]),
        );
    }

    #[test]
    fn intervals_and_lengths_are_given() {
        let sql = "$interval, $interval_seconds, $range_seconds";
        let prepared = Choices::default().statement(sql, TIMES, &BTreeMap::new()).expect("a statement");

        assert_eq!(prepared.sql, "cast($1 AS interval), cast($2 AS double), cast($3 AS double)");
        assert_eq!(json!(prepared.params), json!(["5 seconds", 5.0, 60.0]));
    }

    #[test]
    fn what_cannot_be_chosen_is_refused() {
        let variables = [variable("service", false, &[])];

        for wrong in [json!({"servce": "a"}), json!({"service": ["a", "b"]}), json!({"service": "a".repeat(2000)})] {
            assert!(Choices::of(&variables, chosen(wrong.clone())).is_err(), "{wrong}");
        }
    }
}
