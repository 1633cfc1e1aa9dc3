//! How well lines are grouped into patterns, beside samples of logs whose groups people have marked, and how fast.
//!
//! A line counts as right when its group has exactly the lines of its marked group. All systems are mined with the same settings.

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;

use anyhow::{Context, ensure};
use model::patterns::{Miner, PatternId};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::indexes::processor;

/// Folders of Loghub that are looked for, as in `Apache_2k.log_structured.csv`.
const SYSTEMS: [&str; 6] = ["Apache", "HDFS", "Linux", "OpenSSH", "Zookeeper", "Spark"];
/// Orders in which the lines of a system are learnt beside their own.
const SHUFFLES: u64 = 20;
/// How often all lines are repeated to measure speed.
const REPEATS: usize = 20;

/// The lines of a system.
struct Sample {
    lines: Vec<Marked>,
}

/// A line, and the group that people say it is in.
#[derive(Clone)]
struct Marked {
    text: String,
    group: String,
}

pub(crate) fn print(loghub: &Path) -> anyhow::Result<()> {
    println!(
        "\n| patterns of | lines | groups, marked | grouped right | least of {SHUFFLES} orders | lines per CPU-second |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for system in SYSTEMS {
        let sample = Sample::read(&loghub.join(format!("{system}_2k.log_structured.csv")))?;
        let (right, groups) = sample.grouped();
        println!(
            "| {system} | {} | {groups}, {} | {right:.4} | {:.4} | {:.0} |",
            sample.lines.len(),
            sample.marked_groups(),
            sample.least_of_shuffles(),
            sample.lines_per_second(),
        );
    }
    Ok(())
}

impl Sample {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut rows = rows(&text).into_iter();
        let names = rows.next().with_context(|| format!("{} is empty", path.display()))?;
        let place = |name: &str| {
            let place = names.iter().position(|column| column == name);
            place.with_context(|| format!("{} has no column {name}", path.display()))
        };
        let (content, event) = (place("Content")?, place("EventId")?);
        let lines: Option<Vec<Marked>> =
            rows.map(|row| Some(Marked { text: row.get(content)?.clone(), group: row.get(event)?.clone() })).collect();
        let lines = lines.with_context(|| format!("{} has a row that is too short", path.display()))?;
        ensure!(!lines.is_empty(), "{} has no lines", path.display());
        Ok(Self { lines })
    }

    fn marked_groups(&self) -> usize {
        sizes(self.lines.iter().map(|line| &line.group)).len()
    }

    /// The share of lines that are grouped right once all are learnt, and the number of groups.
    fn grouped(&self) -> (f64, usize) {
        let mut miner = Miner::new("");
        let mut ids: Vec<PatternId> = self.lines.iter().map(|line| miner.learn(&line.text)).collect();
        for merged in miner.take_merged() {
            ids.iter_mut().filter(|id| **id == merged.from).for_each(|id| *id = merged.into);
        }
        let (groups, marked) = (sizes(ids.iter()), sizes(self.lines.iter().map(|line| &line.group)));
        let pairs = sizes(ids.iter().zip(self.lines.iter().map(|line| &line.group)));
        let is_same = |pair: &(PatternId, String), lines: usize| groups[&pair.0] == lines && marked[&pair.1] == lines;
        let pairs = pairs.into_iter().map(|((id, group), lines)| ((*id, group.clone()), lines));
        let right: usize = pairs.filter(|(pair, lines)| is_same(pair, *lines)).map(|(_, lines)| lines).sum();
        (right as f64 / self.lines.len() as f64, groups.len())
    }

    fn least_of_shuffles(&self) -> f64 {
        let orders = (0..SHUFFLES).map(|seed| {
            let mut lines = self.lines.clone();
            lines.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            Self { lines }.grouped().0
        });
        orders.fold(1.0, f64::min)
    }

    fn lines_per_second(&self) -> f64 {
        let mut lines = self.lines.clone();
        lines.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        let (mut miner, before) = (Miner::new(""), processor());
        for line in lines.iter().cycle().take(lines.len() * REPEATS) {
            black_box(miner.learn(&line.text));
        }
        (lines.len() * REPEATS) as f64 / (processor() - before).as_secs_f64()
    }
}

/// How often each value is there.
fn sizes<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut sizes = HashMap::new();
    for value in values {
        *sizes.entry(value).or_default() += 1;
    }
    sizes
}

/// The rows of a CSV file; fields may be quoted.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    if !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}
