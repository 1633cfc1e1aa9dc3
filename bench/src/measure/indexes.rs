//! Indexes beside large files: what they cost to make, what they take, what they spare.
//!
//! Files are written by the lake itself, from simulated rows; the first holds rows of its own, the others the same with other
//! trace ids, so that a word of one line is in one line of every file.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lake::{IndexConfig, IndexScope, Lake};
use model::Signal;
use rustix::time::{ClockId, clock_gettime};
use store::Store;

use super::Measure;
use super::process::{Server, Settings};
use super::queries::{ask, millis};
use super::rows_of_files::FileRows;

const REPEATS: usize = 7;

/// A lake in a directory, and what it was to write it.
struct Written {
    directory: tempfile::TempDir,
    processor_seconds: f64,
    file_bytes: u64,
    index_bytes: u64,
}

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    for signal in [Signal::Logs, Signal::Spans] {
        let rows = FileRows::simulate(signal, measure.index_file_rows)?;
        let files = measure.index_rows.div_ceil(rows.count() as u64).max(1);
        let total = files * rows.count() as u64;
        let scopes: &[_] = match measure.index_everything {
            true => &[("everything", IndexScope::Everything)],
            false => &[("traces", IndexScope::Traces), ("everything", IndexScope::Everything)],
        };
        let questions = rows.questions()?;
        println!(
            "\n| {signal}: {files} files, {total} rows | index, bytes a row | share of the file | writing, ns a row |"
        );
        println!("| --- | ---: | ---: | ---: |");
        let mut all = Vec::new();
        for (name, scope) in scopes {
            let written = write(&rows, files, *scope).await?;
            report_cost(name, total, &written);
            all.push((name, times(measure, written.directory.path(), &questions).await?));
        }
        for (indexed, times) in &all {
            println!("\n| {total} {signal} at rest, {indexed} indexed | rows | first ms | then |");
            println!("| --- | ---: | ---: | ---: |");
            for (((name, _), took), other) in questions.iter().zip(times).zip(&all[0].1) {
                ensure!(
                    took.rows == other.rows,
                    "{name} has {} rows, and with other indexes {}",
                    took.rows,
                    other.rows
                );
                println!("| {name} | {} | {:.1} | {:.1} |", took.rows, took.first, took.best);
            }
        }
    }
    Ok(())
}

async fn write(rows: &FileRows, files: u64, at_flush: IndexScope) -> anyhow::Result<Written> {
    let directory = tempfile::tempdir()?;
    let lake = Lake::on_disk(&directory.path().join("lake")).await?;
    let lake = lake.with_indexes(&IndexConfig { at_flush, ..IndexConfig::default() });
    let mut processor_seconds = 0.0;
    for number in 1..=files {
        let segment = rows.segment(number)?;
        let before = processor();
        lake.keep(&segment).await?;
        processor_seconds += (processor() - before).as_secs_f64();
    }
    let (file_bytes, index_bytes) = (bytes_of(directory.path(), "parquet")?, bytes_of(directory.path(), "index")?);
    Ok(Written { directory, processor_seconds, file_bytes, index_bytes })
}

fn report_cost(name: &str, rows: u64, written: &Written) {
    println!(
        "| {name} | {:.2} | {:.1} % | {:.0} |",
        written.index_bytes as f64 / rows as f64,
        written.index_bytes as f64 / written.file_bytes as f64 * 100.0,
        written.processor_seconds * 1e9 / rows as f64
    );
}

/// How long a question took the first time, and best of several; milliseconds.
pub(super) struct Took {
    pub(super) rows: usize,
    pub(super) first: f64,
    pub(super) best: f64,
}

/// Asks a server over the data in the directory.
pub(super) async fn times(
    measure: &Measure,
    directory: &Path,
    questions: &[(&str, String)],
) -> anyhow::Result<Vec<Took>> {
    let server = Server::start(&measure.server()?, directory, &Settings::default()).await?;
    let mut all = Vec::new();
    for (_, sql) in questions {
        let mut took = Vec::new();
        let mut rows = 0;
        for _ in 0..=REPEATS {
            let started = Instant::now();
            rows = ask(server.api(), sql).await?.len();
            took.push(millis(started.elapsed()));
        }
        let best = took[1..].iter().copied().fold(f64::INFINITY, f64::min);
        all.push(Took { rows, first: took[0], best });
    }
    server.stop().await?;
    Ok(all)
}

/// Processor time of this process.
pub(super) fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Bytes of all files with the extension, in a folder and all below.
pub(super) fn bytes_of(folder: &Path, extension: &str) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            bytes += bytes_of(&path, extension)?;
        } else if path.extension().is_some_and(|known| known == extension) {
            bytes += path.metadata()?.len();
        }
    }
    Ok(bytes)
}
