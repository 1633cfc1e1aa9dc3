//! `observatory dashboards`: files of dashboards checked without a server.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use query::QueryEngine;
use tokio::runtime::Handle;

use crate::rules::{beside_queries, sandbox};

/// Options of `observatory dashboards`.
#[derive(Debug, clap::Args)]
pub(crate) struct DashboardsArgs {
    #[command(subcommand)]
    command: DashboardsCommand,
}

#[derive(Debug, Subcommand)]
enum DashboardsCommand {
    /// Say what is wrong with dashboards, with line and column; the exit code says it too
    ///
    /// Statements are planned over the tables there are, so that a column that is not there is told as well.
    Check {
        /// Files, or directories of files
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
    },
}

/// Does what was asked, and prints to standard output.
pub(crate) fn run(args: DashboardsArgs) -> anyhow::Result<()> {
    let DashboardsCommand::Check { paths } = args.command;
    let files = files(&paths)?;
    beside_queries(async |queries| check(&files, queries).await)
}

async fn check(files: &[PathBuf], queries: Handle) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let sandbox = sandbox(place.path(), queries).await.map_err(anyhow::Error::from_boxed)?;
    let mut wrong = 0;
    for file in files {
        wrong += check_file(&sandbox.engine, file).await?;
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("one thing is wrong"),
        wrong => bail!("{wrong} things are wrong"),
    }
}

/// How much is wrong with it.
async fn check_file(engine: &QueryEngine, file: &Path) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let checked = dashboards::check(engine, &text).await;
    for fault in &checked.faults {
        println!("{}: {fault}", file.display());
    }
    if checked.faults.is_empty() {
        println!("{}: {} panels, nothing wrong", file.display(), checked.panels);
    }
    Ok(checked.faults.len())
}

/// The files that are named, and those of directories that are.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut found = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
        found.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml"));
        if found.is_empty() {
            bail!("{} has no files that end in .yaml or .yml", path.display());
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}
