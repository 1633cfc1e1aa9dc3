//! Service level objectives: what is promised of a service, how much of the error budget is left, and how fast it burns.
//!
//! A job counts good and valid events by the minute and keeps them; every window of the last 5 minutes to 90 days is a difference of
//! two sums of these, so what it says is exact, and outlives the spans that were counted.

mod burn;
mod count;
mod document;
mod evaluate;
mod file;
mod freshness;
mod history;
mod hours;
mod ledger;
mod ratio;
mod routes;
mod telemetry;
mod turns;
mod view;
mod wanted;

use std::time::Duration;

use plugin::model::Timestamp;
use plugin::records::Records;
use plugin::{Job, PluginContext, PluginError, PluginTable, Schedule};
use time::OffsetDateTime;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use evaluate::evaluate;

/// How often the job looks for minutes that are over.
const EVALUATED_EVERY: Duration = Duration::from_secs(30);

/// What others can ask in SQL.
pub(crate) fn tables(records: &Records) -> Result<Vec<PluginTable>, PluginError> {
    Ok(vec![records.table::<document::Slo>()?.into(), records.table::<document::SloBurn>()?.into()])
}

pub(crate) fn job() -> Job {
    Job::new("slos", Schedule::Every(EVALUATED_EVERY), |context| async move {
        let now = OffsetDateTime::now_utc().unix_timestamp_nanos();
        evaluate(&context, Timestamp(i64::try_from(now).unwrap_or(i64::MAX))).await
    })
}

pub(crate) fn routes() -> OpenApiRouter<PluginContext> {
    OpenApiRouter::new()
        .routes(routes!(routes::list, routes::make))
        .routes(routes!(file::export))
        .routes(routes!(routes::read, routes::replace, routes::remove))
        .routes(routes!(history::show))
}
