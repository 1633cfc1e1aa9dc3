//! What some spans have that others have not: which values of attributes differ most between a selection and the rest.

mod surprise;
mod tally;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use futures::try_join;
use plugin::model::{AttributeType, Convention, Signal, Tenant, conventions};
use plugin::{Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::tally::{Differences, DifferingKey, LeftOut, Of, Said, Side, Tally};
use crate::attributes::{Members, columns};
use crate::conditions::Conditions;
use crate::filter::SpanFilter;
use crate::heatmap::shown;
use crate::range::{RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::{Answer, Row, Source};

/// Most spans of a set that are looked at; of more than these each has the same chance.
const SAMPLE_MAX: u64 = 20_000;

/// What is compared. All spans are of the range and the filter.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ComparisonWanted {
    #[serde(flatten)]
    range: RangeWanted,
    /// As of a heat map: spans of kind server or consumer, unless it says a kind.
    filter: Option<SpanFilter>,
    selection: SetWanted,
    /// All others of the range and the filter when it is not said.
    rest: Option<SetWanted>,
}

/// A set of spans: a time, what they are like, or both, as of a part of a heat map.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct SetWanted {
    /// They start then; all of the range when it is not said.
    range: Option<RangeWanted>,
    #[serde(flatten)]
    filter: SpanFilter,
}

/// What differs between two sets of spans.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    from: String,
    to: String,
    selection: ComparedSet,
    rest: ComparedSet,
    /// Keys with values that differ by more than chance, what differs most first.
    keys: Vec<DifferingKey>,
    /// Keys that have too many values to be counted, as ids do.
    left_out: Vec<LeftOut>,
    /// True when there are more keys than are told.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// How large a set is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct ComparedSet {
    spans: u64,
    /// So many of them were looked at.
    sampled: u64,
}

/// Values of attributes that a selection of spans has more or less often than the rest
#[utoipa::path(
    post, path = "/traces/compare", tag = "apm", security(("caller" = ["apm:traces:read"])),
    request_body = ComparisonWanted,
    responses((status = 200, body = Comparison), (status = 400, description = "The range or a filter is wrong"))
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    wanted: Result<Json<ComparisonWanted>, JsonRejection>,
) -> Result<Json<Comparison>, Failure> {
    let Json(wanted) = wanted.map_err(|cause| Failure::invalid(cause.body_text()))?;
    let range = wanted.range.read(SPAN_DAYS_MAX)?;
    let mut all = Conditions::of_spans(range);
    shown(&wanted.filter.unwrap_or_default(), &mut all)?;
    let selection = narrowed(all.clone(), &wanted.selection)?;
    let rest = match &wanted.rest {
        Some(rest) => narrowed(all, rest)?,
        None => without(all, &wanted.selection)?,
    };
    let source = Source::new(&context, tenant);
    let (selection, rest) = try_join!(sample(&source, selection), sample(&source, rest))?;
    let spans = (selection.spans, rest.spans);
    // Some ten thousand spans with all of their attributes take a while.
    let counted = tokio::task::spawn_blocking(move || counted(&selection.rows, &rest.rows));
    let tally = counted.await.expect("any attributes can be counted");
    let set = |spans: u64, side: Side| ComparedSet { spans, sampled: tally.spans(side) };
    let (selection, rest) = (set(spans.0, Side::Selection), set(spans.1, Side::Rest));
    let Differences { keys, left_out, is_truncated } = tally.differences();
    Ok(Json(Comparison {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        selection,
        rest,
        keys,
        left_out,
        is_truncated,
        warnings: source.warnings(),
    }))
}

/// Those that are in the set.
fn narrowed(mut all: Conditions, set: &SetWanted) -> Result<Conditions, Failure> {
    in_set(&mut all, set)?;
    Ok(all)
}

/// Those that are not in it.
fn without(mut all: Conditions, set: &SetWanted) -> Result<Conditions, Failure> {
    let inside = all.aside(|conditions| in_set(conditions, set))?;
    all.and(format!("{inside} IS NOT TRUE"));
    Ok(all)
}

fn in_set(conditions: &mut Conditions, set: &SetWanted) -> Result<(), Failure> {
    if let Some(range) = &set.range {
        conditions.and_in("start_time", range.read(SPAN_DAYS_MAX)?);
    }
    set.filter.narrow(conditions)
}

/// Spans of a set.
#[derive(Debug)]
struct Sample {
    spans: u64,
    rows: Answer,
}

async fn sample(source: &Source, mut set: Conditions) -> Result<Sample, Failure> {
    let count = source.ask(format!("SELECT count(*) FROM spans WHERE {}", set.text()), set.params()).await?;
    let spans = count.rows().next().map_or(0, |row| row.count(0));
    if spans > SAMPLE_MAX {
        let share = set.param(SAMPLE_MAX as f64 / spans as f64);
        set.and(format!("random() < {share}"));
    }
    let sql = format!(
        "SELECT {}, {}, {} FROM spans WHERE {} LIMIT {SAMPLE_MAX}",
        FIELDS.join(", "),
        columns(conventions::of_item(Signal::Spans)),
        columns(conventions::of_resource()),
        set.text()
    );
    Ok(Sample { spans, rows: source.ask(sql, set.params()).await? })
}

/// What [`counted`] reads before the columns of attributes; the last two are the attributes without a column.
const FIELDS: [&str; 5] = ["name", "kind", "status_code", "attributes", "resource_attributes"];
const ATTRIBUTES: usize = 3;
const RESOURCE_ATTRIBUTES: usize = 4;

fn counted(selection: &Answer, rest: &Answer) -> Tally {
    let mut tally = Tally::default();
    for (side, rows) in [(Side::Selection, selection), (Side::Rest, rest)] {
        for row in rows.rows() {
            count(&mut tally, side, row);
        }
    }
    tally
}

fn count(tally: &mut Tally, side: Side, row: Row<'_>) {
    tally.add_span(side);
    for (place, name) in FIELDS[..ATTRIBUTES].iter().enumerate() {
        if let Some(text) = row.text(place) {
            tally.add(side, Of::Span, name, Said { text, is_number: false });
        }
    }
    let (of_item, of_resource) = (conventions::of_item(Signal::Spans), conventions::of_resource());
    let first = FIELDS.len();
    count_level(tally, side, row, Level { of: Of::Attribute, json: ATTRIBUTES, first, conventions: of_item });
    let first = first + of_item.len();
    count_level(
        tally,
        side,
        row,
        Level { of: Of::Resource, json: RESOURCE_ATTRIBUTES, first, conventions: of_resource },
    );
}

/// Where the attributes of a level are in a row.
#[derive(Clone, Copy)]
struct Level {
    of: Of,
    json: usize,
    /// The first of their columns.
    first: usize,
    conventions: &'static [Convention],
}

fn count_level(tally: &mut Tally, side: Side, row: Row<'_>, Level { of, json, first, conventions }: Level) {
    let members = row.text(json).and_then(|json| serde_json::from_str::<Members<'_>>(json).ok());
    let Members(members) = members.unwrap_or_else(|| Members(Vec::new()));
    for (place, convention) in (first..).zip(conventions) {
        match convention.value {
            AttributeType::Text => {
                if let Some(text) = row.text(place) {
                    tally.add(side, of, convention.key, Said { text, is_number: false });
                }
            }
            AttributeType::Integer => {
                if let Some(number) = row.integer(place) {
                    tally.add(side, of, convention.key, Said { text: &number.to_string(), is_number: true });
                }
            }
        }
    }
    for (number, (key, value)) in members.iter().enumerate() {
        // A key with a column is counted there, and one that is said twice by what it says first.
        let in_column = conventions.iter().zip(first..).any(|(each, place)| each.key == key && row.is_said(place));
        if in_column || members[..number].iter().any(|(before, _)| before == key) {
            continue;
        }
        let json = value.get();
        let text = serde_json::from_str::<String>(json);
        let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        tally.add(side, of, key, Said { text: text.as_deref().unwrap_or(json), is_number });
    }
}
