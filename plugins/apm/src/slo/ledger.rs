//! Hours in the records: written as minutes come, read for the sums of windows, deleted when nobody can ask for them.

use std::collections::BTreeMap;

use plugin::model::Tenant;
use plugin::records::{Collection, Document, Error, Expected, Key, List, RecordId};

use super::burn::Counts;
use super::document::Minutes;
use super::hours::{Hour, hour_of};

/// How long hours are kept, in days: the longest window, before each minute of the longest history.
pub(crate) const KEPT_DAYS: i64 = 180;
/// Hours that are deleted in one go.
pub(crate) const DELETED_AT_ONCE: usize = 500;

impl Document for Hour {
    const COLLECTION: &'static str = "apm.slo_hours";
    const KEYS: &'static [Key] = &[Key::lookup("series"), Key::lookup("hour")];
}

fn id(series: &str, hour: i64) -> Result<RecordId, Error> {
    RecordId::new(format!("{series}/{hour}"))
}

/// The hours of one series.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    hours: Collection<Hour>,
    tenant: &'a Tenant,
    series: &'a str,
    /// Nothing was counted before this minute.
    counted_from: i64,
    /// What was read, by hour; `None` for what is not there.
    read: BTreeMap<i64, Option<Hour>>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(hours: Collection<Hour>, tenant: &'a Tenant, series: &'a str, counted_from: i64) -> Self {
        Self { hours, tenant, series, counted_from, read: BTreeMap::new() }
    }

    /// Sets minutes that nothing was counted behind.
    pub(crate) async fn write(&mut self, minutes: Minutes, counts: &[Counts]) -> Result<(), Error> {
        let hour = hour_of(minutes.from);
        let first = match self.hour(hour).await? {
            Some(first) => first.clone(),
            None => Hour::empty(self.series, hour, self.sum_before(hour * 60).await?.unwrap_or_default()),
        };
        for hour in first.with_minutes(minutes.from, counts) {
            self.hours.put(self.tenant, &id(self.series, hour.hour)?, &hour, Expected::Any).await?;
            self.read.insert(hour.hour, Some(hour));
        }
        Ok(())
    }

    /// All that was counted before this minute; `None` where hours are not kept any more, or not yet there.
    pub(crate) async fn sum_before(&mut self, minute: i64) -> Result<Option<Counts>, Error> {
        if minute <= self.counted_from {
            return Ok(Some(Counts::default()));
        }
        let hour = self.hour(hour_of(minute - 1)).await?;
        Ok(hour.map(|hour| hour.sum_before(minute)))
    }

    /// Deletes some of the hours before this one; says how many.
    pub(crate) async fn forget_before(&mut self, hour: i64) -> Result<usize, Error> {
        let list = List::all().equal("series", self.series).below("hour", hour).limit(DELETED_AT_ONCE);
        let old = self.hours.list(self.tenant, &list).await?.records;
        for hour in &old {
            self.hours.delete(self.tenant, &hour.id, Expected::Any).await?;
        }
        Ok(old.len())
    }

    async fn hour(&mut self, hour: i64) -> Result<Option<&Hour>, Error> {
        if !self.read.contains_key(&hour) {
            let found = self.hours.get(self.tenant, &id(self.series, hour)?).await?;
            self.read.insert(hour, found.map(|record| record.body));
        }
        Ok(self.read.get(&hour).and_then(Option::as_ref))
    }
}
