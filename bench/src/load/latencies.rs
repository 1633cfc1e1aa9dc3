//! How long answers took: four bytes each, and exact.

use std::time::Duration;

/// Times of answers, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The times within which these shares of all answers came; zero without any.
    pub(crate) fn quantiles<const COUNT: usize>(mut self, shares: [f64; COUNT]) -> [Duration; COUNT] {
        self.0.sort_unstable();
        shares.map(|share| {
            let rank = (share * self.0.len().saturating_sub(1) as f64).ceil() as usize;
            Duration::from_micros(self.0.get(rank).copied().unwrap_or(0).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_answers_came_within_its_quantile() {
        let mut latencies = Latencies::default();
        (0..=100).rev().for_each(|millis| latencies.record(Duration::from_millis(millis)));

        assert_eq!(latencies.count(), 101);
        assert_eq!(latencies.quantiles([0.5, 0.99, 1.0]), [50, 99, 100].map(Duration::from_millis));
        assert_eq!(Latencies::default().quantiles([0.5]), [Duration::ZERO]);
    }
}
