//! Histograms over time: how many values each bucket of time has between which bounds.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::METRIC_DAYS_MAX;
use super::exponential::{Bucket, Exponential};
use super::function::Function;
use super::gains::Gains;
use super::grid::Steps;
use super::kind::{Kind, Sent, check_known, common, units_warning};
use super::points;
use super::selection::{PointsWanted, Selection};
use super::shape::Shape;
use crate::range::{RangeWanted, rfc3339};
use crate::rows::Source;

/// Most rows that exponential buckets are put together to.
const ROWS_MAX: usize = 40;

/// How fine it is.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct StepWanted {
    /// Width of a bucket of time: `30s`, `5m`, or a number of seconds; as the range needs when it is not said.
    step: Option<String>,
}

/// Values by time and size.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetricHeatmap)]
pub(crate) struct Heatmap {
    name: String,
    from: String,
    to: String,
    /// The ways in which it is sent.
    sent: Vec<Sent>,
    /// Width of a bucket of time.
    bucket_seconds: i64,
    /// The start of each bucket of time.
    buckets: Vec<String>,
    /// From the smallest values to the largest.
    rows: Vec<HeatmapRow>,
    /// How many points this is made of.
    points: u64,
    /// What is missing from the answer or must be known of it, a sentence each.
    warnings: Vec<String>,
}

/// Values between two bounds.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = MetricHeatmapRow)]
struct HeatmapRow {
    /// Values above this; null where there is no bound.
    lower: Option<f64>,
    /// Values up to this; null where there is no bound.
    upper: Option<f64>,
    /// How many were counted in each bucket of time.
    counts: Vec<u64>,
}

/// A histogram as a heatmap: time by value, with how many values were counted
#[utoipa::path(
    get, path = "/metrics/{name}/heatmap", tag = "apm", security(("caller" = ["apm:metrics:read"])),
    params(("name" = String, Path), RangeWanted, StepWanted, PointsWanted),
    responses(
        (status = 200, body = Heatmap),
        (status = 400, description = "The range or a parameter is wrong, or the metric is no histogram"),
        (status = 404, description = "No metric of that name was ever sent"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
    Asked(asked): Asked<StepWanted>,
    Asked(wanted): Asked<PointsWanted>,
) -> Result<Json<Heatmap>, Failure> {
    let range = range.read(METRIC_DAYS_MAX)?;
    let (selection, steps) = (Selection::read(name, &wanted)?, Steps::read(range, asked.step.as_deref())?);
    let source = Source::new(&context, tenant);
    let sent = Sent::all(&source, &selection, range).await?;
    let gains = match common(&sent)? {
        Some(kind @ (Kind::Explicit | Kind::Exponential)) => {
            let points = points::read(&source, &selection, range, &[], (kind, true)).await?;
            Gains::read(points, &steps).await?
        }
        Some(_) => {
            let failure = Failure::invalid(format!("'{}' is no histogram", selection.name));
            return Err(failure.hinting("GET /api/v1/apm/metrics?type=histogram lists those that there are"));
        }
        None => {
            check_known(&source, &selection.name).await?;
            Gains::default()
        }
    };
    let shapes: Vec<(usize, &Shape)> = gains.shapes().collect();
    let (rows, is_coarser) = rows(&shapes, steps.len());
    let mut warnings = source.warnings();
    // It shows what quantiles are made of, and has their faults.
    warnings.extend(gains.warnings(Function::Quantile(0.5), is_coarser));
    warnings.extend(units_warning(&sent));
    Ok(Json(Heatmap {
        name: selection.name,
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        sent,
        bucket_seconds: steps.width_seconds(),
        buckets: steps.starts(),
        rows,
        points: gains.points,
        warnings,
    }))
}

/// Rows that all of the shapes have, with the counts of each; true when bounds were lost.
fn rows(shapes: &[(usize, &Shape)], columns: usize) -> (Vec<HeatmapRow>, bool) {
    let Some((_, first)) = shapes.first() else { return (Vec::new(), false) };
    let (mut all, mut is_coarser) = (Shape::clone(first), false);
    for (_, shape) in &shapes[1..] {
        is_coarser |= all.add(shape);
    }
    let rows = match &all {
        Shape::Explicit(all) => explicit_rows(all.bounds(), shapes, columns),
        Shape::Exponential(all) => exponential_rows(&all.with_buckets_at_most(ROWS_MAX), shapes, columns),
    };
    (rows, is_coarser)
}

fn explicit_rows(bounds: &[f64], shapes: &[(usize, &Shape)], columns: usize) -> Vec<HeatmapRow> {
    let mut rows: Vec<HeatmapRow> = (0..=bounds.len())
        .map(|place| HeatmapRow {
            lower: place.checked_sub(1).and_then(|place| bounds.get(place)).copied(),
            upper: bounds.get(place).copied(),
            counts: vec![0; columns],
        })
        .collect();
    for (column, shape) in shapes {
        let Shape::Explicit(explicit) = shape else { continue };
        let explicit = explicit.at(bounds);
        rows.iter_mut().zip(explicit.counts()).for_each(|(row, count)| row.counts[*column] = *count);
    }
    rows
}

fn exponential_rows(all: &Exponential, shapes: &[(usize, &Shape)], columns: usize) -> Vec<HeatmapRow> {
    let buckets = all.buckets();
    let row = |bucket: &Bucket| HeatmapRow {
        lower: Some(bucket.lower).filter(|bound| bound.is_finite()),
        upper: Some(bucket.upper).filter(|bound| bound.is_finite()),
        counts: vec![0; columns],
    };
    let mut rows: Vec<HeatmapRow> = buckets.iter().map(row).collect();
    for (column, shape) in shapes {
        let Shape::Exponential(exponential) = shape else { continue };
        for bucket in exponential.like(all).buckets() {
            // At one scale buckets have the very same bounds.
            if let Some(place) = buckets.iter().position(|row| row.lower == bucket.lower && row.upper == bucket.upper) {
                rows[place].counts[*column] += bucket.count;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::explicit::Explicit;
    use super::super::exponential::Side;
    use super::*;

    fn explicit(bounds: &[f64], counts: &[u64]) -> Shape {
        Shape::Explicit(Explicit::new(bounds.to_vec(), counts.to_vec(), 0))
    }

    #[test]
    fn explicit_bounds_are_rows_as_they_are() {
        let (a, b) = (explicit(&[1.0, 2.0], &[1, 2, 3]), explicit(&[2.0], &[5, 0]));

        let (rows, is_coarser) = rows(&[(0, &a), (2, &a)], 3);

        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1], HeatmapRow { lower: Some(1.0), upper: Some(2.0), counts: vec![2, 0, 2] });
        assert_eq!((rows[0].lower, rows[2].upper, is_coarser), (None, None, false));
        let (shared, is_coarser) = super::rows(&[(0, &a), (1, &b)], 2);
        assert_eq!((shared[0].counts.clone(), shared[1].counts.clone()), (vec![3, 5], vec![3, 0]));
        assert!(is_coarser);
    }

    #[test]
    fn exponential_buckets_are_put_together_and_none_is_lost() {
        let side = Side { offset: -50, counts: vec![1; 160] };
        let fine = Shape::Exponential(Exponential::new(5, 7, 0.0, &side, &side));
        let coarse = Shape::Exponential(Exponential::new(3, 0, 0.0, &side, &Side::default()));

        let (rows, is_coarser) = rows(&[(0, &fine), (1, &coarse)], 2);

        assert!(rows.len() <= ROWS_MAX && !is_coarser, "{}", rows.len());
        let sum = |column: usize| rows.iter().map(|row| row.counts[column]).sum::<u64>();
        assert_eq!((sum(0), sum(1)), (327, 160));
        assert!(rows.windows(2).all(|pair| pair[0].upper <= pair[1].lower), "{rows:?}");
    }
}
