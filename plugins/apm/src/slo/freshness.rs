//! Freshness: minutes at whose end the last sign of a service was not too old.

use plugin::query::QueryError;

use super::burn::Counts;
use super::document::{FreshSignal, Minutes};
use crate::conditions::Conditions;
use crate::range::Range;
use crate::rows::Source;

/// The oldest that may still be fresh, in seconds: so much is read again for every minute.
pub(crate) const AGE_SECONDS_MAX: u32 = 3600;
const SECOND: i64 = 1_000_000_000;

/// Each minute is valid; good are those with a sign at most so many seconds before their end.
pub(crate) async fn count(
    source: &Source,
    minutes: Minutes,
    service: &str,
    (signal, max_age_seconds): (FreshSignal, u32),
) -> Result<Vec<Counts>, QueryError> {
    let max_age = i64::from(max_age_seconds) * SECOND;
    let Range { from, until } = minutes.range();
    let mut conditions = Conditions::none();
    let (tables, time): (&[&str], &str) = match signal {
        FreshSignal::Spans => (&["spans"], "start_time"),
        FreshSignal::Logs => (&["logs"], "time"),
        FreshSignal::Metrics => (&["metrics", "histograms"], "time"),
    };
    conditions.and_in(time, Range { from: from - max_age, until }).equal("service_name", service);
    let signs: Vec<String> = tables
        .iter()
        .map(|table| {
            let conditions = conditions.text();
            format!("SELECT date_trunc('minute', {time}) AS minute, max({time}) AS last FROM {table} WHERE {conditions} GROUP BY 1")
        })
        .collect();
    let sql =
        format!("SELECT max(last) AS last FROM ({}) AS signs GROUP BY minute ORDER BY 1", signs.join(" UNION ALL "));
    let answer = source.try_ask(sql, conditions.params()).await?;
    let lasts: Vec<i64> = answer.rows().filter_map(|row| row.integer(0)).collect();
    Ok(fresh(&lasts, minutes, max_age))
}

/// The same from the last sign of each minute, in order.
fn fresh(lasts: &[i64], minutes: Minutes, max_age: i64) -> Vec<Counts> {
    let (mut lasts, mut last) = (lasts.iter().peekable(), None);
    let minute = |minute| {
        let end = Minutes { from: minute, until: minute + 1 }.range().until;
        while let Some(sign) = lasts.next_if(|sign| **sign < end) {
            last = Some(*sign);
        }
        let is_fresh = last.is_some_and(|last| end - last <= max_age);
        Counts { good: u64::from(is_fresh), valid: 1 }
    };
    (minutes.from..minutes.until).map(minute).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(signs: &[i64], max_age_seconds: i64, expected: &[u64]) {
        let signs: Vec<i64> = signs.iter().map(|seconds| seconds * SECOND).collect();
        let minutes = Minutes { from: 0, until: 4 };

        let fresh = fresh(&signs, minutes, max_age_seconds * SECOND);

        let good: Vec<u64> = fresh.iter().map(|minute| minute.good).collect();
        assert_eq!(good, expected, "{signs:?}");
        assert!(fresh.iter().all(|minute| minute.valid == 1));
    }

    #[test]
    fn a_minute_is_good_while_the_last_sign_is_young_at_its_end() {
        check(&[], 60, &[0, 0, 0, 0]);
        check(&[0, 60, 120, 180], 60, &[1, 1, 1, 1]);
        check(&[59], 60, &[1, 0, 0, 0]);
        check(&[59], 61, &[1, 1, 0, 0]);
        check(&[-30, 200], 90, &[1, 0, 0, 1]);
        check(&[240], 3600, &[0, 0, 0, 0]);
    }
}
