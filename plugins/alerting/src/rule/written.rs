//! Writes a rule in the long form, so that it can be taken elsewhere.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Condition, Measured, NoData, Priority, Rule, Severity, Template, duration, record};

/// A list with the rule in it; read again it is the same rule.
pub(crate) fn to_yaml(rule: &Rule) -> String {
    serde_saphyr::to_string(&[LongForm::of(rule)]).expect("texts, lists and maps of texts can be written")
}

/// What is as usual is left out.
#[derive(Debug, Default, Serialize)]
struct LongForm<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promql: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<String>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    filter: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_by: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_requests: Option<u64>,
    severity: Option<Severity>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notification: &'a [String],
    interval: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<String>,
    #[serde(skip_serializing_if = "is_usual")]
    no_data: NoData,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

fn is_usual(no_data: &NoData) -> bool {
    *no_data == NoData::default()
}

impl<'a> LongForm<'a> {
    fn of(rule: &'a Rule) -> Self {
        let some = |duration: std::time::Duration| (!duration.is_zero()).then(|| duration::written(duration));
        let is_usual_incident = rule.incident == record::usual_incident(rule.severity);
        let mut form = Self {
            name: &rule.name,
            group_by: (!rule.group_by.is_empty()).then_some(&rule.group_by[..]),
            severity: Some(rule.severity),
            notification: &rule.channels,
            interval: duration::written(rule.interval),
            hold: some(rule.hold),
            keep_firing_for: some(rule.keep_firing),
            offset: some(rule.offset),
            no_data: rule.no_data,
            labels: texts(&rule.labels),
            annotations: texts(&rule.annotations),
            runbook: rule.runbook.as_deref(),
            incident: (!is_usual_incident).then(|| incident(rule.incident)),
            enabled: (!rule.enabled).then_some(false),
            ..Self::default()
        };
        match &rule.condition {
            Condition::Measure(measured) => form.take(measured),
            Condition::Sql(sql) => form.sql = Some(sql),
            Condition::Promql(query) => form.promql = Some(query.text()),
            Condition::SloBurn(slo) => form.slo = Some(slo),
        }
        form
    }

    fn take(&mut self, measured: &'a Measured) {
        let described = measured.measure.described();
        let threshold = described.unit.written(measured.threshold);
        self.condition = Some(format!("{} {} {threshold}", described.name, measured.comparison.sign()));
        self.over = Some(duration::written(measured.window));
        self.filter = (!measured.filter.is_empty()).then_some(&measured.filter);
        self.group_by = Some(&measured.group_by);
        self.min_requests = described.needs_requests.then_some(measured.requests_min);
    }
}

fn texts(templates: &BTreeMap<String, Template>) -> BTreeMap<&str, &str> {
    templates.iter().map(|(name, template)| (name.as_str(), template.text())).collect()
}

fn incident(priority: Option<Priority>) -> &'static str {
    match priority {
        Some(Priority::P1) => "P1",
        Some(Priority::P2) => "P2",
        Some(Priority::P3) => "P3",
        Some(Priority::P4) => "P4",
        None => "none",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::promql;
    use crate::rule::measure::{MEASURES, Unit};
    use crate::rule::{Comparison, read};

    #[test]
    fn what_is_as_usual_is_left_out() {
        let rules = read("[{name: a, severity: critical, condition: db_connection_failed}]").expect("it is right");

        let written = to_yaml(&rules[0].rule);

        let expected = concat!(
            "- name: a\n  condition: db_connection_failed > 0\n  over: 5m\n  group_by:\n  - service\n  - db_system\n",
            "  severity: critical\n  interval: 30s\n"
        );
        assert_eq!(written.replace("    -", "  -"), expected);
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9:#'\"&*!|>%@`{} .,ü\\\\-]{0,12}[a-z0-9?:~#-]"
            .prop_map(|word| word.trim().to_owned())
            .prop_filter("a name is not empty and holds no comma", |word| !word.is_empty() && !word.contains(','))
    }

    fn text() -> impl Strategy<Value = Template> {
        ("([a-z:#'\"&*!|>%@` .,ü\\\\~-]| |\n|\t){0,160}", prop::bool::ANY).prop_map(|(text, with_label)| {
            let text = format!("{text}{}", if with_label { "{{ $labels.service | title }}" } else { "" });
            Template::parse(&text).expect("it is a template")
        })
    }

    fn texts() -> impl Strategy<Value = BTreeMap<String, Template>> {
        prop::collection::btree_map(word(), text(), 0..4)
    }

    fn seconds(most: u64) -> impl Strategy<Value = Duration> {
        (0..most).prop_map(Duration::from_secs)
    }

    fn measured() -> impl Strategy<Value = Condition> {
        let comparison = prop::sample::select(vec![Comparison::Greater, Comparison::LessOrEqual, Comparison::NotEqual]);
        let filter = prop::collection::btree_map(word(), word(), 0..3);
        let group_by = prop::collection::btree_set(word(), 0..3);
        (0..MEASURES.len(), comparison, 0.0_f64..1.0, 10_u64..100_000, filter, group_by, 0_u64..100).prop_map(
            |(at, comparison, share, window, filter, group_by, requests_min)| {
                let described = &MEASURES[at];
                Condition::Measure(Measured {
                    measure: described.measure,
                    window: Duration::from_secs(window),
                    group_by: group_by.into_iter().collect(),
                    filter,
                    comparison,
                    threshold: if described.unit == Unit::Share { share } else { share * 1e6 },
                    requests_min: if described.needs_requests { requests_min } else { 0 },
                })
            },
        )
    }

    fn condition() -> impl Strategy<Value = Condition> {
        prop_oneof![
            measured(),
            "SELECT '[a-z\n\"#:]{0,20}'".prop_map(Condition::Sql),
            "up == [0-9]".prop_map(|text| Condition::Promql(promql::parse(&text).expect("an expression"))),
            word().prop_map(Condition::SloBurn),
        ]
    }

    prop_compose! {
        fn rule()(
            name in word(),
            condition in condition(),
            severity in prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Critical]),
            (interval, hold, keep_firing, offset) in
                (1_u64..86_400, seconds(1_000_000), seconds(1_000_000), seconds(86_400)),
            no_data in prop::sample::select(vec![NoData::Ok, NoData::Alert, NoData::Keep]),
            (group_by, channels) in
                (prop::collection::btree_set(word(), 0..3), prop::collection::btree_set("[a-z:#-][a-z:# -]{0,8}x", 0..3)),
            (labels, annotations) in (texts(), texts()),
            runbook in prop::option::of("https://[a-z]{1,8}\\.example/[a-z#?%]{0,8}"),
            incident in prop::sample::select(vec![None, Some(Priority::P1), Some(Priority::P3)]),
            enabled in prop::bool::ANY,
        ) -> Rule {
            let is_measure = matches!(condition, Condition::Measure(_));
            Rule {
                name,
                condition,
                severity,
                interval: Duration::from_secs(interval),
                hold,
                keep_firing,
                offset,
                no_data,
                group_by: if is_measure { Vec::new() } else { group_by.into_iter().collect() },
                labels,
                annotations,
                channels: channels.into_iter().collect(),
                runbook,
                incident,
                enabled,
            }
        }
    }

    proptest! {
        #[test]
        fn a_rule_that_is_written_is_read_again(rule in rule()) {
            let written = to_yaml(&rule);

            let read = read(&written).map_err(|faults| TestCaseError::fail(format!("{written}\n{faults:?}")))?;

            prop_assert_eq!(&read[0].rule, &rule, "{}", written);
        }
    }
}
