//! What ten thousand rules cost beside telemetry of a hundred services, and how soon somebody is told that something is wrong.
//!
//! Who sends is this process, on the server's cores; its time is not counted.

mod requests;
mod told;
mod written;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::time::sleep;

use self::requests::{SERVICES, SPANS_PER_SECOND, Sender};
use self::written::{FIRING, RULES, STATEMENTS};
use super::Measure;
use super::process::{Server, Settings};
use super::queries::ask;
use crate::load::Protocol;

/// As long as two rounds of rules that are evaluated every 30 seconds.
const MEASURED: Duration = Duration::from_secs(60);
/// Rules are read and alerts fire within so long.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// What the rules came to.
struct Cost {
    /// Processor time of the server for each second: without rules, and with them.
    without: f64,
    with: f64,
    /// From the change of the directory to all rules in the records.
    read: Duration,
    /// From the time as of which they fire, to the first alert and to the last.
    first_alert: f64,
    last_alert: f64,
    failing: u64,
}

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let cost = cost(measure).await?;
    println!(
        "\n| {RULES} rules every 30 s, {STATEMENTS} of them SQL, {SPANS_PER_SECOND} spans/s of {SERVICES} services | |\n| --- | ---: |"
    );
    println!("| evaluations a minute | {} |", RULES * 2);
    println!("| cores of the server without rules, over {} s | {:.2} |", MEASURED.as_secs(), cost.without);
    println!("| cores with them | {:.2} |", cost.with);
    println!("| cores that rules take | {:.2} |", cost.with - cost.without);
    println!("| files read and rules kept after s | {:.1} |", cost.read.as_secs_f64());
    println!("| the first of {FIRING} alerts, after it was due s | {:.2} |", cost.first_alert);
    println!("| the last of them s | {:.2} |", cost.last_alert);
    println!("| rules that could not be evaluated | {} |", cost.failing);
    told::print(measure).await
}

async fn cost(measure: &Measure) -> anyhow::Result<Cost> {
    let (data, directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let server = start(measure, data.path(), directory.path(), Vec::new()).await?;
    let mut sender = Sender::connect(server.endpoint(Protocol::Grpc)).await?;
    sender.send_past().await?;
    let cost = tokio::select! {
        failed = sender.send_on() => bail!("cannot send on: {failed:#}"),
        cost = watch(&server, directory.path()) => cost?,
    };
    server.stop().await?;
    Ok(cost)
}

/// Measures the server as it is, and with rules.
async fn watch(server: &Server, directory: &Path) -> anyhow::Result<Cost> {
    let without = cores(server).await?;
    written::put(directory)?;
    let put = Instant::now();
    until(server, "select count(*) from alerting.rules", RULES as i64).await?;
    let read = put.elapsed();
    let (first_alert, last_alert) = tokio::try_join!(lateness(server, 1), lateness(server, FIRING as i64))?;
    let with = cores(server).await?;
    let failing = ask(server.api(), "select count(*) from alerting.rule_health where is_failing").await?;
    let failing = failing[0][0].as_u64().context("a count is a number")?;
    Ok(Cost { without, with, read, first_alert, last_alert, failing })
}

/// Cores that the server uses from now on.
async fn cores(server: &Server) -> anyhow::Result<f64> {
    let (before, begun) = (server.processor_seconds()?, Instant::now());
    sleep(MEASURED).await;
    Ok((server.processor_seconds()? - before) / begun.elapsed().as_secs_f64())
}

/// Seconds from the time as of which rules fire, to so many alerts that can be read.
async fn lateness(server: &Server, alerts: i64) -> anyhow::Result<f64> {
    until(server, "select count(*) from alerting.alerts where state = 'firing'", alerts).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let fired = "select cast(max(fired_at) as bigint) from alerting.alerts where state = 'firing'";
    let fired = ask(server.api(), fired).await?;
    Ok(now - number(&fired[0][0]).context("a time is a number")? as f64 / 1e9)
}

/// Asks until the answer is at least this number.
async fn until(server: &Server, sql: &str, least: i64) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let rows = ask(server.api(), sql).await?;
        if number(&rows[0][0]).context("a count is a number")? >= least {
            return Ok(());
        }
        sleep(LOOKS_EVERY).await;
    }
    let faults = ask(server.api(), "select array_to_string(faults, '; ') from alerting.files").await?;
    bail!("{sql} is not {least} after {PATIENCE:?}; faults of files: {faults:?}")
}

/// Large ones are texts.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A server whose rules stand in this directory.
async fn start(
    measure: &Measure,
    data: &Path,
    directory: &Path,
    more: Vec<(&'static str, String)>,
) -> anyhow::Result<Server> {
    let mut settings = Settings::default();
    settings.environment.push(("OBSERVATORY_ALERTING__DIRECTORY", directory.display().to_string()));
    settings.environment.extend(more);
    Server::start(&measure.server()?, data, &settings).await
}
