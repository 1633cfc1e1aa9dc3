//! Spans with a key, beside spans of whoever is on this machine: processor time of the server, in turn.

use std::time::Duration;

use anyhow::ensure;

use super::opened::Opened;
use crate::load::{self, Load, Protocol};
use crate::measure::queries::millis;
use crate::measure::{Measure, bodies};

/// Both senders in turn, so that both meet the same machine; the best of each counts.
const ROUNDS: usize = 3;
/// Large requests as exporters send them, and small ones, in which the cost of a request shows.
const SIZES: [Size; 2] = [Size { items: 1000, concurrency: 8 }, Size { items: 10, concurrency: 32 }];

/// What a load consists of.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Spans of a request.
    items: usize,
    /// Requests under way.
    concurrency: usize,
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
enum Sender {
    Anonymous,
    Keyed,
}

/// The best rounds of a size, in seconds of the server's processor time for a million spans.
struct Best {
    items: usize,
    anonymous: f64,
    keyed: f64,
}

pub(super) async fn print(measure: &Measure) -> anyhow::Result<()> {
    println!(
        "\n| spans, grpc, a request | sender | CPU-s a million | spans per CPU-s | spans/s | ack p99 ms | refused |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    let mut all = Vec::new();
    for size in SIZES {
        let mut best = Best { items: size.items, anonymous: f64::INFINITY, keyed: f64::INFINITY };
        for _ in 0..ROUNDS {
            best.anonymous = best.anonymous.min(round(measure, size, Sender::Anonymous).await?);
            best.keyed = best.keyed.min(round(measure, size, Sender::Keyed).await?);
        }
        all.push(best);
    }
    println!(
        "\n| spans a request, best of {ROUNDS} | spans per CPU-s, anonymous | with a key | CPU-s a million, anonymous | with a key | ratio | a request more, µs |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Best { items, anonymous, keyed } in all {
        // Seconds for a million spans are microseconds for one.
        let more = (keyed - anonymous) * items as f64;
        let ratio = keyed / anonymous;
        println!(
            "| {items} | {:.0} | {:.0} | {anonymous:.3} | {keyed:.3} | {ratio:.3} | {more:.1} |",
            1e6 / anonymous,
            1e6 / keyed
        );
    }
    Ok(())
}

/// One load against a server of its own, to the last row in Parquet: seconds of its processor time for a million spans.
async fn round(measure: &Measure, size: Size, sender: Sender) -> anyhow::Result<f64> {
    // Both servers have checked a password and made a key; a key is worth something only where it is needed.
    let (name, anonymous) = match sender {
        Sender::Anonymous => ("anonymous", "loopback"),
        Sender::Keyed => ("with a key", "nobody"),
    };
    let opened = Opened::start(measure, anonymous).await?;
    let headers = match sender {
        Sender::Anonymous => Vec::new(),
        Sender::Keyed => vec![opened.header()?],
    };
    let load = Load {
        endpoint: opened.server.endpoint(Protocol::Grpc),
        items_per_request: size.items,
        bodies: bodies(size.items),
        concurrency: size.concurrency,
        duration: Duration::from_secs(measure.seconds),
        headers,
        ..Load::default()
    };
    let report = load::run(&load).await?;
    let stopped = opened.server.stop().await?;
    ensure!(report.acknowledged_items > 0, "nothing was taken: {:?}", report.refusals);
    let a_million = stopped.processor_seconds / report.acknowledged_items as f64 * 1e6;
    println!(
        "| {} | {name} | {a_million:.3} | {:.0} | {:.0} | {:.1} | {} |",
        size.items,
        1e6 / a_million,
        report.items_per_second(),
        millis(report.latency_p99),
        report.refusals.values().sum::<u64>()
    );
    Ok(a_million)
}
