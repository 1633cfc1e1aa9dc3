//! Holds the crates to the table of doors in `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Which of our crates each may depend on, beside `model`, which all may.
const DOORS: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("wal", &[]),
    ("store", &[]),
    ("lake", &["store"]),
    ("plane", &["store", "wal"]),
    ("ingest", &["plane"]),
    ("query", &["plane"]),
    ("bench", &["ingest", "plane"]),
    ("testkit", &[]),
    ("observatory", &["bench", "ingest", "lake", "plane", "query", "store", "wal"]),
];

#[test]
fn crates_use_no_door_that_is_not_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = manifest(&root);
    let members = workspace["workspace"]["members"].as_array().expect("members");
    let folders = members.iter().map(|member| root.join(member.as_str().expect("a folder")));
    let used: BTreeMap<String, BTreeSet<String>> = folders.map(|folder| dependencies(&manifest(&folder))).collect();

    let doors: BTreeMap<&str, &[&str]> = DOORS.into();
    assert!(
        used.keys().map(String::as_str).eq(doors.keys().copied()),
        "every crate is in the table: {:?}",
        used.keys()
    );
    for (name, used) in &used {
        let ours = used.iter().filter(|used| doors.contains_key(used.as_str()) && *used != "model");
        let shut: Vec<_> = ours.filter(|used| !doors[name.as_str()].contains(&used.as_str())).collect();
        assert!(shut.is_empty(), "{name} goes through shut doors: {shut:?}");
    }
    assert!(!used["wal"].contains("model"), "wal knows nothing of telemetry");
}

fn manifest(folder: &Path) -> toml::Table {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    text.parse().expect("TOML")
}

fn dependencies(manifest: &toml::Table) -> (String, BTreeSet<String>) {
    let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
    let dependencies = manifest["dependencies"].as_table().expect("dependencies");
    (name, dependencies.keys().cloned().collect())
}
