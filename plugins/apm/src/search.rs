//! Finds traces by what is true of one of their spans, a page at a time.
//!
//! A page is asked of the spans alone that match; what is told of their traces is read for the page only.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::conditions::Conditions;
use crate::filter::SpanFilter;
use crate::range::{Range, RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::{Row, Source, hex, is_id};

/// Traces of a page when it is not said.
const PAGE: usize = 50;
/// Most traces of a page.
const PAGE_MAX: usize = 200;

/// Which of the traces come first, and how many.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PageWanted {
    /// `time` (the newest first, which is the default), `duration` (the longest first) or `errors` (the most first); of the spans that
    /// match, not of whole traces.
    sort: Option<String>,
    /// `next` of the page before, with everything else as it was.
    after: Option<String>,
    /// At most so many traces; 50 when it is not said, 200 at most.
    limit: Option<usize>,
}

/// Traces that have a span like that.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundTraces {
    from: String,
    to: String,
    traces: Vec<FoundTrace>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A trace, and what of it matches.
#[derive(Debug, Serialize, ToSchema)]
struct FoundTrace {
    trace_id: String,
    /// Null while the root has not arrived.
    root_service: Option<String>,
    root_operation: Option<String>,
    start: String,
    duration_ns: i64,
    spans: u64,
    errors: u64,
    services: Vec<String>,
    matched: MatchedSpans,
}

/// The spans that match.
#[derive(Debug, Serialize, ToSchema)]
struct MatchedSpans {
    spans: u64,
    errors: u64,
    /// When the last of them starts.
    last_start: String,
    /// Duration of the longest of them.
    longest_ns: i64,
}

/// Traces by service, operation, duration, status, attributes and words
#[utoipa::path(
    get, path = "/traces", tag = "apm", security(("caller" = ["apm:traces:read"])),
    params(RangeWanted, SpanFilter, PageWanted),
    responses((status = 200, body = FoundTraces), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(filter): Asked<SpanFilter>,
    Asked(wanted): Asked<PageWanted>,
) -> Result<Json<FoundTraces>, Failure> {
    let sort = Sort::read(wanted.sort.as_deref())?;
    let after = wanted.after.as_deref().map(|after| Place::read(after, sort)).transpose()?;
    // Pages of one search are about the same times, though it may have said 'now'.
    let range = after.as_ref().map_or_else(|| range.read(SPAN_DAYS_MAX), |after| Ok(after.range))?;
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let mut conditions = Conditions::of_spans(range);
    filter.narrow(&mut conditions)?;
    let source = Source::new(&context, tenant);
    let (sql, params) = question(conditions, sort, after.as_ref(), limit + 1);
    let answer = source.ask(sql, params).await?;
    let matches: Vec<Match> = answer.rows().take(limit).filter_map(|row| Match::of(row, sort)).collect();
    let last = matches.last().filter(|_| answer.len() > limit);
    let next = last.map(|last| Place { sort, key: last.key, trace_id: last.trace_id.clone(), range }.written());
    let traces = with_whole_traces(&source, matches).await?;
    Ok(Json(FoundTraces {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        traces,
        next,
        warnings: source.warnings(),
    }))
}

/// Which traces come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Time,
    Duration,
    Errors,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Time, Self::Duration, Self::Errors];

    fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Errors => "errors",
        }
    }

    fn read(written: Option<&str>) -> Result<Self, Failure> {
        let Some(written) = written else { return Ok(Self::Time) };
        let known = Self::ALL.into_iter().find(|sort| sort.as_str() == written);
        known.ok_or_else(|| Failure::invalid(format!("'sort' is '{written}', expected time, duration or errors")))
    }

    /// Its place among the columns of [`question`].
    fn column(self) -> (&'static str, usize) {
        match self {
            Self::Time => ("last_start", 3),
            Self::Duration => ("longest", 4),
            Self::Errors => ("errors", 2),
        }
    }
}

/// The last trace of a page, and which times the search is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    sort: Sort,
    key: i64,
    trace_id: String,
    range: Range,
}

impl Place {
    fn written(&self) -> String {
        let Self { sort, key, trace_id, range } = self;
        format!("{}.{key}.{trace_id}.{}.{}", sort.as_str(), range.from, range.until)
    }

    fn read(written: &str, sort: Sort) -> Result<Self, Failure> {
        let place = Self::parse(written).filter(|place| place.sort == sort);
        place.ok_or_else(|| {
            let failure = Failure::invalid(format!("'after' is '{written}', which is no place in this search"));
            failure.hinting("give 'next' of the page before as it was, with the same 'sort'; or begin again without it")
        })
    }

    fn parse(written: &str) -> Option<Self> {
        let parts: Vec<&str> = written.split('.').collect();
        let [sort, key, trace_id, from, until] = parts.as_slice() else { return None };
        let range = Range { from: from.parse().ok()?, until: until.parse().ok()? };
        let is_sound = is_id(trace_id, 16) && range.is_within(SPAN_DAYS_MAX);
        let sort = Sort::read(Some(sort)).ok()?;
        is_sound.then_some(Self { sort, key: key.parse().ok()?, trace_id: (*trace_id).to_owned(), range })
    }
}

/// Traces with spans like that, behind the place, in order: the columns that [`Match::of`] reads.
fn question(mut conditions: Conditions, sort: Sort, after: Option<&Place>, limit: usize) -> (String, Vec<Value>) {
    let (spans, (key, _)) = (conditions.text(), sort.column());
    let behind = after.map_or_else(String::new, |after| {
        let (least, id) = (conditions.param(after.key), conditions.param(after.trace_id.as_str()));
        format!("WHERE {key} < {least} OR {key} = {least} AND trace_id > {id}")
    });
    let sql = format!(
        "SELECT trace_id, spans, errors, last_start, longest FROM (
            SELECT trace_id, count(*) AS spans, count(*) FILTER (WHERE status_code = 'error') AS errors,
                cast(max(start_time) AS bigint) AS last_start, max(duration_ns) AS longest
            FROM spans WHERE {spans} GROUP BY trace_id
        ) AS found {behind} ORDER BY {key} DESC, trace_id LIMIT {limit}"
    );
    (sql, conditions.params())
}

/// A trace with what of it matches.
#[derive(Debug)]
struct Match {
    trace_id: String,
    /// By which it is sorted.
    key: i64,
    spans: MatchedSpans,
}

impl Match {
    fn of(row: Row<'_>, sort: Sort) -> Option<Self> {
        let spans = MatchedSpans {
            spans: row.count(1),
            errors: row.count(2),
            last_start: rfc3339(row.integer(3)?),
            longest_ns: row.integer(4)?,
        };
        let (_, place) = sort.column();
        Some(Self { trace_id: hex(&row.id::<16>(0)?), key: row.integer(place)?, spans })
    }
}

/// What is known of the traces beside what matches, in the order of the matches.
async fn with_whole_traces(source: &Source, matches: Vec<Match>) -> Result<Vec<FoundTrace>, Failure> {
    if matches.is_empty() {
        return Ok(Vec::new());
    }
    let mut conditions = Conditions::none();
    let ids: Vec<String> = matches.iter().map(|found| conditions.param(found.trace_id.as_str())).collect();
    let sql = format!(
        "SELECT trace_id, root_service_name, root_name, start_time, duration_ns, span_count, error_count, services
        FROM traces WHERE trace_id IN ({})",
        ids.join(", ")
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let mut whole: BTreeMap<String, Row<'_>> =
        answer.rows().filter_map(|row| Some((hex(&row.id::<16>(0)?), row))).collect();
    let traces = matches.into_iter().filter_map(|found| {
        let row = whole.remove(&found.trace_id)?;
        let mut services = row.texts(7);
        services.sort_unstable();
        Some(FoundTrace {
            trace_id: found.trace_id,
            root_service: row.owned(1),
            root_operation: row.owned(2),
            start: rfc3339(row.integer(3)?),
            duration_ns: row.integer(4)?,
            spans: row.count(5),
            errors: row.count(6),
            services,
            matched: found.spans,
        })
    });
    Ok(traces.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { from: 1_000_000_000, until: 2_000_000_000 };

    fn place() -> Place {
        Place { sort: Sort::Duration, key: -5, trace_id: "ab".repeat(16), range: RANGE }
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        assert_eq!(Place::read(&place().written(), Sort::Duration).expect("a place"), place());
    }

    #[test]
    fn a_place_of_another_search_or_none_is_refused() {
        let written = place().written();
        let backwards = Place { range: Range { from: 2, until: 1 }, ..place() }.written();
        let endless = Place { range: Range { from: i64::MIN, until: i64::MAX }, ..place() }.written();

        assert!(Place::read(&written, Sort::Time).is_err());
        for wrong in ["", "duration", "duration.1.2.3.4", "duration.x.y.z.a", &written[..20], &backwards, &endless] {
            assert!(Place::read(wrong, Sort::Duration).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_value_of_a_search_is_a_parameter() {
        let (sql, params) = question(Conditions::of_spans(RANGE), Sort::Time, Some(&place()), 10);

        assert!(!sql.contains("abab"), "{sql}");
        for number in 1..=params.len() {
            assert!(sql.contains(&format!("${number}")), "${number} is used: {sql}");
        }
    }

    #[test]
    fn an_order_that_is_none_is_refused() {
        assert!(Sort::read(Some("name")).is_err());
    }
}
