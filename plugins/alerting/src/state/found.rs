//! What an evaluation found: rows, and the alerts that they stand for.

use std::collections::{BTreeMap, HashSet};

use crate::alert::{Alert, AlertState};
use crate::labels::{LABELS_MAX, Labels};
use crate::rule::{Condition, RESERVED, Rule};

/// Most trace ids that an alert names.
pub(crate) const TRACES_MAX: usize = 5;

/// The annotation that is the first line of what people are told; measures have one though their rules do not say.
const SUMMARY: &str = "summary";
const NO_DATA: &str = "no_data";
const ALERTS_LEFT_OUT: &str = "alerts_left_out";
const LABELS_LEFT_OUT: &str = "labels_left_out";

/// What an evaluation came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Rows {
        /// Each is something that is wrong.
        rows: Vec<Found>,
        /// False only when there is nothing to look at now and there was before. Always true of a rule that cannot
        /// tell, as with `sql:`, whose rows are all there is to see.
        saw_data: bool,
    },
    /// It could not be evaluated, so nothing is known and nothing changes.
    Failed,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Found {
    pub(crate) labels: Labels,
    pub(crate) value: Option<f64>,
    pub(crate) traces: Vec<String>,
}

/// What an alert is made of.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) labels: Labels,
    pub(super) value: Option<f64>,
    pub(super) traces: Vec<String>,
    /// Labels of the row, which templates see.
    of_row: Labels,
    /// What is to be told beside the annotations of the rule.
    remark: Option<(&'static str, String)>,
}

impl Instance {
    fn new(rule: &Rule, row: &Found) -> Self {
        let is_kept = |name: &str| {
            !RESERVED.contains(&name) && (rule.group_by.is_empty() || rule.group_by.iter().any(|by| by == name))
        };
        let of_row: Labels = row.labels.iter().filter(|(name, _)| is_kept(name)).collect();
        let mut labels = Labels::default();
        for (name, template) in &rule.labels {
            labels.set(name, template.render(&of_row, row.value));
        }
        let free: Vec<_> = of_row.iter().filter(|(name, _)| labels.get(name).is_none()).collect();
        let room = LABELS_MAX.saturating_sub(labels.len());
        let left_out = if free.len() > room { free.len() - room.saturating_sub(1) } else { 0 };
        for (name, value) in &free[..free.len() - left_out] {
            labels.set(*name, *value);
        }
        if left_out > 0 {
            labels.set(LABELS_LEFT_OUT, left_out.to_string());
        }
        without_empty(rule, &mut labels);
        let traces = row.traces.iter().take(TRACES_MAX).cloned().collect();
        Self { labels, value: row.value, traces, of_row, remark: None }
    }

    /// One that no row stands for.
    fn told(rule: &Rule, label: &'static str, value: Option<f64>, remark: String) -> Self {
        let mut instance = Self::new(rule, &Found { value, ..Found::default() });
        instance.labels.set(label, "true");
        instance.remark = Some((label, remark));
        instance
    }

    pub(super) fn fingerprint(&self) -> String {
        format!("{:016x}", self.labels.fingerprint())
    }

    pub(super) fn annotations(&self, rule: &Rule) -> BTreeMap<String, String> {
        let rendered = |template: &crate::rule::Template| template.render(&self.of_row, self.value);
        let of_rule = rule.annotations.iter().map(|(name, template)| (name.clone(), rendered(template)));
        let mut all: BTreeMap<String, String> =
            of_rule.chain(self.remark.clone().map(|(name, text)| (name.to_owned(), text))).collect();
        if let (Condition::Measure(measured), Some(value), None) = (&rule.condition, self.value, &self.remark) {
            all.entry(SUMMARY.to_owned()).or_insert_with(|| measured.told(value));
        }
        all
    }

    /// Of rows that are alike, the one with the largest value is told, with the traces of all.
    fn join(&mut self, other: Self) {
        let is_larger = other.value.is_some_and(|value| self.value.is_none_or(|own| value > own));
        let (mut told, also) = if is_larger { (other, self.clone()) } else { (self.clone(), other) };
        for trace in also.traces {
            if told.traces.len() < TRACES_MAX && !told.traces.contains(&trace) {
                told.traces.push(trace);
            }
        }
        *self = told;
    }
}

/// A label of the rule that comes to nothing is none, as in Prometheus.
fn without_empty(rule: &Rule, labels: &mut Labels) {
    for name in rule.labels.keys() {
        if labels.get(name) == Some("") {
            labels.remove(name);
        }
    }
}

/// By fingerprint. Of too many those stay that are alerts already, then the first; one more tells how many are left out.
pub(super) fn instances(
    rule: &Rule,
    alerts_max: usize,
    active: &[Alert],
    rows: &[Found],
) -> BTreeMap<String, Instance> {
    let mut all: BTreeMap<String, Instance> = BTreeMap::new();
    for row in rows {
        let instance = Instance::new(rule, row);
        match all.entry(instance.fingerprint()) {
            std::collections::btree_map::Entry::Occupied(mut alike) => alike.get_mut().join(instance),
            std::collections::btree_map::Entry::Vacant(free) => drop(free.insert(instance)),
        }
    }
    if all.len() <= alerts_max {
        return all;
    }
    let left_out = all.len() - alerts_max;
    let is_active = |alert: &&Alert| alert.state != AlertState::Resolved;
    let active: HashSet<&str> = active.iter().filter(is_active).map(|alert| alert.fingerprint.as_str()).collect();
    let (known, new): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(fingerprint, _)| active.contains(fingerprint.as_str()));
    let mut kept: BTreeMap<String, Instance> = known.into_iter().chain(new).take(alerts_max).collect();
    // How many is the value and no label: an alert whose labels change with each evaluation would be a new one each time.
    let remark = format!("{left_out} more are not told one by one: a rule may have {alerts_max} alerts");
    let instance = Instance::told(rule, ALERTS_LEFT_OUT, Some(left_out as f64), remark);
    kept.insert(instance.fingerprint(), instance);
    kept
}

/// The alert of a rule that finds nothing to look at any more.
pub(super) fn no_data(rule: &Rule) -> BTreeMap<String, Instance> {
    let remark = "there is nothing to look at any more where there was before".to_owned();
    let instance = Instance::told(rule, NO_DATA, None, remark);
    BTreeMap::from([(instance.fingerprint(), instance)])
}
