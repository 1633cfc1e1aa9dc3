//! Histograms whose buckets grow by a factor, which their scale says: differences, sums and quantiles of them.
//!
//! Two of different scales meet at the smaller one, which is exact: its buckets are made of whole buckets of the other.

use std::collections::BTreeMap;

/// Least scale that is told apart: from here down, a bucket goes from one to more than any number.
const SCALE_MIN: i32 = -32;

/// A bucket of index `i` has values above `base^i` and up to `base^(i+1)`, where `base` is `2^(2^-scale)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exponential {
    scale: i32,
    /// Values from `-zero_threshold` to `zero_threshold`.
    zero: u64,
    zero_threshold: f64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
}

/// Values above `lower` and up to `upper`, and how many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) count: u64,
}

/// The buckets of one sign as they are sent: the index of the first, and how many values each has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
}

impl Side {
    fn buckets(&self) -> BTreeMap<i32, u64> {
        let indexes = (0..).map(|place: i32| self.offset.saturating_add(place));
        indexes.zip(&self.counts).filter(|(_, count)| **count > 0).map(|(index, count)| (index, *count)).collect()
    }
}

impl Exponential {
    pub(crate) fn new(scale: i32, zero: u64, zero_threshold: f64, positive: &Side, negative: &Side) -> Self {
        let scale = scale.max(SCALE_MIN);
        Self { scale, zero, zero_threshold, positive: positive.buckets(), negative: negative.buckets() }
    }

    /// What was counted since; `None` when the one before has more anywhere.
    pub(crate) fn minus(&self, before: &Self) -> Option<Self> {
        let mut rest = self.like(before);
        let before = before.like(&rest);
        rest.zero = rest.zero.checked_sub(before.zero)?;
        subtract(&mut rest.positive, &before.positive)?;
        subtract(&mut rest.negative, &before.negative)?;
        Some(rest)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        *self = self.like(other);
        let other = other.like(self);
        self.zero = self.zero.saturating_add(other.zero);
        other.positive.iter().for_each(|(index, count)| add(&mut self.positive, *index, *count));
        other.negative.iter().for_each(|(index, count)| add(&mut self.negative, *index, *count));
    }

    /// The same at the smaller scale and the larger threshold of the two.
    pub(crate) fn like(&self, other: &Self) -> Self {
        let mut like = self.at_scale(self.scale.min(other.scale));
        if other.zero_threshold > like.zero_threshold {
            like.widen_zero(other.zero_threshold);
        }
        like
    }

    /// At the largest scale at which it has so few buckets (at least five).
    pub(crate) fn with_buckets_at_most(&self, buckets_max: usize) -> Self {
        let mut fewer = self.clone();
        while fewer.positive.len() + fewer.negative.len() + usize::from(fewer.zero > 0) > buckets_max.max(5) {
            fewer = fewer.at_scale(fewer.scale - 1);
        }
        fewer
    }

    fn at_scale(&self, scale: i32) -> Self {
        // Beyond 31 all indexes of one sign are one anyway.
        let shift = self.scale.saturating_sub(scale).clamp(0, 31);
        let shifted = |buckets: &BTreeMap<i32, u64>| {
            let mut shifted = BTreeMap::new();
            buckets.iter().for_each(|(index, count)| add(&mut shifted, index >> shift, *count));
            shifted
        };
        Self { scale, positive: shifted(&self.positive), negative: shifted(&self.negative), ..*self }
    }

    /// Buckets that end below the threshold become part of zero.
    fn widen_zero(&mut self, threshold: f64) {
        let (scale, zero) = (self.scale, &mut self.zero);
        let mut is_above = |index: &i32, count: &mut u64| {
            let is_above = bound(scale, index.saturating_add(1)) > threshold;
            *zero = zero.saturating_add(if is_above { 0 } else { *count });
            is_above
        };
        self.positive.retain(&mut is_above);
        self.negative.retain(&mut is_above);
        self.zero_threshold = threshold;
    }

    /// All buckets that have values, from the smallest values to the largest.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let ends = |index: i32| (bound(self.scale, index), bound(self.scale, index.saturating_add(1)));
        let negative = self.negative.iter().rev().map(|(index, count)| {
            let (lower, upper) = ends(*index);
            Bucket { lower: -upper, upper: -lower, count: *count }
        });
        let zero = Bucket { lower: -self.zero_threshold, upper: self.zero_threshold, count: self.zero };
        let positive = self.positive.iter().map(|(index, count)| {
            let (lower, upper) = ends(*index);
            Bucket { lower, upper, count: *count }
        });
        negative.chain((self.zero > 0).then_some(zero)).chain(positive).collect()
    }

    /// As PromQL's `histogram_quantile`: exponential within a bucket, even within zero, which has no negative values
    /// where no bucket has. `None` without values.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        let buckets = self.buckets();
        let rank = quantile * buckets.iter().map(|bucket| bucket.count as f64).sum::<f64>();
        let mut below = 0.0;
        for bucket in buckets {
            let count = bucket.count as f64;
            if below + count >= rank {
                return Some(self.within(bucket, (rank - below) / count));
            }
            below += count;
        }
        None
    }

    fn within(&self, Bucket { lower, upper, .. }: Bucket, share: f64) -> f64 {
        if lower > 0.0 || upper < 0.0 {
            return lower * (upper / lower).powf(share);
        }
        let lower = if self.negative.is_empty() { 0.0 } else { lower };
        let upper = if self.positive.is_empty() && !self.negative.is_empty() { 0.0 } else { upper };
        lower + (upper - lower) * share
    }
}

/// Where the bucket of this index begins.
fn bound(scale: i32, index: i32) -> f64 {
    (f64::from(index) * (-f64::from(scale)).exp2()).exp2()
}

fn add(buckets: &mut BTreeMap<i32, u64>, index: i32, count: u64) {
    let sum = buckets.entry(index).or_default();
    *sum = sum.saturating_add(count);
}

/// Takes these away, and what is empty then; `None` when there is less.
fn subtract(buckets: &mut BTreeMap<i32, u64>, before: &BTreeMap<i32, u64>) -> Option<()> {
    for (index, count) in before {
        let rest = buckets.get_mut(index)?;
        *rest = rest.checked_sub(*count)?;
    }
    buckets.retain(|_, count| *count > 0);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The histogram of these values, none of which is zero.
    fn of(values: &[f64], scale: i32) -> Exponential {
        let mut histogram = Exponential::new(scale, 0, 0.0, &Side::default(), &Side::default());
        for value in values {
            let side = if *value > 0.0 { &mut histogram.positive } else { &mut histogram.negative };
            let index = (value.abs().log2() * f64::from(scale).exp2()).ceil() as i32 - 1;
            add(side, index, 1);
        }
        histogram
    }

    #[test]
    fn a_quantile_is_exponential_within_its_bucket() {
        let side = Side { offset: 1, counts: vec![4] };
        let histogram = Exponential::new(0, 0, 0.0, &side, &Side::default());

        assert_eq!(histogram.buckets(), [Bucket { lower: 2.0, upper: 4.0, count: 4 }]);
        let half = histogram.quantile(0.5).expect("there are values");
        assert!((half - 8.0_f64.sqrt()).abs() < 1e-9, "{half}");
        assert_eq!(histogram.quantile(1.0), Some(4.0));
        let negative = Exponential::new(0, 0, 0.0, &Side::default(), &side);
        assert!(negative.quantile(0.5).is_some_and(|value| (value + 8.0_f64.sqrt()).abs() < 1e-9));
        assert_eq!(Exponential::new(0, 0, 0.0, &Side::default(), &Side::default()).quantile(0.5), None);
    }

    #[test]
    fn zero_is_even_and_has_no_negative_values_where_no_bucket_has() {
        let side = Side { offset: 0, counts: vec![0, 1] };

        assert_eq!(Exponential::new(0, 9, 1.0, &side, &Side::default()).quantile(0.45), Some(0.5));
        assert_eq!(Exponential::new(0, 9, 1.0, &Side::default(), &side).quantile(1.0), Some(0.0));
        assert_eq!(Exponential::new(0, 8, 1.0, &side, &side).quantile(0.5), Some(0.0));
    }

    #[test]
    fn a_wider_zero_takes_what_lies_in_it() {
        let side = Side { offset: 0, counts: vec![1, 2, 3] };
        let wide = Exponential::new(0, 5, 4.0, &Side::default(), &Side::default());

        let mut sum = Exponential::new(0, 1, 0.0, &side, &Side::default());
        sum.add(&wide);

        assert_eq!(sum, Exponential::new(0, 9, 4.0, &Side { offset: 2, counts: vec![3] }, &Side::default()));
    }

    #[test]
    fn extreme_scales_and_indexes_are_no_trouble() {
        let side = Side { offset: i32::MAX, counts: vec![1, 1] };
        let histogram = Exponential::new(i32::MAX, 0, 0.0, &side, &side);

        assert!(histogram.with_buckets_at_most(1).buckets().len() <= 5);
        assert!(histogram.minus(&Exponential::new(i32::MIN, 0, 0.0, &side, &side)).is_none());
        assert!(histogram.quantile(0.5).is_some());
    }

    #[test]
    fn many_buckets_of_the_least_scale_become_few() {
        let side = Side { offset: -50, counts: vec![1; 100] };

        let fewer = Exponential::new(i32::MIN, 0, 0.0, &side, &side).with_buckets_at_most(40).buckets();

        assert!(fewer.len() <= 40, "{}", fewer.len());
        assert_eq!(fewer.iter().map(|bucket| bucket.count).sum::<u64>(), 200);
    }

    proptest! {
        /// Whatever the scales, the sum is the histogram of all values, and one part taken away leaves the other.
        #[test]
        fn sums_and_differences_are_of_the_values(
            left in prop::collection::vec(prop_oneof![0.01_f64..1000.0, -1000.0_f64..-0.01], 0..40),
            right in prop::collection::vec(prop_oneof![0.01_f64..1000.0, -1000.0_f64..-0.01], 0..40),
            scales in (-2_i32..6, -2_i32..6),
        ) {
            let (a, b) = (of(&left, scales.0), of(&right, scales.1));
            let mut sum = a.clone();

            sum.add(&b);

            let all: Vec<f64> = left.iter().chain(&right).copied().collect();
            prop_assert_eq!(&sum, &of(&all, scales.0.min(scales.1)));
            prop_assert_eq!(sum.minus(&a), Some(b.like(&a)));
        }

        #[test]
        fn a_quantile_is_within_a_bucket_of_the_value_of_its_rank(
            mut values in prop::collection::vec(prop_oneof![0.01_f64..1000.0, -1000.0_f64..-0.01], 1..60),
            quantile in 0.01_f64..1.0,
        ) {
            values.sort_by(f64::total_cmp);
            let rank = (quantile * values.len() as f64).ceil().max(1.0) as usize;
            let exact = values[rank - 1];

            let told = of(&values, 3).quantile(quantile).expect("there are values");

            // At scale 3 a bucket ends 2^(1/8) times as far from zero as it begins.
            prop_assert!((told / exact).ln().abs() <= 2.0_f64.ln() / 8.0 + 1e-9, "{} for {}", told, exact);
        }

        #[test]
        fn fewer_buckets_hold_as_many_values(
            values in prop::collection::vec(0.001_f64..100_000.0, 0..200), buckets_max in 5_usize..40,
        ) {
            let fewer = of(&values, 6).with_buckets_at_most(buckets_max).buckets();

            prop_assert!(fewer.len() <= buckets_max);
            prop_assert_eq!(fewer.iter().map(|bucket| bucket.count).sum::<u64>(), values.len() as u64);
        }
    }
}
