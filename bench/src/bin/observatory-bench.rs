//! Prints the figures of `docs/benchmarks.md`.

use bench::measure::{self, Measure};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "Measures the server on this machine: ingest, queries, and the limits they are a share of")]
struct Arguments {
    #[command(flatten)]
    measure: Measure,
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    measure::run(&Arguments::parse().measure).await
}
