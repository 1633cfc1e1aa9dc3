//! What a panel asks of one metric, as a statement: gauges and sums, which stand in `metrics`.
//!
//! A counter that begins anew counts from nothing; what came before the first point that is read is not guessed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::model::{MetricFunction, PanelMetric};

/// Names that statements of metrics have beside the given ones begin so; no variable does.
pub(crate) const OWN_NAMES: &str = "metric_";
/// So long before the range the last point of each counter is looked for.
const BEFORE: &str = "interval '5 minutes'";
const VALUE: &str = "coalesce(value, cast(value_int AS double))";

/// A statement with names, and the values of those that are its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricStatement {
    pub(crate) sql: String,
    pub(crate) own: BTreeMap<String, Value>,
}

impl MetricStatement {
    /// Asks for values by time, when it is `over_time`, and by labels: columns `time`, then one by label, then `value`.
    pub(crate) fn of(metric: &PanelMetric, over_time: bool) -> Self {
        let mut asked = Self { sql: String::new(), own: BTreeMap::new() };
        let name = asked.own("name", &metric.name);
        let mut wanted = format!("name = {name} AND flags % 2 = 0 AND time < $to");
        for (place, (label, value)) in metric.filter.iter().enumerate() {
            let label = asked.label(&format!("filter{place}"), label);
            match value.strip_prefix('$') {
                Some(variable) => {
                    let _ = write!(wanted, " AND (${variable}_is_all OR {label} IN (${variable}))");
                }
                None => {
                    let value = asked.own(&format!("value{place}"), value);
                    let _ = write!(wanted, " AND {label} = {value}");
                }
            }
        }
        let labels: Vec<String> =
            metric.by.iter().enumerate().map(|(place, label)| asked.label(&format!("by{place}"), label)).collect();
        asked.sql = match metric.function {
            MetricFunction::Rate | MetricFunction::Increase => gains(metric.function, &wanted, &labels, over_time),
            function => levels(function, &wanted, &labels, over_time),
        };
        asked
    }

    /// A value of its own, as the text has it.
    fn own(&mut self, name: &str, value: &str) -> String {
        let name = format!("{OWN_NAMES}{name}");
        let written = format!("${name}");
        self.own.insert(name, value.into());
        written
    }

    /// A label of a point.
    fn label(&mut self, name: &str, label: &str) -> String {
        let key = self.own(name, label);
        format!("coalesce(attributes->>cast({key} AS text), resource_attributes->>cast({key} AS text))")
    }
}

/// Columns `bucket`, `by0`, `by1`, …: what is asked of each point, and their names.
fn groups(labels: &[String], over_time: bool) -> (String, Vec<String>) {
    let (mut asked, mut names) = (String::new(), Vec::new());
    if over_time {
        asked.push_str("time_bucket($interval, time) AS bucket, ");
        names.push("bucket".to_owned());
    }
    for (place, label) in labels.iter().enumerate() {
        let _ = write!(asked, "{label} AS by{place}, ");
        names.push(format!("by{place}"));
    }
    (asked, names)
}

/// The names, `bucket` as `time`.
fn told(names: &[String]) -> String {
    let name = |name: &String| if name == "bucket" { "bucket AS time, ".to_owned() } else { format!("{name}, ") };
    names.iter().map(name).collect()
}

fn ending(names: &[String]) -> String {
    match names.is_empty() {
        true => String::new(),
        false => format!(" GROUP BY {0} ORDER BY {0}", names.join(", ")),
    }
}

fn levels(function: MetricFunction, wanted: &str, labels: &[String], over_time: bool) -> String {
    let (of_series, of_all) = match function {
        MetricFunction::Min => ("min", "min(level)"),
        MetricFunction::Max => ("max", "max(level)"),
        MetricFunction::Sum => ("avg", "sum(level)"),
        _ => ("avg", "sum(level * points) / sum(points)"),
    };
    let (groups, names) = groups(labels, over_time);
    let by: String = names.iter().map(|name| format!(", {name}")).collect();
    format!(
        "SELECT {}{of_all} AS value FROM (
            SELECT {}{of_series}(level) AS level, count(*) AS points FROM (
                SELECT {groups}series_id, {VALUE} AS level FROM metrics WHERE {wanted} AND time >= $from
            ) AS points GROUP BY series_id{by}
        ) AS series{}",
        told(&names),
        names.iter().map(|name| format!("{name}, ")).collect::<String>(),
        ending(&names)
    )
}

fn gains(function: MetricFunction, wanted: &str, labels: &[String], over_time: bool) -> String {
    let (groups, names) = groups(labels, over_time);
    let seconds = match (function, over_time) {
        (MetricFunction::Rate, true) => " / $interval_seconds",
        (MetricFunction::Rate, false) => " / $range_seconds",
        _ => "",
    };
    format!(
        "SELECT {}sum(gain){seconds} AS value FROM (
            SELECT *, CASE WHEN temporality = 'delta' THEN count WHEN count < before OR start_time >= time_before THEN count
                ELSE count - before END AS gain
            FROM (
                SELECT {groups}time, start_time, temporality, {VALUE} AS count,
                    lag({VALUE}) OVER (PARTITION BY series_id ORDER BY time) AS before,
                    lag(time) OVER (PARTITION BY series_id ORDER BY time) AS time_before
                FROM metrics WHERE {wanted} AND monotonic AND time >= $from - {BEFORE}
            ) AS points
        ) AS gains WHERE time >= $from{}",
        told(&names),
        ending(&names)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_values_are_never_part_of_the_text() {
        let evil = "' OR 1=1 --";
        let filter = [(evil.to_owned(), evil.to_owned()), ("service.name".to_owned(), "$service".to_owned())];
        let metric = PanelMetric {
            name: evil.to_owned(),
            function: MetricFunction::Rate,
            by: vec![evil.to_owned()],
            filter: filter.into(),
        };

        for over_time in [true, false] {
            let asked = MetricStatement::of(&metric, over_time);

            assert!(!asked.sql.contains("1=1"), "{}", asked.sql);
            assert!(asked.own.keys().all(|name| asked.sql.contains(&format!("${name}"))), "{asked:?}");
            assert!(asked.sql.contains("$service_is_all OR") && asked.sql.contains("IN ($service)"));
            assert_eq!(asked.sql.contains("$interval_seconds"), over_time);
        }
    }
}
