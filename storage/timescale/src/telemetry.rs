//! What the store says of itself.

use crate::error::Refusal;
use crate::layout::Layout;
use crate::setup::Edition;

/// One line when the database answers for the first time: where rows go and what that costs.
pub(crate) fn ready(edition: &Edition, layout: &Layout) {
    let postgres = &edition.postgres;
    match (layout, &edition.timescale) {
        (Layout::Hypertables(extension), _) if extension.is_community => {
            tracing::info!(
                postgres,
                timescaledb = extension.version,
                "telemetry rests in hypertables, compressed with age"
            );
        }
        (Layout::Hypertables(extension), _) => tracing::warn!(
            postgres,
            timescaledb = extension.version,
            "TimescaleDB runs under the Apache licence (timescaledb.license), which has no compression: rows take several times the space"
        ),
        (Layout::Partitions(_), Some(_)) => tracing::warn!(
            postgres,
            "the tables were made before TimescaleDB was there and stay plain partitions, without compression; another storage.database.schema would get hypertables"
        ),
        (Layout::Partitions(_), None) => tracing::info!(
            postgres,
            "telemetry rests in plain partitions: without TimescaleDB there is no compression, rows take several times the space"
        ),
    }
}

pub(crate) fn away_at_start(medium: &str, cause: &Refusal) {
    let cause: &dyn std::error::Error = cause;
    tracing::warn!(medium, cause, "the database does not answer: telemetry is taken into the log until it does");
}

pub(crate) fn still_away(medium: &str, cause: &Refusal) {
    let cause: &dyn std::error::Error = cause;
    tracing::debug!(medium, cause, "the database does not answer");
}

pub(crate) fn not_looked_after(medium: &str, cause: &Refusal) {
    let cause: &dyn std::error::Error = cause;
    tracing::warn!(medium, cause, "chunks were not looked after, trying again later");
}
