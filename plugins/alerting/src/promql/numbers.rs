//! Sums, means and quantiles as Prometheus has them.

/// A sum that keeps what additions lose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += match self.sum.abs() >= value.abs() {
            _ if sum.is_infinite() => 0.0,
            true => (self.sum - sum) + value,
            false => (value - sum) + self.sum,
        };
        self.sum = sum;
    }

    pub(super) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }
}

/// Also of numbers whose sum is too large to be one.
pub(super) fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum = values.iter().copied().collect::<Sum>().total();
    let is_too_large = sum.is_infinite() && values.iter().all(|value| value.is_finite());
    if is_too_large { values.iter().map(|value| value / count).collect::<Sum>().total() } else { sum / count }
}

/// Of all there are, not of a sample.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean) * (value - mean)).collect::<Sum>().total() / values.len() as f64
}

/// Between the two nearest; NaN counts as smallest.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    if values.is_empty() || share.is_nan() {
        return f64::NAN;
    }
    if share < 0.0 {
        return f64::NEG_INFINITY;
    }
    if share > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|one, other| other.is_nan().cmp(&one.is_nan()).then(one.total_cmp(other)));
    let rank = share * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The larger. Infinity is larger than NaN, and NaN than all else.
pub(super) fn larger(one: f64, other: f64) -> f64 {
    let is_nan = one.is_nan() || other.is_nan();
    if is_nan && one != f64::INFINITY && other != f64::INFINITY { f64::NAN } else { one.max(other) }
}

/// The smaller. Negative infinity is smaller than NaN, and NaN than all else.
pub(super) fn smaller(one: f64, other: f64) -> f64 {
    -larger(-one, -other)
}
