//! Quantiles of histograms with buckets.

/// So near to each other, shares of the larger, counts are the same and differ by how they were computed.
const ALIKE: f64 = 1e-12;

/// How many there are up to a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    pub(super) bound: f64,
    pub(super) count: f64,
}

/// The value that a share of all does not exceed, on the line between the bounds of its bucket.
pub(super) fn quantile(share: f64, mut buckets: Vec<Bucket>) -> f64 {
    if share.is_nan() {
        return f64::NAN;
    }
    if share < 0.0 {
        return f64::NEG_INFINITY;
    }
    if share > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|one, other| one.bound.total_cmp(&other.bound));
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return f64::NAN;
    }
    join(&mut buckets);
    straighten(&mut buckets);
    let [.., last_finite, all] = &buckets[..] else { return f64::NAN };
    if all.count == 0.0 || all.count.is_nan() {
        return f64::NAN;
    }
    let mut rank = share * all.count;
    let place = buckets.partition_point(|bucket| bucket.count < rank).min(buckets.len() - 1);
    if place == buckets.len() - 1 {
        return last_finite.bound;
    }
    let (Bucket { bound: end, mut count }, mut start) = (buckets[place], 0.0);
    if place == 0 && end <= 0.0 {
        return end;
    }
    if let Some(below) = place.checked_sub(1).map(|below| buckets[below]) {
        start = below.bound;
        count -= below.count;
        rank -= below.count;
    }
    start + (end - start) * (rank / count)
}

/// Buckets with the same bound are one.
fn join(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|later, kept| {
        let is_same = later.bound == kept.bound;
        if is_same {
            kept.count += later.count;
        }
        is_same
    });
}

/// A count cannot be smaller than those below it; where it is, scrapes or sums were not exact.
fn straighten(buckets: &mut [Bucket]) {
    let mut below = f64::NEG_INFINITY;
    for bucket in buckets {
        let is_alike = (bucket.count - below).abs() < ALIKE * (bucket.count.abs() + below.abs());
        if bucket.count < below || is_alike {
            bucket.count = below;
        }
        below = bucket.count;
    }
}
