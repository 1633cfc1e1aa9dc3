//! The aggregations of a metrics SDK: what is kept between two collections and the points it becomes.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint, SummaryDataPoint, exemplar,
    number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::Span;

/// The bounds the conventions recommend for durations in seconds.
const DURATION_BOUNDS_SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Eight buckets for each doubling: 100 microseconds to a minute in fewer than 160.
const EXPONENTIAL_SCALE: i32 = 3;
const EXEMPLARS_MAX: usize = 2;

/// The time a point stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) start: u64,
    pub(super) end: u64,
}

pub(super) fn whole(attributes: Vec<KeyValue>, period: Period, value: i64) -> NumberDataPoint {
    number(attributes, period, number_data_point::Value::AsInt(value))
}

pub(super) fn real(attributes: Vec<KeyValue>, period: Period, value: f64) -> NumberDataPoint {
    number(attributes, period, number_data_point::Value::AsDouble(value))
}

fn number(attributes: Vec<KeyValue>, period: Period, value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: period.start,
        time_unix_nano: period.end,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

pub(super) fn seconds(span: &Span) -> f64 {
    (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e9
}

/// Count, sum and extremes, which every histogram keeps.
#[derive(Debug, Clone, Copy)]
struct Totals {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Default for Totals {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Totals {
    fn record(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

/// A histogram with fixed bounds, and exemplars of the spans it counted since the last collection.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    totals: Totals,
    buckets: [u64; DURATION_BOUNDS_SECONDS.len() + 1],
    exemplars: Vec<Exemplar>,
}

impl Histogram {
    pub(super) fn record(&mut self, span: &Span) {
        let value = seconds(span);
        self.totals.record(value);
        self.buckets[DURATION_BOUNDS_SECONDS.partition_point(|bound| *bound < value)] += 1;
        if self.exemplars.len() < EXEMPLARS_MAX {
            self.exemplars.push(exemplar_of(span, value));
        }
    }

    pub(super) fn point(&mut self, attributes: Vec<KeyValue>, period: Period) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: period.start,
            time_unix_nano: period.end,
            count: self.totals.count,
            sum: Some(self.totals.sum),
            min: Some(self.totals.min),
            max: Some(self.totals.max),
            bucket_counts: self.buckets.to_vec(),
            explicit_bounds: DURATION_BOUNDS_SECONDS.to_vec(),
            exemplars: std::mem::take(&mut self.exemplars),
            flags: 0,
        }
    }
}

fn exemplar_of(span: &Span, value: f64) -> Exemplar {
    let filtered = |attribute: &&KeyValue| matches!(attribute.key.as_str(), "url.path" | "user.id");
    Exemplar {
        filtered_attributes: span.attributes.iter().filter(filtered).cloned().collect(),
        time_unix_nano: span.end_time_unix_nano,
        span_id: span.span_id.clone(),
        trace_id: span.trace_id.clone(),
        value: Some(exemplar::Value::AsDouble(value)),
    }
}

/// A histogram with buckets that grow by a constant factor.
#[derive(Debug, Default)]
pub(super) struct ExponentialHistogram {
    totals: Totals,
    buckets: BTreeMap<i32, u64>,
    exemplars: Vec<Exemplar>,
}

impl ExponentialHistogram {
    pub(super) fn record(&mut self, span: &Span) {
        let value = seconds(span);
        let per_doubling = f64::from(1 << EXPONENTIAL_SCALE);
        let index = (value.log2() * per_doubling).ceil() as i32 - 1;
        self.totals.record(value);
        *self.buckets.entry(index).or_default() += 1;
        if self.exemplars.is_empty() {
            self.exemplars.push(exemplar_of(span, value));
        }
    }

    /// The point of this period; the next period begins empty.
    pub(super) fn take_point(&mut self, attributes: Vec<KeyValue>, period: Period) -> ExponentialHistogramDataPoint {
        let taken = std::mem::take(self);
        let offset = taken.buckets.keys().next().copied().unwrap_or(0);
        let last = taken.buckets.keys().next_back().copied().unwrap_or(offset - 1);
        let count_at = |index| taken.buckets.get(&index).copied().unwrap_or(0);
        ExponentialHistogramDataPoint {
            attributes,
            start_time_unix_nano: period.start,
            time_unix_nano: period.end,
            count: taken.totals.count,
            sum: Some(taken.totals.sum),
            min: Some(taken.totals.min),
            max: Some(taken.totals.max),
            scale: EXPONENTIAL_SCALE,
            positive: Some(Buckets { offset, bucket_counts: (offset..=last).map(count_at).collect() }),
            exemplars: taken.exemplars,
            ..ExponentialHistogramDataPoint::default()
        }
    }
}

/// Pauses as older instrumentation reports them: a count, a sum and ready-made quantiles.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    seconds: Vec<f64>,
    count: u64,
    sum: f64,
}

impl Pauses {
    /// Quantiles cover the last pauses only, as the old clients' sliding windows did.
    const WINDOW: usize = 128;

    pub(super) fn record(&mut self, seconds: f64) {
        self.count += 1;
        self.sum += seconds;
        if self.seconds.len() == Self::WINDOW {
            self.seconds.remove(0);
        }
        self.seconds.push(seconds);
    }

    pub(super) fn point(&self, attributes: Vec<KeyValue>, period: Period) -> SummaryDataPoint {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |quantile: f64| {
            let rank = (quantile * sorted.len().saturating_sub(1) as f64).round() as usize;
            ValueAtQuantile { quantile, value: sorted.get(rank).copied().unwrap_or(f64::NAN) }
        };
        SummaryDataPoint {
            attributes,
            start_time_unix_nano: period.start,
            time_unix_nano: period.end,
            count: self.count,
            sum: self.sum,
            quantile_values: [0.0, 0.5, 0.9, 0.99, 1.0].map(at).to_vec(),
            flags: 0,
        }
    }
}
