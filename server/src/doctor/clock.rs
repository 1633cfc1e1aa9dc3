//! Whether the clock can be believed: against files that were written before, and against other machines.

use std::fs::{self, DirEntry};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::Finding;

/// Clocks that are kept by NTP are much closer.
const APART_MAX: Duration = Duration::from_secs(1);
const NEXT: &str = "let NTP keep the clock (timedatectl set-ntp true), on all machines";

/// A file that was written in the future says that the clock went back.
pub(super) fn of_files(data_dir: &Path) -> Finding {
    let folders = [data_dir.to_owned(), data_dir.join("wal")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let written = |file: DirEntry| Some((file.metadata().ok()?.modified().ok()?, file.path()));
    let Some((newest, file)) = files.filter_map(written).max() else {
        return Finding::ok("clock", "there is no file yet to compare it with");
    };
    match newest.duration_since(SystemTime::now()) {
        Ok(ahead) if ahead > APART_MAX => {
            let fact = format!("{} was written {:.0} s from now", file.display(), ahead.as_secs_f64());
            Finding::warn("clock", fact, format!("the clock went back: {NEXT}"))
        }
        _ => Finding::ok("clock", "no file of the data directory is of the future"),
    }
}

/// The clock of another machine.
pub(super) fn of_other(check: &'static str, ahead_millis: i64) -> Finding {
    let seconds = ahead_millis as f64 / 1e3;
    let fact = match ahead_millis {
        0.. => format!("its clock is {seconds:.3} s ahead of ours"),
        _ => format!("its clock is {:.3} s behind ours", -seconds),
    };
    match Duration::from_millis(ahead_millis.unsigned_abs()) > APART_MAX {
        true => Finding::warn(check, fact, NEXT),
        false => Finding::ok(check, fact),
    }
}
