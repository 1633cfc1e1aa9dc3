//! The program as its users meet it: real processes, real protocols, real crashes.

mod bad_days;
mod conformance;
mod crash;
mod doors;
mod spine;
mod tenants;

use testkit::Setup;

/// The program with small segments, so that rows move to the store while tests look on.
fn restless() -> Setup {
    observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTES", 32 * 1024).env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
}

/// The program as it is built.
fn observatory() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_observatory")).env("OBSERVATORY_OWN_TELEMETRY__ENABLED", false)
}
