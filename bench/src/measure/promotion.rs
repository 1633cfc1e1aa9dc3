//! Columns for frequent attributes in merged files: what they cost, and what they spare.

use anyhow::{bail, ensure};
use lake::{Config, Lake};
use model::Signal;
use store::{Outcome, Pace, Store};

use super::Measure;
use super::indexes::{bytes_of, processor, times};
use super::rows_of_files::FileRows;

/// Flushes of which merged files are made.
const FILES: u64 = 8;
/// Attributes of the simulated shop that no table has a column for.
const QUESTIONS: [(&str, &str); 5] = [
    ("spans by an attribute", "select attributes->>'network.peer.address', count(*) from spans group by 1"),
    (
        "by two",
        "select attributes->>'network.peer.address', attributes->>'db.query.summary', count(*) from spans group by 1, 2",
    ),
    ("by one of the resource", "select resource_attributes->>'telemetry.sdk.language', count(*) from spans group by 1"),
    (
        "one service, by an attribute",
        "select attributes->>'network.peer.address', count(*) from spans where service_name = 'checkout' group by 1",
    ),
    (
        "those with a part of a value",
        "select count(*), avg(duration_ns) from spans where attributes->>'db.query.summary' like 'SELECT%'",
    ),
];

/// A lake of merged files.
struct Merged {
    directory: tempfile::TempDir,
    /// Processor time of merging, in nanoseconds a row that was written.
    nanos_a_row: f64,
    file_bytes: u64,
}

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let rows = FileRows::simulate(Signal::Spans, measure.index_file_rows / FILES as usize)?;
    let total = rows.count() as u64 * FILES;
    let plain = merge(&rows, 0).await?;
    let promoted = merge(&rows, Config::default().promote_keys_max).await?;
    println!("\n| {total} spans, merged | bytes a span | merging, ns a span |\n| --- | ---: | ---: |");
    for (name, merged) in [("JSON only", &plain), ("and columns", &promoted)] {
        println!("| {name} | {:.1} | {:.0} |", merged.file_bytes as f64 / total as f64, merged.nanos_a_row);
    }

    let questions = QUESTIONS.map(|(name, sql)| (name, sql.to_owned()));
    let before = times(measure, plain.directory.path(), &questions).await?;
    let after = times(measure, promoted.directory.path(), &questions).await?;
    println!(
        "\n| {total} spans, merged, warm | rows | JSON only, ms | and columns, ms |\n| --- | ---: | ---: | ---: |"
    );
    for (((name, _), before), after) in questions.iter().zip(before).zip(after) {
        ensure!(before.rows == after.rows, "{name} has {} rows, and with columns {}", before.rows, after.rows);
        println!("| {name} | {} | {:.1} | {:.1} |", after.rows, before.best, after.best);
    }
    Ok(())
}

async fn merge(rows: &FileRows, promote_keys_max: usize) -> anyhow::Result<Merged> {
    let directory = tempfile::tempdir()?;
    let config = Config { settled_seconds: 0, deletion_grace_seconds: 0, promote_keys_max, ..Config::default() };
    let lake = Lake::on_disk(&directory.path().join("lake")).await?.configured(config);
    for number in 1..=FILES {
        lake.keep(&rows.segment(number)?).await?;
    }
    let (before, mut written) = (processor(), 0);
    while let Some(work) = lake.maintain(&Pace::full()).await.done {
        if let Outcome::Failed(cause) = work.outcome {
            bail!("{:?}: {cause}", work.task);
        }
        if work.task.dataset == Some(Signal::Spans.into()) {
            written += work.written.rows;
        }
    }
    let nanos_a_row = (processor() - before).as_nanos() as f64 / written as f64;
    let file_bytes = bytes_of(&directory.path().join("lake/default/spans"), "parquet")?;
    Ok(Merged { directory, nanos_a_row, file_bytes })
}
