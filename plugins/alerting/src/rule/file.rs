//! Reads rule files: the short form, the long form, and Prometheus' groups.
//!
//! All that is wrong with a file is told at once, with its place and what to do about it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use plugin::yaml::{self, Fault, Faults, Node, Place, Record, Value, Wrong};

use super::measure::REQUESTS_MIN;
use super::record::{self, HOLD_MAX, INTERVAL_DEFAULT, INTERVAL_MAX, INTERVAL_MIN, OFFSET_MAX};
use super::template::Template;
use super::{Condition, Measured, Rule, condition, prometheus};
use crate::promql;

/// Most rules of a file.
pub(crate) const FILE_RULES_MAX: usize = 5000;
/// Over how long a measure is taken when the rule does not say, and the bounds when it does.
pub(crate) const WINDOW_DEFAULT: Duration = Duration::from_secs(300);
pub(crate) const WINDOW_MIN: Duration = Duration::from_secs(10);
pub(crate) const WINDOW_MAX: Duration = Duration::from_secs(7 * 86_400);

const CONDITIONS: [&str; 4] = ["condition", "sql", "promql", "slo"];
/// Members that only say something beside `condition`.
const OF_MEASURES: [&str; 3] = ["over", "where", "min_requests"];
const MEMBERS: [&str; 23] = [
    "name",
    "condition",
    "sql",
    "promql",
    "slo",
    "severity",
    "notification",
    "for",
    "keep_firing_for",
    "interval",
    "offset",
    "over",
    "where",
    "group_by",
    "min_requests",
    "no_data",
    "labels",
    "annotations",
    "summary",
    "description",
    "runbook",
    "incident",
    "enabled",
];

/// A rule as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) rule: Rule,
    pub(crate) place: Place,
    /// Its name in the file, where other rules may have it too; expectations of tests name it.
    pub(crate) alertname: String,
    /// What was made of it that its author should know.
    pub(crate) notes: Vec<String>,
}

/// The rules of a file.
pub(crate) fn read(text: &str) -> Result<Vec<Written>, Vec<Fault>> {
    let file = yaml::parse(text).map_err(|fault| vec![fault])?;
    let mut faults = Faults::default();
    let mut rules = Vec::new();
    match &file.value {
        Value::Nothing => {}
        Value::List(items) => listed(items, &mut rules, &mut faults),
        _ => {
            if let Some(record) = file.record("a rule file", &["rules", "groups"], &mut faults) {
                let lists = record.get("rules").and_then(|node| node.list("`rules`", &mut faults));
                listed(lists.unwrap_or_default(), &mut rules, &mut faults);
                let groups = record.get("groups").and_then(|node| node.list("`groups`", &mut faults));
                prometheus::grouped(groups.unwrap_or_default(), &mut rules, &mut faults);
            }
        }
    }
    if rules.len() > FILE_RULES_MAX {
        let problem = format!("the file has {} rules, more than {FILE_RULES_MAX}", rules.len());
        faults.add(rules[FILE_RULES_MAX].place, problem, "split the file");
    }
    faults.or(rules)
}

fn listed(items: &[Node<'_>], rules: &mut Vec<Written>, faults: &mut Faults) {
    let mut names: HashMap<String, Place> = HashMap::new();
    for item in items {
        let Some(written) = rule(item, faults) else { continue };
        if let Some(first) = names.insert(written.rule.name.clone(), written.place) {
            let problem = format!("the name `{}` is there twice, first in line {}", written.rule.name, first.line);
            faults.add(written.place, problem, "give each rule a name of its own");
        }
        rules.push(written);
    }
}

fn rule(node: &Node<'_>, faults: &mut Faults) -> Option<Written> {
    if matches!(&node.value, Value::Members(members) if members.iter().any(|(key, _)| key.name == "expr")) {
        faults.add(node.place, "this is a rule of Prometheus", "write it below `groups:`, or `promql` for `expr`");
        return None;
    }
    let record = node.record("a rule", &MEMBERS, faults)?;
    let name = record::name(&record, "name", "the rule", faults);
    record.required("severity", "the rule", faults);
    let severity = record.parsed("severity", record::severity, faults);
    let group_by = record::group_by(&record, faults);
    let condition = condition(&record, group_by.clone(), faults);
    let labels = record::templates(&record, "labels", faults);
    let annotations = annotations(&record, faults);
    let times = Times::of(&record, faults);
    let no_data = record.parsed("no_data", record::no_data, faults).unwrap_or_default();
    let channels = record::channels(&record, faults);
    let runbook = record.parsed("runbook", record::runbook, faults);
    let incident = record.parsed("incident", record::incident, faults);
    let enabled = record.parsed("enabled", record::boolean, faults).unwrap_or(true);
    let (name, severity, condition) = (name?, severity?, condition?);
    let is_measure = matches!(condition, Condition::Measure(_));
    let rule = Rule {
        condition,
        severity,
        interval: times.interval,
        hold: times.hold,
        keep_firing: times.keep_firing,
        offset: times.offset,
        no_data,
        group_by: if is_measure { Vec::new() } else { group_by.unwrap_or_default() },
        labels,
        annotations,
        channels,
        runbook,
        incident: incident.unwrap_or_else(|| record::usual_incident(severity)),
        enabled,
        name: name.clone(),
    };
    let notes = label_notes(&rule);
    Some(Written { rule, place: node.place, alertname: name, notes })
}

/// What an author should know of labels that change with the value.
pub(super) fn label_notes(rule: &Rule) -> Vec<String> {
    let telling = rule.labels.iter().filter(|(_, template)| template.tells_value());
    telling
        .map(|(name, _)| format!("the label `{name}` has the value in it: each value is an alert of its own"))
        .collect()
}

struct Times {
    interval: Duration,
    hold: Duration,
    keep_firing: Duration,
    offset: Duration,
}

impl Times {
    fn of(record: &Record<'_, '_>, faults: &mut Faults) -> Self {
        let upto = |most| (Duration::ZERO, most);
        Self {
            interval: record::time(record, "interval", (INTERVAL_MIN, INTERVAL_MAX), faults)
                .unwrap_or(INTERVAL_DEFAULT),
            hold: record::time(record, "for", upto(HOLD_MAX), faults).unwrap_or_default(),
            keep_firing: record::time(record, "keep_firing_for", upto(HOLD_MAX), faults).unwrap_or_default(),
            offset: record::time(record, "offset", upto(OFFSET_MAX), faults).unwrap_or_default(),
        }
    }
}

/// The one condition of a rule.
fn condition(record: &Record<'_, '_>, group_by: Option<Vec<String>>, faults: &mut Faults) -> Option<Condition> {
    let said: Vec<_> = CONDITIONS.iter().filter_map(|name| record.key(name)).collect();
    let kind = match said[..] {
        [key] => key.name.as_str(),
        [] => {
            faults.add(record.place, "the rule has no condition", "write `condition`, `sql`, `promql` or `slo`");
            return None;
        }
        [_, second, ..] => {
            faults.add(second.place, format!("`{}` is a second condition", second.name), "make a rule of each");
            return None;
        }
    };
    if kind == "condition" {
        return measured(record, group_by, faults).map(Condition::Measure);
    }
    for key in OF_MEASURES.iter().filter_map(|name| record.key(name)) {
        faults.add(
            key.place,
            format!("`{}` says nothing beside `{kind}`", key.name),
            format!("write it into `{kind}`"),
        );
    }
    match kind {
        "sql" => record.parsed(kind, record::query, faults).map(Condition::Sql),
        "promql" => promql_query(record, kind, faults).map(Condition::Promql),
        _ => record.parsed(kind, record::checked_name, faults).map(Condition::SloBurn),
    }
}

/// The expression of a member.
pub(super) fn promql_query(record: &Record<'_, '_>, member: &str, faults: &mut Faults) -> Option<promql::Query> {
    let read = |text: &str| {
        let text = record::query(text)?;
        promql::parse(&text).map_err(|refused| Wrong::new(refused.message, "").at(refused.offset_in_text))
    };
    record.parsed(member, read, faults)
}

fn measured(record: &Record<'_, '_>, group_by: Option<Vec<String>>, faults: &mut Faults) -> Option<Measured> {
    let window = record::time(record, "over", (WINDOW_MIN, WINDOW_MAX), faults).unwrap_or(WINDOW_DEFAULT);
    let filter = record::filter(record, faults);
    let requests_min = record.parsed("min_requests", whole_number, faults);
    let short = record.parsed("condition", condition::parse, faults)?;
    let described = short.measure.described();
    if let Some(key) = record.key("min_requests").filter(|_| !described.needs_requests) {
        let problem = format!("`min_requests` says nothing of `{}`", described.name);
        faults.add(key.place, problem, "leave it out: it is for shares and response times");
    }
    Some(Measured {
        measure: short.measure,
        window,
        group_by: group_by.unwrap_or_else(|| described.labels.iter().map(|label| (*label).to_owned()).collect()),
        filter,
        comparison: short.comparison,
        threshold: short.threshold,
        requests_min: requests_min.unwrap_or(if described.needs_requests { REQUESTS_MIN } else { 0 }),
    })
}

fn whole_number(text: &str) -> Result<u64, Wrong> {
    text.trim().parse().map_err(|_| Wrong::new(format!("`{text}` is no whole number"), "write one, as in 10"))
}

/// Annotations; `summary` and `description` may also stand beside them.
fn annotations(record: &Record<'_, '_>, faults: &mut Faults) -> BTreeMap<String, Template> {
    let mut annotations = record::templates(record, "annotations", faults);
    for name in ["summary", "description"] {
        let Some(key) = record.key(name) else { continue };
        if let Some(template) = record.parsed(name, Template::parse, faults)
            && annotations.insert(name.to_owned(), template).is_some()
        {
            faults.add(key.place, format!("`{name}` stands in `annotations` too"), "keep one of them");
        }
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Comparison, Measure, NoData, Percent, Priority, Severity};
    use plugin::yaml::FAULTS_MAX;

    fn one(text: &str) -> Rule {
        let rules = read(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
        assert_eq!(rules.len(), 1, "{text}");
        rules.into_iter().next().expect("there is one").rule
    }

    #[test]
    fn the_six_rules_of_the_short_form_are_read_word_for_word() {
        let rules = read(include_str!("../../tests/rules/platform.yaml")).expect("all of them are right");

        let all: Vec<_> = rules.iter().map(|written| &written.rule).collect();
        let names: Vec<_> = all.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "High Error Rate",
                "API Slow Response",
                "Database Down",
                "Elevated Error Rate",
                "High CPU Usage",
                "Low Disk Space"
            ]
        );
        let measured: Vec<_> = all
            .iter()
            .map(|rule| match &rule.condition {
                Condition::Measure(measured) => (measured.measure, measured.threshold, measured.group_by.join(",")),
                other => panic!("{other:?}"),
            })
            .collect();
        let response_time = Measure::ResponseTime(Percent::P95);
        assert_eq!(
            measured,
            [
                (Measure::ErrorRate, 0.01, "service".to_owned()),
                (response_time, 150.0, "service".to_owned()),
                (Measure::DbConnectionFailed, 0.0, "service,db_system".to_owned()),
                (Measure::ErrorRate, 0.005, "service".to_owned()),
                (Measure::CpuUsage, 0.8, "host".to_owned()),
                (Measure::DiskUsage, 0.85, "host,mountpoint".to_owned()),
            ]
        );
        assert_eq!(all[2].channels, ["SMS", "Email", "Slack", "PagerDuty"]);
        assert_eq!((all[0].severity, all[0].incident), (Severity::Critical, Some(Priority::P1)));
        assert_eq!((all[5].severity, all[5].incident), (Severity::Warning, None));
        assert_eq!(rules[1].place, Place { line: 6, column: 3 });
    }

    #[test]
    fn a_measure_takes_its_window_its_filter_and_its_labels() {
        let rule = one(concat!(
            "- {name: a, severity: info, condition: error_rate >= 2%, over: 10m, min_requests: 50,\n",
            "   where: {service: checkout, http.route: /cart}, group_by: [operation], notification: [Email, 'a, b']}\n",
        ));

        let Condition::Measure(measured) = rule.condition else { panic!("{rule:?}") };
        assert_eq!(measured.window, Duration::from_secs(600));
        assert_eq!(measured.filter.get("http.route").map(String::as_str), Some("/cart"));
        assert_eq!(measured.group_by, ["operation"]);
        assert_eq!((measured.comparison, measured.requests_min), (Comparison::GreaterOrEqual, 50));
        assert_eq!(rule.channels, ["Email", "a, b"]);
        assert!(rule.group_by.is_empty());
    }

    #[test]
    fn the_long_form_says_all_there_is_to_a_rule() {
        let rule = one(r#"
rules:
  - name: Slow carts
    sql: |
      SELECT service_name AS service, count(*) AS value FROM spans
      GROUP BY 1
    for: 1h30m
    keep_firing_for: 10m
    interval: 1m
    offset: 15s
    no_data: alert
    severity: critical
    incident: none
    enabled: false
    group_by: service
    runbook: https://wiki.example.com/carts
    labels: {team: shop, version: 1.10}
    summary: "{{ $labels.service }} is slow"
    annotations:
      dashboard: carts
"#);

        assert!(matches!(&rule.condition, Condition::Sql(text) if text.starts_with("SELECT")));
        assert_eq!(rule.hold, Duration::from_secs(5400));
        assert_eq!(rule.keep_firing, Duration::from_secs(600));
        assert_eq!((rule.interval, rule.offset), (Duration::from_secs(60), Duration::from_secs(15)));
        assert_eq!((rule.no_data, rule.incident, rule.enabled), (NoData::Alert, None, false));
        assert_eq!(rule.group_by, ["service"]);
        assert_eq!(rule.labels["version"].text(), "1.10");
        assert_eq!(rule.annotations["summary"].text(), "{{ $labels.service }} is slow");
        assert_eq!(rule.runbook.as_deref(), Some("https://wiki.example.com/carts"));
    }

    #[test]
    fn slo_and_promql_are_conditions_too() {
        let slo = one("[{name: a, slo: '*', severity: info}]");
        let promql = one("[{name: a, promql: 'up == 0', severity: info}]");

        assert_eq!(slo.condition, Condition::SloBurn("*".to_owned()));
        assert!(matches!(promql.condition, Condition::Promql(query) if query.text() == "up == 0"));
    }

    #[test]
    fn all_faults_of_a_file_are_told_from_top_to_bottom() {
        let faults = read(include_str!("../../tests/rules/wrong.yaml")).expect_err("it is full of faults");

        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let expected: Vec<_> = include_str!("../../tests/rules/wrong.txt").lines().collect();
        assert_eq!(told, expected, "\n{}", told.join("\n"));
    }

    #[test]
    fn files_without_rules_have_none() {
        for text in ["", "# nothing\n", "[]", "rules: []", "groups: []"] {
            assert_eq!(read(text), Ok(Vec::new()), "{text}");
        }
    }

    #[test]
    fn too_many_rules_and_too_many_faults_are_told_and_not_cut_in_silence() {
        let rules: String =
            (0..=FILE_RULES_MAX).map(|n| format!("- {{name: r{n}, slo: a, severity: info}}\n")).collect();
        let wrong = "- {}\n".repeat(60);

        assert!(read(&rules).expect_err("too many")[0].problem.contains("5001 rules"));
        let faults = read(&wrong).expect_err("each has three faults");
        assert_eq!(faults.len(), FAULTS_MAX + 1);
        assert_eq!(faults[FAULTS_MAX].problem, "80 more faults follow");
    }

    #[test]
    fn a_label_with_the_value_in_it_is_noted() {
        let rules = read("[{name: a, slo: b, severity: info, labels: {x: '{{ $value }}'}}]").expect("it is right");

        assert!(rules[0].notes[0].contains("each value is an alert of its own"));
    }
}
