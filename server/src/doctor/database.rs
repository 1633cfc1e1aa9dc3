//! The database, if one is named. Nothing is made in it.

use timescale::{Config, Examination, Extension, examine};

use super::clock;
use super::finding::Finding;

/// What it is and whether its rights suffice, and its clock.
pub(super) async fn findings(config: &Config) -> Vec<Finding> {
    let Examination { address, edition, latency, clock_ahead_millis } = match examine(config).await {
        Ok(found) => found,
        Err(cause) => return vec![failed(&cause.into())],
    };
    let extension = match edition.timescale {
        Some(Extension { version, is_community: true, .. }) => format!("TimescaleDB {version}"),
        Some(Extension { version, .. }) => {
            format!("TimescaleDB {version} under the Apache licence, without compression and hourly views")
        }
        None => "without TimescaleDB, so without compression and hourly views".to_owned(),
    };
    let millis = latency.as_secs_f64() * 1e3;
    let fact = format!(
        "{address} is {}, {extension}; answers in {millis:.1} ms; the role may make its tables",
        edition.postgres
    );
    vec![Finding::ok("database", fact), clock::of_other("database_clock", clock_ahead_millis)]
}

/// The causes say what is wrong; the first of them says what helps.
fn failed(cause: &anyhow::Error) -> Finding {
    let causes: Vec<_> = cause.chain().map(ToString::to_string).collect();
    let (what, helps) = (causes[0].clone(), causes.get(1).cloned().unwrap_or_default());
    let fact = std::iter::once(what).chain(causes.into_iter().skip(2)).collect::<Vec<_>>().join(": ");
    Finding::fail("database", fact, helps)
}
