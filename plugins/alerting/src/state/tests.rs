use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::labels::Labels;
use crate::rule::read;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Some time in 2025.
const START: i64 = 1_750_000_000 * SECOND;
const ALERTS_MAX: usize = 3;

/// A rule of SQL with these members beside.
fn rule(members: &str) -> Rule {
    let text = format!("[{{name: r, sql: SELECT 1, severity: warning, interval: 1m, {members}}}]");
    read(&text).unwrap_or_else(|faults| panic!("{text}: {faults:?}")).remove(0).rule
}

fn row(labels: &[(&str, &str)]) -> Found {
    Found { labels: labels.iter().copied().collect(), value: Some(1.0), traces: Vec::new() }
}

fn rows(services: &[&str]) -> Outcome {
    Outcome::Rows { rows: services.iter().map(|service| row(&[("service", *service)])).collect(), saw_data: true }
}

fn blind() -> Outcome {
    Outcome::Rows { rows: Vec::new(), saw_data: false }
}

/// A rule with its alerts, as the records would have them.
struct Watch {
    rule: Rule,
    active: Vec<Alert>,
}

impl Watch {
    fn over(members: &str) -> Self {
        Self { rule: rule(members), active: Vec::new() }
    }

    fn take(&mut self, changes: &[(Alert, Change)]) {
        for (alert, change) in changes {
            self.active.retain(|active| active.fingerprint != alert.fingerprint);
            if !matches!(change, Change::Resolved | Change::Passed) {
                self.active.push(alert.clone());
            }
        }
    }

    /// What happens `minutes` after the start, but for notes: `Fired{service="a"}`.
    fn at(&mut self, minutes: i64, outcome: &Outcome) -> Vec<String> {
        let changes = step(&self.rule, ALERTS_MAX, &self.active, outcome, START + minutes * MINUTE);
        self.take(&changes);
        let told = changes.iter().filter(|(_, change)| *change != Change::Noted);
        let mut told: Vec<_> = told.map(|(alert, change)| format!("{change:?}{}", alert.labels)).collect();
        told.sort();
        told
    }
}

#[test]
fn without_for_an_alert_fires_at_once_and_is_over_when_it_is_not_found() {
    let mut watch = Watch::over("");

    assert_eq!(watch.at(0, &rows(&["a", "b"])), ["Fired{service=\"a\"}", "Fired{service=\"b\"}"]);
    assert!(watch.at(1, &rows(&["a", "b"])).is_empty());
    assert_eq!(watch.at(2, &rows(&["b"])), ["Resolved{service=\"a\"}"]);
    assert_eq!(watch.at(3, &rows(&["a"])), ["Fired{service=\"a\"}", "Resolved{service=\"b\"}"]);
}

#[test]
fn with_for_it_fires_when_it_was_true_so_long_and_is_forgotten_when_it_was_not() {
    let mut watch = Watch::over("for: 3m");

    assert_eq!(watch.at(0, &rows(&["a", "b"])), ["Began{service=\"a\"}", "Began{service=\"b\"}"]);
    assert_eq!(watch.at(1, &rows(&["a"])), ["Passed{service=\"b\"}"]);
    assert!(watch.at(2, &rows(&["a"])).is_empty());
    assert_eq!(watch.at(3, &rows(&["a"])), ["Fired{service=\"a\"}"]);
    assert_eq!(watch.active[0].active_since, START);
    assert_eq!(watch.active[0].fired_at, Some(START + 3 * MINUTE));
}

#[test]
fn an_alert_is_kept_firing_and_goes_on_when_it_is_true_again() {
    let mut watch = Watch::over("keep_firing_for: 5m");
    watch.at(0, &rows(&["a"]));

    assert!(watch.at(1, &rows(&[])).is_empty());
    assert!(watch.at(5, &rows(&[])).is_empty());
    assert!(watch.at(6, &rows(&["a"])).is_empty() && watch.active[0].last_true.is_none());
    assert!(watch.at(7, &rows(&[])).is_empty());
    assert!(watch.at(11, &rows(&[])).is_empty());
    assert_eq!(watch.at(12, &rows(&[])), ["Resolved{service=\"a\"}"]);
}

#[test]
fn an_evaluation_that_failed_changes_nothing() {
    let mut watch = Watch::over("for: 2m");
    watch.at(0, &rows(&["a"]));

    assert!(watch.at(1, &Outcome::Failed).is_empty());
    assert_eq!(watch.at(2, &rows(&["a"])), ["Fired{service=\"a\"}"]);
    assert!(watch.at(3, &Outcome::Failed).is_empty() && watch.active.len() == 1);
}

#[test]
fn what_never_had_anything_to_look_at_is_not_missing_anything() {
    let (rule, mut memory) = (rule("no_data: alert"), Memory::default());
    let mut told = |minutes: i64, outcome: Outcome| {
        let changes = memory.step(&rule, ALERTS_MAX, outcome, START + minutes * MINUTE);
        let told: Vec<_> = changes.iter().map(|(alert, change)| format!("{change:?}{}", alert.labels)).collect();
        memory.take(changes);
        told
    };

    assert!(told(0, blind()).is_empty());
    assert!(told(1, rows(&[])).is_empty());
    assert_eq!(told(2, blind()), ["Fired{no_data=\"true\"}"]);
    assert!(told(3, Outcome::Failed).is_empty() && told(4, blind()).is_empty());
    assert_eq!(told(5, rows(&["a"])).len(), 2, "that is over, and another has begun");
}

#[test]
fn a_pending_alert_that_comes_back_from_the_records_fires_at_the_right_time() {
    let mut watch = Watch::over("for: 10m");
    watch.at(0, &rows(&["a"]));
    (1..7).for_each(|minute| drop(watch.at(minute, &rows(&["a"]))));

    let records = serde_json::to_string(&watch.active).expect("alerts are JSON");
    let mut watch = Watch { rule: watch.rule, active: serde_json::from_str(&records).expect("it was written") };

    assert!(watch.at(9, &rows(&["a"])).is_empty());
    assert_eq!(watch.at(10, &rows(&["a"])), ["Fired{service=\"a\"}"]);
}

#[test]
fn time_in_which_nobody_looked_does_not_make_for_true() {
    let mut watch = Watch::over("for: 10m");
    watch.at(0, &rows(&["a"]));

    assert!(watch.at(180, &rows(&["a"])).is_empty());
    assert_eq!(watch.active[0].active_since, START + 180 * MINUTE);
    (181..190).for_each(|minute| assert!(watch.at(minute, &rows(&["a"])).is_empty()));
    assert_eq!(watch.at(190, &rows(&["a"])), ["Fired{service=\"a\"}"]);
}

#[test]
fn a_clock_that_was_set_back_fires_nothing_early_and_nothing_twice() {
    let mut watch = Watch::over("for: 2m, keep_firing_for: 2m");
    watch.at(60, &rows(&["a", "b"]));
    watch.at(62, &rows(&["a"]));

    assert_eq!(watch.at(0, &rows(&["a", "b"])), ["Began{service=\"b\"}"]);
    assert!(watch.at(1, &rows(&["b"])).is_empty());
    assert_eq!(watch.at(2, &rows(&["b"])), ["Fired{service=\"b\"}"]);
    assert_eq!(watch.at(3, &rows(&["b"])), ["Resolved{service=\"a\"}"]);
}

#[test]
fn a_clock_that_was_set_back_delays_nothing_for_longer_than_the_rule_says() {
    let mut pending = Watch::over("for: 2m");
    pending.at(60, &rows(&["a"]));
    pending.at(0, &rows(&["a"]));
    let mut kept = Watch::over("keep_firing_for: 2m");
    kept.at(60, &rows(&["a"]));
    kept.at(61, &rows(&[]));
    kept.at(0, &rows(&[]));

    assert_eq!(pending.at(2, &rows(&["a"])), ["Fired{service=\"a\"}"]);
    assert_eq!(kept.at(2, &rows(&[])), ["Resolved{service=\"a\"}"]);
}

#[test]
fn a_pause_is_seen_after_a_clock_was_set_back() {
    let mut watch = Watch::over("for: 30m");
    [0, 2, 4, 6, 8, 10, 5].into_iter().for_each(|minute| drop(watch.at(minute, &rows(&["a"]))));

    watch.at(14, &rows(&["a"]));

    assert_eq!(watch.active[0].active_since, START + 14 * MINUTE);
}

#[test]
fn what_is_over_after_a_clock_was_set_back_is_not_over_before_it_fired() {
    let mut watch = Watch::over("");
    watch.at(60, &rows(&["a"]));

    let changes = step(&watch.rule, ALERTS_MAX, &watch.active, &rows(&[]), START);

    assert_eq!(changes[0].0.resolved_at, changes[0].0.fired_at);
}

#[test]
fn no_data_is_fine_or_an_alert_of_its_own_or_nothing_changes() {
    let check = |members: &str, expected: [&[&str]; 2]| {
        let mut watch = Watch::over(members);
        watch.at(0, &rows(&["a"]));
        assert_eq!(watch.at(1, &blind()), expected[0], "{members}");
        assert_eq!(watch.at(2, &rows(&[])), expected[1], "{members}");
    };

    check("no_data: ok", [&["Resolved{service=\"a\"}"], &[]]);
    check("no_data: keep", [&[], &["Resolved{service=\"a\"}"]]);
    let both: [&str; 2] = ["Resolved{no_data=\"true\", team=\"x\"}", "Resolved{service=\"a\", team=\"x\"}"];
    check("no_data: alert, labels: {team: x}", [&["Fired{no_data=\"true\", team=\"x\"}"], &both]);
}

#[test]
fn labels_are_those_of_the_row_with_those_of_the_rule_over_them() {
    let mut watch = Watch::over(
        "labels: {team: '{{ $labels.service }}s', env: test, gone: '{{ $labels.none }}'}, summary: '{{ $labels.env }}'",
    );
    let outcome = Outcome::Rows {
        rows: vec![row(&[("service", "a"), ("env", "prod"), ("gone", "x"), ("alertname", "y")])],
        saw_data: true,
    };

    assert_eq!(watch.at(0, &outcome), ["Fired{env=\"test\", service=\"a\", team=\"as\"}"]);
    assert_eq!(watch.active[0].annotations["summary"], "prod");
}

#[test]
fn rows_that_are_alike_are_one_alert_of_the_largest_value_with_the_traces_of_all() {
    let mut watch = Watch::over("group_by: service");
    let found = |pod: &str, value: f64, trace: &str| Found {
        labels: [("service", "a"), ("pod", pod)].into_iter().collect(),
        value: Some(value),
        traces: vec![trace.to_owned()],
    };
    let rows = vec![found("1", 2.0, "t1"), found("2", 5.0, "t2"), found("3", 3.0, "t2")];

    watch.at(0, &Outcome::Rows { rows, saw_data: true });

    assert_eq!(watch.active.len(), 1);
    assert_eq!(watch.active[0].value, Some(5.0));
    assert_eq!(watch.active[0].traces, ["t2", "t1"]);
}

#[test]
fn of_too_many_rows_those_that_are_alerts_stay_and_one_more_tells_how_many_are_left_out() {
    let mut watch = Watch::over("for: 1m");
    watch.at(0, &rows(&["g", "h"]));

    watch.at(1, &rows(&["a", "b", "c", "d", "e", "f", "g", "h"]));

    assert_eq!(watch.active.len(), ALERTS_MAX + 1);
    assert_eq!(watch.active.iter().filter(|alert| alert.state == AlertState::Firing).count(), 2);
    let rest = watch.active.iter().find(|alert| alert.labels.get("alerts_left_out").is_some()).expect("it is told");
    assert_eq!(rest.value, Some(5.0));
    assert!(rest.annotations["alerts_left_out"].starts_with("5 more"));
    assert_eq!(watch.at(2, &rows(&["a", "b", "c", "d", "e", "f", "g", "h", "i"])).len(), 2);
}

#[test]
fn labels_over_the_limit_are_left_out_and_counted() {
    let mut watch = Watch::over("labels: {zone: x}");
    let labels: Labels = (0..40).map(|n| (format!("l{n:02}"), "v")).collect();
    let outcome = Outcome::Rows { rows: vec![Found { labels, ..Found::default() }], saw_data: true };

    watch.at(0, &outcome);

    let labels = &watch.active[0].labels;
    assert_eq!(labels.len(), crate::labels::LABELS_MAX);
    assert_eq!((labels.get("zone"), labels.get("l29"), labels.get("l30")), (Some("x"), Some("v"), None));
    assert_eq!(labels.get("labels_left_out"), Some("10"));
}

#[test]
fn a_rule_that_asks_something_else_begins_again_and_one_with_other_texts_goes_on() {
    let mut watch = Watch::over("for: 5m");
    watch.at(0, &rows(&["a"]));
    let shorter = rule("for: 1m, summary: x");
    let other = Rule { condition: crate::rule::Condition::SloBurn("*".to_owned()), ..watch.rule.clone() };

    assert!(rule_changed(&watch.rule, &shorter, &watch.active).is_empty());
    assert_eq!(rule_changed(&watch.rule, &other, &watch.active)[0].1, Change::Passed);
    watch.rule = shorter;
    assert_eq!(watch.at(1, &rows(&["a"])), ["Fired{service=\"a\"}"]);
    assert!(rule_changed(&watch.rule, &other, &watch.active).is_empty());
    assert_eq!(rule_ended(&watch.active, START)[0].1, Change::Resolved);
}

#[test]
fn a_pending_alert_is_not_written_down_at_each_evaluation() {
    let mut watch = Watch::over("for: 1h");
    watch.at(0, &rows(&["a"]));

    let notes: usize = (1..60)
        .map(|minute| {
            let changes = step(&watch.rule, ALERTS_MAX, &watch.active, &rows(&["a"]), START + minute * MINUTE);
            watch.take(&changes);
            changes.len()
        })
        .sum();

    assert_eq!(notes, 29);
    assert_eq!(watch.active[0].active_since, START);
}

/// An evaluation: minutes since the one before, and which of three things were true; nothing if it failed.
type Looked = (i64, Option<[bool; 3]>);

fn looks() -> impl Strategy<Value = Vec<Looked>> {
    // Up to three minutes is surely within the tolerance of five, and six surely is not.
    let pause = prop_oneof![8 => 1_i64..=3, 1 => 6_i64..=200];
    let truth = [prop::bool::weighted(0.8), prop::bool::weighted(0.5), prop::bool::weighted(0.95)];
    prop::collection::vec((pause, prop::option::weighted(0.95, truth)), 1..60)
}

/// Whether it fires, from the whole history: `looked` has the minute and the truth of each evaluation that did not fail.
fn oracle(looked: &[(i64, bool)], hold: i64, keep: i64) -> bool {
    let (mut is_firing, mut run_start, mut false_since) = (false, None::<i64>, None::<i64>);
    let mut last_true = None::<i64>;
    for (minute, is_true) in looked {
        if *is_true {
            let is_unbroken = last_true.is_some_and(|last| minute - last <= 5);
            run_start = if is_unbroken { run_start } else { None };
            run_start.get_or_insert(*minute);
            (last_true, false_since) = (Some(*minute), None);
            is_firing |= run_start.is_some_and(|start| minute - start >= hold);
        } else {
            (run_start, last_true) = (None, None);
            false_since.get_or_insert(*minute);
            is_firing &= false_since.is_some_and(|since| minute - since < keep);
        }
    }
    is_firing
}

proptest! {
    #[test]
    fn what_fires_is_what_the_whole_history_says(looks in looks(), hold in 0_i64..8, keep in 0_i64..8) {
        let mut watch = Watch::over(&format!("for: {hold}m, keep_firing_for: {keep}m"));
        let mut histories = [Vec::new(), Vec::new(), Vec::new()];
        let mut minute = 0;

        for (pause, truth) in looks {
            // A failed evaluation is a pause as well; one after it makes the pause surely too long.
            minute += pause;
            let Some(truth) = truth else {
                prop_assert!(watch.at(minute, &Outcome::Failed).is_empty());
                minute += 6;
                continue;
            };
            let services: Vec<_> = ["a", "b", "c"].into_iter().zip(truth).filter(|(_, is_true)| *is_true).collect();
            watch.at(minute, &rows(&services.iter().map(|(name, _)| *name).collect::<Vec<_>>()));
            for (place, name) in ["a", "b", "c"].into_iter().enumerate() {
                histories[place].push((minute, truth[place]));
                let alert = watch.active.iter().find(|alert| alert.labels.get("service") == Some(name));
                let is_firing = alert.is_some_and(|alert| alert.state == AlertState::Firing);
                prop_assert_eq!(is_firing, oracle(&histories[place], hold, keep), "{} {:?}", name, &histories[place]);
            }
        }
    }

    #[test]
    fn whatever_the_clock_does_an_alert_fires_once_and_is_over_once(
        looks in prop::collection::vec((-400_i64..400, 0_u8..32), 1..80),
        hold in 0_i64..5,
        keep in 0_i64..5,
        no_data in prop::sample::select(vec!["ok", "alert", "keep"]),
    ) {
        let mut watch = Watch::over(&format!("for: {hold}m, keep_firing_for: {keep}m, no_data: {no_data}"));
        let mut last: BTreeMap<String, Change> = BTreeMap::new();
        let mut at = START;

        for (seconds, found) in looks {
            at += seconds * SECOND;
            let named = ["a", "b", "c", "d", "e"].into_iter().enumerate();
            let services: Vec<_> = named.filter(|(n, _)| found & (1 << n) != 0).map(|(_, name)| name).collect();
            let outcome = if found == 0 { blind() } else { rows(&services) };
            let changes = step(&watch.rule, ALERTS_MAX, &watch.active, &outcome, at);
            prop_assert_eq!(&changes, &step(&watch.rule, ALERTS_MAX, &watch.active, &outcome, at));
            for (alert, change) in &changes {
                prop_assert!(alert.active_since <= alert.fired_at.unwrap_or(i64::MAX), "{:?}", alert);
                prop_assert!(alert.fired_at <= alert.resolved_at.or(Some(i64::MAX)), "{:?}", alert);
                let before = last.get(&alert.fingerprint).copied();
                let is_in_turn = match change {
                    Change::Began => before.is_none(),
                    Change::Fired => before != Some(Change::Fired) && alert.fired_at == Some(at)
                        && at - alert.active_since >= hold * MINUTE,
                    Change::Resolved => before == Some(Change::Fired),
                    Change::Passed => before == Some(Change::Began),
                    Change::Noted => before.is_some(),
                };
                prop_assert!(is_in_turn, "{:?} after {:?}", change, before);
                match change {
                    Change::Noted => {}
                    Change::Resolved | Change::Passed => drop(last.remove(&alert.fingerprint)),
                    change => drop(last.insert(alert.fingerprint.clone(), *change)),
                }
            }
            watch.take(&changes);
            let mut fingerprints: Vec<_> = watch.active.iter().map(|alert| &alert.fingerprint).collect();
            fingerprints.sort();
            fingerprints.dedup();
            prop_assert_eq!(fingerprints.len(), watch.active.len());
        }
    }
}
