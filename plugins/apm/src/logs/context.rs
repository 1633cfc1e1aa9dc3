//! What a service logged before and after one of its lines.

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::line::LogLine;
use super::page::{self, Moment, OBSERVED, Order};
use crate::conditions::Conditions;
use crate::range::{HOUR, Range, moment, rfc3339};
use crate::rows::Source;

/// Lines before, and lines after, when it is not said.
const LINES: usize = 20;
/// Most lines before, most after, and most of the moment itself.
const LINES_MAX: usize = 200;
/// What is longer ago, or later, is no context; in hours.
const HOURS_MAX: i64 = 24;

/// Around which line: everything as the list tells it.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContextWanted {
    /// Its time.
    time: String,
    /// Its `observed_time`, where it has one.
    observed_time: Option<String>,
    /// Its service.
    service: String,
    /// Its instance, where it has one: only lines of the same.
    instance: Option<String>,
    /// Its host, where it has one: only lines of the same.
    host: Option<String>,
    /// So many lines before it, and so many after; 20 when it is not said, 200 at most.
    lines: Option<usize>,
}

/// Lines of one service around a moment, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogContext {
    before: Vec<LogLine>,
    /// The lines of that moment: the one that was asked about, and others of just the same times.
    at: Vec<LogLine>,
    after: Vec<LogLine>,
    /// True when the moment has more than 200 lines.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// What a service logged before and after one of its lines
#[utoipa::path(
    get, path = "/logs/context", tag = "apm", security(("caller" = ["apm:logs:read"])), params(ContextWanted),
    responses((status = 200, body = LogContext), (status = 400, description = "A parameter is missing or wrong"))
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<ContextWanted>,
) -> Result<Json<LogContext>, Failure> {
    let time = moment("time", &wanted.time)?;
    let observed = wanted.observed_time.as_deref().map(|observed| moment("observed_time", observed)).transpose()?;
    let here = Moment { time, observed: observed.unwrap_or(time) };
    let limit = wanted.lines.unwrap_or(LINES).min(LINES_MAX);
    let source = Source::new(&context, tenant);

    let mut at = wanted.conditions(here);
    at.equal("time", rfc3339(here.time)).equal(OBSERVED, rfc3339(here.observed));
    let at = page::read(&source, at, Order::Oldest, None, LINES_MAX).await?;
    let mut before = wanted.beyond(&source, here, Order::Newest, limit).await?;
    before.reverse();
    let after = wanted.beyond(&source, here, Order::Oldest, limit).await?;
    Ok(Json(LogContext { before, at: at.lines, after, is_truncated: at.next.is_some(), warnings: source.warnings() }))
}

impl ContextWanted {
    /// Lines of the same service, host and instance, of times that are near.
    fn conditions(&self, here: Moment) -> Conditions {
        let near = HOURS_MAX * HOUR;
        let range = Range { from: here.time.saturating_sub(near), until: here.time.saturating_add(near) };
        let mut conditions = Conditions::of_logs(range);
        conditions.equal("service_name", self.service.as_str());
        conditions.equal_if_said("service_instance_id", self.instance.as_deref());
        conditions.equal_if_said("host_name", self.host.as_deref());
        conditions
    }

    async fn beyond(&self, source: &Source, here: Moment, order: Order, limit: usize) -> Result<Vec<LogLine>, Failure> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut conditions = self.conditions(here);
        page::beyond(&mut conditions, here, order);
        Ok(page::read(source, conditions, order, None, limit).await?.lines)
    }
}
