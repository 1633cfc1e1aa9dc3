//! Minutes of an SLO, kept by the hour, each hour with the sums of all before it.
//!
//! The sum of any window is the difference of two such sums: exact, and read from two documents whatever its length. Minutes that
//! are read again replace what was there, and the sums behind them follow.

use serde::{Deserialize, Serialize};

use super::burn::Counts;

const MINUTES: usize = 60;

/// An hour of minutes, in a series that has every hour since its first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hour {
    /// What is counted: other than before, other series.
    pub(crate) series: String,
    /// Hours since 1970.
    pub(crate) hour: i64,
    /// Of each minute; what has not come yet is 0.
    good: Vec<u64>,
    valid: Vec<u64>,
    /// Of all hours of the series before.
    good_before: u64,
    valid_before: u64,
}

/// The hour in which a minute is.
pub(crate) fn hour_of(minute: i64) -> i64 {
    minute.div_euclid(MINUTES as i64)
}

impl Hour {
    /// The hour before anything was counted in it.
    pub(crate) fn empty(series: &str, hour: i64, before: Counts) -> Self {
        let (good, valid) = (vec![0; MINUTES], vec![0; MINUTES]);
        Self { series: series.to_owned(), hour, good, valid, good_before: before.good, valid_before: before.valid }
    }

    /// All that the series counted before a minute of this hour, or before the one that follows its last.
    pub(crate) fn sum_before(&self, minute: i64) -> Counts {
        let within = minute - self.hour * MINUTES as i64;
        let minutes = usize::try_from(within).unwrap_or(0).min(MINUTES);
        let sum = |before: u64, each: &[u64]| each.iter().take(minutes).fold(before, |sum, count| sum + count);
        Counts { good: sum(self.good_before, &self.good), valid: sum(self.valid_before, &self.valid) }
    }

    /// All that the series counted until its end.
    fn sum(&self) -> Counts {
        self.sum_before((self.hour + 1) * MINUTES as i64)
    }

    fn set(&mut self, place: usize, Counts { good, valid }: Counts) {
        self.good[place] = good;
        self.valid[place] = valid;
    }

    /// This hour and those that follow, with these minutes in them, the first of which is in this hour. Nothing may have been counted
    /// behind them.
    pub(crate) fn with_minutes(self, first: i64, minutes: &[Counts]) -> Vec<Self> {
        debug_assert_eq!(hour_of(first), self.hour, "the first minute is in this hour");
        let mut hours = vec![self];
        for (minute, counts) in (first..).zip(minutes) {
            let last = hours.last().expect("there is one at least");
            if last.hour < hour_of(minute) {
                hours.push(Self::empty(&last.series, last.hour + 1, last.sum()));
            }
            let place = usize::try_from(minute.rem_euclid(MINUTES as i64)).expect("a remainder is not negative");
            hours.last_mut().expect("there is one at least").set(place, *counts);
        }
        hours
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Hours as they are kept, and the minute at which each of the readings began.
    #[derive(Default)]
    struct Kept {
        hours: BTreeMap<i64, Hour>,
    }

    impl Kept {
        fn write(&mut self, first: i64, minutes: &[Counts]) {
            let hour = hour_of(first);
            let kept = self.hours.get(&hour).cloned();
            let begun = kept.unwrap_or_else(|| {
                let before = self.hours.get(&(hour - 1)).map(Hour::sum).unwrap_or_default();
                Hour::empty("series", hour, before)
            });
            self.hours.extend(begun.with_minutes(first, minutes).into_iter().map(|hour| (hour.hour, hour)));
        }

        fn sum_before(&self, minute: i64) -> Counts {
            self.hours.get(&hour_of(minute - 1)).map(|hour| hour.sum_before(minute)).unwrap_or_default()
        }
    }

    fn counts() -> impl Strategy<Value = Counts> {
        (0..1000_u64, 0..10_u64).prop_map(|(good, bad)| Counts { good, valid: good + bad })
    }

    proptest! {
        #[test]
        fn sums_that_are_kept_are_the_sums_of_the_minutes(
            origin in -500..500_i64,
            // How many minutes are read again, and what is then said of them and of new ones.
            readings in prop::collection::vec((0..15_usize, prop::collection::vec(counts(), 1..150)), 1..12),
            edges in prop::collection::vec((0..2000_i64, 0..2000_i64), 20),
        ) {
            let (mut kept, mut minutes) = (Kept::default(), Vec::<Counts>::new());
            for (again, said) in &readings {
                let from = minutes.len().saturating_sub(*again);
                // A reading never ends before the one before it.
                let said: Vec<Counts> = said.iter().cycle().take(said.len().max(minutes.len() - from)).copied().collect();
                minutes.truncate(from);
                minutes.extend(&said);
                kept.write(origin + from as i64, &said);
            }

            let counted = minutes.len() as i64;
            for (a, b) in edges {
                let (a, b) = ((a % (counted + 1)), (b % (counted + 1)));
                let (from, until) = (a.min(b), a.max(b));
                let brute = minutes[from as usize..until as usize].iter().fold(Counts::default(), |sum, minute| sum.plus(*minute));
                let sum = kept.sum_before(origin + until).since(kept.sum_before(origin + from));
                prop_assert_eq!(sum, brute, "minutes {} to {} of {}", from, until, counted);
            }
        }
    }

    #[test]
    fn an_hour_is_kept_as_what_it_was() {
        let hours = Hour::empty("series", 7, Counts { good: 5, valid: 6 })
            .with_minutes(7 * 60 + 59, &[Counts { good: 1, valid: 2 }, Counts { good: 3, valid: 3 }]);

        assert_eq!(hours.len(), 2);
        assert_eq!(hours[1].sum_before(8 * 60), Counts { good: 6, valid: 8 });
        assert_eq!(hours[1].sum(), Counts { good: 9, valid: 11 });
        let json = serde_json::to_string(&hours[1]).expect("JSON");
        assert_eq!(serde_json::from_str::<Hour>(&json).expect("an hour"), hours[1]);
    }
}
