//! What the system lets a process have.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::finding::{Finding, readable};
use crate::config::Config;

/// Connections of three ports, files of queries, and some for the rest.
const OPEN_FILES_WANTED: u64 = 65_536;
/// With fewer, an ordinary load runs out of them.
const OPEN_FILES_LEAST: u64 = 1024;
/// The settings bound what is large; the rest of the process wants some too.
const MEMORY_SHARE_MAX: f64 = 0.75;

pub(super) fn open_files() -> Finding {
    // No limit has no number.
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let fact = format!("a process may open {allowed} files");
    let next = format!("ulimit -n {OPEN_FILES_WANTED}, or LimitNOFILE={OPEN_FILES_WANTED} in the unit of systemd");
    match allowed {
        ..OPEN_FILES_LEAST => Finding::fail("open_files", fact, next),
        OPEN_FILES_LEAST..OPEN_FILES_WANTED => Finding::warn("open_files", fact, next),
        _ => Finding::ok("open_files", fact),
    }
}

/// What the settings allow to be held, against what there is.
pub(super) fn memory(config: &Config) -> Finding {
    let query = config.query.memory_bytes_max + config.query.footer_bytes_max;
    let lake = config.lake.merge_bytes_max as u64 + config.storage.indexes.cache_bytes_max;
    let wanted = config.plane.memory_bytes_max as u64 + query as u64 + lake;
    let Some((there, whose)) = [machine(), control_group()].into_iter().flatten().min() else {
        return Finding::ok(
            "memory",
            format!("settings allow {}; the system does not say what there is", readable(wanted)),
        );
    };
    let fact = format!("settings allow {} of the {whose}'s {}", readable(wanted), readable(there));
    let next = "lower plane.memory_bytes_max and query.memory_bytes_max, or give it more memory";
    match wanted as f64 / there as f64 {
        1.0.. => Finding::fail("memory", fact, next),
        MEMORY_SHARE_MAX.. => Finding::warn("memory", fact, next),
        _ => Finding::ok("memory", fact),
    }
}

fn machine() -> Option<(u64, &'static str)> {
    let told = fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kib * 1024, "machine"))
}

/// The least limit of this process' group and those around it, in either version of control groups.
fn control_group() -> Option<(u64, &'static str)> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = groups.lines().filter_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        let group = Path::new(root).join(group.trim_start_matches('/'));
        let around = group.ancestors().take_while(|group| group.starts_with(root));
        // "max" is none.
        around.filter_map(|group| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok()).min()
    });
    Some((limits.min()?, "control group"))
}
