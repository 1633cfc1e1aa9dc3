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
/// The same for statements that are asked for every minute.
const STATEMENTS_STEP_MAX: i64 = 60;
/// SLOs that are counted in one reading of the rollups.
const READ_AT_ONCE_MAX: usize = 20;
/// By so many powers of two are both less, each time that it took too long: down to one minute of one SLO, so that one that is slow
/// is left to itself.
const SLOWED_POWERS: u32 = 3;

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
        let Standing { counted_from, counted_until, slowed, .. } = self.standing;
        let step = match self.slo.body.indicator {
            Indicator::Sql { by_minute: false, .. } => STATEMENTS_STEP_MAX,
            _ => STEP_MINUTES,
        };
        let step = (step >> powers(slowed)).max(1);
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

/// The powers of two by which less is counted at once.
fn powers(slowed: u32) -> u32 {
    slowed.saturating_mul(SLOWED_POWERS).min(31)
}

/// What is counted in this step, in order: requests of the same minutes are read together, all else by itself.
pub(crate) fn parts(all: Vec<Due>, until: i64) -> Vec<Part> {
    let (mut parts, mut of_requests) = (Vec::new(), BTreeMap::<(Option<i64>, u32, Minutes), Vec<Due>>::new());
    for due in all {
        let (minutes, attempted_at, slowed) = (due.next(until), due.standing.attempted_at, due.standing.slowed);
        match due.cost() {
            0 => of_requests.entry((attempted_at, slowed, minutes)).or_default().push(due),
            _ => parts.push(Part { minutes, due: vec![due] }),
        }
    }
    for ((_, slowed, minutes), requests) in of_requests {
        let at_once = (READ_AT_ONCE_MAX >> powers(slowed)).max(1);
        parts.extend(requests.chunks(at_once).map(|due| Part { minutes, due: due.to_vec() }));
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
        for (slowed, step) in [(0, STEP_MINUTES), (1, STEP_MINUTES / 8), (2, STEP_MINUTES / 64), (4, 1), (u32::MAX, 1)]
        {
            slow.standing.slowed = slowed;

            assert_eq!(slow.next(UNTIL), Minutes { from: 990, until: 1000 + step }, "slowed {slowed} times");
        }
    }

    #[test]
    fn requests_that_took_too_long_together_are_counted_apart() {
        let sizes = |slowed| {
            let mut all: Vec<Due> = (0..20).map(|number| due(&format!("slo-{number}"), requests(), None)).collect();
            all.iter_mut().for_each(|due| due.standing.slowed = slowed);
            parts(all, UNTIL).iter().map(|part| part.due.len()).collect::<Vec<_>>()
        };

        assert_eq!(sizes(0), [20]);
        assert_eq!(sizes(1), [2; 10]);
        assert_eq!(sizes(2), [1; 20]);
    }
}
