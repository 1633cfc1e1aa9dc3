//! Who it is, and what it costs to ask: spans with a key beside spans without one, signing in, and spans while somebody guesses
//! passwords.
//!
//! Loads, guesses and probes are of this process, on the server's cores: times are above those of a server that has its own.

mod guesses;
mod keys;
mod opened;

use std::time::Instant;

use anyhow::ensure;

use self::opened::{EMAIL, Opened, PASSWORD, sign_in};
use super::Measure;
use super::api::Client;
use super::queries::millis;
use crate::load::Latencies;

const SIGN_INS: u32 = 20;

/// Measures and prints.
pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    keys::print(measure).await?;
    signing_in(measure).await?;
    guesses::print(measure).await
}

async fn signing_in(measure: &Measure) -> anyhow::Result<()> {
    let opened = Opened::start(measure, "nobody").await?;
    let client = Client::new(opened.server.api());
    let mut latencies = Latencies::default();
    for _ in 0..SIGN_INS {
        let asked = Instant::now();
        let status = sign_in(&client, EMAIL, PASSWORD).await?;
        latencies.record(asked.elapsed());
        ensure!(status.is_success(), "the owner cannot sign in: {status}");
    }
    opened.server.stop().await?;
    let [half, all] = latencies.quantiles([0.5, 1.0]).map(millis);
    println!("\nsigning in on an idle server, {SIGN_INS} times: p50 {half:.1} ms, slowest {all:.1} ms");
    Ok(())
}
