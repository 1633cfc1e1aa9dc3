//! Which rollups have rows to be added up: new ones of periods that are over.

use std::time::Duration;

use model::{Rollup, Signal, Tenant, Timestamp};
use store::{Job, Maintained, Task};
use tokio_postgres::Client;

use crate::error::Refusal;
use crate::predicate::time_literal;

/// A tenant's rollup with rows to be added up.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) tenant: Tenant,
    pub(super) rollup: Rollup,
    /// The oldest period that has some, as people read it.
    oldest: String,
}

impl Due {
    pub(super) fn task(&self) -> Task {
        Task {
            job: Job::Compact,
            tenant: Some(self.tenant.clone()),
            dataset: Some(self.rollup.into()),
            target: format!("periods from {} on", self.oldest),
        }
    }
}

/// Every rollup with rows to be added up, those that have waited longest first.
pub(super) async fn all(client: &Client, schema: &str, now: Timestamp, wait: Duration) -> Result<Vec<Due>, Refusal> {
    let mut due = Vec::new();
    for rollup in Rollup::ALL {
        for row in client.query(&oldest(schema, rollup, over_before(rollup, now, wait)), &[]).await? {
            // A name that is none is of a later version.
            let Ok(tenant) = Tenant::new(row.try_get(0)?) else { continue };
            due.push(Due { tenant, rollup, oldest: row.try_get(1)? });
        }
    }
    due.sort_by(|one, other| one.oldest.cmp(&other.oldest));
    Ok(due)
}

/// Of each tenant the oldest period with rows to be added up.
fn oldest(schema: &str, rollup: Rollup, before: Timestamp) -> String {
    let (time, spans, tenants_max) = (rollup.time_column(), Signal::Spans, Maintained::WAITING_MAX);
    format!(
        "SELECT t.tenant, oldest.\"{time}\"::text FROM (SELECT DISTINCT tenant FROM {schema}.ledger WHERE signal = '{spans}') t \
         CROSS JOIN LATERAL (SELECT \"{time}\" FROM {schema}.{rollup} s WHERE s.tenant = t.tenant AND {} \
             AND \"{time}\" < {} ORDER BY \"{time}\" LIMIT 1) oldest \
         ORDER BY oldest.\"{time}\" LIMIT {tenants_max}",
        to_add(rollup),
        time_literal(before.0)
    )
}

/// What holds for rows that are to be added up, in SQL: the condition of an index. A half of a call is until it has waited long enough.
pub(super) fn to_add(rollup: Rollup) -> &'static str {
    match rollup {
        Rollup::ServiceMinutes | Rollup::ServiceHours => "to_round IS NULL AND from_round = 0",
        Rollup::ServiceEdges => "to_round IS NULL AND (from_round = 0 OR half IS NOT NULL)",
    }
}

/// Periods that began before this have been over for so long.
pub(super) fn over_before(rollup: Rollup, now: Timestamp, wait: Duration) -> Timestamp {
    let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(wait).saturating_sub(rollup.period_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_over_when_its_end_is_so_long_ago() {
        let minute = 60_000_000_000;
        let now = Timestamp(100 * minute);

        let before = over_before(Rollup::ServiceMinutes, now, Duration::from_secs(15 * 60));

        assert_eq!(before, Timestamp(84 * minute), "the minute from 83 to 84 ended 16 minutes ago, the next 15");
    }
}
