//! The program as its users meet it: a real process, real protocols, real clients.

mod alerting;
mod api;
mod apm;
mod backup;
mod bad_days;
mod conformance;
mod crash;
mod dashboards;
mod database;
mod demo;
mod doctor;
mod doors;
mod durability;
mod exporters;
mod files;
mod health;
mod health_check;
mod hub;
mod maintenance;
mod own_telemetry;
mod quotas;
mod reload;
mod secrets;
mod soak;
mod spine;
mod tenants;
mod tls;
mod web_app;

use std::path::{Path, PathBuf};

use testkit::{Setup, Skip};

/// The program of this build, or the one that `OBSERVATORY_TEST_BINARY` names.
fn program() -> String {
    std::env::var("OBSERVATORY_TEST_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_observatory").to_owned())
}

/// A server of that program, with a data directory of its own.
fn observatory() -> Setup {
    Setup::new(&program())
}

/// The library that tells a process another time.
fn faketime() -> Result<&'static str, Skip> {
    /// Debian's place for it.
    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    let missing = || Skip::missing(format!("{LIBRARY}, of the package libfaketime, is not there"));
    Path::new(LIBRARY).exists().then_some(LIBRARY).ok_or_else(missing)
}

/// Where programs of others are kept between runs.
fn external_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("external")
}

/// A file or folder of `server/tests/clients`.
fn client_script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}
