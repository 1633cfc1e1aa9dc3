//! The rows behind an alert: a statement that shows the telemetry its rule looked at, of the labels of the alert, as of the time when
//! it was found.
//!
//! Pure: nothing is asked here. The rule is the one of now; what it asked before it was changed is not kept.

use std::time::Duration;

use plugin::hub::Moment;
use plugin::model::Timestamp;
use serde_json::Value;

use super::before;
use super::calls::Table;
use super::dimension::Asked;
use super::taken::Question;
use super::usage::Resource;
use crate::alert::Alert;
use crate::labels::{Labels, is_whole};
use crate::promql;
use crate::rule::{Condition, Measure, Measured, RESERVED, Rule};

const SPAN: &str =
    "start_time, trace_id, span_id, service_name, name, kind, status_code, status_message, duration_ns, attributes";
const LOG: &str = "time, severity_text, service_name, body, trace_id, span_id, attributes";
const POINT: &str =
    "time, name, service_name, host_name, attributes, coalesce(value, cast(value_int AS double)) AS value";
/// How far back an objective is looked at when the alert does not say its window.
const OBJECTIVE_WINDOW: Duration = Duration::from_secs(3600);

/// What asks for the rows behind an alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// Without a limit.
    question: String,
    pub(crate) params: Vec<Value>,
    /// The first time that is looked at; none where the statement of the rule decides.
    pub(crate) from: Option<Timestamp>,
    /// The time before which it ends, and which is `now()` in it.
    pub(crate) to: Timestamp,
}

impl Evidence {
    /// None for a rule that looks at no rows, as `vector(1)` in PromQL.
    pub(crate) fn of(rule: &Rule, alert: &Alert) -> Option<Self> {
        let at = Timestamp(alert.fired_at.unwrap_or(alert.active_since));
        let behind = Behind { rule, labels: &alert.labels };
        match (&rule.condition, Question::of(rule)) {
            (Condition::Measure(measured), Question::Calls { table, .. }) => Some(behind.calls(measured, table, at)),
            (Condition::Measure(measured), Question::Usage { resource, .. }) => {
                Some(behind.usage(measured, resource, at))
            }
            (Condition::Sql(sql), _) => Some(behind.found(sql, at)),
            (Condition::Promql(query), _) => behind.points(query, at),
            _ => Some(behind.requests(at)),
        }
    }

    /// The statement, for so many rows.
    pub(crate) fn sql(&self, rows_max: usize) -> String {
        format!("{}\nLIMIT {rows_max}", self.question)
    }
}

/// An alert, as what it stands for is looked for.
struct Behind<'a> {
    rule: &'a Rule,
    labels: &'a Labels,
}

impl Behind<'_> {
    /// Spans or log records that a measure counts: those that failed where it is about failing, the slowest first where it is about time.
    fn calls(&self, measured: &Measured, table: Table, at: Timestamp) -> Evidence {
        let is_slow = matches!(measured.measure, Measure::ResponseTime(_) | Measure::DbResponseTime(_));
        let counts_all = is_slow || measured.measure == Measure::RequestRate;
        let (time, source) = if counts_all { table.all() } else { table.failed() };
        let columns = if table == Table::LogErrors { LOG } else { SPAN };
        let order = if is_slow { "duration_ns" } else { time };
        let mut asked = Asked::default();
        let (from, to, during) = self.window(&mut asked, measured, time, at);
        let like = self.of_measure(&mut asked, measured);
        let question = format!("SELECT {columns} FROM {source}{during}{like} ORDER BY {order} DESC");
        Evidence { question, params: asked.params, from: Some(from), to }
    }

    /// Points of the metrics that tell how much is used.
    fn usage(&self, measured: &Measured, resource: Resource, at: Timestamp) -> Evidence {
        let mut asked = Asked::default();
        let names: Vec<String> = resource.names().map(|name| asked.param(name)).collect();
        let (from, to, during) = self.window(&mut asked, measured, "time", at);
        let like = self.of_measure(&mut asked, measured);
        let names = names.join(", ");
        let question = format!("SELECT {POINT} FROM metrics WHERE name IN ({names}){during}{like} ORDER BY time DESC");
        Evidence { question, params: asked.params, from: Some(from), to }
    }

    fn window(
        &self,
        asked: &mut Asked,
        measured: &Measured,
        time: &str,
        at: Timestamp,
    ) -> (Timestamp, Timestamp, String) {
        let to = before(at, self.rule.offset);
        let from = before(to, measured.window);
        (from, to, during(asked, time, from, to))
    }

    /// What the things are like that a measure was taken of.
    fn of_measure(&self, asked: &mut Asked, measured: &Measured) -> String {
        let names = measured.group_by.iter().filter(|name| !measured.filter.contains_key(*name));
        let of_alert = names.filter(|name| self.is_known(name)).map(|name| (name.as_str(), self.labels.get(name)));
        let of_filter = measured.filter.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
        of_filter.chain(of_alert).map(|(name, value)| asked.like(name, value)).collect()
    }

    /// Rows of the rule's own statement.
    fn found(&self, sql: &str, at: Timestamp) -> Evidence {
        let mut asked = Asked::default();
        let missing = self.rule.group_by.iter().filter(|name| self.labels.get(name).is_none() && self.is_known(name));
        let mut conditions: Vec<String> = missing.map(|name| format!("{} IS NULL", quoted(name))).collect();
        for (name, value) in self.of_row() {
            conditions.push(format!("cast({} AS text) = {}", quoted(name), asked.param(value)));
        }
        let like = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        // What is commented out at its end must not comment out ours.
        let question = format!("SELECT * FROM (\n{}\n) AS found{like}", sql.trim_end().trim_end_matches(';'));
        Evidence { question, params: asked.params, from: None, to: before(at, self.rule.offset) }
    }

    /// Points that the selectors of an expression read.
    fn points(&self, query: &promql::Query, at: Timestamp) -> Option<Evidence> {
        let mut asked = Asked::default();
        let labels = self.of_row().collect();
        let (question, from, to) = query.points(&mut asked, &labels, before(at, self.rule.offset))?;
        Some(Evidence { question, params: asked.params, from: Some(from), to })
    }

    /// Requests of the service of an objective in its longer window: those that failed, then the slowest.
    fn requests(&self, at: Timestamp) -> Evidence {
        let said = self.labels.get("window_seconds").and_then(|seconds| seconds.parse().ok());
        let from = before(at, said.map_or(OBJECTIVE_WINDOW, Duration::from_secs));
        let mut asked = Asked::default();
        let (time, source) = Table::Requests.all();
        let during = during(&mut asked, time, from, at);
        let service = self.of_row().find(|(name, _)| *name == "service");
        let like = service.map_or_else(String::new, |(name, value)| asked.like(name, Some(value)));
        let question = format!(
            "SELECT {SPAN} FROM {source}{during}{like} \
             ORDER BY CASE WHEN status_code = 'error' THEN 0 ELSE 1 END, duration_ns DESC"
        );
        Evidence { question, params: asked.params, from: Some(from), to: at }
    }

    /// Labels of the row that the alert stands for, as far as they can be compared.
    fn of_row(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_of_row = |name: &str| !self.rule.labels.contains_key(name) && !RESERVED.contains(&name);
        self.labels.iter().filter(move |(name, value)| is_of_row(name) && is_whole(value))
    }

    /// Whether the alert says of a label of its row what it is, by having it or by not having it.
    fn is_known(&self, name: &str) -> bool {
        let stands_for_row = RESERVED.iter().all(|reserved| self.labels.get(reserved).is_none());
        !self.rule.labels.contains_key(name) && self.labels.get(name).map_or(stands_for_row, is_whole)
    }
}

fn during(asked: &mut Asked, time: &str, from: Timestamp, to: Timestamp) -> String {
    let [from, to] = [from, to].map(|time| asked.param(Moment(time).to_string()));
    format!(" AND {time} >= {from} AND {time} < {to}")
}

/// A name of a column, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::{Alert, AlertState};
    use crate::rule::{Severity, read};

    const HOUR: i64 = 3_600_000_000_000;

    fn evidence(rule: &str, labels: &[(&str, &str)]) -> Option<Evidence> {
        let rule = read(&format!("- {{name: a, severity: info, {rule}}}")).expect("a rule").remove(0).rule;
        let alert = Alert {
            rule: rule.name.clone(),
            state: AlertState::Firing,
            severity: Severity::Info,
            labels: labels.iter().copied().collect(),
            fingerprint: String::new(),
            annotations: Default::default(),
            value: None,
            traces: Vec::new(),
            runbook: None,
            active_since: 0,
            fired_at: Some(HOUR),
            resolved_at: None,
            last_true: None,
            muted_by: Vec::new(),
            incident: None,
        };
        Evidence::of(&rule, &alert)
    }

    fn check(rule: &str, labels: &[(&str, &str)], holds: &[&str], params: &Value) {
        let found = evidence(rule, labels).expect("it looks at rows");
        let sql = found.sql(7);
        assert!(sql.ends_with("LIMIT 7"), "{sql}");
        for text in holds {
            assert!(sql.contains(text), "{text:?} is not in {sql}");
        }
        assert_eq!(&Value::from(found.params), params, "{sql}");
    }

    #[test]
    fn a_measure_shows_what_it_counted_in_its_window() {
        let (from, to) = ("1970-01-01T00:49:00Z", "1970-01-01T00:59:00Z");
        check(
            "condition: error_count > 0, over: 10m, offset: 1m, where: {environment: prod}",
            &[("service", "checkout"), ("environment", "prod")],
            &[
                "FROM spans WHERE kind IN ('server', 'consumer') AND status_code = 'error' AND start_time >= $1",
                " AND start_time < $2 AND cast(deployment_environment_name AS text) = $3",
                " AND cast(service_name AS text) = $4 ORDER BY start_time DESC",
            ],
            &json!([from, to, "prod", "checkout"]),
        );
        let params = json!(["1970-01-01T00:55:00Z", "1970-01-01T01:00:00Z"]);
        check(
            "condition: p95_response_time > 1s",
            &[],
            &["service_name IS NULL", "ORDER BY duration_ns DESC"],
            &params,
        );
    }

    #[test]
    fn a_label_of_the_rule_or_of_alerting_is_none_of_the_rows() {
        let params = json!(["1970-01-01T00:55:00Z", "1970-01-01T01:00:00Z"]);
        let rule = "condition: request_rate < 1, labels: {service: all, team: shop}";
        check(rule, &[("service", "all"), ("team", "shop")], &["start_time < $2 ORDER BY start_time"], &params);
        check("condition: request_rate < 1", &[("no_data", "true")], &["start_time < $2 ORDER BY"], &params);
    }

    #[test]
    fn a_statement_is_asked_for_the_rows_of_the_alert() {
        let sql = "sql: 'select region, \"a\"\"b\" from logs; ', group_by: [region, 'a\"b']";
        check(
            sql,
            &[("region", "eu")],
            &[
                "FROM (\nselect region, \"a\"\"b\" from logs\n) AS found WHERE \"a\"\"b\" IS NULL AND cast(\"region\" AS text) = $1",
            ],
            &json!(["eu"]),
        );
        assert_eq!(evidence(sql, &[]).expect("rows").from, None);
    }

    #[test]
    fn an_expression_shows_points_of_metrics_that_may_be_called_so() {
        let labels = [("job", "shop/checkout"), ("http_route", "/cart")];
        check(
            "promql: 'rate(http_requests_total{code=\"500\"}[5m]) > 0'",
            &labels,
            &[
                "FROM metrics WHERE time > $1 AND time <= $2 AND (name = $3 OR starts_with(cast($4",
                "ORDER BY time DESC",
            ],
            &json!([
                "1970-01-01T00:55:00Z",
                "1970-01-01T01:00:00Z",
                "http_requests_total",
                "http_requests_total_",
                "code",
                "500",
                "/cart",
                "shop/checkout"
            ]),
        );
        assert_eq!(evidence("promql: vector(1)", &[]), None);
    }

    #[test]
    fn an_objective_shows_the_requests_of_its_service() {
        check(
            "slo: '*'",
            &[("service", "checkout"), ("slo", "cart"), ("window_seconds", "3600")],
            &["cast(service_name AS text) = $3", "THEN 0 ELSE 1 END, duration_ns DESC"],
            &json!(["1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", "checkout"]),
        );
    }
}
