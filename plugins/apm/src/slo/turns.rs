//! Whose turn it is: which SLOs of a tenant are counted together, and in which order.
//!
//! Who had no turn the last time has the first one now, so that slow SLOs delay their tenant's others by a time and never for good.

use std::collections::BTreeMap;

use plugin::model::Timestamp;
use plugin::records::Record;

use super::document::{Indicator, Minutes, Slo, Standing};

/// Minutes that are counted again each time, for what comes late.
const LATE_MINUTES: i64 = 10;
/// New minutes that are counted in one step.
const STEP_MINUTES: i64 = 24 * 60;
/// The same where that took too long.
const SLOW_STEP_MINUTES: i64 = 60;
/// The same for statements that are asked for every minute, and where that took too long.
const STATEMENTS_STEP_MAX: i64 = 60;
const SLOW_STATEMENTS_STEP_MAX: i64 = 1;
/// SLOs that are counted in one reading of the rollups.
const READ_AT_ONCE_MAX: usize = 20;

/// An SLO that is behind.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) slo: Record<Slo>,
    pub(crate) standing: Standing,
}

/// SLOs whose next minutes are counted in one reading.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) minutes: Minutes,
    pub(crate) due: Vec<Due>,
}

impl Due {
    /// It had its turn.
    pub(crate) fn attempted(&mut self, now: Timestamp) {
        self.standing.attempted_at = Some(now.0);
    }

    /// What is counted next: the last minutes again, and some that are new.
    fn next(&self, until: i64) -> Minutes {
        let Standing { counted_from, counted_until, is_slow, .. } = self.standing;
        let step = match (&self.slo.body.indicator, is_slow) {
            (Indicator::Sql { by_minute: false, .. }, false) => STATEMENTS_STEP_MAX,
            (Indicator::Sql { by_minute: false, .. }, true) => SLOW_STATEMENTS_STEP_MAX,
            (_, false) => STEP_MINUTES,
            (_, true) => SLOW_STEP_MINUTES,
        };
        Minutes { from: counted_from.max(counted_until - LATE_MINUTES), until: until.min(counted_until + step) }
    }

    /// Requests are the cheapest to count, statements may cost anything.
    fn cost(&self) -> u8 {
        match self.slo.body.indicator {
            Indicator::Availability { .. } | Indicator::Latency { .. } => 0,
            Indicator::Freshness { .. } => 1,
            Indicator::Sql { .. } => 2,
        }
    }
}

/// What is counted in this step, in order: requests of the same minutes are read together, all else by itself.
pub(crate) fn parts(all: Vec<Due>, until: i64) -> Vec<Part> {
    let (mut parts, mut of_requests) = (Vec::new(), BTreeMap::<(Option<i64>, Minutes), Vec<Due>>::new());
    for due in all {
        let minutes = due.next(until);
        match due.cost() {
            0 => of_requests.entry((due.standing.attempted_at, minutes)).or_default().push(due),
            _ => parts.push(Part { minutes, due: vec![due] }),
        }
    }
    for ((_, minutes), requests) in of_requests {
        parts.extend(requests.chunks(READ_AT_ONCE_MAX).map(|due| Part { minutes, due: due.to_vec() }));
    }
    parts.sort_by_key(|part| part.due.first().map(|due| (due.standing.attempted_at, due.cost(), part.minutes)));
    parts
}

#[cfg(test)]
mod tests {
    use plugin::model::Tenant;
    use plugin::records::{Document, RecordId};

    use super::*;

    const UNTIL: i64 = 10_000;

    fn requests() -> Indicator {
        Indicator::Availability { operation: None, environment: None }
    }

    fn statement() -> Indicator {
        Indicator::Sql { statement: "select 1".to_owned(), by_minute: false }
    }

    fn due(name: &str, indicator: Indicator, attempted_at: Option<i64>) -> Due {
        let body = Slo { name: name.to_owned(), indicator, ..Slo::example().expect("an example") };
        let (id, tenant, time) = (RecordId::new(name).expect("an id"), Tenant::default_tenant(), Timestamp(0));
        let slo = Record { id, version: 1, tenant, created_at: time, updated_at: time, body };
        let counted_until = UNTIL - 1;
        Due { slo, standing: Standing { attempted_at, counted_until, ..Standing::default() } }
    }

    fn check(all: Vec<Due>, expected: &[&[&str]]) {
        let parts = parts(all, UNTIL);
        let named = parts.iter().map(|part| part.due.iter().map(|due| due.slo.body.name.as_str()).collect());
        let names: Vec<Vec<&str>> = named.collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn requests_are_counted_together_before_what_may_be_slow() {
        let all = vec![due("a", statement(), Some(7)), due("b", requests(), Some(7)), due("c", requests(), Some(7))];

        check(all, &[&["b", "c"], &["a"]]);
    }

    #[test]
    fn who_had_no_turn_the_last_time_is_the_first() {
        let all = vec![due("a", requests(), Some(7)), due("b", statement(), Some(7)), due("c", statement(), Some(6))];

        check(all, &[&["c"], &["a"], &["b"]]);
    }

    #[test]
    fn what_took_too_long_is_counted_in_smaller_steps() {
        let mut slow = due("a", requests(), None);
        (slow.standing.counted_until, slow.standing.counted_from) = (1000, 0);
        let whole = slow.next(UNTIL);
        slow.standing.is_slow = true;

        assert_eq!(whole, Minutes { from: 990, until: 1000 + STEP_MINUTES });
        assert_eq!(slow.next(UNTIL), Minutes { from: 990, until: 1000 + SLOW_STEP_MINUTES });
    }
}
