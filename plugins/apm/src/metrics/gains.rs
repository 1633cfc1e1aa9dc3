//! What counters and histograms gained in each bucket: an increase belongs to the bucket of the point that tells it.

use std::collections::BTreeMap;

use plugin::Failure;

use super::function::Function;
use super::gauges::Told;
use super::grid::{Group, Steps};
use super::increase::{Point, Since};
use super::kind::Kind;
use super::points::{Points, Read};
use super::shape::Shape;
use crate::range::SECOND;

/// Most combinations of labels that are looked at.
const GROUPS_MAX: usize = 10_000;

/// What the series of one group gained in one bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gain {
    points: u64,
    /// Points of which it is known what they add.
    known: u64,
    count: f64,
    per_second: f64,
    sum: f64,
    shape: Option<Shape>,
}

/// What was gained, by labels and bucket.
#[derive(Debug, Default)]
pub(crate) struct Gains {
    groups: BTreeMap<Group, BTreeMap<usize, Gain>>,
    pub(crate) points: u64,
    /// Points whose buckets cannot be compared with those of the point before.
    incomparable: u64,
    without_sum: u64,
    /// Histograms with different bounds were added.
    is_coarser: bool,
}

/// One series while it is read: since when it gained what in its bucket.
#[derive(Debug)]
struct Run<'a> {
    group: Group,
    previous: Option<Read<'a>>,
    bucket: usize,
    since: i64,
    until: i64,
    count: f64,
}

impl Gains {
    /// Adds up the points where no other request waits: there may be some hundred thousand.
    pub(crate) async fn read(points: Points, steps: &Steps) -> Result<Self, Failure> {
        let steps = steps.clone();
        let gains = tokio::task::spawn_blocking(move || Self::of(&points, &steps)).await;
        gains.map_err(|cause| Failure::unavailable(format!("the points were not added up: {cause}")))?
    }

    /// Adds up the points, which come by series and time.
    fn of(points: &Points, steps: &Steps) -> Result<Self, Failure> {
        let mut gains = Self::default();
        let mut run: Option<Run<'_>> = None;
        for read in points.all() {
            let is_next = |run: &Run<'_>| run.previous.as_ref().is_some_and(|previous| previous.series == read.series);
            let mut current = match run.take() {
                Some(current) if is_next(&current) => current,
                ended => {
                    ended.iter().for_each(|ended| gains.end_bucket(ended, steps));
                    Run::new(points.labels_of(&read))
                }
            };
            gains.add(&mut current, &read, points.read_from, steps);
            current.previous = Some(read);
            run = Some(current);
            if gains.groups.len() > GROUPS_MAX {
                let failure =
                    Failure::invalid(format!("the labels have more than {GROUPS_MAX} combinations of values"));
                return Err(failure.hinting("tell apart 'by' fewer labels, or choose some with 'filter'"));
            }
        }
        run.iter().for_each(|ended| gains.end_bucket(ended, steps));
        Ok(gains)
    }

    fn add(&mut self, run: &mut Run<'_>, read: &Read<'_>, read_from: i64, steps: &Steps) {
        // Points before the range are there for those that follow.
        let Some(bucket) = steps.place(read.point.time).filter(|bucket| {
            steps.part(*bucket).is_some_and(|part| (part.from..part.until).contains(&read.point.time))
        }) else {
            return;
        };
        if run.bucket != bucket {
            self.end_bucket(run, steps);
            run.begin(bucket);
        }
        self.points += 1;
        let gain = self.gain(&run.group, bucket);
        gain.points += 1;
        let before = run.previous.as_ref();
        let previous: Option<&Point> = before.map(|read| &read.point);
        let (since, before) = match read.point.since(previous, read_from) {
            Since::Nothing(since) => (since, None),
            Since::Previous(since) => (since, before),
            Since::Unknown => return,
        };
        let count = read.point.increase(previous, read_from).unwrap_or_default();
        gain.known += 1;
        gain.count += count;
        run.count += count;
        run.since = run.since.min(since);
        run.until = read.point.time;
        self.add_sum(&run.group, bucket, read, before);
        self.add_shape(&run.group, bucket, read, before);
    }

    fn add_sum(&mut self, group: &Group, bucket: usize, read: &Read<'_>, before: Option<&Read<'_>>) {
        let before = before.map_or(Some(0.0), |before| before.sum);
        match read.sum.zip(before) {
            Some((sum, before)) => self.gain(group, bucket).sum += sum - before,
            None => self.without_sum += 1,
        }
    }

    fn add_shape(&mut self, group: &Group, bucket: usize, read: &Read<'_>, before: Option<&Read<'_>>) {
        let Some(shape) = &read.shape else { return };
        let gained = match before.and_then(|before| before.shape.as_ref()) {
            Some(before) => shape.minus(before),
            None => Some(shape.clone()),
        };
        let Some(gained) = gained else {
            self.incomparable += 1;
            return;
        };
        let gain = self.gain(group, bucket);
        match &mut gain.shape {
            Some(sum) => self.is_coarser |= sum.add(&gained),
            None => gain.shape = Some(gained),
        }
    }

    /// The rate of the series in its bucket: what it gained, by the time in which it did.
    fn end_bucket(&mut self, run: &Run<'_>, steps: &Steps) {
        let Some(part) = steps.part(run.bucket).filter(|_| run.until > i64::MIN) else { return };
        let nanos = (part.until - part.from).max(run.until.saturating_sub(run.since));
        self.gain(&run.group, run.bucket).per_second += run.count * SECOND as f64 / nanos as f64;
    }

    fn gain(&mut self, group: &Group, bucket: usize) -> &mut Gain {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), BTreeMap::new());
        }
        let buckets = self.groups.get_mut(group).expect("the group was put in if it was not there");
        buckets.entry(bucket).or_default()
    }

    /// What the function makes of it.
    pub(crate) fn told(self, kind: Kind, function: Function) -> Told {
        let warnings = self.warnings(function, false);
        let groups = self.groups.into_iter().map(|(group, buckets)| {
            let values = buckets.into_iter().filter_map(|(place, gain)| Some((place, gain.value(kind, function)?)));
            (group, values.collect())
        });
        Told { grid: groups.collect(), points: self.points, warnings }
    }

    /// The buckets of values that were counted, by place of their time.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (usize, &Shape)> {
        let gains = self.groups.values().flatten();
        gains.filter_map(|(place, gain)| Some((*place, gain.shape.as_ref()?)))
    }

    /// What must be known of what the function makes of it, when bounds may have been lost elsewhere as well.
    pub(crate) fn warnings(&self, function: Function, is_coarser: bool) -> Vec<String> {
        let (of_sums, of_shapes) =
            (matches!(function, Function::Sum | Function::Avg), matches!(function, Function::Quantile(_)));
        let mut warnings = Vec::new();
        if of_sums && self.without_sum > 0 {
            warnings.push(format!("{} points do not say the sum of their values, and are not in it", self.without_sum));
        }
        if of_shapes && self.incomparable > 0 {
            let count = self.incomparable;
            warnings.push(format!(
                "{count} points have other bounds or fewer values than the point before, and are left out"
            ));
        }
        if of_shapes && (self.is_coarser || is_coarser) {
            warnings.push("series have different bounds: they are added at those they share".to_owned());
        }
        warnings
    }
}

impl Run<'_> {
    fn new(group: Group) -> Self {
        Self { group, previous: None, bucket: usize::MAX, since: i64::MAX, until: i64::MIN, count: 0.0 }
    }

    fn begin(&mut self, bucket: usize) {
        (self.bucket, self.since, self.until, self.count) = (bucket, i64::MAX, i64::MIN, 0.0);
    }
}

impl Gain {
    fn value(&self, kind: Kind, function: Function) -> Option<f64> {
        match (kind, function) {
            (Kind::Counter, Function::Count) => return Some(self.points as f64),
            (_, Function::Quantile(quantile)) => return self.shape.as_ref()?.quantile(quantile),
            _ if self.known == 0 => return None,
            _ => {}
        }
        match (kind, function) {
            (_, Function::Rate) => Some(self.per_second),
            (Kind::Counter, _) | (_, Function::Increase | Function::Count) => Some(self.count),
            (_, Function::Avg) => (self.count > 0.0).then(|| self.sum / self.count),
            _ => Some(self.sum),
        }
    }
}
