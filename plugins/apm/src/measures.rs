//! Rate, errors, durations and apdex of requests: read once, added up exactly, told with what people expect.

use plugin::Failure;
use plugin::model::Sketch;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::range::Range;
use crate::rows::Row;

const MILLISECOND: f64 = 1_000_000.0;
/// Requests that take up to so many times the threshold are tolerated by the apdex.
const TOLERATED: i64 = 4;
/// The threshold when it is not said.
const APDEX_MS: f64 = 500.0;
/// The longest threshold: an hour.
const APDEX_MS_MAX: f64 = 3_600_000.0;

/// The columns that [`Counted::of`] reads, over `spans`; sums of these are what rollups hold.
pub(crate) const OF_SPANS: &str = "count(*) AS requests, count(*) FILTER (WHERE status_code = 'error') AS errors, \
     sketch(duration_ns) AS durations, sketch(duration_ns) FILTER (WHERE status_code <> 'error') AS good_durations";
/// How many columns these are.
pub(crate) const COLUMNS: usize = 4;

/// From when on a request is slow.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ApdexWanted {
    /// A request that takes at most so many milliseconds satisfies, up to four times as many it is tolerated, and one that takes
    /// longer or fails frustrates; 500 when it is not said.
    apdex_ms: Option<f64>,
}

/// The duration up to which requests satisfy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    nanos: i64,
}

impl ApdexWanted {
    pub(crate) fn read(self) -> Result<Threshold, Failure> {
        let millis = self.apdex_ms.unwrap_or(APDEX_MS);
        if !(millis > 0.0 && millis <= APDEX_MS_MAX) {
            let message = format!("'apdex_ms' is {millis}, expected more than 0 and at most {APDEX_MS_MAX}");
            return Err(Failure::invalid(message));
        }
        Ok(Threshold { nanos: (millis * MILLISECOND) as i64 })
    }
}

impl Threshold {
    pub(crate) fn millis(self) -> f64 {
        self.nanos as f64 / MILLISECOND
    }
}

/// What was counted of some requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) durations: Sketch,
    /// Of those that did not fail.
    pub(crate) good: Sketch,
}

impl Counted {
    /// The columns of [`OF_SPANS`], which begin at this place.
    pub(crate) fn of(row: Row<'_>, place: usize) -> Self {
        Self {
            requests: row.count(place),
            errors: row.count(place + 1),
            durations: row.sketch(place + 2),
            good: row.sketch(place + 3),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.durations.merge(&other.durations);
        self.good.merge(&other.good);
    }

    /// What this says of a time of that length.
    pub(crate) fn measures(&self, range: Range, threshold: Threshold) -> Measures {
        Measures {
            requests: self.requests,
            errors: self.errors,
            rate_per_second: self.requests as f64 / range.seconds(),
            error_share: share(self.errors, self.requests),
            latency: Latency::of(&self.durations),
            apdex: self.apdex(threshold),
        }
    }

    fn apdex(&self, Threshold { nanos }: Threshold) -> Option<f64> {
        let satisfied = self.good.count_at_most(nanos);
        let tolerated = self.good.count_at_most(nanos.saturating_mul(TOLERATED)).saturating_sub(satisfied);
        let all = (self.requests > 0).then_some(self.requests as f64)?;
        Some((satisfied as f64 + tolerated as f64 / 2.0) / all)
    }
}

/// What part of all it is; nothing is no part of nothing.
pub(crate) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// Requests, errors and durations in some time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Measures {
    pub(crate) requests: u64,
    /// Requests that failed (`status_code = 'error'`).
    pub(crate) errors: u64,
    pub(crate) rate_per_second: f64,
    /// Errors by requests, from 0 to 1; null when there were no requests.
    pub(crate) error_share: Option<f64>,
    pub(crate) latency: Latency,
    /// From 0, all frustrated, to 1, all satisfied; null when there were no requests.
    pub(crate) apdex: Option<f64>,
}

/// Durations that so many percent of requests do not exceed, within 1/128; null when there were no requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Latency {
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

impl Latency {
    pub(crate) fn of(durations: &Sketch) -> Self {
        let millis = |share| durations.quantile(share).map(|nanos| nanos / MILLISECOND);
        Self { p50_ms: millis(0.5), p95_ms: millis(0.95), p99_ms: millis(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn threshold(millis: f64) -> Result<Threshold, Failure> {
        ApdexWanted { apdex_ms: Some(millis) }.read()
    }

    /// Requests of these durations, in milliseconds; the second ones failed.
    fn counted(good: &[i64], failed: &[i64]) -> Counted {
        let mut counted = Counted::default();
        for millis in good {
            counted.good.add(millis * 1_000_000);
        }
        for millis in good.iter().chain(failed) {
            counted.durations.add(millis * 1_000_000);
        }
        counted.requests = (good.len() + failed.len()) as u64;
        counted.errors = failed.len() as u64;
        counted
    }

    #[test]
    fn who_waits_too_long_or_gets_an_error_is_frustrated() {
        let minute = Range { from: 0, until: 60 * SECOND };

        let measures = counted(&[100, 200, 1000, 5000], &[10]).measures(minute, threshold(500.0).expect("a threshold"));

        assert_eq!((measures.requests, measures.errors, measures.error_share), (5, 1, Some(0.2)));
        assert_eq!(measures.rate_per_second, 5.0 / 60.0);
        assert_eq!(measures.apdex, Some(2.5 / 5.0));
        let p50 = measures.latency.p50_ms.expect("there were requests");
        assert!((p50 - 200.0).abs() <= 200.0 * Sketch::RELATIVE_ERROR, "{p50}");
    }

    #[test]
    fn nothing_is_neither_good_nor_bad() {
        let measures =
            Counted::default().measures(Range { from: 0, until: SECOND }, threshold(1.0).expect("a threshold"));

        assert_eq!((measures.error_share, measures.apdex, measures.latency.p99_ms), (None, None, None));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let minute = Range { from: 0, until: 60 * SECOND };
        let threshold = threshold(500.0).expect("a threshold");
        let mut parts = counted(&[1, 2], &[3]);

        parts.add(&counted(&[4], &[5, 6]));

        assert_eq!(parts.measures(minute, threshold), counted(&[1, 2, 4], &[3, 5, 6]).measures(minute, threshold));
    }

    #[test]
    fn a_threshold_that_is_none_is_refused() {
        for millis in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(threshold(millis).is_err(), "{millis}");
        }
    }
}
