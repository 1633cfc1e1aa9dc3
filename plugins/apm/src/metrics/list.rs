//! All metrics that were sent, by name.

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::selection::{check_type, table_of};
use super::{METRIC_DAYS_MAX, PointTable};
use crate::conditions::Conditions;
use crate::range::{Range, RangeWanted, rfc3339};
use crate::rows::{Row, Source};

/// Most metrics of an answer.
const METRICS_MAX: usize = 2000;
/// Most services that are told of one metric.
const SERVICES_MAX: usize = 20;

/// Which metrics.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct MetricsWanted {
    /// Only metrics whose name has this in it, in upper or lower case.
    text: Option<String>,
    /// Only what this service sends.
    service: Option<String>,
    /// Only `gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`.
    r#type: Option<String>,
}

/// Metrics, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Metrics {
    from: String,
    to: String,
    metrics: Vec<MetricSummary>,
    /// True when there are more metrics than the answer has.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A metric as some services send it; one that is sent in several ways is there once for each.
#[derive(Debug, Serialize, ToSchema)]
struct MetricSummary {
    name: String,
    /// `gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`.
    r#type: String,
    unit: Option<String>,
    /// `cumulative` or `delta`; null for gauges and summaries.
    temporality: Option<String>,
    /// Of sums: true for one that only grows.
    monotonic: Option<bool>,
    description: Option<String>,
    /// Series that sent a point in the range.
    series: u64,
    last_seen: String,
    /// Names of the services that send it, the first twenty.
    services: Vec<String>,
    /// How many services these are.
    service_count: u64,
}

/// Metrics with type, unit, number of series, and the services that send them
#[utoipa::path(
    get, path = "/metrics", tag = "apm", security(("caller" = ["apm:metrics:read"])), params(RangeWanted, MetricsWanted),
    responses((status = 200, body = Metrics), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<MetricsWanted>,
) -> Result<Json<Metrics>, Failure> {
    let range = range.read(METRIC_DAYS_MAX)?;
    let kind = wanted.r#type.as_deref().filter(|kind| !kind.is_empty());
    kind.map_or(Ok(()), check_type)?;
    let source = Source::new(&context, tenant);
    let mut metrics = Vec::new();
    for table in PointTable::ALL.into_iter().filter(|table| kind.is_none_or(|kind| table_of(kind) == *table)) {
        let (sql, params) = question(table, range, &wanted, kind);
        metrics.extend(source.ask(sql, params).await?.rows().filter_map(summary));
    }
    metrics.sort_by(|a, b| (&a.name, &a.r#type).cmp(&(&b.name, &b.r#type)));
    let is_truncated = metrics.len() > METRICS_MAX;
    metrics.truncate(METRICS_MAX);
    Ok(Json(Metrics {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        metrics,
        is_truncated,
        warnings: source.warnings(),
    }))
}

/// The columns that [`summary`] reads.
fn question(
    table: PointTable,
    range: Range,
    wanted: &MetricsWanted,
    kind: Option<&str>,
) -> (String, Vec<serde_json::Value>) {
    let mut conditions = Conditions::in_range("time", range);
    conditions.equal_if_said("service_name", wanted.service.as_deref()).equal_if_said("type", kind);
    if let Some(text) = wanted.text.as_deref().filter(|text| !text.is_empty()) {
        let text = conditions.param(text);
        conditions.and(format!("strpos(lower(name), lower({text})) > 0"));
    }
    // A series belongs to one service, so the inner question has a row for each series.
    let sql = format!(
        "SELECT name, type, unit, temporality, grows, max(description) AS description, count(*) AS series,
            max(last_seen) AS last_seen, array_agg(DISTINCT service_name) AS services,
            count(DISTINCT service_name) AS service_count
        FROM (
            SELECT name, type, unit, temporality, series_id, service_name,
                CASE WHEN {monotonic} THEN 1 WHEN NOT {monotonic} THEN 0 END AS grows,
                max(description) AS description, max(time) AS last_seen
            FROM {table} WHERE {conditions} GROUP BY 1, 2, 3, 4, 5, 6, 7
        ) AS series
        GROUP BY name, type, unit, temporality, grows ORDER BY name, type LIMIT {limit}",
        monotonic = table.monotonic(),
        table = table.name(),
        conditions = conditions.text(),
        limit = METRICS_MAX + 1,
    );
    (sql, conditions.params())
}

fn summary(row: Row<'_>) -> Option<MetricSummary> {
    let mut services = row.texts(8);
    services.sort_unstable();
    services.truncate(SERVICES_MAX);
    Some(MetricSummary {
        name: row.owned(0)?,
        r#type: row.owned(1)?,
        unit: row.owned(2),
        temporality: row.owned(3),
        monotonic: row.integer(4).map(|grows| grows == 1),
        description: row.owned(5),
        series: row.count(6),
        last_seen: rfc3339(row.integer(7)?),
        services,
        service_count: row.count(9),
    })
}
