//! How much of processors, memory and disks is used, from the metrics that collectors and libraries send by default.
//!
//! Names are those of OpenTelemetry's semantic conventions; where a machine sends several, the first of the list counts.

use std::collections::{BTreeMap, BTreeSet};

use plugin::hub::Moment;
use plugin::model::Timestamp;
use plugin::query::Statement;

use super::answer::Answer;
use super::calls::read_labels;
use super::dimension::{Asked, first_columns};
use crate::labels::Labels;

const MOUNTPOINT: &str = "mountpoint";

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Cpu,
    Memory,
    Disk,
}

/// How a share is read from the points of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Shares of each state; what is not idle is used.
    BusyShares,
    /// Seconds in each state, counted up.
    BusySeconds,
    /// Shares of each state; what is used counts.
    UsedShares,
    /// Bytes of each state.
    UsedBytes,
    /// The share itself; states add up, and of several the largest counts.
    Share,
}

impl Resource {
    /// Names of its metrics, the best first.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.metrics().iter().map(|(name, _)| *name)
    }

    /// Metrics, the best first.
    fn metrics(self) -> &'static [(&'static str, Reading)] {
        match self {
            Self::Cpu => &[
                ("system.cpu.utilization", Reading::BusyShares),
                ("system.cpu.time", Reading::BusySeconds),
                ("k8s.container.cpu_limit_utilization", Reading::Share),
                ("k8s.pod.cpu_limit_utilization", Reading::Share),
                ("container.cpu.utilization", Reading::Share),
                ("process.cpu.utilization", Reading::Share),
            ],
            Self::Memory => &[
                ("system.memory.utilization", Reading::UsedShares),
                ("system.memory.usage", Reading::UsedBytes),
                ("k8s.container.memory_limit_utilization", Reading::Share),
                ("k8s.pod.memory_limit_utilization", Reading::Share),
                ("process.memory.utilization", Reading::Share),
            ],
            Self::Disk => &[
                ("system.filesystem.utilization", Reading::UsedShares),
                ("system.filesystem.usage", Reading::UsedBytes),
            ],
        }
    }
}

/// The points of these metrics since then, by labels, metric, state and series.
pub(crate) fn statement(resource: Resource, from: Timestamp, labels: &BTreeSet<String>) -> Statement {
    let mut asked = Asked::default();
    let labels = asked_labels(resource, labels);
    let mut columns: Vec<String> = labels.iter().map(|label| asked.dimension(label)).collect();
    let states = ["cpu.mode", "system.cpu.state", "system.memory.state", "system.filesystem.state", "state", "mode"];
    let states = states.map(|key| format!("attributes->>'{key}'")).join(", ");
    columns.extend(["name".to_owned(), format!("coalesce({states})"), "series_id".to_owned()]);
    let (group, from) = (first_columns(columns.len()), asked.param(Moment(from).to_string()));
    let names: Vec<String> = resource.metrics().iter().map(|(name, _)| asked.param(*name)).collect();
    let value = "coalesce(value, cast(value_int AS double))";
    asked.statement(format!(
        "SELECT {}, avg({value}), max({value}) - min({value}) FROM metrics WHERE time >= {from} AND name IN ({}) GROUP BY {group}",
        columns.join(", "),
        names.join(", ")
    ))
}

/// Disks are told apart, or a full one would hide behind an empty one.
fn asked_labels(resource: Resource, labels: &BTreeSet<String>) -> BTreeSet<String> {
    let mut labels = labels.clone();
    if resource == Resource::Disk {
        labels.insert(MOUNTPOINT.to_owned());
    }
    labels
}

/// What was seen of one series.
#[derive(Clone, Debug)]
struct Seen {
    state: Option<String>,
    average: f64,
    increase: f64,
}

/// The answer to [`statement`]: the share that is used of each thing.
pub(crate) fn read(resource: Resource, answer: &Answer, names: &BTreeSet<String>) -> Vec<(Labels, f64)> {
    let asked = asked_labels(resource, names);
    let (labels, count) = (read_labels(answer, &asked), asked.len());
    let (metrics, states) = (answer.texts(count), answer.texts(count + 1));
    let (averages, increases) = (answer.numbers(count + 3), answer.numbers(count + 4));
    let mut things: BTreeMap<Labels, BTreeMap<String, Vec<Seen>>> = BTreeMap::new();
    for (row, labels) in labels.into_iter().enumerate() {
        let (Some(metric), Some(average), Some(increase)) = (&metrics[row], averages[row], increases[row]) else {
            continue;
        };
        let seen = Seen { state: states[row].clone(), average, increase };
        things.entry(labels).or_default().entry(metric.clone()).or_default().push(seen);
    }
    let shares = things.into_iter().filter_map(|(labels, metrics)| Some((labels, share(resource, &metrics)?)));
    by_names(shares, names)
}

/// Of things with the same labels, the one that is used most.
fn by_names(shares: impl Iterator<Item = (Labels, f64)>, names: &BTreeSet<String>) -> Vec<(Labels, f64)> {
    let mut all: BTreeMap<Labels, f64> = BTreeMap::new();
    for (labels, share) in shares {
        let labels = labels.iter().filter(|(name, _)| names.contains(*name)).collect();
        all.entry(labels).and_modify(|most| *most = most.max(share)).or_insert(share);
    }
    all.into_iter().collect()
}

fn share(resource: Resource, metrics: &BTreeMap<String, Vec<Seen>>) -> Option<f64> {
    resource.metrics().iter().find_map(|(name, reading)| reading.share(metrics.get(*name)?))
}

impl Reading {
    fn share(self, series: &[Seen]) -> Option<f64> {
        let of = |state: &'static str| series.iter().filter(move |seen| seen.state.as_deref() == Some(state));
        let average = |seen: &mut dyn Iterator<Item = &Seen>| {
            let (sum, count) = seen.fold((0.0, 0_u32), |(sum, count), seen| (sum + seen.average, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        match self {
            Self::BusyShares => average(&mut of("idle")).map(|idle| 1.0 - idle).or_else(|| Self::Share.share(series)),
            Self::BusySeconds => {
                let all: f64 = series.iter().map(|seen| seen.increase).sum();
                let idle: f64 = of("idle").map(|seen| seen.increase).sum();
                (all > 0.0).then(|| 1.0 - idle / all)
            }
            Self::UsedShares => match of("used").map(|seen| seen.average).reduce(f64::max) {
                Some(used) => Some(used),
                None => Self::Share.share(series),
            },
            Self::UsedBytes => {
                let all: f64 = series.iter().map(|seen| seen.average).sum();
                let used: f64 = of("used").map(|seen| seen.average).sum();
                (all > 0.0).then(|| used / all)
            }
            Self::Share => {
                let mut by_state: BTreeMap<Option<&str>, f64> = BTreeMap::new();
                for seen in series {
                    let most = by_state.entry(seen.state.as_deref()).or_insert(seen.average);
                    *most = most.max(seen.average);
                }
                (!by_state.is_empty()).then(|| by_state.values().sum())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(state: &str, average: f64, increase: f64) -> Seen {
        Seen { state: (!state.is_empty()).then(|| state.to_owned()), average, increase }
    }

    fn check(resource: Resource, metrics: &[(&str, Vec<Seen>)], expected: f64) {
        let metrics = metrics.iter().map(|(name, seen)| ((*name).to_owned(), seen.clone())).collect();
        let share = share(resource, &metrics).expect("a share");
        assert!((share - expected).abs() < 1e-9, "{resource:?}: {share}, not {expected}");
    }

    #[test]
    fn what_is_not_idle_is_used() {
        let shares = vec![seen("idle", 0.2, 0.0), seen("user", 0.7, 0.0), seen("idle", 0.4, 0.0)];
        check(Resource::Cpu, &[("system.cpu.utilization", shares)], 0.7);
        let seconds = vec![seen("idle", 900.0, 30.0), seen("user", 100.0, 60.0), seen("system", 50.0, 10.0)];
        check(Resource::Cpu, &[("system.cpu.time", seconds)], 0.7);
        check(
            Resource::Cpu,
            &[("process.cpu.utilization", vec![seen("user", 0.3, 0.0), seen("system", 0.1, 0.0)])],
            0.4,
        );
    }

    #[test]
    fn memory_and_disks_are_read_from_shares_or_bytes() {
        let bytes = vec![seen("used", 6e9, 0.0), seen("free", 1e9, 0.0), seen("cached", 1e9, 0.0)];
        check(Resource::Memory, &[("system.memory.usage", bytes.clone())], 0.75);
        let both = [("system.memory.utilization", vec![seen("used", 0.5, 0.0)]), ("system.memory.usage", bytes)];
        check(Resource::Memory, &both, 0.5);
        check(Resource::Disk, &[("system.filesystem.utilization", vec![seen("", 0.9, 0.0)])], 0.9);
    }

    #[test]
    fn a_full_disk_does_not_hide_behind_an_empty_one() {
        let host = |mountpoint: &str| Labels::from_iter([("host", "a"), (MOUNTPOINT, mountpoint)]);
        let names = BTreeSet::from(["host".to_owned()]);

        let told = by_names([(host("/"), 0.2), (host("/data"), 0.95)].into_iter(), &names);

        assert_eq!(told, [(Labels::from_iter([("host", "a")]), 0.95)]);
    }
}
