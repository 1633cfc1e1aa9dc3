//! Rules as Prometheus has them, below `groups:`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use plugin::yaml::{Faults, Node, Record};

use super::file::{Written, label_notes, promql_query};
use super::record::{self, HOLD_MAX, INTERVAL_DEFAULT, INTERVAL_MAX, INTERVAL_MIN, NAME_BYTES_MAX, OFFSET_MAX};
use super::template::Template;
use super::{Condition, NoData, Rule, Severity};

const GROUP_MEMBERS: [&str; 6] = ["name", "interval", "limit", "query_offset", "labels", "rules"];
const MEMBERS: [&str; 7] = ["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// What the rules of a group have from it.
#[derive(Debug)]
struct Group {
    name: String,
    interval: Duration,
    offset: Duration,
    labels: BTreeMap<String, Template>,
    notes: Vec<String>,
}

/// Adds the rules of groups to those that stand in the file already.
pub(super) fn grouped(nodes: &[Node<'_>], rules: &mut Vec<Written>, faults: &mut Faults) {
    let mut names = Names::of(rules);
    let mut groups: HashSet<String> = HashSet::new();
    for (place, node) in nodes.iter().enumerate() {
        let Some(record) = node.record("a group", &GROUP_MEMBERS, faults) else { continue };
        let group = group(&record, faults);
        let items = record.required("rules", "the group", faults).and_then(|node| node.list("`rules`", faults));
        for item in items.unwrap_or_default() {
            let Some(mut written) = rule(item, &group, faults) else { continue };
            written.rule.name = names.free(&written.alertname, &group.name, place);
            note_name(&mut written, faults);
            rules.push(written);
        }
        if let Some(name) = groups.replace(group.name) {
            faults.add(record.place, format!("the group `{name}` is there twice"), "give each a name of its own");
        }
    }
}

fn note_name(written: &mut Written, faults: &mut Faults) {
    let (name, alert) = (&written.rule.name, &written.alertname);
    if name.len() > NAME_BYTES_MAX {
        let problem = format!("the name `{name}` has more than {NAME_BYTES_MAX} bytes");
        faults.add(written.place, problem, "give the alert a name that no other rule has");
    }
    if name != alert {
        written.notes.push(format!("its name is `{name}`: another rule is `{alert}` already"));
    }
}

/// The names that rules of a file have.
struct Names {
    /// With the place of the group that has it; none for rules outside of groups.
    taken: HashMap<String, Option<usize>>,
    /// The last number behind each name.
    numbers: HashMap<String, usize>,
}

impl Names {
    fn of(rules: &[Written]) -> Self {
        let taken = rules.iter().map(|written| (written.rule.name.clone(), None)).collect();
        Self { taken, numbers: HashMap::new() }
    }

    /// A name that no rule has yet: with the group's before it if a rule outside has it, then with a number behind it.
    fn free(&mut self, alert: &str, group: &str, place: usize) -> String {
        let is_taken_outside = self.taken.get(alert).is_some_and(|taken_by| *taken_by != Some(place));
        let base = if is_taken_outside { format!("{group}/{alert}") } else { alert.to_owned() };
        let number = self.numbers.entry(base.clone()).or_insert(1);
        let mut name = base.clone();
        while self.taken.contains_key(&name) {
            *number += 1;
            name = format!("{base} ({number})");
        }
        self.taken.insert(name.clone(), Some(place));
        name
    }
}

fn group(record: &Record<'_, '_>, faults: &mut Faults) -> Group {
    let name = record::name(record, "name", "the group", faults).unwrap_or_default();
    let interval = record::time(record, "interval", (INTERVAL_MIN, INTERVAL_MAX), faults).unwrap_or(INTERVAL_DEFAULT);
    let offset = record::time(record, "query_offset", (Duration::ZERO, OFFSET_MAX), faults).unwrap_or_default();
    let labels = record::templates(record, "labels", faults);
    let limit = record.text("limit", faults).filter(|limit| limit.trim() != "0");
    let notes = limit.map(|limit| format!("`limit: {limit}` of its group is not used; `alerts_per_rule_max` holds"));
    Group { name, interval, offset, labels, notes: notes.into_iter().collect() }
}

fn rule(node: &Node<'_>, group: &Group, faults: &mut Faults) -> Option<Written> {
    let record = node.record("a rule", &MEMBERS, faults)?;
    if let Some(key) = record.key("record") {
        let remedy = "leave it out, and write its expression where it is used";
        faults.add(key.place, "recording rules are not supported", remedy);
        return None;
    }
    let alertname = record::name(&record, "alert", "the rule", faults);
    record.required("expr", "the rule", faults);
    let query = promql_query(&record, "expr", faults);
    let hold = record::time(&record, "for", (Duration::ZERO, HOLD_MAX), faults).unwrap_or_default();
    let keep_firing = record::time(&record, "keep_firing_for", (Duration::ZERO, HOLD_MAX), faults).unwrap_or_default();
    let mut labels = group.labels.clone();
    labels.extend(record::templates(&record, "labels", faults));
    let annotations = record::templates(&record, "annotations", faults);
    let (alertname, query) = (alertname?, query?);
    let severity = severity(labels.get("severity").map(Template::text));
    let runbook = annotations.get("runbook_url").and_then(|template| record::runbook(template.text()).ok());
    let rule = Rule {
        name: alertname.clone(),
        condition: Condition::Promql(query),
        severity,
        interval: group.interval,
        hold,
        keep_firing,
        offset: group.offset,
        no_data: NoData::Ok,
        group_by: Vec::new(),
        labels,
        runbook: runbook.filter(|runbook| !runbook.contains("{{")),
        annotations,
        channels: Vec::new(),
        incident: record::usual_incident(severity),
        enabled: true,
    };
    let mut notes = group.notes.clone();
    notes.extend(label_notes(&rule));
    Some(Written { rule, place: node.place, alertname, notes })
}

/// Of the label that rules of Prometheus usually have.
fn severity(label: Option<&str>) -> Severity {
    match label.map(str::trim) {
        Some("critical" | "page") => Severity::Critical,
        Some("warning" | "ticket") => Severity::Warning,
        _ => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::read;

    const GROUPS: &str = r#"
groups:
  - name: shop
    interval: 1m
    limit: 5
    query_offset: 10s
    labels: {team: shop, severity: ticket}
    rules:
      - alert: HighErrorRate
        expr: sum by (job) (rate(errors_total[5m])) > 1
        for: 10m
        keep_firing_for: 5m
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.job }} has {{ $value | humanize }} errors a second"
          runbook_url: https://wiki.example.com/errors
      - alert: HighErrorRate
        expr: up == 0
  - name: other
    rules:
      - {alert: HighErrorRate, expr: up == 1}
      - {alert: HighErrorRate, expr: up == 2}
rules:
  - {name: Slow, condition: p95_response_time > 1s, severity: info}
"#;

    #[test]
    fn groups_of_prometheus_are_read() {
        let rules = read(GROUPS).expect("they are right");

        let first = &rules[1].rule;
        assert_eq!((first.severity, first.hold), (Severity::Critical, Duration::from_secs(600)));
        assert_eq!((first.interval, first.offset), (Duration::from_secs(60), Duration::from_secs(10)));
        assert_eq!(first.labels["team"].text(), "shop");
        assert_eq!(first.runbook.as_deref(), Some("https://wiki.example.com/errors"));
        assert_eq!(rules[2].rule.severity, Severity::Warning);
        assert_eq!(rules[3].rule.severity, Severity::Info);
        assert!(rules[1].notes[0].contains("`limit: 5`"));
    }

    #[test]
    fn alerts_of_one_name_get_names_of_their_own_and_it_is_said() {
        let rules = read(GROUPS).expect("they are right");

        let names: Vec<_> = rules.iter().map(|written| written.rule.name.as_str()).collect();
        let expected = ["Slow", "HighErrorRate", "HighErrorRate (2)", "other/HighErrorRate", "other/HighErrorRate (2)"];
        assert_eq!(names, expected);
        assert_eq!(rules[4].alertname, "HighErrorRate");
        assert!(rules[4].notes[0].contains("other/HighErrorRate (2)"));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let file = "groups: [{name: a, every: 1m, rules: [{record: r, expr: up}, {alert: b}]}, {name: a, rules: []}]";

        let faults = read(file).expect_err("it is wrong");

        let told: Vec<_> = faults.iter().map(|fault| fault.problem.as_str()).collect();
        let expected = [
            "a group has no member `every`",
            "recording rules are not supported",
            "the rule has no `expr`",
            "the group `a` is there twice",
        ];
        assert_eq!(told, expected);
    }
}
