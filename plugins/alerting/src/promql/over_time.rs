//! What functions make of the samples of a range: numbers as Prometheus computes them.

use super::expression::Window;
use super::numbers::{Sum, mean, quantile, variance};

/// A number of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Nanoseconds since 1970.
    pub(super) time: i64,
    /// None when the series says that it has ended.
    pub(super) value: Option<f64>,
}

/// A sample that has a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) time: i64,
    pub(super) value: f64,
}

/// How a function sees a range of samples.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Rate,
    Increase,
    Delta,
}

/// The points of a window, in order.
pub(super) fn points(samples: &[Sample], window: Window) -> Vec<Point> {
    let from = samples.partition_point(|sample| sample.time <= window.after);
    let until = samples.partition_point(|sample| sample.time <= window.until);
    let samples = samples.get(from..until).unwrap_or_default().iter();
    samples.filter_map(|sample| Some(Point { time: sample.time, value: sample.value? })).collect()
}

/// The last sample of a window, if the series has not ended with it.
pub(super) fn last(samples: &[Sample], window: Window) -> Option<Point> {
    let until = samples.partition_point(|sample| sample.time <= window.until);
    let last = samples.get(until.checked_sub(1)?).filter(|sample| sample.time > window.after)?;
    Some(Point { time: last.time, value: last.value? })
}

fn seconds(from: i64, until: i64) -> f64 {
    until.saturating_sub(from) as f64 / 1e9
}

/// The change over the whole window, as it is likely to be where the points do not reach its ends.
///
/// A series is taken to begin or end within the window when the gap there is wider than is usual between its points; then
/// half of what is usual is added. A counter that grows is not thought to have been below zero.
pub(super) fn change(points: &[Point], window: Window, change: Change) -> Option<f64> {
    let ([first, .., last], is_counter) = (points, !matches!(change, Change::Delta)) else { return None };
    let resets = if is_counter { lost_in_resets(points) } else { 0.0 };
    let difference = last.value - first.value + resets;
    let sampled = seconds(first.time, last.time);
    let usual = sampled / (points.len() - 1) as f64;
    let reach = |gap: f64| if gap >= usual * 1.1 { usual / 2.0 } else { gap };
    let mut to_start = reach(seconds(window.after, first.time));
    if is_counter && difference > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / difference));
    }
    let to_end = reach(seconds(last.time, window.until));
    let whole = difference * ((sampled + to_start + to_end) / sampled);
    Some(if matches!(change, Change::Rate) { whole / seconds(window.after, window.until) } else { whole })
}

fn lost_in_resets(points: &[Point]) -> f64 {
    points.windows(2).filter(|pair| pair[1].value < pair[0].value).map(|pair| pair[0].value).sum()
}

/// Between the last two points; by second if it is a rate, which knows of resets.
pub(super) fn last_change(points: &[Point], is_rate: bool) -> Option<f64> {
    let [.., before, last] = points else { return None };
    let is_reset = is_rate && last.value < before.value;
    let difference = if is_reset { last.value } else { last.value - before.value };
    let sampled = seconds(before.time, last.time);
    match is_rate {
        _ if sampled == 0.0 => None,
        true => Some(difference / sampled),
        false => Some(difference),
    }
}

/// The line that is nearest to the points: its value at `at`, and how much it rises in a second.
pub(super) fn line(points: &[Point], at: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = points else { return None };
    if points.iter().all(|point| point.value == first.value) {
        return Some(if first.value.is_infinite() { (f64::NAN, f64::NAN) } else { (first.value, 0.0) });
    }
    let (mut xs, mut ys, mut xys, mut squares) = (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for point in points {
        let x = seconds(at, point.time);
        xs.add(x);
        ys.add(point.value);
        xys.add(x * point.value);
        squares.add(x * x);
    }
    let count = points.len() as f64;
    let (x, y) = (xs.total(), ys.total());
    let slope = (xys.total() - x * y / count) / (squares.total() - x * x / count);
    Some((y / count - slope * x / count, slope))
}

/// How often the value is another than before.
pub(super) fn changes(points: &[Point]) -> f64 {
    let is_change =
        |pair: &&[Point]| pair[0].value != pair[1].value && !(pair[0].value.is_nan() && pair[1].value.is_nan());
    points.windows(2).filter(is_change).count() as f64
}

/// How often the value is smaller than before.
pub(super) fn resets(points: &[Point]) -> f64 {
    points.windows(2).filter(|pair| pair[1].value < pair[0].value).count() as f64
}

fn values(points: &[Point]) -> Vec<f64> {
    points.iter().map(|point| point.value).collect()
}

pub(super) fn average(points: &[Point]) -> f64 {
    mean(&values(points))
}

pub(super) fn sum(points: &[Point]) -> f64 {
    values(points).into_iter().collect::<Sum>().total()
}

pub(super) fn variance_of(points: &[Point]) -> f64 {
    variance(&values(points))
}

pub(super) fn quantile_of(points: &[Point], share: f64) -> f64 {
    quantile(values(points), share)
}

/// The best of the points; NaN only where there is nothing else.
pub(super) fn best(points: &[Point], is_better: impl Fn(f64, f64) -> bool) -> f64 {
    let better = |best: f64, value: f64| if best.is_nan() || is_better(value, best) { value } else { best };
    values(points).into_iter().fold(f64::NAN, better)
}
