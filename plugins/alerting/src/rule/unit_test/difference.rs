//! What was expected and what there is, told so that one sees the difference.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Expectation, ExpectedAlert};
use crate::alert::{Alert, AlertState};
use crate::labels::Labels;
use crate::rule::duration;

/// How the alerts of the rules that the expectation names differ from it, if they do. Only those that fire count.
pub(crate) fn difference(expectation: &Expectation, alerts: &[Alert]) -> Option<String> {
    let mut firing: Vec<&Alert> = alerts.iter().filter(|alert| alert.state == AlertState::Firing).collect();
    let mut missing: Vec<&ExpectedAlert> = expectation.alerts.iter().collect();
    // Those that are right first, so that of two with the same labels the right one is not taken for the wrong one.
    take_pairs(&mut missing, &mut firing, |expected, alert| {
        has_labels(expected, alert) && has_annotations(expected, alert)
    });
    let others = take_pairs(&mut missing, &mut firing, has_labels);
    if missing.is_empty() && firing.is_empty() && others.is_empty() {
        return None;
    }
    let time = duration::written(expectation.eval_time);
    let mut told = format!("line {}: `{}` at {time}", expectation.place.line, expectation.alertname);
    for expected in missing {
        let labels: Labels = expected.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        write!(told, "\n  does not fire: {labels}").expect("a text takes all");
    }
    for alert in firing {
        write!(told, "\n  fires, and is not expected: {}", alert.labels).expect("a text takes all");
    }
    for (expected, alert) in others {
        annotations(&mut told, expected, alert);
    }
    Some(told)
}

/// Takes out the pairs that fit each other.
fn take_pairs<'e, 'a>(
    missing: &mut Vec<&'e ExpectedAlert>,
    firing: &mut Vec<&'a Alert>,
    fit: impl Fn(&ExpectedAlert, &Alert) -> bool,
) -> Vec<(&'e ExpectedAlert, &'a Alert)> {
    let mut pairs = Vec::new();
    missing.retain(|expected| {
        let found = firing.iter().position(|alert| fit(expected, alert));
        pairs.extend(found.map(|place| (*expected, firing.remove(place))));
        found.is_none()
    });
    pairs
}

fn has_labels(expected: &ExpectedAlert, alert: &Alert) -> bool {
    let names = expected.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    names.eq(alert.labels.iter())
}

fn has_annotations(expected: &ExpectedAlert, alert: &Alert) -> bool {
    expected.annotations.as_ref().is_none_or(|annotations| *annotations == alert.annotations)
}

fn annotations(told: &mut String, expected: &ExpectedAlert, alert: &Alert) {
    let none = BTreeMap::new();
    let expected = expected.annotations.as_ref().unwrap_or(&none);
    let missing = expected.keys().filter(|name| !alert.annotations.contains_key(*name));
    for name in alert.annotations.keys().chain(missing) {
        let (is, should) = (alert.annotations.get(name), expected.get(name));
        let told_or_none = |text: Option<&String>| text.map_or("not there".to_owned(), |text| format!("{text:?}"));
        if is != should {
            let (is, should) = (told_or_none(is), told_or_none(should));
            write!(told, "\n  {}: `{name}` is {is}, should be {should}", alert.labels).expect("a text takes all");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TestFile;
    use super::*;
    use crate::rule::read;
    use crate::state::{Found, Memory, Outcome};

    fn expectation(alerts: &str) -> Expectation {
        let text = format!(
            "{{rule_files: [], tests: [{{alert_rule_test: [{{eval_time: 5m, alertname: r, exp_alerts: {alerts}}}]}}]}}"
        );
        TestFile::read(&text).expect(&text).tests.remove(0).expectations.remove(0)
    }

    fn firing(services: &[&str]) -> Vec<Alert> {
        let rules =
            read("[{name: r, slo: x, severity: info, summary: '{{ $labels.service }} burns'}]").expect("it is right");
        let found =
            |service: &&str| Found { labels: [("service", *service)].into_iter().collect(), ..Found::default() };
        let outcome = Outcome::Rows { rows: services.iter().map(found).collect(), saw_data: true };
        Memory::default().step(&rules[0].rule, 100, outcome, 0).into_iter().map(|(alert, _)| alert).collect()
    }

    #[test]
    fn alerts_that_are_as_expected_have_no_difference_in_any_order() {
        let check = |expected: &str, services: &[&str]| {
            assert_eq!(difference(&expectation(expected), &firing(services)), None, "{expected}");
        };

        check("[]", &[]);
        check("[{exp_labels: {service: b}}, {exp_labels: {service: a}}]", &["a", "b"]);
        check("[{exp_labels: {service: a}, exp_annotations: {summary: a burns}}]", &["a"]);
    }

    #[test]
    fn what_differs_is_told_line_by_line() {
        let expected =
            "[{exp_labels: {service: a}, exp_annotations: {summary: a is hot, x: y}}, {exp_labels: {service: c}}]";

        let told = difference(&expectation(expected), &firing(&["a", "b"])).expect("they differ");

        let expected = [
            "line 1: `r` at 5m",
            "  does not fire: {service=\"c\"}",
            "  fires, and is not expected: {service=\"b\"}",
            "  {service=\"a\"}: `summary` is \"a burns\", should be \"a is hot\"",
            "  {service=\"a\"}: `x` is not there, should be \"y\"",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    }
}
