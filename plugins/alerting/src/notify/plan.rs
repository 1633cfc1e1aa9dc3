//! What a tenant has settled about being told, besides its channels: when, gathered how, and what mutes what.

use std::collections::BTreeMap;

use plugin::model::Tenant;
use plugin::records::{Collection, Document, Error, RecordId};
use serde::{Deserialize, Serialize};

use super::Delivery;
use super::mute::Inhibition;
use super::mute::window::{TimeOfDay, Window};
use crate::rule::Severity;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Longest that what is told at once waits for more of its kind, in seconds: it is to arrive within five of its cause.
pub(crate) const GATHER_SECONDS_MAX: u32 = 60;

/// From `notifications.yaml`; as it is here when there is no such file. No table shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Where people find the web app, without a slash at the end.
    pub(crate) public_url: Option<String>,
    /// When those of a severity are told, if their channel does not say.
    pub(crate) delivery: BTreeMap<Severity, Delivery>,
    /// When the daily digest is sent, UTC.
    pub(crate) daily_at: TimeOfDay,
    /// What is told at once waits so long for more that goes the same way.
    pub(crate) gather_seconds: u32,
    /// Only what is equal in these labels (`rule` is one) is told in one message.
    pub(crate) gather_by: Vec<String>,
    pub(crate) inhibitions: Vec<Inhibition>,
    pub(crate) maintenance: Vec<Window>,
}

impl Default for Plan {
    fn default() -> Self {
        let delivery = [
            (Severity::Critical, Delivery::AtOnce),
            (Severity::Warning, Delivery::Hourly),
            (Severity::Info, Delivery::Daily),
        ];
        Self {
            public_url: None,
            delivery: delivery.into(),
            daily_at: TimeOfDay::hour(8),
            gather_seconds: 1,
            gather_by: Vec::new(),
            inhibitions: Vec::new(),
            maintenance: Vec::new(),
        }
    }
}

impl Document for Plan {
    const COLLECTION: &'static str = "alerting.notification_plans";
}

impl Plan {
    /// The tenant has one.
    pub(crate) fn id() -> RecordId {
        RecordId::new("plan").expect("a text that is an id")
    }

    pub(crate) async fn read(plans: &Collection<Self>, tenant: &Tenant) -> Result<Self, Error> {
        let plan = plans.get(tenant, &Self::id()).await?;
        Ok(plan.map(|plan| plan.body).unwrap_or_default())
    }

    pub(crate) fn delivery(&self, severity: Severity) -> Delivery {
        self.delivery.get(&severity).copied().unwrap_or(Delivery::AtOnce)
    }

    /// When what has happened at this time is told: the end of a gathering, the next full hour, the next time of the digest.
    pub(crate) fn due(&self, delivery: Delivery, at: i64) -> i64 {
        let next = |offset: i64, every: i64| {
            let periods = at.saturating_sub(offset).div_euclid(every).saturating_add(1);
            periods.saturating_mul(every).saturating_add(offset)
        };
        match delivery {
            Delivery::AtOnce => at.saturating_add(i64::from(self.gather_seconds) * SECOND),
            Delivery::Hourly => next(0, HOUR),
            Delivery::Daily => next(self.daily_at.nanos(), DAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NEW_YEAR: i64 = 1_767_225_600 * SECOND;

    fn check(delivery: Delivery, at: i64, expected: i64) {
        assert_eq!(Plan::default().due(delivery, NEW_YEAR + at), NEW_YEAR + expected, "{delivery:?} at {at}");
    }

    proptest! {
        #[test]
        fn a_digest_is_after_what_it_tells_within_its_period_and_at_its_time(at in i64::MIN / 2..i64::MAX / 2, hour in 0..24u32) {
            let plan = Plan { daily_at: TimeOfDay::hour(hour), ..Plan::default() };
            for (delivery, period, offset) in
                [(Delivery::Hourly, HOUR, 0), (Delivery::Daily, DAY, i64::from(hour) * HOUR)]
            {
                let due = plan.due(delivery, at);
                prop_assert!(at < due && due <= at + period);
                prop_assert_eq!(due.rem_euclid(period), offset % period);
            }
        }
    }

    #[test]
    fn critical_is_told_at_once_warning_hourly_info_daily() {
        let plan = Plan::default();
        let deliveries =
            [Severity::Critical, Severity::Warning, Severity::Info].map(|severity| plan.delivery(severity));

        assert_eq!(deliveries, [Delivery::AtOnce, Delivery::Hourly, Delivery::Daily]);
        check(Delivery::AtOnce, 7, SECOND + 7);
        check(Delivery::Hourly, 1, HOUR);
        check(Delivery::Hourly, HOUR - 1, HOUR);
        check(Delivery::Hourly, HOUR, 2 * HOUR);
        check(Delivery::Daily, 0, 8 * HOUR);
        check(Delivery::Daily, 8 * HOUR - 1, 8 * HOUR);
        check(Delivery::Daily, 8 * HOUR, DAY + 8 * HOUR);
    }
}
