//! Values by labels and by time, and the largest series of them.

use std::collections::BTreeMap;

use plugin::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use super::function::Function;
use crate::range::{Buckets, Range, SECOND, length, rfc3339};

/// Most buckets when their width is said.
const STEPS_MAX: usize = 1000;
/// Most series of an answer.
const SERIES_MAX: usize = 100;

/// The buckets of a range.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    buckets: Buckets,
    /// The start of each, and what of the range is in it.
    parts: Vec<(i64, Range)>,
}

impl Steps {
    /// As wide as is said (`30s`, `5m`, or a number of seconds), else as the range needs.
    pub(crate) fn read(range: Range, step: Option<&str>) -> Result<Self, Failure> {
        let Some(step) = step.filter(|step| !step.is_empty()) else { return Ok(Self::of(range.buckets())) };
        let seconds = length(step).map(|nanos| nanos / SECOND).or_else(|| step.parse().ok());
        let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else {
            let failure = Failure::invalid(format!("'step' is '{step}', which is no length of time"));
            return Err(failure.hinting("write 30s, 5m, 1h, 1d, or a number of seconds"));
        };
        if range.seconds() / seconds as f64 > STEPS_MAX as f64 {
            let failure =
                Failure::invalid(format!("a step of {step} cuts the range into more than {STEPS_MAX} buckets"));
            return Err(failure.hinting("say a longer 'step', or a shorter range"));
        }
        Ok(Self::of(range.buckets_of(seconds)))
    }

    fn of(buckets: Buckets) -> Self {
        Self { buckets, parts: buckets.all().collect() }
    }

    pub(crate) fn width_seconds(&self) -> i64 {
        self.buckets.width_seconds()
    }

    /// The place of the bucket that a time is in, or that begins then; `None` outside the range.
    pub(crate) fn place(&self, time: i64) -> Option<usize> {
        let first = self.parts.first()?.0;
        let place = time.checked_sub(first)?.div_euclid(self.width_seconds().saturating_mul(SECOND));
        usize::try_from(place).ok().filter(|place| *place < self.parts.len())
    }

    /// What of the range is in the bucket of this place.
    pub(crate) fn part(&self, place: usize) -> Option<Range> {
        self.parts.get(place).map(|(_, part)| *part)
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The start of each.
    pub(crate) fn starts(&self) -> Vec<String> {
        self.parts.iter().map(|(start, _)| rfc3339(*start)).collect()
    }
}

/// Values of labels, in the order in which the labels were asked for.
pub(crate) type Group = Vec<Option<String>>;

/// Values of some series by place of their bucket.
pub(crate) type Grid = BTreeMap<Group, BTreeMap<usize, f64>>;

/// Values of points with the same labels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetricSeries)]
pub(crate) struct Series {
    /// The labels of `by`; null where points do not have one.
    labels: BTreeMap<String, Option<String>>,
    /// One for each bucket; null where there is none.
    values: Vec<Option<f64>>,
}

/// The largest series, and how many are left out.
pub(crate) fn largest(grid: Grid, by: &[String], function: Function, steps: &Steps) -> (Vec<Series>, usize) {
    let size = |values: &BTreeMap<usize, f64>| {
        let sum: f64 = values.values().filter(|value| value.is_finite()).sum();
        if function.adds_up() { sum } else { sum / values.len().max(1) as f64 }
    };
    let grid = grid.into_iter().filter(|(_, values)| !values.is_empty());
    let mut ranked: Vec<(f64, Group, BTreeMap<usize, f64>)> =
        grid.map(|(group, values)| (size(&values), group, values)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let left_out = ranked.len().saturating_sub(SERIES_MAX);
    let series = ranked.into_iter().take(SERIES_MAX).map(|(_, group, values)| Series {
        labels: by.iter().cloned().zip(group).collect(),
        values: (0..steps.len()).map(|place| values.get(&place).copied()).collect(),
    });
    (series.collect(), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { from: 65 * SECOND, until: 185 * SECOND };

    #[test]
    fn a_time_is_in_one_bucket_or_outside() {
        let steps = Steps::read(RANGE, Some("1m")).expect("steps");

        assert_eq!((steps.len(), steps.width_seconds()), (3, 60));
        assert_eq!(steps.place(60 * SECOND), Some(0), "where a bucket begins");
        assert_eq!(steps.place(119 * SECOND), Some(0));
        assert_eq!(steps.place(120 * SECOND), Some(1));
        assert_eq!((steps.place(59 * SECOND), steps.place(240 * SECOND), steps.place(i64::MIN)), (None, None, None));
        assert_eq!(steps.part(2), Some(Range { from: 180 * SECOND, until: 185 * SECOND }));
    }

    #[test]
    fn a_step_that_is_none_or_too_short_is_refused() {
        assert_eq!(Steps::read(RANGE, Some("30")).expect("steps").width_seconds(), 30);
        let day = Range { from: 0, until: 86_400 * SECOND };
        for step in ["0", "-5s", "5x", "soon", "1s", "99999999999999999999d"] {
            assert!(Steps::read(day, Some(step)).is_err(), "{step}");
        }
    }

    #[test]
    fn the_largest_series_come_first_and_the_others_are_counted() {
        let steps = Steps::read(RANGE, None).expect("steps");
        let series = (0..SERIES_MAX + 3)
            .map(|number| (vec![Some(format!("{number:03}"))], BTreeMap::from([(0, number as f64), (1, f64::NAN)])));

        let (series, left_out) = largest(series.collect(), &["host".to_owned()], Function::Sum, &steps);

        assert_eq!((series.len(), left_out), (SERIES_MAX, 3));
        assert_eq!(series[0].labels, BTreeMap::from([("host".to_owned(), Some("102".to_owned()))]));
        assert_eq!((series[0].values[0], series[0].values[2]), (Some(102.0), None));
    }
}
