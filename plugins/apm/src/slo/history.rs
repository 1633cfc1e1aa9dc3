//! An SLO over time: what was good, how fast it burned, and what was left of the budget.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::Serialize;
use utoipa::ToSchema;

use super::document::{Minutes, Standing};
use super::hours::Hour;
use super::ledger::Ledger;
use super::routes::known;
use crate::range::{RangeWanted, rfc3339};

/// Longest range, in days.
const HISTORY_DAYS_MAX: i64 = 90;

/// An SLO in some time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    from: String,
    to: String,
    bucket_seconds: i64,
    /// In order; without time that is not counted yet, or not kept any more.
    buckets: Vec<HistoryBucket>,
}

/// Part of the time, in whole minutes.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryBucket {
    from: String,
    to: String,
    good: u64,
    valid: u64,
    /// What part was good.
    sli: Option<f64>,
    /// How many times faster than planned the budget was spent.
    burn: Option<f64>,
    /// What part of the budget was left at the end, of the window that ended then, by the objective of today.
    budget_left_share: Option<f64>,
}

/// An SLO over time
#[utoipa::path(
    get, path = "/slos/{name}/history", tag = "slos", security(("caller" = ["apm:slos:read"])),
    params(("name" = String, Path), RangeWanted),
    responses(
        (status = 200, body = History),
        (status = 400, description = "The range is wrong"),
        (status = 404, description = "There is no such SLO"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
) -> Result<Json<History>, Failure> {
    let range = range.read(HISTORY_DAYS_MAX)?;
    let slo = known(&context, &tenant, &name).await?;
    let standing = context.records.collection::<Standing>().get(&tenant, &slo.id).await?;
    let standing = standing.map(|record| record.body).filter(|standing| standing.series == slo.body.series);
    let Standing { counted_from, counted_until, .. } = standing.unwrap_or_default();
    let (budget, window) = (slo.body.budget(), i64::from(slo.body.window_days) * 24 * 60);
    let mut ledger = Ledger::new(context.records.collection::<Hour>(), &tenant, &slo.body.series, counted_from);
    let (all, mut buckets) = (range.buckets(), Vec::new());
    for (_, part) in all.all() {
        let (from, until) = (Minutes::of(part.from), Minutes::of(part.until).min(counted_until));
        if from >= until {
            continue;
        }
        let (begin, end) = (ledger.sum_before(from).await?, ledger.sum_before(until).await?);
        let (Some(begin), Some(end)) = (begin, end) else { continue };
        let counts = end.since(begin);
        let of_window = ledger.sum_before(until - window).await?.map(|begin| end.since(begin));
        let minutes = Minutes { from, until }.range();
        buckets.push(HistoryBucket {
            from: rfc3339(minutes.from),
            to: rfc3339(minutes.until),
            good: counts.good,
            valid: counts.valid,
            sli: counts.share_good(),
            burn: counts.burn(budget),
            budget_left_share: of_window.and_then(|counts| counts.burn(budget)).map(|burn| 1.0 - burn),
        });
    }
    let bucket_seconds = all.width_seconds();
    Ok(Json(History { from: rfc3339(range.from), to: rfc3339(range.until), bucket_seconds, buckets }))
}
