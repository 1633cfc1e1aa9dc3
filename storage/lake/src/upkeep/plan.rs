//! Which files to merge next.
//!
//! Files of one table and day are merged when enough of them are of similar size, so that each merge makes a file of a larger
//! size class and a row is rewritten once per class. A day that is over is brought to few files whatever their sizes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Dataset, Tenant};
use store::{Job, Task};

use super::memory_of;
use crate::config::Config;
use crate::manifest::{FileEntry, State};
use crate::parquet_file::day_name;

/// Files below this size are alike: the smallest class, in bytes.
const SMALLEST_CLASS_BYTES: u64 = 64 << 10;
/// In a day that is over, a file is rewritten when those merged with it are at least this part of it.
const SETTLED_SHARE: u64 = 4;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Files that are to become one.
#[derive(Clone, Debug)]
pub(crate) struct Merging {
    pub(crate) tenant: Tenant,
    pub(crate) dataset: Dataset,
    pub(crate) day: i64,
    pub(crate) files: Vec<Arc<FileEntry>>,
}

impl Merging {
    pub(crate) fn task(&self) -> Task {
        Task {
            job: Job::Compact,
            tenant: Some(self.tenant.clone()),
            dataset: Some(self.dataset),
            target: day_name(self.day),
        }
    }
}

/// What can be merged in the files given, the day with the most files first.
pub(crate) fn mergings(
    state: &State,
    config: &Config,
    is_readable: impl Fn(&FileEntry) -> bool,
    now_millis: u64,
) -> Vec<Merging> {
    let mut found: Vec<(usize, Merging)> = Vec::new();
    for (tenant, dataset, table) in state.tables() {
        let mut days: BTreeMap<i64, Vec<&Arc<FileEntry>>> = BTreeMap::new();
        for file in table.files.iter().filter(|file| file.bytes < config.file_bytes_min && is_readable(file)) {
            days.entry(file.day()).or_default().push(file);
        }
        for (day, files) in days {
            let chosen = choose(&files, config, is_settled(day, &files, config, now_millis));
            if chosen.len() >= 2 {
                found.push((files.len(), Merging { tenant: tenant.clone(), dataset, day, files: chosen }));
            }
        }
    }
    found.sort_by_key(|(small_files, merging)| (std::cmp::Reverse(*small_files), merging.day));
    found.into_iter().map(|(_, merging)| merging).collect()
}

/// True when the day is over and nothing came for a while.
fn is_settled(day: i64, files: &[&Arc<FileEntry>], config: &Config, now_millis: u64) -> bool {
    let quiet_since = now_millis.saturating_sub(config.settled_seconds * 1000);
    let newest = files.iter().map(|file| file.id.created_millis()).max().unwrap_or(0);
    let ended = (day + 1).saturating_mul(MILLIS_PER_DAY);
    newest < quiet_since && i128::from(ended) < i128::from(quiet_since)
}

/// Files of one table and day to merge; fewer than two if none should be.
fn choose(files: &[&Arc<FileEntry>], config: &Config, is_settled: bool) -> Vec<Arc<FileEntry>> {
    let mut classes: BTreeMap<u32, Vec<&Arc<FileEntry>>> = BTreeMap::new();
    for file in files {
        classes.entry(class(file.bytes, config)).or_default().push(file);
    }
    if let Some(mut alike) = classes.into_values().find(|alike| alike.len() >= config.merge_files_min) {
        alike.sort_by_key(|file| (file.times.min, file.id));
        return within_limits(alike, config);
    }
    if is_settled { worth_merging(files, config) } else { Vec::new() }
}

/// Each class holds files that are so many times as large as those of the class before.
fn class(bytes: u64, config: &Config) -> u32 {
    match bytes / SMALLEST_CLASS_BYTES {
        0 => 0,
        times => 1 + times.ilog(config.merge_files_min as u64),
    }
}

/// The first files, as many as fit into memory and into one file.
fn within_limits(files: Vec<&Arc<FileEntry>>, config: &Config) -> Vec<Arc<FileEntry>> {
    let (mut memory, mut bytes) = (0, 0);
    let fits = |file: &&Arc<FileEntry>| {
        memory += memory_of(file);
        bytes += file.bytes;
        bytes <= config.file_bytes_max && memory <= config.merge_bytes_max as u64 / 2
    };
    // Two are merged whatever they take: otherwise nothing would ever be.
    let count = files
        .iter()
        .take(config.merge_files_max)
        .take_while({
            let mut fits = fits;
            move |file| fits(file)
        })
        .count();
    files.into_iter().take(count.max(2)).cloned().collect()
}

/// From the smallest files on, as long as none is rewritten for the sake of next to nothing.
fn worth_merging(files: &[&Arc<FileEntry>], config: &Config) -> Vec<Arc<FileEntry>> {
    let mut files = files.to_vec();
    files.sort_by_key(|file| file.bytes);
    for start in 0..files.len() {
        let mut bytes = 0;
        let is_worth = |file: &&&Arc<FileEntry>| {
            let worth = bytes == 0 || bytes * SETTLED_SHARE >= file.bytes;
            bytes += file.bytes;
            worth
        };
        let chosen: Vec<_> = files[start..]
            .iter()
            .take_while({
                let mut is_worth = is_worth;
                move |file| is_worth(file)
            })
            .copied()
            .collect();
        if chosen.len() >= 2 {
            return within_limits(chosen, config);
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use model::{Signal, TimeRange, Timestamp};
    use object_store::path::Path;
    use store::SegmentId;
    use uuid::Uuid;

    use super::*;

    const NOTHING: [u64; 0] = [];
    const DAY_NANOS: i64 = MILLIS_PER_DAY * 1_000_000;

    fn file(day: i64, bytes: u64) -> Arc<FileEntry> {
        let time = Timestamp(day * DAY_NANOS + 5);
        Arc::new(FileEntry {
            id: SegmentId(Uuid::now_v7()),
            tenant: Tenant::default_tenant(),
            dataset: Signal::Logs.into(),
            path: Path::from("a"),
            bytes,
            rows: bytes / 50 + 1,
            times: TimeRange { min: time, max: time },
            sort_keys: None,
            origin: None,
            trace_filter_bytes: None,
            index: None,
            rolled_up: false,
            folded: store::rollup::Folded::NOTHING,
            level: 0,
        })
    }

    fn state(files: &[Arc<FileEntry>]) -> State {
        State::restore(1, files, &[], &[])
    }

    fn today() -> i64 {
        Uuid::now_v7().get_timestamp().expect("a v7").to_unix().0 as i64 * 1000 / MILLIS_PER_DAY
    }

    /// Sizes of what is merged first, of files of these sizes.
    fn merged(day: i64, sizes: &[u64], config: &Config, hours_later: u64) -> Vec<u64> {
        let files: Vec<_> = sizes.iter().map(|bytes| file(day, *bytes)).collect();
        let now = SegmentId::new().created_millis() + hours_later * 3_600_000;
        let found = mergings(&state(&files), config, |_| true, now);
        found.first().map_or_else(Vec::new, |merging| merging.files.iter().map(|file| file.bytes).collect())
    }

    #[test]
    fn files_of_a_day_that_goes_on_are_merged_when_enough_are_alike() {
        let config = Config::default();
        let few = vec![1 << 20; 7];
        let enough = vec![1 << 20; 8];
        let unlike: Vec<u64> = (0..10).map(|size| 1000 << (2 * size)).collect();

        assert_eq!(merged(today(), &few, &config, 0), NOTHING);
        assert_eq!(merged(today(), &enough, &config, 0), enough);
        assert_eq!(merged(today(), &unlike, &config, 0), NOTHING);
        assert_eq!(merged(today(), &vec![1000; 500], &config, 0).len(), config.merge_files_max);
    }

    #[test]
    fn a_day_that_is_over_is_merged_whatever_the_sizes() {
        let config = Config::default();

        assert_eq!(merged(today() - 3, &[100, 300, 1200], &config, 2), [100, 300, 1200]);
        assert_eq!(merged(today() - 3, &[100, 300, 1200], &config, 0), NOTHING, "a file came a moment ago");
        assert_eq!(merged(today() - 3, &[10, 100_000_000], &config, 2), NOTHING, "not for ten bytes");
        assert_eq!(merged(today() - 3, &[10, 1_000_000, 1_500_000], &config, 2), [1_000_000, 1_500_000]);
    }

    #[test]
    fn large_files_stay_as_they_are_and_none_grows_too_large() {
        let config = Config::default();

        assert_eq!(merged(today() - 3, &[256 << 20, 300 << 20], &config, 2), NOTHING);
        let merged = merged(today() - 3, &[200 << 20; 9], &config, 2);
        assert!(merged.len() >= 2 && merged.iter().sum::<u64>() <= config.file_bytes_max, "{merged:?}");
    }

    #[test]
    fn days_are_not_mixed() {
        let files: Vec<_> = (0..8).map(|number| file(today() - number % 2, 1 << 20)).collect();

        assert!(mergings(&state(&files), &Config::default(), |_| true, 0).is_empty());
    }

    #[test]
    fn with_little_memory_fewer_files_are_merged_at_once() {
        let sizes = vec![2 << 20; 16];
        let little = Config { merge_bytes_max: 32 << 20, ..Config::default() };

        let few = merged(today(), &sizes, &little, 0).len();

        assert!((2..16).contains(&few), "{few}");
        assert_eq!(merged(today(), &sizes, &Config::default(), 0).len(), 16);
    }

    /// Merges until nothing is left to merge; gives back bytes written per byte of input, and the files that remain.
    fn simulate(mut files: Vec<Arc<FileEntry>>, arrive: usize, bytes: u64, config: &Config) -> (f64, usize) {
        let mut written = 0;
        for _ in 0..arrive {
            files.push(file(today(), bytes));
            while let Some(merging) = mergings(&state(&files), config, |_| true, 0).first() {
                let sum = merging.files.iter().map(|file| file.bytes).sum();
                written += sum;
                files.retain(|file| !merging.files.iter().any(|merged| merged.id == file.id));
                files.push(file(today(), sum));
            }
        }
        (written as f64 / (arrive as u64 * bytes) as f64, files.len())
    }

    #[test]
    fn each_row_is_rewritten_a_logarithmic_number_of_times() {
        let config = Config::default();

        // A minute's worth of a busy table, and of a quiet one, for a day.
        let (busy, busy_files) = simulate(Vec::new(), 1440, 5 << 20, &config);
        let (quiet, quiet_files) = simulate(Vec::new(), 1440, 10 << 10, &config);

        assert!(busy <= 2.0 && busy_files < 45, "{busy} {busy_files}");
        assert!(quiet <= 4.0 && quiet_files < 30, "{quiet} {quiet_files}");
    }
}
