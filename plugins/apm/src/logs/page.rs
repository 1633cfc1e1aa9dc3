//! Log records in the order of their times, a page of them at a time.
//!
//! The times of a page are found first, and whole rows are read of those times only: what a page costs depends on the columns that are
//! asked about, not on how wide rows are.

use plugin::Failure;

use super::line::{LogLine, columns};
use crate::conditions::Conditions;
use crate::range::rfc3339;
use crate::rows::{Row, Source};

/// Which lines come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Newest,
    Oldest,
}

impl Order {
    fn sql(self) -> &'static str {
        match self {
            Self::Newest => "DESC",
            Self::Oldest => "ASC",
        }
    }

    /// How what comes later compares with what comes before.
    fn behind(self) -> char {
        match self {
            Self::Newest => '<',
            Self::Oldest => '>',
        }
    }
}

/// The times of a line by which it is sorted: its own, then when it was observed; the same where that was not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) time: i64,
    pub(crate) observed: i64,
}

/// In SQL, the second time of a [`Moment`].
pub(crate) const OBSERVED: &str = "coalesce(observed_time, time)";

impl Moment {
    fn of(row: Row<'_>, observed: usize) -> Option<Self> {
        Some(Self { time: row.integer(0)?, observed: row.integer(observed)? })
    }
}

/// Where a page begins: at this moment, behind so many of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) moment: Moment,
    pub(crate) skipped: usize,
}

/// Lines in order.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) lines: Vec<LogLine>,
    /// Where the next page begins; `None` on the last one.
    pub(crate) next: Option<Start>,
}

/// The first `limit` lines that are like that, or those from a start on.
pub(crate) async fn read(
    source: &Source,
    mut conditions: Conditions,
    order: Order,
    start: Option<Start>,
    limit: usize,
) -> Result<Page, Failure> {
    if let Some(start) = start {
        from(&mut conditions, start.moment, order);
    }
    let skipped = start.map_or(0, |start| start.skipped);
    let direction = order.sql();
    let sql = format!(
        "SELECT time, {OBSERVED} AS observed FROM logs WHERE {} ORDER BY time {direction}, observed {direction} LIMIT {}",
        conditions.text(),
        skipped + limit + 1
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let times: Vec<i64> = answer.rows().filter_map(|row| row.integer(0)).collect();
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return Ok(Page { lines: Vec::new(), next: None });
    };
    between(&mut conditions, *first, *last);
    let columns: Vec<&str> = columns().collect();
    // Lines of one moment are told apart by all the rest of them: what is equal in that is the same to its reader.
    let sql = format!(
        "SELECT {}, {OBSERVED} AS observed FROM logs WHERE {}
        ORDER BY time {direction}, observed {direction}, {} LIMIT {} OFFSET {skipped}",
        columns.join(", "),
        conditions.text(),
        columns[2..].join(", "),
        limit + 1
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let has_more = times.len() > skipped + limit || answer.len() > limit;
    let rows = || answer.rows().take(limit);
    let moments: Vec<Moment> = rows().filter_map(|row| Moment::of(row, columns.len())).collect();
    Ok(Page {
        lines: rows().map(LogLine::of).collect(),
        next: moments.last().filter(|_| has_more).map(|last| behind(*last, &moments, start)),
    })
}

/// The place behind a page that ends with this moment.
fn behind(last: Moment, moments: &[Moment], start: Option<Start>) -> Start {
    let on_page = moments.iter().rev().take_while(|moment| **moment == last).count();
    let before = start.filter(|start| start.moment == last && on_page == moments.len());
    Start { moment: last, skipped: on_page + before.map_or(0, |start| start.skipped) }
}

/// And the line is of this moment or comes after it in the order.
fn from(conditions: &mut Conditions, moment: Moment, order: Order) {
    after(conditions, moment, order, "=");
}

/// And the line comes after this moment in the order.
pub(crate) fn beyond(conditions: &mut Conditions, moment: Moment, order: Order) {
    after(conditions, moment, order, "");
}

fn after(conditions: &mut Conditions, moment: Moment, order: Order, or_equal: &str) {
    let behind = order.behind();
    let (time, observed) = (conditions.param(rfc3339(moment.time)), conditions.param(rfc3339(moment.observed)));
    // The first part says nothing new; it is what files are left out by.
    conditions
        .and(format!("time {behind}= {time} AND (time {behind} {time} OR {OBSERVED} {behind}{or_equal} {observed})"));
}

fn between(conditions: &mut Conditions, first: i64, last: i64) {
    let (first, last) = (conditions.param(rfc3339(first)), conditions.param(rfc3339(last)));
    conditions.and(format!("time >= {first} AND time <= {last}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_all_lines_of_one_moment_that_were_told() {
        let moment = |time| Moment { time, observed: time };
        let (one, two) = (moment(1), moment(2));
        let at = |moment, skipped| Start { moment, skipped };

        assert_eq!(behind(two, &[one, two, two], None), at(two, 2));
        assert_eq!(behind(two, &[two, two], Some(at(two, 3))), at(two, 5));
        assert_eq!(behind(two, &[one, two], Some(at(two, 3))), at(two, 1));
        assert_eq!(behind(two, &[two], Some(at(one, 3))), at(two, 1));
    }
}
