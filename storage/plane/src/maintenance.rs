//! Settings of upkeep and retention.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use model::{Dataset, Signal, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

/// When the store is kept in order, and with how much of the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Maintenance {
    /// False: files are neither merged, nor expired, nor deleted by this process. Default true.
    pub enabled: bool,
    /// Most of one core that merging may use, from 0.01 to 1. Default 0.3.
    pub core_share: f64,
    /// When merging may begin and go on, in UTC, as in `22:00-06:00`. Default `always`.
    pub hours: Hours,
    /// How often is looked for something to do, in seconds. Default 10.
    pub every_seconds: u64,
    /// Pieces of work that `system.maintenance` remembers. Default 1000.
    pub history_max: usize,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { enabled: true, core_share: 0.3, hours: Hours::Always, every_seconds: 10, history_max: 1000 }
    }
}

impl Maintenance {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if !(0.01..=1.0).contains(&self.core_share) {
            return Err(format!("maintenance.core_share is {}, must be 0.01 to 1", self.core_share));
        }
        if self.every_seconds == 0 {
            return Err("maintenance.every_seconds is 0, must be at least 1".to_owned());
        }
        if self.history_max == 0 {
            return Err("maintenance.history_max is 0, must be at least 1".to_owned());
        }
        Ok(())
    }
}

/// Hours of a day, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Hours {
    /// All of them.
    Always,
    /// From one minute of the day until before another, over midnight when the first is later.
    Between(u32, u32),
}

impl Hours {
    const MINUTES_PER_DAY: u64 = 24 * 60;

    pub(crate) fn include(self, time: SystemTime) -> bool {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let minute = (seconds / 60 % Self::MINUTES_PER_DAY) as u32;
        match self {
            Hours::Always => true,
            Hours::Between(from, to) if from <= to => (from..to).contains(&minute),
            Hours::Between(from, to) => minute >= from || minute < to,
        }
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minute = |time: &str| -> Option<u32> {
            let (hours, minutes) = time.trim().split_once(':')?;
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours <= 24 && minutes < 60 && hours * 60 + minutes <= Self::MINUTES_PER_DAY as u32)
                .then_some(hours * 60 + minutes)
        };
        if text == "always" {
            return Ok(Hours::Always);
        }
        let hours = text.split_once('-').and_then(|(from, to)| Some(Hours::Between(minute(from)?, minute(to)?)));
        hours.ok_or_else(|| format!("'{text}' are not hours, expected always or as in 22:00-06:00 (UTC)"))
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        match hours {
            Hours::Always => "always".to_owned(),
            Hours::Between(from, to) => {
                format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
            }
        }
    }
}

/// How long rows are kept, in days by their own time; 0 is for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Default 30.
    pub spans_days: u32,
    /// Default 30.
    pub logs_days: u32,
    /// Default 90.
    pub metrics_days: u32,
    /// Default 90.
    pub histograms_days: u32,
    /// Sums of spans, which are small. Default 400.
    pub rollups_days: u32,
    /// What differs for some tenants.
    pub tenants: BTreeMap<Tenant, TenantRetention>,
}

/// What differs for one tenant; what is left out is as for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantRetention {
    /// Spans.
    pub spans_days: Option<u32>,
    /// Log records.
    pub logs_days: Option<u32>,
    /// Number points.
    pub metrics_days: Option<u32>,
    /// Histograms and summaries.
    pub histograms_days: Option<u32>,
    /// Sums of spans.
    pub rollups_days: Option<u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            spans_days: 30,
            logs_days: 30,
            metrics_days: 90,
            histograms_days: 90,
            rollups_days: 400,
            tenants: BTreeMap::new(),
        }
    }
}

impl Retention {
    /// More is for ever: nanoseconds of 64 bits reach not much further back.
    const DAYS_MAX: u32 = 100 * 366;

    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let of_all = Dataset::all().map(|dataset| ("retention".to_owned(), self.days_of_all(dataset)));
        let of_tenants = self.tenants.iter().flat_map(|(tenant, of_tenant)| {
            let days = move |dataset| Some((format!("retention.tenants.{tenant}"), of_tenant.days(dataset)?));
            Dataset::all().filter_map(days)
        });
        match of_all.chain(of_tenants).find(|(_, days)| *days > Self::DAYS_MAX) {
            Some((place, days)) => {
                Err(format!("{place} keeps rows for {days} days, must be at most {} (0 is for ever)", Self::DAYS_MAX))
            }
            None => Ok(()),
        }
    }

    /// How many days rows of the tenant are kept, or of those without settings of their own; `None` for ever.
    pub fn days(&self, tenant: Option<&Tenant>, dataset: Dataset) -> Option<u32> {
        let of_tenant = tenant.and_then(|tenant| self.tenants.get(tenant)?.days(dataset));
        Some(of_tenant.unwrap_or_else(|| self.days_of_all(dataset))).filter(|days| *days > 0)
    }

    /// Rows before this time have not to be kept; `None` when all have.
    pub(crate) fn horizon(&self, tenant: &Tenant, dataset: Dataset, now: SystemTime) -> Option<Timestamp> {
        const SECONDS_PER_DAY: u64 = 86_400;
        let days = self.days(Some(tenant), dataset)?;
        let since_1970 = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let horizon = since_1970.checked_sub(u64::from(days) * SECONDS_PER_DAY)?;
        Some(Timestamp(i64::try_from(horizon).unwrap_or(0).saturating_mul(1_000_000_000)))
    }

    fn days_of_all(&self, dataset: Dataset) -> u32 {
        match dataset {
            Dataset::Signal(Signal::Spans) => self.spans_days,
            Dataset::Signal(Signal::Logs) => self.logs_days,
            Dataset::Signal(Signal::Metrics) => self.metrics_days,
            Dataset::Signal(Signal::Histograms) => self.histograms_days,
            Dataset::Rollup(_) => self.rollups_days,
        }
    }
}

impl TenantRetention {
    fn days(&self, dataset: Dataset) -> Option<u32> {
        match dataset {
            Dataset::Signal(Signal::Spans) => self.spans_days,
            Dataset::Signal(Signal::Logs) => self.logs_days,
            Dataset::Signal(Signal::Metrics) => self.metrics_days,
            Dataset::Signal(Signal::Histograms) => self.histograms_days,
            Dataset::Rollup(_) => self.rollups_days,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(hour: u64, minute: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + hour * 3600 + minute * 60)
    }

    #[test]
    fn hours_may_go_over_midnight() {
        let night: Hours = "22:00-06:30".parse().expect("hours");
        let noon: Hours = "12:00-13:00".parse().expect("hours");

        assert_eq!(
            [at(21, 59), at(22, 0), at(3, 0), at(6, 29), at(6, 30)].map(|time| night.include(time)),
            [false, true, true, true, false]
        );
        assert_eq!([at(11, 59), at(12, 30), at(13, 0)].map(|time| noon.include(time)), [false, true, false]);
        assert!(Hours::Always.include(at(0, 0)));
        for wrong in ["", "22-6", "25:00-26:00", "10:60-11:00", "sometimes"] {
            assert!(wrong.parse::<Hours>().is_err(), "{wrong}");
        }
        for text in ["22:00-06:30", "always"] {
            assert_eq!(String::from(text.parse::<Hours>().expect("hours")), text);
        }
    }

    #[test]
    fn a_tenant_may_keep_its_rows_longer_or_for_ever() {
        let (acme, globex) = (Tenant::new("acme").expect("a name"), Tenant::new("globex").expect("a name"));
        let of_acme = TenantRetention { spans_days: Some(1), logs_days: Some(0), ..TenantRetention::default() };
        let retention = Retention { tenants: [(acme.clone(), of_acme)].into(), ..Retention::default() };
        let now = UNIX_EPOCH + Duration::from_secs(100 * 86_400);
        let day = |days: i64| Some(Timestamp(days * 86_400_000_000_000));

        let horizon = |tenant, signal: Signal| retention.horizon(tenant, signal.into(), now);

        assert_eq!(horizon(&acme, Signal::Spans), day(99));
        assert_eq!(horizon(&acme, Signal::Logs), None, "0 is for ever");
        assert_eq!(horizon(&acme, Signal::Metrics), day(10), "as for all");
        assert_eq!(horizon(&globex, Signal::Spans), day(70));
    }

    #[test]
    fn a_setting_that_cannot_work_is_refused_by_name() {
        assert_eq!(Maintenance::default().check(), Ok(()));
        assert_eq!(Retention::default().check(), Ok(()));
        let broken = Maintenance { core_share: 0.0, ..Maintenance::default() };
        assert!(broken.check().is_err_and(|message| message.starts_with("maintenance.core_share")));
        let broken = Retention { spans_days: u32::MAX, ..Retention::default() };
        assert!(broken.check().is_err_and(|message| message.contains("retention")));
    }
}
