//! `observatory rules`: alert rules checked and tested without a server, and tried over the past of a running one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alerting::trial::{self, Sandbox};
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Subcommand;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::BodyExt;
use plane::DataPlane;
use plugin::{PluginError, TelemetryWriter};
use query::QueryEngine;
use records::Records;
use serde::Deserialize;
use store::MemoryStore;
use tokio::runtime::Handle;

use crate::client::{self, ServerArgs};
use crate::config::Config;
use crate::products;

/// Options of `observatory rules`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Say what is wrong with files of rules, with line and column; the exit code says it too
    ///
    /// Takes the short form (`condition: error_rate > 1%`), the long form (`sql:`, `promql:`, `slo:`) and Prometheus' groups.
    Check {
        /// Files of rules
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run tests of rules: series, spans and logs in, alerts out, as promtool does
    ///
    /// docs/alerting.md has an example.
    Test {
        /// Files of tests; the rule files that they name are found beside them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Ask a running server when rules would have fired
    Backtest {
        /// A file of rules
        file: PathBuf,
        /// How long ago to begin
        #[arg(long, default_value = "7d", value_name = "TIME")]
        since: String,
        /// Time between two evaluations [default: the rule's interval, or what makes a thousand evaluations]
        #[arg(long, value_name = "TIME")]
        step: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Does what was asked, and prints to standard output.
pub(crate) fn run(args: RulesArgs) -> anyhow::Result<()> {
    match args.command {
        RulesCommand::Check { files } => beside_queries(async |queries| check(&files, queries).await),
        RulesCommand::Test { files } => beside_queries(async |queries| test(&files, queries).await),
        RulesCommand::Backtest { file, since, step, server } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(backtest(&file, &since, step.as_deref(), &server))
        }
    }
}

/// Runs something that asks queries, which have threads of their own.
pub(crate) fn beside_queries(work: impl AsyncFnOnce(Handle) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let queries = query::runtime(&query::Config::default())?;
    let own = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = own.block_on(work(queries.handle().clone()));
    queries.shutdown_background();
    outcome
}

async fn check(files: &[PathBuf], queries: Handle) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let sandbox = sandbox(place.path(), queries).await.map_err(anyhow::Error::from_boxed)?;
    let mut wrong = 0;
    for file in files {
        let checked = trial::check(&sandbox, &text(file)?).await;
        for fault in &checked.faults {
            println!("{}: {fault}", file.display());
        }
        for note in &checked.notes {
            println!("{}: note: {note}", file.display());
        }
        wrong += checked.faults.len();
        if checked.faults.is_empty() {
            println!("{}: {} rules, nothing wrong", file.display(), checked.rules.len());
        }
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("one thing is wrong"),
        wrong => bail!("{wrong} things are wrong"),
    }
}

async fn test(files: &[PathBuf], queries: Handle) -> anyhow::Result<()> {
    let (mut met, mut failures) = (0, 0);
    for file in files {
        let folder = file.parent().unwrap_or(Path::new("."));
        // Each test has a place of its own, and all go with the command.
        let places = tempfile::tempdir()?;
        let number = std::cell::Cell::new(0);
        let new_sandbox = || {
            number.set(number.get() + 1);
            let (place, queries) = (places.path().join(number.get().to_string()), queries.clone());
            async move { sandbox(&place, queries).await }
        };
        let tested = trial::test(&text(file)?, |path| std::fs::read_to_string(folder.join(path)), new_sandbox).await;
        let tested = tested.map_err(anyhow::Error::from_boxed)?;
        for failure in &tested.failures {
            println!("{}: {failure}", file.display());
        }
        println!("{}: {} expectations met, {} not", file.display(), tested.met, tested.failures.len());
        met += tested.met;
        failures += tested.failures.len();
    }
    match failures {
        0 => Ok(()),
        _ => bail!("{failures} of {} failed", met + failures),
    }
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// An engine over a plane with nothing in it.
pub(crate) async fn sandbox(place: &Path, queries: Handle) -> Result<Sandbox, PluginError> {
    std::fs::create_dir_all(place)?;
    let nothing_is_replayed = |_: &plane::Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
    // What is written is gone when the command ends.
    let log = wal::Config { durability: wal::Durability::None, ..wal::Config::default() };
    let store = Arc::new(MemoryStore::default());
    let plane =
        DataPlane::open(&plane::Config::default(), place, log, store, Arc::new(nothing_is_replayed), None).await?;
    let plane = Arc::new(plane);
    // Rules may ask what products know, as objectives that burn; here they know nothing yet.
    let plugins = products::chosen(&Config::default())?;
    let schemas = plugin::schemas(&plugins, &Records::in_memory()?)?;
    let engine = QueryEngine::new(Arc::clone(&plane), query::Config::default(), queries)?.with_schemas(schemas);
    let telemetry = TelemetryWriter::new(move |tenant, telemetry| {
        let plane = Arc::clone(&plane);
        Box::pin(async move { products::write(&plane, tenant, telemetry).await })
    });
    Ok(Sandbox { engine, telemetry })
}

/// What a server answers of one rule.
#[derive(Debug, Deserialize)]
struct Backtest {
    rule: String,
    step_seconds: f64,
    evaluations: u64,
    failed: u64,
    error: Option<String>,
    alerts: Vec<WouldFire>,
    alerts_left_out: u64,
    stopped_at: Option<String>,
    #[serde(default)]
    is_left_out: bool,
}

#[derive(Debug, Deserialize)]
struct WouldFire {
    labels: std::collections::BTreeMap<String, String>,
    value: Option<f64>,
    fired_at: String,
    resolved_at: Option<String>,
}

async fn backtest(file: &Path, since: &str, step: Option<&str>, server: &ServerArgs) -> anyhow::Result<()> {
    let asked = serde_json::json!({"yaml": text(file)?, "since": since, "step": step});
    let request =
        Request::post(server.path("/api/v1/alerting/rules/backtest")).header(CONTENT_TYPE, "application/json");
    let request = match server.api_key() {
        Some(key) => request.header(AUTHORIZATION, format!("Bearer {key}")),
        None => request,
    };
    let answer = client::send(request.body(asked.to_string().into())?, &server.trust()).await;
    let answer = answer
        .with_context(|| format!("no server answers at {}: start one with `observatory serve`", server.path("")))?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        bail!("the server answers {status}: {}", String::from_utf8_lossy(&body));
    }
    let told: Vec<Backtest> = serde_json::from_slice(&body)?;
    told.iter().for_each(print);
    Ok(())
}

fn print(told: &Backtest) {
    if told.is_left_out {
        println!("{}: not tried, the rules before it took all the time; try it alone", told.rule);
        return;
    }
    let times = told.alerts.len() as u64 + told.alerts_left_out;
    println!(
        "{}: would have fired {times} times, in {} evaluations every {} s",
        told.rule, told.evaluations, told.step_seconds
    );
    for alert in &told.alerts {
        let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let until = alert.resolved_at.as_deref().unwrap_or("now");
        let value = alert.value.map_or_else(String::new, |value| format!("  value {value:.4}"));
        println!("  {} to {until}  {}{value}", alert.fired_at, labels.join(" "));
    }
    if told.alerts_left_out > 0 {
        println!("  and {} more", told.alerts_left_out);
    }
    if let (failed @ 1.., Some(error)) = (told.failed, &told.error) {
        println!("  {failed} evaluations failed, the last one: {error}");
    }
    if let Some(stopped) = &told.stopped_at {
        println!("  there was time up to {stopped}; take a wider --step or a shorter --since");
    }
}
