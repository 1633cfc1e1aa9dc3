//! The figures of `docs/benchmarks.md`: what the server does, as a share of what the machine can do.
//! Nothing here asserts; it prints.

mod api;
mod compaction;
mod database;
mod history;
mod identity;
mod indexes;
mod limits;
mod patterns;
mod process;
mod promotion;
mod queries;
mod report;
mod rollups;
mod rows_of_files;
mod rules;
mod services;
mod tail;
mod trace;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use self::process::{Server, Settings};
use self::report::Row;
use crate::load::{self, Load, Protocol, Signal};

/// What to measure, and how long.
#[derive(Debug, clap::Args)]
pub struct Measure {
    /// The server program [default: `observatory` beside this one]
    #[arg(long)]
    server: Option<PathBuf>,
    /// Seconds of load in each case
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Spans that are flushed in pieces and merged
    #[arg(long, default_value_t = 1_000_000)]
    compaction_spans: usize,
    /// Spans that queries run over
    #[arg(long, default_value_t = 5_000_000)]
    query_spans: u64,
    /// Keep the data of the query part in this directory, and use it again when it is there
    #[arg(long)]
    query_data: Option<PathBuf>,
    /// Rows of each signal that indexes are measured over
    #[arg(long, default_value_t = 10_000_000)]
    index_rows: u64,
    /// Rows of one file of them, and of the merged file that promotion is measured over
    #[arg(long, default_value_t = 2_000_000)]
    index_file_rows: usize,
    /// Only with all indexes, not also with those of traces alone: half the time
    #[arg(long)]
    index_everything: bool,
    /// Memory at which the server seals a segment, in bytes: small segments make many files [default: the server's]
    #[arg(long)]
    segment_bytes: Option<usize>,
    /// Wrong passwords that each kind of guessing takes at least
    #[arg(long, default_value_t = 10_000)]
    wrong_passwords: u64,
    /// A Python with the package duckdb, to ask DuckDB the same questions over the same files
    #[arg(long)]
    duckdb_python: Option<PathBuf>,
    /// A directory with `Apache_2k.log_structured.csv` and its like, as https://github.com/logpai/loghub has them
    #[arg(long, env = "OBSERVATORY_BENCH_LOGHUB")]
    loghub: Option<PathBuf>,
    /// A database of PostgreSQL that may be written to, in a schema of its own
    #[arg(long, env = "OBSERVATORY_BENCH_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Copy, decode, decode into Arrow: no server.
    Limits,
    /// The common case: 1 000 items a request over gRPC, each signal.
    Core,
    /// Every signal, protocol and request size.
    Grid,
    /// Acknowledgement times at half of the full rate.
    HalfLoad,
    /// SQL over spans at rest.
    Queries,
    /// What merging files costs, and queries before and after it: no server.
    Compaction,
    /// Indexes beside large files.
    Index,
    /// Spans into a database, beside `psql`'s own COPY; needs --database-url.
    Database,
    /// Rate, errors and durations over a week, from rollups and from spans.
    Rollups,
    /// Merged files with and without columns for frequent attributes.
    Promotion,
    /// What a key costs a request, signing in, and spans while somebody guesses passwords.
    Identity,
    /// Patterns of log lines, beside groups that people marked: no server; needs --loghub.
    Patterns,
    /// Pages of a trace of 200 000 spans.
    Trace,
    /// Log lines as they arrive, for a thousand who follow them.
    Tail,
    /// Ten thousand alerting rules, and how soon somebody is told.
    Rules,
    /// The list of services over a week.
    Services,
}

impl Measure {
    fn wants(&self, part: Part) -> bool {
        match part {
            Part::Core
            | Part::Index
            | Part::Rollups
            | Part::Promotion
            | Part::Identity
            | Part::Patterns
            | Part::Trace
            | Part::Tail
            | Part::Rules
            | Part::Services => self.only.contains(&part),
            Part::Database if self.database_url.is_none() => false,
            part => self.only.is_empty() || self.only.contains(&part),
        }
    }

    fn server(&self) -> anyhow::Result<PathBuf> {
        if let Some(server) = &self.server {
            return Ok(server.clone());
        }
        let beside = std::env::current_exe()?.with_file_name("observatory");
        anyhow::ensure!(beside.is_file(), "{} is not there: build it, or name it with --server", beside.display());
        Ok(beside)
    }
}

/// Measures and prints.
pub async fn run(measure: &Measure) -> anyhow::Result<()> {
    if measure.wants(Part::Limits) {
        limits::print()?;
    }
    if measure.wants(Part::Core) {
        report::heading();
        for signal in [Signal::Spans, Signal::Logs, Signal::Points] {
            println!("{}", case(measure, signal, Protocol::Grpc, 1000, None).await?);
        }
    }
    if measure.wants(Part::Grid) {
        report::heading();
        for signal in [Signal::Spans, Signal::Logs, Signal::Points] {
            for protocol in [Protocol::Grpc, Protocol::Http] {
                for items in [100, 1000, 8000] {
                    println!("{}", case(measure, signal, protocol, items, None).await?);
                }
            }
        }
    }
    if measure.wants(Part::HalfLoad) {
        report::heading();
        for signal in [Signal::Spans, Signal::Logs, Signal::Points] {
            let full = case(measure, signal, Protocol::Grpc, 1000, None).await?;
            println!("{full}");
            println!("{}", case(measure, signal, Protocol::Grpc, 1000, Some(full.requests_per_second() / 2.0)).await?);
        }
    }
    if measure.wants(Part::Index) {
        indexes::print(measure).await?;
    }
    if let Some(url) = measure.database_url.as_deref().filter(|_| measure.wants(Part::Database)) {
        database::print(url).await?;
    }
    if measure.wants(Part::Queries) {
        queries::print(measure).await?;
    }
    if measure.wants(Part::Compaction) {
        compaction::print(measure.compaction_spans).await?;
    }
    if measure.wants(Part::Rollups) {
        rollups::print(measure).await?;
    }
    if measure.wants(Part::Promotion) {
        promotion::print(measure).await?;
    }
    if measure.wants(Part::Identity) {
        identity::print(measure).await?;
    }
    if measure.wants(Part::Patterns) {
        patterns::print(measure.loghub.as_deref().context("name the directory with the samples with --loghub")?)?;
    }
    if measure.wants(Part::Trace) {
        trace::print(measure).await?;
    }
    if measure.wants(Part::Tail) {
        tail::print(measure).await?;
    }
    if measure.wants(Part::Rules) {
        rules::print(measure).await?;
    }
    if measure.wants(Part::Services) {
        services::print(measure).await?;
    }
    Ok(())
}

/// One load against a server of its own, to the last row in Parquet.
async fn case(
    measure: &Measure,
    signal: Signal,
    protocol: Protocol,
    items: usize,
    rate: Option<f64>,
) -> anyhow::Result<Row> {
    let data = tempfile::tempdir().context("no temporary directory")?;
    let server = Server::start(&measure.server()?, data.path(), &Settings::default()).await?;
    let load = Load {
        endpoint: server.endpoint(protocol),
        protocol,
        signal,
        items_per_request: items,
        bodies: bodies(items),
        rate,
        duration: Duration::from_secs(measure.seconds),
        ..Load::default()
    };
    let report = load::run(&load).await?;
    let stopped = server.stop().await?;
    Ok(Row { signal, protocol, items, rate, report, stopped, lake_bytes: bytes_under(&data.path().join("lake"))? })
}

/// How many distinct requests of so many items are enough.
fn bodies(items: usize) -> usize {
    (200_000 / items).clamp(16, 400)
}

/// Bytes of all files in a folder.
fn bytes_under(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        // The server's own telemetry is not what was sent.
        if entry.file_name() == "system" || entry.file_name() == "_manifest" {
            continue;
        }
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { bytes_under(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}
