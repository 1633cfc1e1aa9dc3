//! How many log records there are of each severity.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::logs::severity;

/// Records by the name of their severity; OpenTelemetry has four numbers for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Severities {
    trace: u64,
    debug: u64,
    info: u64,
    warn: u64,
    error: u64,
    fatal: u64,
    /// Records that do not tell it.
    unknown: u64,
}

impl Severities {
    /// One more, with this `severity_number`.
    pub(crate) fn count(&mut self, number: i64) {
        let count = match severity::name(number) {
            Some("trace") => &mut self.trace,
            Some("debug") => &mut self.debug,
            Some("info") => &mut self.info,
            Some("warn") => &mut self.warn,
            Some("error") => &mut self.error,
            Some("fatal") => &mut self.fatal,
            _ => &mut self.unknown,
        };
        *count += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self { trace, debug, info, warn, error, fatal, unknown } = other;
        self.trace += trace;
        self.debug += debug;
        self.info += info;
        self.warn += warn;
        self.error += error;
        self.fatal += fatal;
        self.unknown += unknown;
    }

    /// The one of most records; of two with as many the graver one.
    pub(crate) fn most(&self) -> &'static str {
        let counts = [
            ("unknown", self.unknown),
            ("trace", self.trace),
            ("debug", self.debug),
            ("info", self.info),
            ("warn", self.warn),
            ("error", self.error),
            ("fatal", self.fatal),
        ];
        counts.into_iter().max_by_key(|(_, count)| *count).map_or("unknown", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_severity_of_most_is_told() {
        let mut severities = Severities::default();
        [9, 12, 17, 20, 0, -1].into_iter().for_each(|number| severities.count(number));

        assert_eq!((severities.info, severities.error, severities.unknown), (2, 2, 2));
        assert_eq!(severities.most(), "error");
    }
}
