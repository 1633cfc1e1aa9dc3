//! `observatory sql`: asks a running server and prints the answer.

use std::io::Write;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::ValueEnum;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use serde_json::Value;

use crate::client::{self, ServerArgs};

/// Options of `observatory sql`.
#[derive(Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// The statement; read from standard input when it is `-`
    statement: String,
    #[command(flatten)]
    server: ServerArgs,
    /// For those who run the server: `default`, or `system` for its own telemetry
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Format::Table | Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv",
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    elapsed_ms: f64,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Refused {
    error: Fault,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
    hint: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
}

/// Asks, and prints to standard output.
pub(crate) fn run(args: &SqlArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(args))
}

async fn ask(args: &SqlArgs) -> anyhow::Result<()> {
    let answer = client::send(request(args)?, &args.server.trust()).await;
    let answer = answer.with_context(|| {
        format!("no server answers at {}: start one with `observatory serve`", args.server.path(""))
    })?;
    let (head, mut body) = answer.into_parts();
    if !head.status.is_success() {
        let body = body.collect().await?.to_bytes();
        let refused: Refused = serde_json::from_slice(&body)
            .with_context(|| format!("the server answers {}: {}", head.status, String::from_utf8_lossy(&body)))?;
        bail!(refused.error.told());
    }
    if args.format == Format::Table {
        let body = body.collect().await?.to_bytes();
        return print_table(&serde_json::from_slice(&body)?);
    }
    let mut out = std::io::stdout().lock();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            out.write_all(&data)?;
        }
    }
    Ok(out.flush()?)
}

fn request(args: &SqlArgs) -> anyhow::Result<Request<Full<Bytes>>> {
    let statement = match args.statement.as_str() {
        "-" => std::io::read_to_string(std::io::stdin())?,
        statement => statement.to_owned(),
    };
    let mut request = Request::post(args.server.path("/api/v1/sql"))
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, args.format.media_type());
    if let Some(key) = args.server.api_key() {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    if let Some(tenant) = &args.tenant {
        request = request.header("x-observatory-tenant", tenant);
    }
    Ok(request.body(serde_json::json!({"sql": statement}).to_string().into())?)
}

impl Fault {
    fn told(&self) -> String {
        let mut told = self.message.clone();
        if let (Some(line), Some(column)) = (self.line, self.column) {
            told.push_str(&format!(" (line {line}, column {column})"));
        }
        if let Some(hint) = &self.hint {
            told.push_str(&format!("\n  hint: {hint}"));
        }
        told
    }
}

fn print_table(answer: &Answer) -> anyhow::Result<()> {
    let names = answer.columns.iter().map(|column| column.name.clone()).collect();
    let cells = answer.rows.iter().map(|row| row.iter().map(cell).collect());
    let lines: Vec<Vec<String>> = std::iter::once(names).chain(cells).collect();
    let widths: Vec<usize> = (0..answer.columns.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let numeric: Vec<bool> =
        (0..answer.columns.len()).map(|column| answer.rows.iter().any(|row| row[column].is_number())).collect();
    let mut out = std::io::stdout().lock();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).zip(&numeric).map(|((cell, width), numeric)| match numeric {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        if number == 0 {
            writeln!(out, "{}", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "))?;
        }
    }
    writeln!(out, "({} rows, {:.1} ms)", answer.rows.len(), answer.elapsed_ms)?;
    match &answer.error {
        Some(fault) => bail!(fault.told()),
        None => Ok(()),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', "\\n"),
        other => other.to_string(),
    }
}
