//! What came of a load, counted by the workers and added up at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::bodies::Body;
use super::connection::Answer;
use super::latencies::Latencies;

/// How a load went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Requests answered or broken off.
    pub requests: u64,
    /// Requests the endpoint took.
    pub acknowledged_requests: u64,
    /// Items in them, without the rejected.
    pub acknowledged_items: u64,
    /// Items in them the endpoint rejected as bad.
    pub rejected_items: u64,
    /// Their size before any framing.
    pub acknowledged_bytes: u64,
    /// Requests the endpoint did not take, by status code.
    pub refusals: BTreeMap<String, u64>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Half of the acknowledged requests were answered within this time.
    pub latency_p50: Duration,
    /// Ninety-nine of a hundred were.
    pub latency_p99: Duration,
    /// All were.
    pub latency_max: Duration,
    /// Processor time of the whole process, which is the client's when the endpoint runs elsewhere.
    pub client_processor_time: Duration,
}

impl Report {
    /// Acknowledged items per second.
    pub fn items_per_second(&self) -> f64 {
        self.acknowledged_items as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// Acknowledged bytes per second.
    pub fn bytes_per_second(&self) -> f64 {
        self.acknowledged_bytes as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests in {:.2?}: {} items acknowledged, {} rejected",
            self.requests, self.elapsed, self.acknowledged_items, self.rejected_items
        )?;
        writeln!(f, "{:.0} items/s, {:.1} MB/s", self.items_per_second(), self.bytes_per_second() / 1e6)?;
        writeln!(
            f,
            "acknowledged within p50 {:.2?}, p99 {:.2?}, max {:.2?}",
            self.latency_p50, self.latency_p99, self.latency_max
        )?;
        for (code, count) in &self.refusals {
            writeln!(f, "refused {count} with {code}")?;
        }
        write!(f, "client processor time {:.2?}", self.client_processor_time)
    }
}

/// The counts of one worker.
#[derive(Debug, Default)]
pub(super) struct Tally {
    acknowledged_items: u64,
    rejected_items: u64,
    acknowledged_bytes: u64,
    refusals: BTreeMap<String, u64>,
    latencies: Latencies,
}

impl Tally {
    pub(super) fn record(&mut self, body: &Body, answer: Answer, latency: Duration) {
        match answer {
            Answer::Acknowledged { rejected } => {
                let rejected = rejected.min(body.items);
                self.rejected_items += rejected;
                self.acknowledged_items += body.items - rejected;
                self.acknowledged_bytes += body.byte_size();
                self.latencies.record(latency);
            }
            Answer::Refused(code) => *self.refusals.entry(code).or_default() += 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.acknowledged_items += other.acknowledged_items;
        self.rejected_items += other.rejected_items;
        self.acknowledged_bytes += other.acknowledged_bytes;
        self.latencies.add(other.latencies);
        for (code, count) in other.refusals {
            *self.refusals.entry(code).or_default() += count;
        }
    }

    pub(super) fn report(self, elapsed: Duration, client_processor_time: Duration) -> Report {
        let acknowledged_requests = self.latencies.count();
        let [latency_p50, latency_p99, latency_max] = self.latencies.quantiles([0.5, 0.99, 1.0]);
        Report {
            requests: acknowledged_requests + self.refusals.values().sum::<u64>(),
            acknowledged_requests,
            acknowledged_items: self.acknowledged_items,
            rejected_items: self.rejected_items,
            acknowledged_bytes: self.acknowledged_bytes,
            latency_p50,
            latency_p99,
            latency_max,
            refusals: self.refusals,
            elapsed,
            client_processor_time,
        }
    }
}
