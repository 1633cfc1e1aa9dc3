//! Which crate may know which: the table of doors, held against what cargo knows of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom; everything not listed is shut. `model` is open to all.
const DOORS: [(&str, &[&str]); 19] = [
    ("model", &[]),
    ("wal", &[]),
    ("store", &["model"]),
    ("lake", &["store", "model"]),
    ("timescale", &["store", "model"]),
    ("backup", &["lake", "store"]),
    ("plane", &["store", "wal", "model"]),
    ("ingest", &["plane", "model"]),
    ("query", &["plane", "model"]),
    ("records", &["model"]),
    ("hub", &["model", "records"]),
    ("plugin", &["hub", "model", "query", "records"]),
    ("alerting", &["plugin"]),
    ("apm", &["plugin"]),
    ("dashboards", &["plugin"]),
    ("example", &["plugin"]),
    ("bench", &["ingest", "lake", "plane", "store", "timescale", "model"]),
    ("testkit", &[]),
    (
        "observatory",
        &[
            "alerting",
            "apm",
            "backup",
            "bench",
            "dashboards",
            "example",
            "hub",
            "ingest",
            "lake",
            "model",
            "plane",
            "plugin",
            "query",
            "records",
            "store",
            "timescale",
            "wal",
        ],
    ),
];

/// The crates of the workspace, each with those of them that it is built with; dev-dependencies are free.
fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest])
        .output()
        .expect("cargo is there");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a workspace has packages");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let doors = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().expect("a list");
        let built_with = dependencies.iter().filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        (name(package), built_with.map(name).filter(|name| ours.contains(name)).collect())
    });
    doors.collect()
}

#[test]
fn every_crate_uses_only_the_doors_it_has() {
    for (crate_name, used) in workspace() {
        let doors = DOORS.iter().find(|(name, _)| *name == crate_name);
        let (_, open) = doors.unwrap_or_else(|| panic!("{crate_name} is not in the table of doors"));
        let shut: Vec<_> = used.iter().filter(|name| !open.contains(&name.as_str())).collect();
        assert!(shut.is_empty(), "{crate_name} depends on {shut:?}; it may depend on {open:?}");
    }
}

#[test]
fn the_table_names_no_crate_that_is_not_there() {
    let ours = workspace();

    for (name, open) in DOORS {
        for name in open.iter().chain([&name]) {
            assert!(ours.contains_key(*name), "{name}");
        }
    }
}
