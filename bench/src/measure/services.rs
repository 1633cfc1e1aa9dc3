//! The list of services over a week, as the page of services asks for it.

use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::api::Client;
use super::queries::{ask, millis};
use super::rollups::HOURS;
use super::{Measure, history};
use crate::load::Latencies;

const CALLS: usize = 50;
/// With the same range before, the list reads twice as much.
const QUESTIONS: [&str; 2] = ["services?from=now-7d", "services?from=now-7d&compare=true"];

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let data = measure.query_data.clone().unwrap_or_else(|| temporary.path().to_owned());
    let server = history::at_rest(measure, &data, HOURS).await?;
    let spans = &ask(server.api(), "select count(*) from spans").await?[0][0];
    println!(
        "\n| `GET /api/v1/apm/…`, {spans} spans, {CALLS} calls one after the other | first ms | p50 ms | p99 ms | services |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    let client = Client::new(server.api());
    for question in QUESTIONS {
        print_row(&client, question).await?;
    }
    server.stop().await?;
    Ok(())
}

async fn print_row(client: &Client, question: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/apm/{question}");
    let (mut latencies, mut first, mut services) = (Latencies::default(), None, 0);
    for _ in 0..CALLS {
        let asked = Instant::now();
        let (status, body) = client.get(&path).await?;
        let took = asked.elapsed();
        ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        let told: Value = serde_json::from_slice(&body)?;
        services = told["services"].as_array().context("an answer has services")?.len();
        first.get_or_insert(took);
        latencies.record(took);
    }
    let [half, most] = latencies.quantiles([0.5, 0.99]).map(millis);
    println!("| `{question}` | {:.1} | {half:.1} | {most:.1} | {services} |", millis(first.unwrap_or_default()));
    Ok(())
}
