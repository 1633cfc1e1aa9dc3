//! What the store says of itself.

use crate::error::Refusal;
use crate::layout::Layout;
use crate::setup::Edition;

/// One line when the database answers for the first time: where rows go and what that costs.
pub(crate) fn ready(edition: &Edition, layout: &Layout) {
    let (postgres, rest) = (&edition.postgres, rest(edition, layout));
    match (layout, &edition.timescale) {
        (Layout::Hypertables(extension), _) if extension.is_community => {
            tracing::info!(postgres, timescaledb = extension.version, "{rest}");
        }
        (Layout::Hypertables(extension), _) => {
            tracing::warn!(postgres, timescaledb = extension.version, "{rest}");
        }
        (Layout::Partitions(_), Some(_)) => tracing::warn!(postgres, "{rest}"),
        (Layout::Partitions(_), None) => tracing::info!(postgres, "{rest}"),
    }
}

/// Where rows go, and what is missing there.
fn rest(edition: &Edition, layout: &Layout) -> &'static str {
    match (layout, &edition.timescale) {
        (Layout::Hypertables(extension), _) if extension.is_community => {
            "telemetry rests in hypertables, compressed with age"
        }
        (Layout::Hypertables(_), _) => {
            "TimescaleDB runs under the Apache licence (timescaledb.license), which has no compression and no continuous aggregates: \
             rows take several times the space, metrics_hourly and logs_hourly are missing"
        }
        (Layout::Partitions(_), Some(_)) => {
            "the tables were made before TimescaleDB was there and stay plain partitions, without compression, metrics_hourly and \
             logs_hourly; another storage.database.schema would get hypertables"
        }
        (Layout::Partitions(_), None) => {
            "telemetry rests in plain partitions: without TimescaleDB there is no compression, rows take several times the space, \
             metrics_hourly and logs_hourly are missing"
        }
    }
}

/// Telemetry is kept all the same.
pub(crate) fn without_views(schema: &str, cause: &Refusal) {
    let cause: &dyn std::error::Error = cause;
    tracing::warn!(
        schema,
        cause,
        "metrics_hourly and logs_hourly cannot be made or set up, trying again at the next start"
    );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Partitions;
    use crate::setup::Extension;

    fn edition(timescale: Option<Extension>) -> Edition {
        Edition { postgres: "17.5".to_owned(), timescale }
    }

    #[test]
    fn the_line_at_the_start_says_what_a_database_cannot_do() {
        let extension =
            |is_community| Extension { version: "2.23.0".to_owned(), is_community, schema: "public".to_owned() };
        let partitions = Layout::Partitions(Partitions::default());

        for (edition, layout) in [
            (edition(None), &partitions),
            (edition(Some(extension(true))), &partitions),
            (edition(Some(extension(false))), &Layout::Hypertables(extension(false))),
        ] {
            let said = rest(&edition, layout);
            assert!(said.contains("compression") && said.contains("metrics_hourly and logs_hourly"), "{said}");
        }
        let said = rest(&edition(Some(extension(true))), &Layout::Hypertables(extension(true)));
        assert_eq!(said, "telemetry rests in hypertables, compressed with age");
    }
}
