//! What tells the series of one metric apart: labels, how many values each has, and the most frequent of these.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::{Convention, Level, Signal, Tenant, conventions};
use plugin::{Asked, Failure, PluginContext};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::METRIC_DAYS_MAX;
use super::kind::{Sent, check_known};
use super::selection::{PointsWanted, Selection};
use crate::range::{Range, RangeWanted, rfc3339};
use crate::rows::{Row, Source};

/// Most series whose labels are read.
const SERIES_MAX: usize = 20_000;
/// Most labels of an answer.
const LABELS_MAX: usize = 200;
/// Most values that are told of one label.
const VALUES_MAX: usize = 20;

/// A metric and its labels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricLabels {
    name: String,
    from: String,
    to: String,
    /// The ways in which it is sent.
    sent: Vec<Sent>,
    /// Series that sent a point in the range.
    cardinality: u64,
    /// Series whose labels were read: all of them, or the first 20000.
    series_read: u64,
    /// Those that tell most apart first.
    labels: Vec<LabelSummary>,
    /// True when there are more series than were read, or more labels than the answer has.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A label of the series that were read.
#[derive(Debug, Serialize, ToSchema)]
struct LabelSummary {
    key: String,
    of: LabelLevel,
    /// How many values it has.
    values: u64,
    /// Series that have it.
    series: u64,
    /// The values that most series have, twenty of them.
    top: Vec<LabelValue>,
}

/// Where a label is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LabelLevel {
    /// With each point.
    Point,
    /// Of what sends it.
    Resource,
}

/// A value of a label.
#[derive(Debug, Serialize, ToSchema)]
struct LabelValue {
    value: String,
    series: u64,
}

/// Labels of a metric with their values, and how many series it has
#[utoipa::path(
    get, path = "/metrics/{name}", tag = "apm", security(("caller" = ["apm:metrics:read"])),
    params(("name" = String, Path), RangeWanted, PointsWanted),
    responses(
        (status = 200, body = MetricLabels),
        (status = 400, description = "The range or a parameter is wrong"),
        (status = 404, description = "No metric of that name was ever sent"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<PointsWanted>,
) -> Result<Json<MetricLabels>, Failure> {
    let range = range.read(METRIC_DAYS_MAX)?;
    let selection = Selection::read(name, &wanted)?;
    let source = Source::new(&context, tenant);
    let sent = Sent::all(&source, &selection, range).await?;
    if sent.is_empty() {
        check_known(&source, &selection.name).await?;
    }
    let cardinality = sent.iter().map(|sent| sent.series).sum();
    let (series_read, mut labels) = labels(&source, &selection, range).await?;
    let is_truncated = series_read < cardinality || labels.len() > LABELS_MAX;
    labels.truncate(LABELS_MAX);
    Ok(Json(MetricLabels {
        name: selection.name,
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        sent,
        cardinality,
        series_read,
        labels,
        is_truncated,
        warnings: source.warnings(),
    }))
}

type Values = BTreeMap<String, u64>;

async fn labels(source: &Source, selection: &Selection, range: Range) -> Result<(u64, Vec<LabelSummary>), Failure> {
    let (mut seen, mut values) = (BTreeSet::new(), BTreeMap::<(LabelLevel, String), Values>::new());
    for table in selection.tables() {
        let conditions = selection.conditions(range);
        let sql = format!(
            "SELECT DISTINCT series_id, {} FROM {} WHERE {} LIMIT {SERIES_MAX}",
            columns(),
            table.name(),
            conditions.text()
        );
        let answer = source.ask(sql, conditions.params()).await?;
        for row in answer.rows() {
            // Attributes in another order are another text, but the same series.
            if seen.len() >= SERIES_MAX || !row.integer(0).is_some_and(|id| seen.insert(id)) {
                continue;
            }
            for (level, key, value) in of_row(row, 1) {
                *values.entry((level, key)).or_default().entry(value).or_default() += 1;
            }
        }
    }
    let mut labels: Vec<LabelSummary> =
        values.into_iter().map(|((of, key), values)| LabelSummary::new(of, key, values)).collect();
    labels.sort_by_key(|label| std::cmp::Reverse(label.values));
    Ok((seen.len() as u64, labels))
}

impl LabelSummary {
    fn new(of: LabelLevel, key: String, values: Values) -> Self {
        let (count, series) = (values.len() as u64, values.values().sum());
        let mut top: Vec<LabelValue> = values.into_iter().map(|(value, series)| LabelValue { value, series }).collect();
        top.sort_by_key(|value| std::cmp::Reverse(value.series));
        top.truncate(VALUES_MAX);
        Self { key, of, values: count, series, top }
    }
}

/// Attributes that have columns of their own, which are not in the JSON.
fn promoted() -> impl Iterator<Item = &'static Convention> {
    conventions::of_resource().iter().chain(conventions::of_item(Signal::Metrics))
}

/// The columns that [`of_row`] reads; both tables have them.
pub(super) fn columns() -> String {
    let promoted = promoted().map(|convention| format!("cast({0} AS text) AS {0}", convention.column));
    ["attributes", "resource_attributes"].map(str::to_owned).into_iter().chain(promoted).collect::<Vec<_>>().join(", ")
}

/// The names of these columns.
pub(super) fn names() -> String {
    let promoted = promoted().map(|convention| convention.column);
    ["attributes", "resource_attributes"].into_iter().chain(promoted).collect::<Vec<_>>().join(", ")
}

/// All labels of a row, read from the columns that begin at this place.
pub(super) fn of_row(row: Row<'_>, place: usize) -> Vec<(LabelLevel, String, String)> {
    let mut labels = BTreeMap::new();
    for (number, convention) in promoted().enumerate() {
        if let Some(value) = row.text(place + 2 + number) {
            let level = if convention.level == Level::Resource { LabelLevel::Resource } else { LabelLevel::Point };
            labels.insert((level, convention.key.to_owned()), value.to_owned());
        }
    }
    for (number, level) in [LabelLevel::Point, LabelLevel::Resource].into_iter().enumerate() {
        for (key, value) in row.text(place + number).map(of_json).unwrap_or_default() {
            labels.insert((level, key), value);
        }
    }
    labels.into_iter().map(|((level, key), value)| (level, key, value)).collect()
}

/// Keys and values of attributes, as the text that `->>` gives of them.
pub(super) fn of_json(attributes: &str) -> Vec<(String, String)> {
    let attributes: Map<String, Value> = serde_json::from_str(attributes).unwrap_or_default();
    let texts = attributes.into_iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    });
    texts.collect()
}
