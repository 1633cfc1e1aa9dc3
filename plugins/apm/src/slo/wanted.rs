//! An SLO as people write it, and what is wrong with it.

use plugin::Failure;
use plugin::records::RecordId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::burn::Budget;
use super::document::{Indicator, Slo};
use super::freshness::AGE_SECONDS_MAX;

/// Length of a name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What stands in its place in the addresses of the API.
const NAME_TAKEN: &str = "export";
/// Length of any other text but a statement, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// Length of a statement, in bytes.
const STATEMENT_BYTES_MAX: usize = 8 << 10;
/// Longest window, in days.
pub(crate) const WINDOW_DAYS_MAX: u32 = 90;
/// Longest threshold: an hour.
const THRESHOLD_MS_MAX: f64 = 3_600_000.0;

/// What an SLO is to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SloWanted {
    /// 1 to 64 of `a-z`, `0-9` and `-`; it stays what it is.
    name: String,
    /// Whose promise it is (`service.name`).
    service: String,
    #[serde(default)]
    description: String,
    /// Whom to ask about it.
    #[serde(default)]
    owner: String,
    /// How many percent of events are to be good: more than 0, less than 100, with at most 4 decimals.
    objective: f64,
    /// 1 to 90; the window ends now.
    #[serde(default = "window_days")]
    window_days: u32,
    /// With fewer bad events in a long window, longer ones are looked at.
    #[serde(default = "bad_events_min")]
    bad_events_min: u64,
    indicator: Indicator,
    /// The version that was read, when nothing else may have changed since.
    pub(crate) version: Option<u64>,
}

fn window_days() -> u32 {
    30
}

fn bad_events_min() -> u64 {
    10
}

impl SloWanted {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The SLO, as one that is new; its statement is not looked at.
    pub(crate) fn read(self) -> Result<Slo, Failure> {
        let Self { name, service, description, owner, objective, window_days, bad_events_min, indicator, .. } = self;
        check_name(&name)?;
        check_text("service", &service, true)?;
        check_text("description", &description, false)?;
        check_text("owner", &owner, false)?;
        if Budget::of_objective(objective).is_none() {
            let message = format!("'objective' is {objective}, which is not between 0 and 100");
            let hint = format!("write percents as 99.9, with at most {} decimals", Budget::DECIMALS);
            return Err(Failure::invalid(message).hinting(hint));
        }
        if !(1..=WINDOW_DAYS_MAX).contains(&window_days) {
            return Err(Failure::invalid(format!("'window_days' is {window_days}, expected 1 to {WINDOW_DAYS_MAX}")));
        }
        if bad_events_min == 0 {
            return Err(Failure::invalid("'bad_events_min' is 0, expected at least 1"));
        }
        check_indicator(&indicator)?;
        let series = RecordId::unique().into();
        let generation = 1;
        Ok(Slo {
            name,
            service,
            description,
            owner,
            objective,
            window_days,
            bad_events_min,
            indicator,
            generation,
            series,
        })
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) && name != NAME_TAKEN {
        return Ok(());
    }
    let hint = format!("1 to {NAME_BYTES_MAX} of a-z, 0-9 and '-', but not {NAME_TAKEN}, as in checkout-availability");
    Err(Failure::invalid(format!("'name' is '{name}', which is not one")).hinting(hint))
}

fn check_text(member: &str, text: &str, is_needed: bool) -> Result<(), Failure> {
    match text.len() {
        0 if is_needed => Err(Failure::invalid(format!("'{member}' is empty"))),
        bytes if bytes > TEXT_BYTES_MAX => {
            Err(Failure::invalid(format!("'{member}' has {bytes} bytes, over the limit of {TEXT_BYTES_MAX}")))
        }
        _ => Ok(()),
    }
}

fn check_indicator(indicator: &Indicator) -> Result<(), Failure> {
    match indicator {
        Indicator::Availability { operation, environment } => check_parts(operation.as_deref(), environment.as_deref()),
        Indicator::Latency { threshold_ms, operation, environment } => {
            if !(*threshold_ms > 0.0 && *threshold_ms <= THRESHOLD_MS_MAX) {
                let message = format!(
                    "'indicator.threshold_ms' is {threshold_ms}, expected more than 0 and at most {THRESHOLD_MS_MAX}"
                );
                return Err(Failure::invalid(message));
            }
            check_parts(operation.as_deref(), environment.as_deref())
        }
        Indicator::Freshness { max_age_seconds, .. } if !(1..=AGE_SECONDS_MAX).contains(max_age_seconds) => {
            let message = format!("'indicator.max_age_seconds' is {max_age_seconds}, expected 1 to {AGE_SECONDS_MAX}");
            Err(Failure::invalid(message).hinting("ask longer ages of a statement: indicator.kind sql"))
        }
        Indicator::Freshness { .. } => Ok(()),
        Indicator::Sql { statement, .. } if statement.len() > STATEMENT_BYTES_MAX => {
            let bytes = statement.len();
            let message = format!("'indicator.statement' has {bytes} bytes, over the limit of {STATEMENT_BYTES_MAX}");
            Err(Failure::invalid(message))
        }
        Indicator::Sql { .. } => Ok(()),
    }
}

fn check_parts(operation: Option<&str>, environment: Option<&str>) -> Result<(), Failure> {
    operation.map_or(Ok(()), |operation| check_text("indicator.operation", operation, true))?;
    environment.map_or(Ok(()), |environment| check_text("indicator.environment", environment, true))
}
