//! Loads an OTLP endpoint and prints what came of it.

use bench::load::{self, Load};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "Loads an OTLP endpoint and prints rates, latencies and refusals")]
struct Arguments {
    #[command(flatten)]
    load: Load,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let report = load::run(&arguments.load).await?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}
