//! Everything that measures or feeds the platform from outside; nothing in the product depends on it but the demo.

/// The OTLP receiver checklist, tried against any endpoint.
pub mod conform;
/// Sends the simulated shop's telemetry to an endpoint in real time.
pub mod demo;
/// Loads an endpoint and measures what comes of it.
pub mod load;
/// The figures of `docs/benchmarks.md`.
pub mod measure;
/// A simulated shop that reports itself as OTLP.
pub mod simulator;
