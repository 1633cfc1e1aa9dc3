//! Log records that are like that, in the order of their times.
//!
//! A page goes on where the one before ended: at a time, a time of observation, and behind so many lines of both. Lines that arrive
//! meanwhile with other times move nothing.

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::{LogFilter, LogWanted};
use super::line::LogLine;
use super::page::{self, Moment, Order, Start};
use crate::conditions::Conditions;
use crate::range::{Range, RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::Source;

/// Lines of a page when it is not said.
const PAGE: usize = 100;
/// Most lines of a page.
const PAGE_MAX: usize = 1000;
/// Most lines of one time before a page that begins among them.
const SKIPPED_MAX: usize = 100_000;

/// Which lines come first, and which page of them.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PageWanted {
    /// `newest`, which is the default, or `oldest` first.
    sort: Option<String>,
    /// `next` of the page before, with everything else as it was.
    after: Option<String>,
    /// At most so many lines; 100 when it is not said, 1000 at most.
    limit: Option<usize>,
}

/// Log records, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundLogs {
    from: String,
    to: String,
    logs: Vec<LogLine>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Log records by words, severity, service, trace and attributes
#[utoipa::path(
    get, path = "/logs", tag = "apm", security(("caller" = ["apm:logs:read"])), params(RangeWanted, LogWanted, PageWanted),
    responses((status = 200, body = FoundLogs), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<LogWanted>,
    Asked(page): Asked<PageWanted>,
) -> Result<Json<FoundLogs>, Failure> {
    let (filter, order) = (wanted.find(&context, &tenant).await?, order(page.sort.as_deref())?);
    let after = page.after.as_deref().map(|after| Place::read(after, order)).transpose()?;
    // Pages of one list are about the same times, though it may have said 'now'.
    let range = after.map_or_else(|| times(&range, &filter), |after| Ok(after.range))?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let source = Source::new(&context, tenant);
    let mut conditions = Conditions::of_logs(range);
    filter.add_to(&mut conditions);
    let page = page::read(&source, conditions, order, after.map(|after| after.start), limit).await?;
    Ok(Json(FoundLogs {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        logs: page.lines,
        next: page.next.map(|start| Place { order, start, range }.written()),
        warnings: source.warnings(),
    }))
}

fn order(sort: Option<&str>) -> Result<Order, Failure> {
    match sort {
        None | Some("newest") => Ok(Order::Newest),
        Some("oldest") => Ok(Order::Oldest),
        Some(other) => Err(Failure::invalid(format!("'sort' is '{other}', expected newest or oldest"))),
    }
}

/// A trace has few lines, and who asks for them does not know when they were: all times, unless some are said.
fn times(wanted: &RangeWanted, filter: &LogFilter) -> Result<Range, Failure> {
    match filter.is_of_one_trace() && !wanted.is_said() {
        true => Ok(Range::EVER),
        false => wanted.read(SPAN_DAYS_MAX),
    }
}

/// The end of a page, and which times the list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    order: Order,
    start: Start,
    range: Range,
}

impl Place {
    fn written(self) -> String {
        let Self { order, start: Start { moment: Moment { time, observed }, skipped }, range } = self;
        let order = if order == Order::Newest { "newest" } else { "oldest" };
        format!("{order}.{time}.{observed}.{skipped}.{}.{}", range.from, range.until)
    }

    fn read(written: &str, order: Order) -> Result<Self, Failure> {
        let place = Self::parse(written).filter(|place| place.order == order);
        place.ok_or_else(|| {
            let failure = Failure::invalid(format!("'after' is '{written}', which is no place in this list"));
            failure.hinting("give 'next' of the page before as it was, with the same 'sort'; or begin again without it")
        })
    }

    fn parse(written: &str) -> Option<Self> {
        let parts: Vec<&str> = written.split('.').collect();
        let [sort, time, observed, skipped, from, until] = parts.as_slice() else { return None };
        let range = Range { from: from.parse().ok()?, until: until.parse().ok()? };
        let moment = Moment { time: time.parse().ok()?, observed: observed.parse().ok()? };
        let start = Start { moment, skipped: skipped.parse().ok()? };
        let is_sound = (range == Range::EVER || range.is_within(SPAN_DAYS_MAX)) && start.skipped <= SKIPPED_MAX;
        is_sound.then_some(Self { order: order(Some(sort)).ok()?, start, range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_none_other() {
        let start = Start { moment: Moment { time: 5, observed: -7 }, skipped: 3 };
        let place = Place { order: Order::Oldest, start, range: Range { from: 1, until: 9 } };
        let written = place.written();
        let far = Place { start: Start { skipped: SKIPPED_MAX + 1, ..start }, ..place }.written();

        assert_eq!(Place::read(&written, Order::Oldest).expect("a place"), place);
        assert!(Place::read(&written, Order::Newest).is_err());
        for wrong in ["", "oldest", "oldest.1.2.3.4.x", "oldest.1.2.-3.4.5", "oldest.1.2.3.9.1", &far] {
            assert!(Place::read(wrong, Order::Oldest).is_err(), "{wrong}");
        }
    }
}
