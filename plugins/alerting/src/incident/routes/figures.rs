//! The figures of support over a time, each beside its target: one statement of SQL over `alerting.incidents`.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use axum::extract::State;
use axum::{Extension, Json};
use futures::TryStreamExt;
use plugin::hub::Moment;
use plugin::model::{Tenant, Timestamp};
use plugin::query::{Asker, Statement};
use plugin::{Asked, Failure};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Desk;

/// The days until now that are meant when nobody says which.
const DAYS: i64 = 30;
const DAY: i64 = 86_400_000_000_000;
const HOUR_SECONDS: f64 = 3600.0;

/// `docs/incidents.md` has the same.
const SQL: &str = "\
SELECT count(*) AS volume,
       avg(first_response_seconds) AS first_response_seconds,
       avg(CASE WHEN tier = 1 THEN resolution_seconds END) AS resolution_seconds_tier_1,
       avg(CASE WHEN tier = 2 THEN resolution_seconds END) AS resolution_seconds_tier_2,
       avg(CASE WHEN satisfaction >= 4 THEN 1.0 WHEN satisfaction >= 1 THEN 0.0 END) AS satisfied_share,
       avg(CASE WHEN escalations > 0 THEN 1.0 ELSE 0.0 END) AS escalated_share,
       avg(CASE WHEN resolved_at IS NOT NULL THEN 1.0 ELSE 0.0 END) AS resolved_share
FROM alerting.incidents
WHERE opened_at >= $1 AND opened_at < $2";

/// Of which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FiguresWanted {
    /// Incidents opened from then on, as `2026-01-31T10:00:00Z`; thirty days before `to` when it is not said.
    #[param(value_type = Option<String>)]
    from: Option<Moment>,
    /// And before then; now when it is not said.
    #[param(value_type = Option<String>)]
    to: Option<Moment>,
}

/// The figures of the incidents that were opened in a time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Figures {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    /// Incidents that were opened.
    volume: i64,
    figures: Vec<Figure>,
}

/// A figure beside its target.
#[derive(Debug, Serialize, ToSchema)]
struct Figure {
    name: &'static str,
    /// Seconds, or a share from 0 to 1; nothing while there is nothing to count.
    value: Option<f64>,
    target: Target,
    /// Nothing while there is no value.
    is_met: Option<bool>,
}

/// What a figure is to be.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Target {
    Below(f64),
    Above(f64),
}

/// In the order of the statement, after the volume.
const TARGETS: [(&str, Target); 6] = [
    ("first_response_seconds", Target::Below(HOUR_SECONDS)),
    ("resolution_seconds_tier_1", Target::Below(24.0 * HOUR_SECONDS)),
    ("resolution_seconds_tier_2", Target::Below(48.0 * HOUR_SECONDS)),
    ("satisfied_share", Target::Above(0.9)),
    ("escalated_share", Target::Below(0.2)),
    ("resolved_share", Target::Above(0.95)),
];

/// First response, resolution, satisfaction, escalation and volume, each beside its target
#[utoipa::path(
    get, path = "/incidents/figures", tag = "incidents", params(FiguresWanted),
    security(("caller" = ["alerting:incidents:read"])),
    responses((status = 200, body = Figures), (status = 400, description = "The time is none"))
)]
pub(crate) async fn show(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<FiguresWanted>,
) -> Result<Json<Figures>, Failure> {
    let until = wanted.to.map_or_else(|| desk.incidents.now(), |to| to.0.0);
    let from = wanted.from.map_or(until.saturating_sub(DAYS * DAY), |from| from.0.0);
    let [from, to] = [from, until].map(|time| Moment(Timestamp(time)).to_string());
    if wanted.from.is_some_and(|from| from.0.0 >= until) {
        let message = format!("the time ends at {to}, which is not after its start, {from}");
        return Err(Failure::invalid(message).hinting("let 'from' be before 'to'"));
    }
    let params = vec![from.clone().into(), to.clone().into()];
    let rows = desk.engine.sql(&Asker::new(tenant), Statement { params, ..Statement::new(SQL) }).await?;
    let rows: Vec<_> = rows.try_collect().await?;
    let columns = rows.iter().find(|rows| rows.num_rows() > 0).map(|rows| rows.columns()).unwrap_or_default();
    let number = |place: usize| columns.get(place).and_then(|column| number(column.as_ref()));
    let figures = TARGETS.iter().zip(1..).map(|((name, target), place)| Figure {
        name,
        value: number(place),
        target: *target,
        is_met: number(place).map(|value| target.is_met(value)),
    });
    let volume = columns.first().map_or(0, |column| column.as_primitive::<Int64Type>().value(0));
    Ok(Json(Figures { from, to, volume, figures: figures.collect() }))
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::Above(limit) => value > limit,
        }
    }
}

/// The number in the first row, unless it is NULL.
fn number(column: &dyn Array) -> Option<f64> {
    let is_there = *column.data_type() == DataType::Float64 && !column.is_null(0);
    is_there.then(|| column.as_primitive::<Float64Type>().value(0))
}

#[cfg(test)]
mod tests {
    use super::SQL;

    #[test]
    fn the_documentation_shows_the_statement_that_is_asked() {
        let (statement, _) = SQL.split_once("WHERE").expect("a condition");

        assert!(include_str!("../../../../../docs/incidents.md").contains(statement));
    }
}
