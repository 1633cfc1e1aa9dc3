//! Which backups are kept.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::BackupId;

/// How many backups of the past stay. The newest one always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Days with a backup of which the newest is kept. Default 7.
    pub daily: usize,
    /// Weeks (Monday to Sunday, UTC) with a backup of which the newest is kept. Default 4.
    pub weekly: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { daily: 7, weekly: 4 }
    }
}

impl Keep {
    /// The backups that are no longer kept.
    pub fn expired(&self, mut backups: Vec<BackupId>) -> Vec<BackupId> {
        backups.sort_unstable();
        let newest_first = || backups.iter().rev();
        let daily = newest_of_each(newest_first(), |id| id.time().date(), self.daily);
        let weekly = newest_of_each(newest_first(), week, self.weekly);
        let kept: HashSet<BackupId> = newest_first().take(1).copied().chain(daily).chain(weekly).collect();
        backups.iter().filter(|id| !kept.contains(id)).copied().collect()
    }
}

/// Year and number of the ISO week.
fn week(id: BackupId) -> (i32, u8) {
    let (year, week, _) = id.time().date().to_iso_week_date();
    (year, week)
}

fn newest_of_each<'a, K: PartialEq>(
    newest_first: impl Iterator<Item = &'a BackupId>,
    period: impl Fn(BackupId) -> K,
    periods: usize,
) -> Vec<BackupId> {
    let mut kept: Vec<BackupId> = Vec::new();
    for id in newest_first {
        let is_new = kept.last().is_none_or(|last| period(*last) != period(*id));
        if is_new && kept.len() == periods {
            break;
        }
        if is_new {
            kept.push(*id);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn id(text: &str) -> BackupId {
        text.parse().expect("a name")
    }

    #[test]
    fn seven_days_and_four_weeks_stay_of_a_year_of_nights() {
        let first = id("20260101T023000Z").time();
        let year: Vec<BackupId> = (0..365).map(|day| BackupId::at(first + Duration::days(day))).collect();

        let expired: HashSet<BackupId> = Keep::default().expired(year.clone()).into_iter().collect();

        let kept: Vec<String> = year.iter().filter(|id| !expired.contains(id)).map(ToString::to_string).collect();
        // 31 December 2026 is a Thursday; the weeks before end on Sundays 27, 20 and 13.
        let days = ["13", "20", "25", "26", "27", "28", "29", "30", "31"];
        assert_eq!(kept, days.map(|day| format!("202612{day}T023000Z")));
    }

    #[test]
    fn of_several_backups_of_a_day_the_newest_stays_and_the_newest_of_all_always_does() {
        let keep = Keep { daily: 2, weekly: 0 };
        let ids = ["20261120T010000Z", "20261123T010000Z", "20261124T010000Z", "20261124T110000Z"].map(id);
        assert_eq!(keep.expired(ids.to_vec()), ["20261120T010000Z", "20261124T010000Z"].map(id));

        let none = Keep { daily: 0, weekly: 0 };
        assert_eq!(none.expired(vec![id("20261124T110000Z")]), []);
    }
}
