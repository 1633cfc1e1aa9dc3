//! How far the rules of a tenant are evaluated, so that whoever watches next makes up for what is not.
//!
//! The rounds of a lane follow one another in the order in which they are due. So one time for each lane tells of all its rules, whatever
//! their intervals: what was due before it is done and written; what is under way, or due then or later, is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin::model::Tenant;
use plugin::records::{Error, Expected};

use super::change::BATCH;
use super::{Due, Lane, OfTenant, Watch, Watched};
use crate::rule::Rule;
use crate::stored::{Progress, the_only};

impl OfTenant {
    /// The rules of a lane that are due longest, and as of when; they are under way from now on.
    pub(super) fn take_due(&mut self, lane: Lane, now: i64) -> Option<(i64, Vec<&Watched>)> {
        let mut due: BTreeMap<i64, Vec<&mut Watched>> = BTreeMap::new();
        let made_up_until = self.made_up_until;
        for watched in self.rules.values_mut().filter(|watched| watched.is_of(lane)) {
            watched.due = watched.due.within_reach(now);
            if watched.due.is_now(now) {
                due.entry(watched.due.at).or_default().push(watched);
            }
        }
        let (at, taken) = due.into_iter().next()?;
        let taken = taken.into_iter().map(|watched| {
            watched.under_way = Some(at);
            watched.due = watched.due.next(now, made_up_until);
            &*watched
        });
        Some((at, taken.collect()))
    }

    /// What was under way in the lane is done and written.
    pub(super) fn done(&mut self, lane: Lane) {
        for watched in self.rules.values_mut().filter(|watched| watched.is_of(lane)) {
            watched.under_way = None;
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let mut next = BTreeMap::new();
        for watched in self.rules.values().filter(|watched| watched.rule.enabled) {
            let of_lane = next.entry(Lane::of(&watched.rule)).or_insert(i64::MAX);
            *of_lane = watched.not_done().min(*of_lane);
        }
        Progress { next }
    }

    /// How far its rules are evaluated, if the records do not know; nothing of a tenant without rules.
    fn unwritten(&self) -> Option<Progress> {
        let progress = self.progress();
        (progress != self.written).then_some(progress)
    }
}

impl Watched {
    fn is_of(&self, lane: Lane) -> bool {
        self.rule.enabled && Lane::of(&self.rule) == lane
    }

    /// The first time that is due and not done.
    pub(super) fn not_done(&self) -> i64 {
        self.under_way.unwrap_or(self.due.at)
    }
}

impl Progress {
    /// When a rule is evaluated first by who begins to watch now.
    pub(super) fn begin(&self, rule: &Rule, now: i64) -> Due {
        match self.next.get(&Lane::of(rule)) {
            // A rule that is new waits for no other: the next time of its lane may be tomorrow.
            Some(next) => Due::resumed((*next).min(now.saturating_add(1)), now, rule.interval),
            None => Due::from(now, rule.interval),
        }
    }

    /// Since when rules have been due that were not evaluated; none where nothing is missing.
    pub(super) fn missed_since<'a>(&self, rules: impl Iterator<Item = &'a Arc<Rule>>, now: i64) -> Option<i64> {
        let missed = rules.filter(|rule| rule.enabled).filter_map(|rule| {
            let due = Due::from(*self.next.get(&Lane::of(rule))?, rule.interval);
            due.is_now(now).then_some(due.at)
        });
        missed.min()
    }
}

impl Watch<'_> {
    /// Writes how far rules were evaluated, of the tenants of whom the records do not know it.
    pub(super) async fn write_progress(&mut self) -> Result<(), Error> {
        let changed = self.tenants.iter().filter_map(|(tenant, of)| Some((tenant.clone(), of.unwritten()?)));
        let changed: Vec<(Tenant, Progress)> = changed.collect();
        for batch in changed.chunks(BATCH) {
            let lease = &self.lease;
            let write = self.context.records.transaction(|transaction| async move {
                transaction.hold(lease).await?;
                for (tenant, progress) in batch {
                    transaction.collection::<Progress>().put(tenant, &the_only(), progress, Expected::Any).await?;
                }
                Ok::<_, Error>(())
            });
            write.await?;
            for (tenant, progress) in batch {
                self.wrote_progress(tenant, progress.clone());
            }
        }
        Ok(())
    }

    pub(super) fn wrote_progress(&mut self, tenant: &Tenant, progress: Progress) {
        if let Some(of_tenant) = self.tenants.get_mut(tenant) {
            of_tenant.written = progress;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::read;

    const SECOND: i64 = 1_000_000_000;
    const DAY: i64 = 86_400 * SECOND;
    const MIDNIGHT: i64 = 20_000 * DAY;

    /// Rules that are due from midnight on.
    fn watched(yaml: &str) -> OfTenant {
        let mut of_tenant = OfTenant::default();
        for written in read(yaml).unwrap_or_else(|faults| panic!("{yaml}: {faults:?}")) {
            let (rule, alerts) = (Arc::new(written.rule), Vec::new());
            let due = Due::from(MIDNIGHT, rule.interval);
            let watched = Watched { rule, due, under_way: None, alerts, had_data: false, error: None };
            of_tenant.rules.insert(watched.rule.name.clone(), watched);
        }
        of_tenant
    }

    /// When a rule is evaluated first by who watches next, in seconds after midnight.
    fn begin(of_tenant: &OfTenant, rule: &str, seconds: i64) -> i64 {
        let due = of_tenant.progress().begin(&of_tenant.rules[rule].rule, MIDNIGHT + seconds * SECOND);
        (due.at - MIDNIGHT) / SECOND
    }

    const RULES: &str = "
- {name: daily, sql: SELECT 1, interval: 1d, severity: info}
- {name: often, sql: SELECT 2, interval: 30s, severity: info}
- {name: fast, condition: error_count > 0, interval: 1s, severity: info}";

    #[test]
    fn what_is_under_way_at_a_crash_is_made_up_for_however_far_others_have_come() {
        let mut of_tenant = watched(RULES);

        let (at, taken) = of_tenant.take_due(Lane::Statements, MIDNIGHT).expect("they are due");
        assert_eq!((at, taken.len()), (MIDNIGHT, 2));
        for second in 0..10 {
            of_tenant.take_due(Lane::Measures, MIDNIGHT + second * SECOND).expect("it is due");
            of_tenant.done(Lane::Measures);
        }

        let firsts = ["daily", "often", "fast"].map(|rule| begin(&of_tenant, rule, 12));
        assert_eq!(firsts, [0, 0, 10]);
        of_tenant.done(Lane::Statements);
        let firsts = ["daily", "often", "fast"].map(|rule| begin(&of_tenant, rule, 40));
        assert_eq!(firsts, [86_400, 30, 10]);
    }

    #[test]
    fn a_pause_begins_with_the_first_time_that_was_missed() {
        let mut of_tenant = watched(RULES);
        for lane in Lane::ALL {
            of_tenant.take_due(lane, MIDNIGHT).expect("it is due");
            of_tenant.done(lane);
        }
        let missed = |of_tenant: &OfTenant, seconds| {
            let rules = of_tenant.rules.values().map(|watched| &watched.rule);
            of_tenant.progress().missed_since(rules, MIDNIGHT + seconds * SECOND).map(|at| (at - MIDNIGHT) / SECOND)
        };

        assert_eq!((missed(&of_tenant, 0), missed(&of_tenant, 500)), (None, Some(1)));
        of_tenant.rules.remove("fast");
        of_tenant.rules.remove("often");
        assert_eq!((missed(&of_tenant, 80_000), missed(&of_tenant, 90_000)), (None, Some(86_400)));
    }

    #[test]
    fn only_what_has_changed_is_written() {
        assert_eq!(OfTenant::default().unwritten(), None, "without rules there is nothing to write");
        let mut of_tenant = watched(RULES);
        of_tenant.written = of_tenant.unwritten().expect("it was never written");

        assert_eq!(of_tenant.unwritten(), None);
        of_tenant.take_due(Lane::Statements, MIDNIGHT).expect("it is due");
        assert_eq!(of_tenant.unwritten(), None, "what is under way is not done");
        of_tenant.done(Lane::Statements);
        assert!(of_tenant.unwritten().is_some());
    }

    #[test]
    fn a_rule_that_is_new_waits_for_no_other() {
        let mut of_tenant = watched(RULES);
        for name in ["often", "fast"] {
            of_tenant.rules.remove(name);
        }
        of_tenant.take_due(Lane::Statements, MIDNIGHT).expect("it is due");
        of_tenant.done(Lane::Statements);

        let progress = of_tenant.progress();

        let new = watched(RULES);
        let first = |rule: &str| progress.begin(&new.rules[rule].rule, MIDNIGHT + 100 * SECOND).at;
        assert_eq!((first("often"), first("fast")), (MIDNIGHT + 120 * SECOND, MIDNIGHT + 100 * SECOND));
    }
}
