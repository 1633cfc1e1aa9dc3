//! Exemplars: single values of a metric with the spans they were measured in, so that a spike leads to its traces.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::kind::check_known;
use super::labels::{LabelLevel, columns, names, of_json, of_row};
use super::selection::{PointsWanted, Selection};
use super::{METRIC_DAYS_MAX, PointTable};
use crate::conditions::Conditions;
use crate::range::{MINUTE, Range, RangeWanted, rfc3339};
use crate::rows::{Row, Source};

/// Exemplars of an answer when it is not said.
const EXEMPLARS: usize = 100;
/// Most exemplars of an answer.
const EXEMPLARS_MAX: usize = 1000;
/// A point tells of exemplars that are at most so old.
const TOLD_WITHIN: i64 = 5 * MINUTE;

/// Which exemplars.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ExemplarsWanted {
    /// The least value.
    min: Option<f64>,
    /// The largest value.
    max: Option<f64>,
    /// At most so many; 100 when it is not said, 1000 at most.
    limit: Option<usize>,
}

/// Exemplars of a metric, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Exemplars {
    name: String,
    from: String,
    to: String,
    exemplars: Vec<Exemplar>,
    /// True when there are more, all of them older.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A value and where it was measured.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Exemplar {
    metric: String,
    time: String,
    value: Option<f64>,
    trace_id: Option<String>,
    span_id: Option<String>,
    /// `service.name` of who measured it.
    service: Option<String>,
    /// Attributes of the point and of the exemplar itself.
    labels: BTreeMap<String, String>,
}

/// Exemplars of a metric: from a spike to its traces
#[utoipa::path(
    get, path = "/metrics/{name}/exemplars", tag = "apm", security(("caller" = ["apm:metrics:read"])),
    params(("name" = String, Path), RangeWanted, ExemplarsWanted, PointsWanted),
    responses(
        (status = 200, body = Exemplars),
        (status = 400, description = "The range or a parameter is wrong"),
        (status = 404, description = "No metric of that name was ever sent"),
    )
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
    Asked(asked): Asked<ExemplarsWanted>,
    Asked(wanted): Asked<PointsWanted>,
) -> Result<Json<Exemplars>, Failure> {
    let range = range.read(METRIC_DAYS_MAX)?;
    let selection = Selection::read(name, &wanted)?;
    let limit = asked.limit.unwrap_or(EXEMPLARS).clamp(1, EXEMPLARS_MAX);
    let source = Source::new(&context, tenant);
    let points = selection.conditions(told_in(range));
    let mut exemplars = Vec::new();
    for table in selection.tables() {
        exemplars.extend(read(&source, table, range, points.clone(), &asked.values(), limit + 1).await?);
    }
    if exemplars.is_empty() {
        check_known(&source, &selection.name).await?;
    }
    let is_truncated = exemplars.len() > limit;
    exemplars.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(Json(Exemplars {
        name: selection.name,
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        exemplars: exemplars.into_iter().take(limit).map(|(_, exemplar)| exemplar).collect(),
        is_truncated,
        warnings: source.warnings(),
    }))
}

impl ExemplarsWanted {
    /// Conditions of their values: columns of [`read`], comparisons and numbers.
    fn values(&self) -> Vec<(&'static str, serde_json::Value)> {
        let bounds = [("value >=", self.min), ("value <=", self.max)];
        bounds.into_iter().filter_map(|(comparison, bound)| Some((comparison, bound?.into()))).collect()
    }
}

/// When points were taken that tell of exemplars of the range.
pub(crate) fn told_in(range: Range) -> Range {
    Range { until: range.until.saturating_add(TOLD_WITHIN), ..range }
}

/// Exemplars of the range that such points tell, the newest first, each with its time.
///
/// An exemplar that several points tell is there once.
/// `such` are conditions on `value`, `trace` and `span`.
pub(crate) async fn read(
    source: &Source,
    table: PointTable,
    range: Range,
    mut points: Conditions,
    such: &[(&'static str, serde_json::Value)],
    limit: usize,
) -> Result<Vec<(i64, Exemplar)>, Failure> {
    let told = points.text();
    let (from, until) = (points.param(range.from), points.param(range.until));
    let such: String =
        such.iter().map(|(what, value)| format!(" AND {what} {}", points.param(value.clone()))).collect();
    let columns = columns();
    let sql = format!(
        "SELECT DISTINCT at, value, trace, span, of_exemplar, name, {names} FROM (
            SELECT cast(exemplar['time'] AS bigint) AS at,
                coalesce(exemplar['value'], cast(exemplar['value_int'] AS double)) AS value,
                encode(exemplar['trace_id'], 'hex') AS trace, encode(exemplar['span_id'], 'hex') AS span,
                exemplar['attributes'] AS of_exemplar, name, {columns}
            FROM (SELECT name, unnest(exemplars) AS exemplar, {names} FROM {table} WHERE {told}) AS points
        ) AS exemplars WHERE at >= {from} AND at < {until}{such} ORDER BY at DESC LIMIT {limit}",
        names = names(),
        table = table.name(),
    );
    let answer = source.ask(sql, points.params()).await?;
    Ok(answer.rows().filter_map(exemplar).collect())
}

fn exemplar(row: Row<'_>) -> Option<(i64, Exemplar)> {
    let at = row.integer(0)?;
    let (mut labels, mut service) = (BTreeMap::new(), None);
    for (level, key, value) in of_row(row, 6) {
        match level {
            LabelLevel::Point => drop(labels.insert(key, value)),
            LabelLevel::Resource if key == "service.name" => service = Some(value),
            LabelLevel::Resource => {}
        }
    }
    labels.extend(row.text(4).map(of_json).unwrap_or_default());
    let exemplar = Exemplar {
        metric: row.owned(5)?,
        time: rfc3339(at),
        value: row.double(1),
        trace_id: row.owned(2),
        span_id: row.owned(3),
        service,
        labels,
    };
    Some((at, exemplar))
}
