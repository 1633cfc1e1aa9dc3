//! One metric over a range: what a function makes of its points, by time and by labels.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::METRIC_DAYS_MAX;
use super::function::Function;
use super::gains::Gains;
use super::gauges::{Asking, Told, levels, told_quantiles};
use super::grid::{Series, Steps, largest};
use super::kind::{Kind, Sent, check_known, common, units_warning};
use super::points;
use super::selection::{PointsWanted, Selection, by};
use crate::range::{RangeWanted, rfc3339};
use crate::rows::Source;

/// What is made of the points.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct FunctionWanted {
    /// `rate`, `increase`, `sum`, `avg`, `min`, `max`, `last`, `count`, `p50`, `p90`, `p95`, `p99` (any of `p0` to
    /// `p100`); `avg` of values that can fall and `rate` of all others when it is not said. One that has no meaning for
    /// the type is refused.
    function: Option<String>,
    /// A quantile from 0 to 1, instead of the function.
    quantile: Option<f64>,
    /// Labels by which series are told apart, with commas between: `service.name,http.route`; at most four. One series
    /// when it is not said.
    by: Option<String>,
    /// Width of a bucket: `30s`, `5m`, or a number of seconds; as the range needs when it is not said.
    step: Option<String>,
}

/// A metric over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricOverTime {
    name: String,
    from: String,
    to: String,
    /// The ways in which it is sent.
    sent: Vec<Sent>,
    /// The function, or `quantile 0.95`; null when there are no points and none was said.
    function: Option<String>,
    /// Width of a bucket.
    bucket_seconds: i64,
    /// The start of each bucket; the first and the last may be cut by the ends of the range.
    buckets: Vec<String>,
    /// The largest ones first.
    series: Vec<Series>,
    /// How many series are left out, all of them smaller.
    series_left_out: usize,
    /// How many points this is made of.
    points: u64,
    /// What is missing from the answer or must be known of it, a sentence each.
    warnings: Vec<String>,
}

/// A metric over time: rates, increases, values and quantiles, by labels
#[utoipa::path(
    get, path = "/metrics/{name}/range", tag = "apm", security(("caller" = ["apm:metrics:read"])),
    params(("name" = String, Path), RangeWanted, FunctionWanted, PointsWanted),
    responses(
        (status = 200, body = MetricOverTime),
        (status = 400, description = "The range or a parameter is wrong, or the function has no meaning for the type of the metric"),
        (status = 404, description = "No metric of that name was ever sent"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
    Asked(asked): Asked<FunctionWanted>,
    Asked(wanted): Asked<PointsWanted>,
) -> Result<Json<MetricOverTime>, Failure> {
    let range = range.read(METRIC_DAYS_MAX)?;
    let selection = Selection::read(name, &wanted)?;
    let (steps, by) = (Steps::read(range, asked.step.as_deref())?, by(asked.by.as_deref())?);
    let function = Function::read(asked.function.as_deref(), asked.quantile)?;
    let source = Source::new(&context, tenant);
    let sent = Sent::all(&source, &selection, range).await?;
    let Some(kind) = common(&sent)? else {
        check_known(&source, &selection.name).await?;
        let asking = Asking { source: &source, selection: &selection, range, by: &by, steps: &steps };
        return Ok(Json(answer(asking, sent, function, Told::default())));
    };
    let function = function.unwrap_or(kind.usual());
    kind.check(function)?;
    let asking = Asking { source: &source, selection: &selection, range, by: &by, steps: &steps };
    let mut told = told(asking, kind, function).await?;
    told.warnings.extend(units_warning(&sent));
    Ok(Json(answer(asking, sent, Some(function), told)))
}

async fn told(asking: Asking<'_>, kind: Kind, function: Function) -> Result<Told, Failure> {
    match (kind, function) {
        (Kind::Level, _) => levels(asking, function).await,
        (Kind::Summary, Function::Quantile(quantile)) => told_quantiles(asking, quantile).await,
        _ => {
            let Asking { source, selection, range, by, steps } = asking;
            let with_shapes = matches!(function, Function::Quantile(_));
            let points = points::read(source, selection, range, by, (kind, with_shapes)).await?;
            Ok(Gains::read(points, steps).await?.told(kind, function))
        }
    }
}

fn answer(asking: Asking<'_>, sent: Vec<Sent>, function: Option<Function>, told: Told) -> MetricOverTime {
    let (series, series_left_out) = largest(told.grid, asking.by, function.unwrap_or(Function::Avg), asking.steps);
    let mut warnings = asking.source.warnings();
    warnings.extend(told.warnings);
    MetricOverTime {
        name: asking.selection.name.clone(),
        from: rfc3339(asking.range.from),
        to: rfc3339(asking.range.until),
        sent,
        function: function.map(Function::name),
        bucket_seconds: asking.steps.width_seconds(),
        buckets: asking.steps.starts(),
        series,
        series_left_out,
        points: told.points,
        warnings,
    }
}
