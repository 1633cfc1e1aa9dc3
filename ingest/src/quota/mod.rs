//! What each tenant may send: bytes a day, active series, attribute keys.
//!
//! A request over the bytes of the day is refused whole, to be sent again the next day; rows that would begin a series or an
//! attribute key too many are refused one by one, and the others of the request are stored. Nothing is refused without a
//! reason in the answer and a count.

mod active;
mod config;
mod rows;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Batch, Tenant, Timestamp};
use parking_lot::{Mutex, RwLock};
use plane::RefusedRows;

pub use config::{Limits, QuotaConfig};
pub use usage::{DayUsage, Usage};

use self::active::Active;
use crate::decode::{DecodeError, Reason, Refusals};
use crate::error::Refusal;
use crate::receiver::now;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// A series that was silent this long is no longer active.
const SERIES_ACTIVE: Duration = Duration::from_secs(3600);
/// An attribute key that nobody used for this long is forgotten.
const KEY_ACTIVE: Duration = Duration::from_secs(86_400);

/// The quotas of all tenants, and how much of them is used.
#[derive(Debug)]
pub struct Quotas {
    config: RwLock<QuotaConfig>,
    tenants: Mutex<HashMap<Tenant, Arc<TenantQuota>>>,
}

/// One tenant's.
#[derive(Debug)]
pub(crate) struct TenantQuota {
    limits: Limits,
    used: Arc<Mutex<Used>>,
}

#[derive(Debug)]
struct Used {
    day: i64,
    bytes: u64,
    bytes_refused: u64,
    series: Active,
    series_refused: u64,
    keys: Active,
    keys_refused: u64,
}

impl Quotas {
    /// Nothing is used yet but what `known` says of the current day.
    pub fn new(config: QuotaConfig, known: &[DayUsage]) -> Self {
        let quotas = Self { config: RwLock::new(config), tenants: Mutex::default() };
        for usage in known {
            if let Some(quota) = quotas.of(&usage.tenant) {
                let mut used = quota.used.lock();
                (used.day, used.bytes) = (usage.day, usage.bytes);
            }
        }
        quotas
    }

    /// Counts against other limits from the next request on; what is used stays used. A tenant that had no limit was not counted.
    pub fn exchange(&self, new: QuotaConfig) {
        let mut config = self.config.write();
        for (tenant, quota) in self.tenants.lock().iter_mut() {
            *quota = Arc::new(TenantQuota { limits: new.of(tenant), used: Arc::clone(&quota.used) });
        }
        *config = new;
    }

    /// The tenant's quota, where it has one.
    pub(crate) fn of(&self, tenant: &Tenant) -> Option<Arc<TenantQuota>> {
        // Held until the quota is there: an exchange meanwhile would miss it.
        let config = self.config.read();
        let limits = config.of(tenant);
        if limits.is_none() {
            return None;
        }
        let mut tenants = self.tenants.lock();
        Some(Arc::clone(tenants.entry(tenant.clone()).or_insert_with(|| Arc::new(TenantQuota::new(limits)))))
    }

    /// Bytes of the current day by tenant, to be given to `new` after a restart.
    pub fn days(&self) -> Vec<DayUsage> {
        let day_of = |(tenant, quota): (&Tenant, &Arc<TenantQuota>)| {
            let used = quota.used.lock();
            DayUsage { tenant: tenant.clone(), day: used.day, bytes: used.bytes }
        };
        self.tenants.lock().iter().map(day_of).collect()
    }

    /// How much of each of the tenant's limits is used.
    pub fn usage_of(&self, tenant: &Tenant) -> Vec<Usage> {
        self.of(tenant).map(|quota| quota.usage(tenant, now())).unwrap_or_default()
    }

    /// How much of every limit is used, of tenants that have sent something.
    pub fn usage(&self) -> Vec<Usage> {
        let now = now();
        self.tenants.lock().iter().flat_map(|(tenant, quota)| quota.usage(tenant, now)).collect()
    }
}

impl TenantQuota {
    fn new(limits: Limits) -> Self {
        let used = Used {
            day: 0,
            bytes: 0,
            bytes_refused: 0,
            series: Active::new(SERIES_ACTIVE),
            series_refused: 0,
            keys: Active::new(KEY_ACTIVE),
            keys_refused: 0,
        };
        Self { limits, used: Arc::new(Mutex::new(used)) }
    }

    /// Takes the bytes of a request from the day; `give_back` when it is not stored.
    pub(crate) fn take_bytes(&self, bytes: u64, now: Timestamp) -> Result<(), Refusal> {
        let Some(limit) = self.limits.bytes_per_day_max else { return Ok(()) };
        let mut used = self.used.lock();
        used.begin(day_of(now));
        if used.bytes.saturating_add(bytes) > limit {
            used.bytes_refused += 1;
            let left = SECONDS_PER_DAY - now.0.div_euclid(NANOS_PER_SECOND).rem_euclid(SECONDS_PER_DAY);
            let retry_after = Duration::from_secs(left.unsigned_abs());
            return Err(Refusal::Quota { limit, retry_after });
        }
        used.bytes += bytes;
        Ok(())
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        let mut used = self.used.lock();
        used.bytes = used.bytes.saturating_sub(bytes);
    }

    /// Takes the rows out that are over a limit, counts them, and says which they were.
    pub(crate) fn admit(
        &self,
        batches: &mut Vec<Batch>,
        refusals: &mut Refusals,
        now: Timestamp,
    ) -> Result<Vec<RefusedRows>, DecodeError> {
        let mut refused = Vec::new();
        if self.limits.active_series_max.is_none() && self.limits.attribute_keys_max.is_none() {
            return Ok(refused);
        }
        for batch in batches.iter_mut() {
            let passes = self.passing(batch, refusals, now);
            if let Some(rows) = rows::refused(batch.signal(), &passes) {
                *batch = rows::without(batch, &rows)?;
                refused.push(rows);
            }
        }
        batches.retain(|batch| batch.rows() > 0);
        Ok(refused)
    }

    /// For each row whether it is stored.
    fn passing(&self, batch: &Batch, refusals: &mut Refusals, now: Timestamp) -> Vec<bool> {
        let mut passes = vec![true; batch.rows()];
        let mut used = self.used.lock();
        if let Some(limit) = self.limits.attribute_keys_max {
            used.keys.forget_old(now);
            let refused = rows::refuse_keys(batch, &mut used.keys, limit, &mut passes);
            used.keys_refused += refused;
            refusals.add_many(Reason::AttributeKeyQuota, refused);
        }
        if let Some(limit) = self.limits.active_series_max {
            used.series.forget_old(now);
            let refused = rows::refuse_series(batch, &mut used.series, limit, &mut passes);
            used.series_refused += refused;
            refusals.add_many(Reason::SeriesQuota, refused);
        }
        passes
    }

    /// As of now: who sends nothing any more uses nothing.
    fn usage(&self, tenant: &Tenant, now: Timestamp) -> Vec<Usage> {
        let mut used = self.used.lock();
        used.begin(day_of(now));
        used.series.forget_old(now);
        used.keys.forget_old(now);
        let of = |quota, limit: Option<u64>, used, refused| {
            limit.map(|limit| Usage { tenant: tenant.clone(), quota, used, limit, refused })
        };
        let count = |limit: Option<usize>| limit.map(|limit| limit as u64);
        [
            of("bytes_per_day", self.limits.bytes_per_day_max, used.bytes, used.bytes_refused),
            of("active_series", count(self.limits.active_series_max), used.series.len() as u64, used.series_refused),
            of("attribute_keys", count(self.limits.attribute_keys_max), used.keys.len() as u64, used.keys_refused),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Used {
    /// The day it is by now; bytes of another one do not count on it.
    fn begin(&mut self, day: i64) {
        if self.day != day {
            (self.day, self.bytes) = (day, 0);
        }
    }
}

/// Days since 1970, UTC.
fn day_of(time: Timestamp) -> i64 {
    time.0.div_euclid(NANOS_PER_SECOND * SECONDS_PER_DAY)
}

/// Takes the rows out that were refused when the request came.
pub(crate) fn again(batches: &mut Vec<Batch>, refused: &[RefusedRows]) -> Result<(), DecodeError> {
    for rows in refused {
        for batch in batches.iter_mut().filter(|batch| batch.signal() == rows.signal) {
            *batch = rows::without(batch, rows)?;
        }
    }
    batches.retain(|batch| batch.rows() > 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_yesterday_are_not_used_today_though_nothing_came_since() {
        let day = |day: i64| Timestamp(day * SECONDS_PER_DAY * NANOS_PER_SECOND);
        let limits = Limits { bytes_per_day_max: Some(100), ..Limits::default() };
        let (quota, acme) = (TenantQuota::new(limits), Tenant::new("acme").expect("a name"));
        let used = |now| quota.usage(&acme, now).first().map(|usage| (usage.used, usage.refused));
        quota.take_bytes(80, day(3)).expect("there is room");
        quota.take_bytes(80, day(3)).expect_err("it is over the limit");

        assert_eq!(used(day(3)), Some((80, 1)));
        assert_eq!(used(day(4)), Some((0, 1)));
    }
}
