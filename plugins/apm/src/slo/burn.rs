//! Burn rates: how fast an error budget is spent, and when that is worth a ticket or waking somebody.
//!
//! A budget is the share of events that may be bad; a burn is the share that was, by the budget: 1 spends all of it in exactly the
//! SLO's window. A row of the table burns while a long window *and* a short one exceed its burn: the long one says that it matters,
//! the short one that it is not over. Pure: sums of minutes go in, verdicts come out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MINUTES_A_DAY: i64 = 1440;
/// A short window is this part of its long one.
const SHORT_PART: i64 = 12;
/// A slower burn leaves some of the budget at the end of the window: nobody needs to know.
const BURN_MIN: f64 = 1.0;

/// Events of some minutes: those that count, and those of them that were good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) good: u64,
    pub(crate) valid: u64,
}

impl Counts {
    pub(crate) fn bad(self) -> u64 {
        self.valid.saturating_sub(self.good)
    }

    /// What part was good; nothing has no part.
    pub(crate) fn share_good(self) -> Option<f64> {
        (self.valid > 0).then(|| self.good as f64 / self.valid as f64)
    }

    /// How many times faster than planned the budget was spent; unknown of no events.
    pub(crate) fn burn(self, Budget(share): Budget) -> Option<f64> {
        (self.valid > 0).then(|| self.bad() as f64 / self.valid as f64 / share)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { good: self.good + other.good, valid: self.valid + other.valid }
    }

    /// What was counted since the sums were those.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { good: self.good.saturating_sub(before.good), valid: self.valid.saturating_sub(before.valid) }
    }
}

/// The share of events that may be bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budget(f64);

impl Budget {
    /// Decimals that an objective in percent may have.
    pub(crate) const DECIMALS: i32 = 4;

    /// What an objective in percent leaves; `None` when it is not between 0 and 100, or has too many decimals.
    pub(crate) fn of_objective(percent: f64) -> Option<Self> {
        let scale = 10_f64.powi(Self::DECIMALS);
        let (parts, all) = ((percent * scale).round(), 100.0 * scale);
        let is_objective = parts > 0.0 && parts < all && (percent * scale - parts).abs() < 1e-4;
        is_objective.then(|| Self((all - parts) / all))
    }

    /// How many of these events may be bad.
    pub(crate) fn events(self, valid: u64) -> f64 {
        self.0 * valid as f64
    }

    /// The burn when everything is bad.
    pub(crate) fn burn_max(self) -> f64 {
        1.0 / self.0
    }
}

/// Who should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BurnSeverity)]
pub(crate) enum Severity {
    /// Somebody, in working hours.
    Ticket,
    /// Somebody, now.
    Page,
}

/// Severity, percent of the budget that is spent, and the long window in minutes: the table of the SRE workbook.
const TABLE: [(Severity, i64, i64); 4] = [
    (Severity::Page, 2, 60),
    (Severity::Page, 5, 6 * 60),
    (Severity::Ticket, 10, MINUTES_A_DAY),
    (Severity::Ticket, 10, 3 * MINUTES_A_DAY),
];

/// Rows that an SLO may have.
pub(crate) const RULES_MAX: usize = TABLE.len();

/// A long window and the short one that goes with it, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) long: i64,
    pub(crate) short: i64,
}

impl Windows {
    fn of_long(long: i64) -> Self {
        Self { long, short: long / SHORT_PART }
    }
}

/// A row of the table for an SLO's window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) severity: Severity,
    /// Both windows must exceed it.
    pub(crate) burn: f64,
    pub(crate) windows: Windows,
    /// What part of the budget is spent when the long window is full of this burn.
    pub(crate) budget_share: f64,
}

/// The rows for a window of so many days: burn = share of the budget x window / long window, and never less than 1.
/// Rows that look further back than the SLO itself are left out.
pub(crate) fn rules(window_days: u32) -> Vec<Rule> {
    let window = i64::from(window_days) * MINUTES_A_DAY;
    let fitting = TABLE.iter().filter(|(_, _, long)| *long <= window);
    let rule = |(severity, percent, long): &(Severity, i64, i64)| {
        let burn = ((percent * window) as f64 / (100 * long) as f64).max(BURN_MIN);
        let budget_share = burn * *long as f64 / window as f64;
        Rule { severity: *severity, burn, windows: Windows::of_long(*long), budget_share }
    };
    fitting.map(rule).collect()
}

/// All windows that the rows of such an SLO look at, in minutes, the shortest first; its own is the last.
pub(crate) fn windows(window_days: u32) -> Vec<i64> {
    let of_rules = rules(window_days).into_iter().flat_map(|rule| [rule.windows.long, rule.windows.short]);
    let mut all: Vec<i64> = of_rules.chain([i64::from(window_days) * MINUTES_A_DAY]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What the windows say of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Those it was judged by.
    pub(crate) windows: Windows,
    pub(crate) long_burn: Option<f64>,
    pub(crate) short_burn: Option<f64>,
    /// In the long window.
    pub(crate) counts: Counts,
    pub(crate) is_burning: bool,
    /// True when the row's own windows exceed its burn with too few bad events to tell, and longer ones were asked.
    pub(crate) is_widened: bool,
}

/// Judges the rows by the sums of the last so many minutes.
///
/// A row whose windows exceed with fewer than `bad_events_min` bad events in the long one is judged by the next longer windows of
/// the table at the same burn, until one has enough of them. When none has, it does not burn.
pub(crate) fn judge(rules: &[Rule], budget: Budget, bad_events_min: u64, sums: impl Fn(i64) -> Counts) -> Vec<Verdict> {
    let verdict = |rule: &Rule, windows: Windows| {
        let counts = sums(windows.long);
        let (long_burn, short_burn) = (counts.burn(budget), sums(windows.short).burn(budget));
        let exceeds = |burn: Option<f64>| burn.is_some_and(|burn| burn > rule.burn);
        let is_burning = exceeds(long_burn) && exceeds(short_burn);
        Verdict { windows, long_burn, short_burn, counts, is_burning, is_widened: windows != rule.windows }
    };
    let one = |rule: &Rule| {
        let own = verdict(rule, rule.windows);
        if !own.is_burning || own.counts.bad() >= bad_events_min {
            return own;
        }
        let wider = rules.iter().map(|other| other.windows).filter(|windows| windows.long > rule.windows.long);
        let mut wider = wider.map(|windows| verdict(rule, windows));
        let told = wider.find(|verdict| verdict.counts.bad() >= bad_events_min);
        told.unwrap_or(Verdict { is_burning: false, ..own })
    };
    rules.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: usize = 60;
    const DAY: usize = 24 * HOUR;

    /// Minutes of one SLO of 30 days, one after the other.
    struct Minutes(Vec<Counts>);

    impl Minutes {
        /// Ten days in which nothing was bad.
        fn healthy(requests: u64) -> Self {
            Self(vec![Counts { good: requests, valid: requests }; 10 * DAY])
        }

        fn then(mut self, minutes: usize, bad: u64, valid: u64) -> Self {
            self.0.extend(vec![Counts { good: valid - bad, valid }; minutes]);
            self
        }

        fn sum(&self, minutes: i64) -> Counts {
            let minutes = usize::try_from(minutes).expect("windows are not negative");
            self.0.iter().rev().take(minutes).fold(Counts::default(), |sum, minute| sum.plus(*minute))
        }

        fn judged(&self, objective: f64, bad_events_min: u64) -> Vec<Verdict> {
            let budget = Budget::of_objective(objective).expect("an objective");
            judge(&rules(30), budget, bad_events_min, |minutes| self.sum(minutes))
        }

        fn pages(&self) -> bool {
            self.judged(99.9, 10)
                .iter()
                .zip(rules(30))
                .any(|(verdict, rule)| verdict.is_burning && rule.severity == Severity::Page)
        }
    }

    fn near(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 0.05)
    }

    #[test]
    fn thirty_days_have_the_table_of_the_workbook() {
        let told: Vec<_> = rules(30)
            .iter()
            .map(|rule| (rule.severity, rule.burn, rule.windows.long, rule.windows.short, rule.budget_share))
            .collect();

        let expected = [
            (Severity::Page, 14.4, 60, 5, 0.02),
            (Severity::Page, 6.0, 360, 30, 0.05),
            (Severity::Ticket, 3.0, 1440, 120, 0.1),
            (Severity::Ticket, 1.0, 4320, 360, 0.1),
        ];
        assert_eq!(told, expected);
        assert_eq!(windows(30), [5, 30, 60, 120, 360, 1440, 4320, 43200]);
    }

    #[test]
    fn other_windows_have_the_burns_that_spend_the_same_share_but_at_least_one() {
        let burns = |days| rules(days).iter().map(|rule| (rule.burn * 100.0).round() / 100.0).collect::<Vec<_>>();

        assert_eq!(burns(90), [43.2, 18.0, 9.0, 3.0]);
        assert_eq!(burns(28), [13.44, 5.6, 2.8, 1.0]);
        assert_eq!(burns(7), [3.36, 1.4, 1.0, 1.0]);
        assert_eq!(burns(2), [1.0, 1.0, 1.0], "three days are longer than two");
        assert_eq!(rules(7)[2].budget_share, 1.0 / 7.0);
    }

    #[test]
    fn a_constant_burn_of_14_5_pages_within_an_hour_and_clears_within_five_minutes() {
        let burning = |minutes| Minutes::healthy(10_000).then(minutes, 145, 10_000);

        let first = (1..=HOUR).find(|minutes| burning(*minutes).pages());
        let cleared = (1..=HOUR).find(|minutes| !burning(2 * HOUR).then(*minutes, 0, 10_000).pages());

        assert_eq!(first, Some(HOUR), "the sixtieth minute fills the long window");
        assert!(cleared.is_some_and(|minutes| minutes <= 5), "{cleared:?}");
    }

    #[test]
    fn a_minute_without_any_good_answer_pages() {
        let outage = Minutes::healthy(600).then(1, 600, 600);

        let verdict = outage.judged(99.9, 10)[0];

        assert!(near(verdict.long_burn, 16.7) && near(verdict.short_burn, 200.0), "{verdict:?}");
        assert!(outage.pages());
    }

    #[test]
    fn fifty_seconds_without_any_good_answer_do_not_page() {
        let outage = Minutes::healthy(600).then(1, 500, 600);

        let verdict = outage.judged(99.9, 10)[0];

        assert!(near(verdict.long_burn, 13.9), "{verdict:?}");
        assert!(!outage.pages());
    }

    #[test]
    fn exactly_the_burn_does_not_exceed_it() {
        assert!(!Minutes::healthy(10_000).then(HOUR, 144, 10_000).judged(99.9, 10)[0].is_burning);
    }

    #[test]
    fn a_slow_burn_is_a_ticket_and_no_page() {
        let verdicts = Minutes::healthy(10_000).then(3 * DAY, 15, 10_000).judged(99.9, 10);

        let burning: Vec<bool> = verdicts.iter().map(|verdict| verdict.is_burning).collect();
        assert_eq!(burning, [false, false, false, true]);
    }

    #[test]
    fn few_bad_events_are_judged_over_longer_windows() {
        // One request a minute; the last five fail.
        let once = Minutes::healthy(1).then(5, 1, 1);
        let verdict = once.judged(99.9, 10)[0];
        assert!(!verdict.is_burning && !verdict.is_widened, "five bad events in no window are ten: {verdict:?}");
        assert!(once.judged(99.9, 5)[0].is_burning, "and five are enough for who says so");

        // The same after an hour in which others failed.
        let often = Minutes::healthy(1).then(60, 1, 1).then(60, 0, 1).then(5, 1, 1);
        let verdict = often.judged(99.9, 10)[0];
        assert!(verdict.is_burning && verdict.is_widened, "{verdict:?}");
        assert_eq!((verdict.windows, verdict.counts.bad()), (Windows { long: 360, short: 30 }, 65));
    }

    #[test]
    fn nothing_happened_is_no_burn() {
        let verdicts = Minutes(vec![Counts::default(); DAY]).judged(99.9, 10);

        assert!(verdicts.iter().all(|verdict| verdict.long_burn.is_none() && !verdict.is_burning));
    }

    #[test]
    fn an_objective_leaves_something_and_demands_something() {
        for (objective, expected) in [(99.9, Some(0.001)), (99.9999, Some(0.000_001)), (50.0, Some(0.5))] {
            assert_eq!(Budget::of_objective(objective), expected.map(Budget), "{objective}");
        }
        for wrong in [0.0, 100.0, -1.0, 99.999_99, f64::NAN, f64::INFINITY] {
            assert_eq!(Budget::of_objective(wrong), None, "{wrong}");
        }
    }
}
