//! Who can read files that hold secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::finding::Finding;

/// Read permission for everybody on the machine.
const READ_BY_OTHERS: u32 = 0o004;

/// One finding on all of them; none without files.
pub(super) fn finding(files: &[PathBuf]) -> Option<Finding> {
    let mode = |file: &PathBuf| Some((file.display().to_string(), fs::metadata(file).ok()?.permissions().mode()));
    // What is not there, the configuration's check tells.
    let modes: Vec<_> = files.iter().filter_map(mode).collect();
    let open: Vec<_> = modes.iter().filter(|(_, mode)| mode & READ_BY_OTHERS != 0).collect();
    if modes.is_empty() {
        return None;
    }
    if open.is_empty() {
        return Some(Finding::ok(
            "permissions",
            format!("{} files that may hold secrets, none open to all", modes.len()),
        ));
    }
    let told: Vec<_> = open.iter().map(|(file, mode)| format!("{file} (mode {:04o})", mode & 0o7777)).collect();
    let names: Vec<_> = open.iter().map(|(file, _)| file.as_str()).collect();
    let fact = format!("everybody on this machine can read {}", told.join(", "));
    Some(Finding::warn("permissions", fact, format!("chmod o-rwx {}", names.join(" "))))
}
