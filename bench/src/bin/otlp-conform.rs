//! `otlp-conform`: tries the OTLP receiver checklist against any endpoint and prints the matrix.
//! It ends with 0 only if every MUST, every SHOULD and every rule of ours was kept.

use std::process::ExitCode;

use anyhow::Context;
use bench::conform::{LIMIT_BYTES, Target, run};
use clap::Parser;
use http::{HeaderName, HeaderValue, Uri};

/// Tries every row of the OTLP receiver checklist against an endpoint and prints what held.
#[derive(Debug, Parser)]
#[command(
    name = "otlp-conform",
    version,
    after_help = "Exit code: 0 all kept, 1 something is broken, 2 nothing could be tried."
)]
struct Arguments {
    /// Where the receiver takes OTLP over gRPC, such as http://127.0.0.1:4317
    #[arg(long, value_name = "URL", required_unless_present = "http")]
    grpc: Option<Uri>,
    /// Where it takes OTLP over HTTP, such as http://127.0.0.1:4318; a path is put in front of /v1/traces
    #[arg(long, value_name = "URL")]
    http: Option<Uri>,
    /// Sent with every request; may be given several times
    #[arg(long = "header", value_name = "KEY=VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Where it answers SQL, to compare what was stored with what was sent, such as http://127.0.0.1:8036/api/v1/sql
    #[arg(long, value_name = "URL")]
    sql: Option<Uri>,
    /// Print the matrix as JSON
    #[arg(long)]
    json: bool,
    /// Try these rows only; E1 stands for E1-codings as well
    #[arg(long, value_name = "ROW,ROW", value_delimiter = ',')]
    only: Vec<String>,
    /// The largest decompressed request the receiver must take
    #[arg(long, value_name = "BYTES", default_value_t = LIMIT_BYTES)]
    limit_bytes: usize,
    /// The receiver's process on this machine, to watch its memory
    #[arg(long, value_name = "PID")]
    memory_pid: Option<u32>,
    /// The receiver must refuse wrong keys; a right one is in --header
    #[arg(long)]
    auth_required: bool,
    /// Stop the process of --memory-pid at the end (SIGTERM), to see how it does that
    #[arg(long, requires = "memory_pid")]
    allow_stop: bool,
}

fn header(text: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once('=').context("a header is KEY=VALUE")?;
    Ok((name.trim().parse()?, value.trim().parse()?))
}

#[tokio::main]
async fn main() -> ExitCode {
    match conform(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("otlp-conform: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn conform(arguments: Arguments) -> anyhow::Result<bool> {
    let target = Target {
        grpc: arguments.grpc,
        http: arguments.http,
        sql: arguments.sql,
        headers: arguments.headers.into_iter().collect(),
        limit_bytes: arguments.limit_bytes,
        memory_pid: arguments.memory_pid,
        auth_required: arguments.auth_required,
        allow_stop: arguments.allow_stop,
    };
    let matrix = run(&target, &arguments.only).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&matrix)?);
    } else {
        print!("{matrix}");
    }
    Ok(matrix.failures().next().is_none())
}
