//! Histograms with bounds that somebody chose: differences, sums and quantiles of them.
//!
//! Histograms with different bounds are added at the bounds that both have: coarser, and never wrong.

/// How many values are at most each bound, and above the bound before; the last count is of values above all bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Explicit {
    bounds: Vec<f64>,
    counts: Vec<u64>,
}

impl Explicit {
    /// Bounds and counts as they were sent; all in one bucket where these do not belong together.
    pub(crate) fn new(bounds: Vec<f64>, counts: Vec<u64>, count: u64) -> Self {
        let is_rising = bounds.iter().all(|bound| bound.is_finite()) && bounds.windows(2).all(|pair| pair[0] < pair[1]);
        let is_sound = is_rising && counts.len() == bounds.len() + 1;
        if is_sound { Self { bounds, counts } } else { Self { bounds: Vec::new(), counts: vec![count] } }
    }

    /// What was counted since; `None` when the one before has other bounds, or more anywhere.
    pub(crate) fn minus(&self, before: &Self) -> Option<Self> {
        if self.bounds != before.bounds {
            return None;
        }
        let counts = self.counts.iter().zip(&before.counts).map(|(now, before)| now.checked_sub(*before));
        Some(Self { bounds: self.bounds.clone(), counts: counts.collect::<Option<_>>()? })
    }

    /// Adds the other; true when bounds were lost in it.
    pub(crate) fn add(&mut self, other: &Self) -> bool {
        if self.bounds == other.bounds {
            self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
            return false;
        }
        let shared: Vec<f64> = self.bounds.iter().copied().filter(|bound| other.bounds.contains(bound)).collect();
        *self = self.at(&shared);
        self.add(&other.at(&shared));
        true
    }

    /// The same counts between some of its bounds.
    pub(crate) fn at(&self, bounds: &[f64]) -> Self {
        let mut counts = vec![0_u64; bounds.len() + 1];
        for (place, count) in self.counts.iter().enumerate() {
            let upper = self.bounds.get(place).copied().unwrap_or(f64::INFINITY);
            let into = bounds.partition_point(|bound| *bound < upper);
            counts[into] = counts[into].saturating_add(*count);
        }
        Self { bounds: bounds.to_vec(), counts }
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// As PromQL's `histogram_quantile`: even within a bucket, from 0 where the first bound is above it, and the last
    /// bound for all that is above. `None` without values, or without bounds.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        let last = *self.bounds.last()?;
        let counts = || self.counts.iter().map(|count| *count as f64);
        let (rank, mut below) = (quantile * counts().sum::<f64>(), 0.0);
        for (place, count) in counts().enumerate().filter(|(_, count)| *count > 0.0) {
            if below + count >= rank {
                let Some(upper) = self.bounds.get(place).copied() else { return Some(last) };
                let lower = match place {
                    0 if upper <= 0.0 => return Some(upper),
                    0 => 0.0,
                    place => self.bounds[place - 1],
                };
                return Some(lower + (upper - lower) * (rank - below) / count);
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn explicit(bounds: &[f64], counts: &[u64]) -> Explicit {
        Explicit::new(bounds.to_vec(), counts.to_vec(), counts.iter().sum())
    }

    /// The histogram of these values.
    fn of(values: &[f64], bounds: &[f64]) -> Explicit {
        let mut counts = vec![0; bounds.len() + 1];
        values.iter().for_each(|value| counts[bounds.partition_point(|bound| bound < value)] += 1);
        explicit(bounds, &counts)
    }

    fn check(histogram: &Explicit, quantile: f64, expected: Option<f64>) {
        assert_eq!(histogram.quantile(quantile), expected, "{quantile} of {histogram:?}");
    }

    #[test]
    fn a_quantile_is_interpolated_as_promql_does() {
        let histogram = explicit(&[0.1, 0.2, 0.5], &[0, 5, 4, 1]);

        check(&histogram, 0.0, Some(0.1));
        check(&histogram, 0.5, Some(0.2));
        check(&histogram, 0.25, Some(0.15000000000000002));
        check(&histogram, 0.99, Some(0.5));
        check(&explicit(&[4.0], &[4, 0]), 0.5, Some(2.0));
        check(&explicit(&[-1.0, 1.0], &[4, 0, 0]), 0.5, Some(-1.0));
        check(&explicit(&[1.0], &[0, 0]), 0.5, None);
        check(&explicit(&[], &[7]), 0.5, None);
    }

    #[test]
    fn a_difference_with_a_fall_or_other_bounds_is_none() {
        let before = explicit(&[1.0], &[2, 2]);

        assert_eq!(explicit(&[1.0], &[3, 2]).minus(&before), Some(explicit(&[1.0], &[1, 0])));
        assert_eq!(explicit(&[1.0], &[1, 9]).minus(&before), None);
        assert_eq!(explicit(&[2.0], &[3, 3]).minus(&before), None);
    }

    #[test]
    fn what_does_not_belong_together_is_one_bucket() {
        assert_eq!(Explicit::new(vec![1.0, 1.0], vec![1, 2, 3], 6), explicit(&[], &[6]));
        assert_eq!(Explicit::new(Vec::new(), Vec::new(), 6), explicit(&[], &[6]));
    }

    proptest! {
        /// Whatever bounds two histograms have, their sum is the histogram of all values at the bounds both have.
        #[test]
        fn a_sum_is_the_histogram_of_all_values(
            values in prop::collection::vec((0.0_f64..10.0, any::<bool>()), 0..50),
            bounds in prop::collection::btree_map(0_u8..10, (any::<bool>(), any::<bool>()), 0..8),
        ) {
            let side = |is_left: bool| -> Vec<f64> {
                let kept = bounds.iter().filter(|(_, (left, right))| if is_left { *left } else { *right });
                kept.map(|(bound, _)| f64::from(*bound)).collect()
            };
            let shared: Vec<f64> =
                bounds.iter().filter(|(_, sides)| **sides == (true, true)).map(|(bound, _)| f64::from(*bound)).collect();
            let half = |is_left| -> Vec<f64> {
                values.iter().filter(|(_, left)| *left == is_left).map(|(value, _)| *value).collect()
            };
            let all: Vec<f64> = values.iter().map(|(value, _)| *value).collect();

            let mut sum = of(&half(true), &side(true));
            let is_coarser = sum.add(&of(&half(false), &side(false)));

            prop_assert_eq!(sum, of(&all, &shared));
            prop_assert_eq!(is_coarser, side(true) != side(false));
        }

        /// A quantile lies in the bucket that the value of its rank lies in.
        #[test]
        fn a_quantile_is_in_the_bucket_of_its_rank(
            mut values in prop::collection::vec(0.01_f64..9.99, 1..50),
            quantile in 0.01_f64..1.0,
        ) {
            let bounds: Vec<f64> = (1..=10).map(f64::from).collect();
            values.sort_by(f64::total_cmp);
            let rank = (quantile * values.len() as f64).ceil().max(1.0) as usize;
            let exact = values[rank - 1];

            let told = of(&values, &bounds).quantile(quantile).expect("there are values");

            prop_assert!((told - exact).abs() <= 1.0, "{} for {}", told, exact);
            prop_assert!(told >= exact.floor() && told <= exact.ceil());
        }
    }
}
