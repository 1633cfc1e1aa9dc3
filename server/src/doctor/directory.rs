//! The data directory and its disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;

use super::finding::{Finding, readable};
use crate::data_dir::RESTORING;

/// Any right for everybody on the machine.
const OPEN_TO_OTHERS: u32 = 0o007;
/// Below this share of free space it is time to act; the shipped alert rule warns at the same.
const FREE_SHARE_LOW: f64 = 0.15;
/// Below this share there is no time left.
const FREE_SHARE_LEAST: f64 = 0.05;
/// Writes that are measured.
const WRITES: usize = 20;
const WRITE_BYTES: usize = 4096;
/// Every request waits for one: with a slower disk, exporters notice.
const FSYNC_SLOW: Duration = Duration::from_millis(20);

/// Whether it can be used, how much room it has, how fast it is.
pub(super) fn findings(path: &Path, wal_bytes_max: u64) -> Vec<Finding> {
    let Some(there) = path.ancestors().map(or_here).find(|ancestor| ancestor.exists()) else {
        return vec![usable(path, path)];
    };
    let latency = match may_write(there) {
        true => latency(there),
        false => Finding::ok("disk_latency", format!("not measured: {} cannot be written", there.display())),
    };
    vec![usable(path, there), space(there, wal_bytes_max), latency]
}

/// The last ancestor of a relative path has no name.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn may_write(directory: &Path) -> bool {
    access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn usable(path: &Path, there: &Path) -> Finding {
    let (name, us) = (path.display(), geteuid().as_raw());
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && may_write(there) => {
            return Finding::ok("data_dir", format!("{name} is not there yet and can be made in {}", there.display()));
        }
        Err(cause) => {
            let next = format!("make it and give it to the server's user: install -d -m 750 -o {us} {name}");
            return Finding::fail("data_dir", format!("{name} cannot be used: {cause}"), next);
        }
    };
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    let fact = format!("{name}: owner {owner}, mode {mode:04o}");
    if !found.is_dir() {
        return Finding::fail("data_dir", format!("{name} is no directory"), "choose another with --data-dir");
    }
    if path.join(RESTORING).exists() {
        let next = "empty the directory and restore again";
        return Finding::fail("data_dir", format!("a restore into {name} did not come to its end"), next);
    }
    if !may_write(path) {
        return Finding::fail(
            "data_dir",
            format!("{fact}, not writable for user {us}"),
            format!("chown -R {us} {name}"),
        );
    }
    if owner != us {
        let next = format!("run server and commands as user {owner}: it cannot write what user {us} makes");
        return Finding::warn("data_dir", format!("{fact}, and this is user {us}"), next);
    }
    match mode & OPEN_TO_OTHERS {
        0 => Finding::ok("data_dir", fact),
        _ => Finding::warn(
            "data_dir",
            format!("{fact}, open to everybody on this machine"),
            format!("chmod o-rwx {name}"),
        ),
    }
}

fn space(there: &Path, wal_bytes_max: u64) -> Finding {
    let disk = match statvfs(there) {
        Ok(disk) => disk,
        Err(cause) => {
            return Finding::fail("disk_space", format!("{}: {cause}", there.display()), "is its disk mounted?");
        }
    };
    let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
    let share = free as f64 / all.max(1) as f64;
    let fact = format!("{} of {} are free ({:.0} %)", readable(free), readable(all), share * 100.0);
    let next = "free some space, enlarge the disk, or lower `retention`";
    if share < FREE_SHARE_LEAST {
        return Finding::fail("disk_space", fact, next);
    }
    if free < wal_bytes_max {
        let fact = format!("{fact}, and the write-ahead log may take {}", readable(wal_bytes_max));
        return Finding::warn("disk_space", fact, format!("{next} or wal.bytes_max"));
    }
    match share < FREE_SHARE_LOW {
        true => Finding::warn("disk_space", fact, next),
        false => Finding::ok("disk_space", fact),
    }
}

fn latency(there: &Path) -> Finding {
    let file = there.join(format!(".observatory-doctor-{}", std::process::id()));
    let measured = OpenOptions::new().write(true).create_new(true).open(&file).and_then(measure);
    // Whether it was made or not.
    let _ = fs::remove_file(&file);
    let mut times = match measured {
        Ok(times) => times,
        Err(cause) => {
            let fact = format!("{} cannot be written: {cause}", file.display());
            return Finding::fail("disk_latency", fact, "is the disk full, or mounted read-only?");
        }
    };
    times.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, slowest) = (times[WRITES / 2], times[WRITES - 1]);
    let fact = format!("fsync takes {:.1} ms (median of {WRITES}; slowest {:.1} ms)", millis(median), millis(slowest));
    match median > FSYNC_SLOW {
        true => {
            let next = "put the data directory on a faster disk: every request waits for one fsync, shared with those beside it";
            Finding::warn("disk_latency", fact, next)
        }
        false => Finding::ok("disk_latency", fact),
    }
}

fn measure(mut file: File) -> io::Result<Vec<Duration>> {
    let once = |_| {
        let began = Instant::now();
        file.write_all(&[0; WRITE_BYTES])?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..WRITES).map(once).collect()
}
