//! A line of the table.

use std::fmt;

use super::process::Stopped;
use crate::load::{Protocol, Report, Signal};

/// What one load came to.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) items: usize,
    pub(crate) rate: Option<f64>,
    pub(crate) report: Report,
    pub(crate) stopped: Stopped,
    pub(crate) lake_bytes: u64,
}

pub(crate) fn heading() {
    println!();
    println!(
        "| signal, protocol, items a request | items/s | items per CPU-s | MB/s | ack p50 ms | ack p99 ms | peak RSS MB | disk B/item | refused | client CPU ns/item |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
}

impl Row {
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.report.acknowledged_requests as f64 / self.report.elapsed.as_secs_f64()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, stopped, .. } = self;
        let items = report.acknowledged_items as f64;
        let load = self.rate.map_or_else(String::new, |rate| format!(", at {rate:.0} requests/s"));
        let name = format!("{:?}, {:?}, {}{load}", self.signal, self.protocol, self.items).to_lowercase();
        let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "| {name} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.0} | {:.1} | {} | {:.0} |",
            report.items_per_second(),
            items / stopped.processor_seconds,
            report.bytes_per_second() / 1e6,
            millis(report.latency_p50),
            millis(report.latency_p99),
            stopped.peak_bytes as f64 / 1e6,
            self.lake_bytes as f64 / items,
            report.refusals.values().sum::<u64>(),
            report.client_processor_time.as_nanos() as f64 / items,
        )
    }
}
