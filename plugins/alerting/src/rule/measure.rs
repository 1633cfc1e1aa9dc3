//! What short conditions can ask for, with the unit of each and the labels it is usually taken by.

use plugin::yaml::{Wrong, meant};

use super::{Measure, Percent};

/// Requests that a share or percentile of requests needs to say anything, unless the rule says how many.
pub(crate) const REQUESTS_MIN: u64 = 10;

/// What a value of a measure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// From 0 to 1, written as a percentage.
    Share,
    Milliseconds,
    PerSecond,
    Count,
}

/// A measure as rule files know it.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) measure: Measure,
    pub(crate) unit: Unit,
    /// Labels that it is taken by when the rule does not say.
    pub(crate) labels: &'static [&'static str],
    /// Few requests make it jump, so it takes `min_requests`.
    pub(crate) needs_requests: bool,
}

const SERVICE: &[&str] = &["service"];
const DATABASE: &[&str] = &["service", "db_system"];
const HOST: &[&str] = &["host"];
const DISK: &[&str] = &["host", "mountpoint"];

/// All there are, in the order of the documentation.
pub(crate) const MEASURES: [Described; 17] = [
    described("error_rate", Measure::ErrorRate, Unit::Share, SERVICE, true),
    described("error_count", Measure::ErrorCount, Unit::Count, SERVICE, false),
    described("request_rate", Measure::RequestRate, Unit::PerSecond, SERVICE, false),
    described("p50_response_time", Measure::ResponseTime(Percent::P50), Unit::Milliseconds, SERVICE, true),
    described("p90_response_time", Measure::ResponseTime(Percent::P90), Unit::Milliseconds, SERVICE, true),
    described("p95_response_time", Measure::ResponseTime(Percent::P95), Unit::Milliseconds, SERVICE, true),
    described("p99_response_time", Measure::ResponseTime(Percent::P99), Unit::Milliseconds, SERVICE, true),
    described("db_error_rate", Measure::DbErrorRate, Unit::Share, DATABASE, true),
    described("p50_db_response_time", Measure::DbResponseTime(Percent::P50), Unit::Milliseconds, DATABASE, true),
    described("p90_db_response_time", Measure::DbResponseTime(Percent::P90), Unit::Milliseconds, DATABASE, true),
    described("p95_db_response_time", Measure::DbResponseTime(Percent::P95), Unit::Milliseconds, DATABASE, true),
    described("p99_db_response_time", Measure::DbResponseTime(Percent::P99), Unit::Milliseconds, DATABASE, true),
    described("db_connection_failed", Measure::DbConnectionFailed, Unit::Count, DATABASE, false),
    described("log_errors", Measure::LogErrors, Unit::Count, SERVICE, false),
    described("cpu_usage", Measure::CpuUsage, Unit::Share, HOST, false),
    described("memory_usage", Measure::MemoryUsage, Unit::Share, HOST, false),
    described("disk_usage", Measure::DiskUsage, Unit::Share, DISK, false),
];

const fn described(
    name: &'static str,
    measure: Measure,
    unit: Unit,
    labels: &'static [&'static str],
    needs_requests: bool,
) -> Described {
    Described { name, measure, unit, labels, needs_requests }
}

/// The measure of this name.
pub(crate) fn named(name: &str) -> Result<&'static Described, Wrong> {
    MEASURES.iter().find(|described| described.name == name).ok_or_else(|| {
        let remedy = meant(name, MEASURES.iter().map(|described| described.name));
        Wrong::new(format!("there is no measure `{name}`"), remedy)
    })
}

impl Measure {
    pub(crate) fn described(self) -> &'static Described {
        MEASURES.iter().find(|described| described.measure == self).expect("every measure is in the list")
    }
}

impl Unit {
    /// Of a number as it stands in a rule file, in the unit that the measure has.
    pub(crate) fn value(self, number: &str, unit: &str) -> Result<f64, Wrong> {
        let (power, factor) = match (self, unit) {
            (Self::Share, "%") => (-2, 1.0),
            (Self::Milliseconds, "us") => (-3, 1.0),
            (Self::Milliseconds, "ms") | (Self::PerSecond, "" | "/s") | (Self::Count, "") => (0, 1.0),
            (Self::Milliseconds, "s") => (3, 1.0),
            (Self::Milliseconds, "m") => (0, 60_000.0),
            (Self::PerSecond, "/m") => (0, 1.0 / 60.0),
            _ => return Err(self.wrong_unit(number, unit)),
        };
        let not_a_number = || Wrong::new(format!("`{number}` is not a number"), "write it as in 0.5");
        let value = by_power_of_ten(number, power).ok_or_else(not_a_number)? * factor;
        match value {
            value if value < 0.0 => Err(Wrong::new(format!("`{number}{unit}` is less than 0"), "it is never so small")),
            value if self == Self::Share && value > 1.0 => {
                Err(Wrong::new(format!("`{number}{unit}` is more than 100%"), "it is never so large"))
            }
            value => Ok(value),
        }
    }

    fn wrong_unit(self, number: &str, unit: &str) -> Wrong {
        let problem = match unit {
            "" => format!("`{number}` has no unit"),
            _ => format!("`{unit}` is not a unit of it"),
        };
        let remedy = match self {
            Self::Share => "write a percentage, as in 5%",
            Self::Milliseconds => "write us, ms, s or m, as in 150ms",
            Self::PerSecond => "write /s or /m, as in 20/s",
            Self::Count => "write a number alone",
        };
        Wrong::new(problem, remedy)
    }

    /// As a rule file writes it; read again it is the same number to the last bit.
    pub(crate) fn written(self, value: f64) -> String {
        match self {
            Self::Milliseconds => format!("{value}ms"),
            Self::PerSecond => format!("{value}/s"),
            Self::Count => value.to_string(),
            Self::Share => percentage(value),
        }
    }
}

/// The power is part of what is parsed, so that 0.3 % is the number next to 0.003 and no other.
fn by_power_of_ten(number: &str, power: i32) -> Option<f64> {
    let (digits, own_power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let power = own_power.parse::<i32>().ok()?.saturating_add(power);
    format!("{digits}e{power}").parse().ok().filter(|value: &f64| value.is_finite())
}

fn percentage(share: f64) -> String {
    let scientific = format!("{share:e}");
    let (digits, power) = scientific.split_once('e').expect("`{:e}` writes a power of ten");
    let power: i32 = power.parse().expect("the power is a whole number");
    let exact = format!("{digits}e{}", power + 2);
    let plain = exact.parse::<f64>().map(|number| number.to_string()).unwrap_or_default();
    let is_same = by_power_of_ten(&plain, -2) == Some(share);
    format!("{}%", if is_same { plain } else { exact })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_measure_has_a_unit_and_is_documented() {
        let document = include_str!("../../../../docs/alerting.md");

        for described in &MEASURES {
            assert_eq!(described.measure.described().name, described.name);
            assert_eq!(named(described.name).expect("its name is known").measure, described.measure);
            let name = described.name.split_once('_').map_or(described.name, |(percent, rest)| match percent {
                "p50" | "p90" | "p95" | "p99" => rest,
                _ => described.name,
            });
            assert!(document.contains(name), "{name} is not in the document");
        }
    }

    proptest! {
        #[test]
        fn a_threshold_that_is_written_is_read_again_to_the_last_bit(
            unit in prop::sample::select(vec![Unit::Share, Unit::Milliseconds, Unit::PerSecond, Unit::Count]),
            share in 0.0_f64..=1.0,
            large in prop::sample::select(vec![1.0, 1e3, 1e9]),
        ) {
            let value = if unit == Unit::Share { share } else { share * large };

            let written = unit.written(value);

            let split = written.find(['%', 'm', '/']).unwrap_or(written.len());
            prop_assert_eq!(unit.value(&written[..split], &written[split..]), Ok(value), "{}", written);
        }
    }
}
